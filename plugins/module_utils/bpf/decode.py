# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From instructions back to what a program does, also from those that the kernel shows of a loaded one.

The kernel has rewritten these: it addresses its own structures, hides its functions' addresses, and on hardened hosts
(net.core.bpf_jit_harden=2) takes every constant apart into two numbers whose exclusive or it is. None of that changes
which values go into which call, so a program is followed instead of compared: which constants its registers have, what
is called with them, what is tested. What comes of that has to be the same as of the instructions that we would write.
"""

from __future__ import annotations

import typing as t

from ..settings.options import DERIVE, OPTIONS
from .instruction import (
    AND,
    CALL,
    EXIT,
    FRAME,
    JUMP_EQUAL,
    JUMP_EQUAL_REGISTER,
    JUMP_NOT_EQUAL,
    JUMP_NOT_EQUAL_REGISTER,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    STORE,
    STORE_VALUE,
    XOR,
    XOR_REGISTER,
    Instruction,
)
from .program import CALLBACKS, IPPROTO_TCP, MARK, OPERATION, SO_KEEPALIVE, SOL_SOCKET, BpfProgram, assembled

Step = t.Tuple[t.Any, ...]
"""What a program does at one place: V(("set", 6, 4, 60)), V(("get", 1, 9)), V(("if", register, constant))."""

_LOAD_CHECKED = 0x39
"""What the kernel makes of LOAD_LONG from one of its structures: an access that survives a wrong address."""
_AND_REGISTER = 0x5F
_EQUAL = (JUMP_EQUAL, JUMP_EQUAL_REGISTER)
_UNEQUAL = (JUMP_NOT_EQUAL, JUMP_NOT_EQUAL_REGISTER)
_FROM_REGISTER = (JUMP_EQUAL_REGISTER, JUMP_NOT_EQUAL_REGISTER, STORE, _AND_REGISTER)
_BLINDING = 11
"""The register through which the kernel puts constants together; what is loaded has none of this number."""
_WRITING = (0, 1, 4, 7)
"""Classes of instructions (their lowest three bits) that write to a register."""
_OPTION_NAMES = {option.sockopt: name for name, option in OPTIONS.items()}


def has_mark(code: t.Iterable[Instruction]) -> bool:
    """Tell whether a program is one of ours, of whatever layout: it has our mark."""
    return any(MARK in constants for _one, constants in followed(code))


def decode(code: t.Sequence[Instruction]) -> t.Optional[BpfProgram]:
    """Return what a program does; None where it is none that would be written today."""
    steps = list(trace(code))
    program = _program_of(steps)
    return program if steps == list(trace(assembled(program))) else None


def trace(code: t.Iterable[Instruction]) -> t.Iterator[Step]:
    """Yield what a program does, of all that the kernel leaves as it is."""
    stored: t.Optional[int] = None
    called: t.Optional[Step] = None
    for one, constants in followed(code):
        if one.to == _BLINDING:
            continue
        if called:  # a result that is looked at is that of a question
            yield ("get", *called[:2]) if one.code in _UNEQUAL and one.to == 0 else ("set", *called)
            called = None
        value = constants[one.source] if one.code in _FROM_REGISTER else one.value
        if one.code in (STORE_VALUE, STORE) and one.to == FRAME:
            stored = value
        elif one.code == CALL:
            called = (constants[2], constants[3], stored)
        elif one.code in _EQUAL and (one.to == OPERATION or value == MARK):
            yield "if", one.to, value
        elif one.code in _UNEQUAL and one.to == OPERATION:
            yield "unless", one.to, value
        elif one.code in (LOAD_LONG, _LOAD_CHECKED) and one.source == 0:
            yield "field", one.offset
        elif one.code in (AND, _AND_REGISTER):
            yield "flags", value
        elif one.code == EXIT:
            yield "exit", constants[0]


def followed(code: t.Iterable[Instruction]) -> t.Iterator[t.Tuple[Instruction, t.List[t.Optional[int]]]]:
    """Yield each instruction with the constants that the registers have before it, None where it is no constant."""
    constants: t.List[t.Optional[int]] = [None] * 16
    for one in code:
        yield one, list(constants)
        before = constants[one.to]
        if one.code == MOVE:
            constants[one.to] = one.value
        elif one.code == MOVE_REGISTER:
            constants[one.to] = constants[one.source]
        elif one.code == XOR and before is not None:
            constants[one.to] = before ^ one.value
        elif one.code == XOR_REGISTER and one.to == one.source:
            constants[one.to] = 0
        elif one.code == CALL:
            constants[:6] = [None] * 6
        elif one.code & 7 in _WRITING:
            constants[one.to] = None


def _program_of(steps: t.Sequence[Step]) -> BpfProgram:
    """Take what is said at the places where ours says it; whether all the rest is there as well is asked afterwards."""
    operations = {step[2] for step in steps if step[:2] == ("if", OPERATION)}
    values = {
        _OPTION_NAMES[step[2]]: step[3]
        for step in steps
        if step[:2] == ("set", IPPROTO_TCP) and step[2] in _OPTION_NAMES
    }
    if ("get", IPPROTO_TCP, OPTIONS["keepidle"].sockopt) in steps:
        values["user_timeout"] = DERIVE
    offset = next((step[1] for step in steps if step[0] == "field"), 0)
    respect = offset != 0 or ("get", SOL_SOCKET, SO_KEEPALIVE) in steps
    callbacks = tuple(name for name, number in CALLBACKS.items() if number in operations)
    return BpfProgram(callbacks, values, respect, offset)
