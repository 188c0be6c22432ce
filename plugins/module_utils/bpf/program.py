# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a unit's settings to the program that sets them, and its instructions: pure, over plain data.

csrc/bpf_program.c makes the same instructions from the same settings, and tests hold both to it. Any change of what is
written here is another layout: raise LAYOUT in both, so that a host's programs of an older one are known for ours.
"""

from __future__ import annotations

import typing as t

from ..settings.options import DERIVE, OPTIONS, SYSTEM, TIMING, user_timeout_from
from .instruction import (
    ADD,
    ADD_REGISTER,
    AND,
    CALL,
    CONTEXT,
    EXIT,
    FRAME,
    GETSOCKOPT,
    JUMP,
    JUMP_EQUAL,
    JUMP_NOT_ABOVE,
    JUMP_NOT_EQUAL,
    LOAD,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    MULTIPLY,
    MULTIPLY_REGISTER,
    SETSOCKOPT,
    STORE,
    STORE_VALUE,
    TO_TCP_SOCK,
    Instruction,
)
from .system_call import FOR_SOCKETS, ProgramKind

LAYOUT = 1
NAME = "keepalive"
"""Programs are called so, with their layout: V(keepalive_1)."""

MARK = 0x4B655041
"""Stands in every program of ours and nowhere else. It is also what a program leaves behind in the answer to the
kernel (which nobody reads in these callbacks) for the next one of ours, farther from the socket: it was here before."""

LICENCE = "ISC"
LICENCE_FOR_STRUCTURES = "Dual BSD/GPL"
"""What the kernel is told of the program's licence. It knows no name for ISC, under which this program is in csrc/ as
well, and lets only those that it knows for compatible with the GPL look into its own structures."""

CALLBACKS: t.Mapping[str, int] = {"connect": 3, "accept": 5, "listen": 11}
"""When a program runs (BPF_SOCK_OPS_TCP_CONNECT_CB, _PASSIVE_ESTABLISHED_CB, _TCP_LISTEN_CB). Not when a connection
of the unit's own is established: by then the application may have set something."""

CALLBACKS_OF: t.Mapping[str, t.Tuple[str, ...]] = {
    "connect": ("connect",),
    "listen": ("accept", "listen"),
    "socket": ("connect", "accept", "listen"),
}
"""What stands for the hook of each library. Connections that a listener of before accepts are reached as well."""

SETTABLE = tuple(name for name in OPTIONS if name != "defer_accept")
"""The options that the kernel lets a program set."""

DEFER_ACCEPT = (
    "defer_accept: the kernel lets no BPF program set it; the library 'listen' does, and systemd for a .socket unit"
)

SOL_SOCKET, SO_KEEPALIVE, IPPROTO_TCP = 1, 9, 6
TO_END = -1
"""The offset of a jump to the program's end, while it is put together."""

_OP, _REPLY, _SOCKET = 0, 4, 184
"""Where struct bpf_sock_ops has them."""
OPERATION, _SLOT, _MILLISECONDS, _FACTOR = 9, 7, 8, 9
"""Registers that calls leave alone: which callback this is; the address of the value on the stack; for the derived
user timeout, its sum and each part of it."""
_KEEPOPEN = 1 << 3
"""SO_KEEPALIVE in the flags of the kernel's own socket (SOCK_KEEPOPEN)."""
_INT_MAX = 2**31 - 1


class BpfProgram(t.NamedTuple):
    """What a program does, completely: its instructions follow from it, and it can be told from them."""

    callbacks: t.Tuple[str, ...]
    """In the order of CALLBACKS."""
    values: t.Mapping[str, int]
    """What is set besides SO_KEEPALIVE; a user timeout of DERIVE is computed from what the socket has."""
    respect: bool = False
    """Whether sockets on which SO_KEEPALIVE is on are left alone."""
    flags_offset: int = 0
    """For respect before Linux 6.1: where the kernel's struct sock has its flags (bpf/btf.py); 0: it is asked."""

    @property
    def kind(self) -> ProgramKind:
        """Say which programs the kernel takes it for."""
        return FOR_SOCKETS

    @property
    def licence(self) -> str:
        """Say what the kernel is told of its licence."""
        return LICENCE_FOR_STRUCTURES if self.flags_offset else LICENCE

    @property
    def instructions(self) -> t.List[Instruction]:
        """Return what is loaded."""
        return assembled(self)


def name_of(layout: int = LAYOUT) -> str:
    """Return what programs of a layout are called."""
    return f"{NAME}_{layout}"


def program_for(
    libraries: t.Collection[str], tcp: t.Mapping[str, int], respect: bool = False, flags_offset: int = 0
) -> BpfProgram:
    """Say what the program of a unit does.

    :param libraries: Of the entry; a .socket unit, which has none, stands for C(listen).
    :param tcp: Of the entry; what is not in it has the libraries' default.
    :param flags_offset: see BpfProgram; it counts only with respect.
    :raises ValueError: No program can do that; the text says why.
    """
    wanted = {name for library in libraries or ("listen",) for name in CALLBACKS_OF[library]}
    values = {name: tcp.get(name, option.default) for name, option in OPTIONS.items()}
    if values.pop("defer_accept") != SYSTEM:
        raise ValueError(DEFER_ACCEPT)
    if "connect" not in wanted:
        values["syncnt"] = SYSTEM
    if values["user_timeout"] == DERIVE and all(values[name] != SYSTEM for name in TIMING):
        values["user_timeout"] = user_timeout_from(values) or DERIVE
    return BpfProgram(
        tuple(name for name in CALLBACKS if name in wanted),
        {name: value for name, value in values.items() if value != SYSTEM},
        respect,
        flags_offset if respect else 0,
    )


def assembled(program: BpfProgram) -> t.List[Instruction]:
    """Return the instructions of a program."""
    values = {name: value for name, value in program.values.items() if name != "syncnt" and value != DERIVE}
    code = [*_only_in(program.callbacks), *_unless_done(), *_value_on_stack()]
    if program.respect:
        code += _unless_flagged(program.flags_offset) if program.flags_offset else _unless_on()
    code += _set(SOL_SOCKET, SO_KEEPALIVE, 1)
    for name, value in values.items():
        code += _set(IPPROTO_TCP, OPTIONS[name].sockopt, value)
    if "syncnt" in program.values:  # on a listener it would change how often a SYN is answered
        setting = _set(IPPROTO_TCP, OPTIONS["syncnt"].sockopt, program.values["syncnt"])
        code += [Instruction(JUMP_NOT_EQUAL, OPERATION, 0, len(setting), CALLBACKS["connect"]), *setting]
    if program.values.get("user_timeout") == DERIVE:
        code += _set_derived()
    end = len(code)
    return [
        *(one._replace(offset=end - at - 1) if one.offset == TO_END else one for at, one in enumerate(code)),
        Instruction(MOVE, 0, 0, 0, 1),
        Instruction(EXIT),
    ]


def _only_in(callbacks: t.Sequence[str]) -> t.List[Instruction]:
    jumps = [
        Instruction(JUMP_EQUAL, OPERATION, 0, len(callbacks) - at, CALLBACKS[name]) for at, name in enumerate(callbacks)
    ]
    return [
        Instruction(MOVE_REGISTER, CONTEXT, 1),
        Instruction(LOAD, OPERATION, 1, _OP),
        *jumps,
        Instruction(JUMP, 0, 0, TO_END),
    ]


def _unless_done() -> t.List[Instruction]:
    """Programs run from the unit upwards, so without this that of a slice would win over that of the unit in it.

    The mark comes from a register: Linux before 6.4 lets no constant be stored there.
    """
    return [
        Instruction(LOAD, 3, CONTEXT, _REPLY),
        Instruction(JUMP_EQUAL, 3, 0, TO_END, MARK),
        Instruction(MOVE, 3, 0, 0, MARK),
        Instruction(STORE, CONTEXT, 3, _REPLY),
    ]


def _value_on_stack() -> t.List[Instruction]:
    return [Instruction(MOVE_REGISTER, _SLOT, FRAME), Instruction(ADD, _SLOT, 0, 0, -4)]


def _unless_on() -> t.List[Instruction]:
    """Leave a socket alone where SO_KEEPALIVE is on, and where the kernel cannot tell."""
    return [*_get(SOL_SOCKET, SO_KEEPALIVE, 1), Instruction(JUMP_NOT_EQUAL, 1, 0, TO_END, 0)]


def _unless_flagged(offset: int) -> t.List[Instruction]:
    return [
        Instruction(LOAD_LONG, 1, CONTEXT, _SOCKET),
        Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
        Instruction(CALL, value=TO_TCP_SOCK),
        Instruction(JUMP_EQUAL, 0, 0, TO_END, 0),
        Instruction(LOAD_LONG, 1, 0, offset),
        Instruction(AND, 1, 0, 0, _KEEPOPEN),
        Instruction(JUMP_NOT_EQUAL, 1, 0, TO_END, 0),
    ]


def _set_derived() -> t.List[Instruction]:
    """Compute the user timeout from the timing that the socket has by now, saturating as apply.c does."""
    keepidle, keepintvl, keepcnt = (OPTIONS[name].sockopt for name in TIMING)
    return [
        *_get(IPPROTO_TCP, keepintvl, _MILLISECONDS),
        *_get(IPPROTO_TCP, keepcnt, _FACTOR),
        Instruction(MULTIPLY_REGISTER, _MILLISECONDS, _FACTOR),
        *_get(IPPROTO_TCP, keepidle, _FACTOR),
        Instruction(ADD_REGISTER, _MILLISECONDS, _FACTOR),
        Instruction(MULTIPLY, _MILLISECONDS, 0, 0, 1000),
        Instruction(JUMP_NOT_ABOVE, _MILLISECONDS, 0, 1, _INT_MAX),
        Instruction(MOVE, _MILLISECONDS, 0, 0, _INT_MAX),
        Instruction(STORE, FRAME, _MILLISECONDS, -4),
        *_call(SETSOCKOPT, IPPROTO_TCP, OPTIONS["user_timeout"].sockopt),
    ]


def _set(level: int, option: int, value: int) -> t.List[Instruction]:
    return [Instruction(STORE_VALUE, FRAME, 0, -4, value), *_call(SETSOCKOPT, level, option)]


def _get(level: int, option: int, to: int) -> t.List[Instruction]:
    """Ask for a value; where the kernel does not tell, this is the end."""
    return [
        Instruction(STORE_VALUE, FRAME, 0, -4, 0),
        *_call(GETSOCKOPT, level, option),
        Instruction(JUMP_NOT_EQUAL, 0, 0, TO_END, 0),
        Instruction(LOAD, to, FRAME, -4),
    ]


def _call(function: int, level: int, option: int) -> t.List[Instruction]:
    return [
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(MOVE, 2, 0, 0, level),
        Instruction(MOVE, 3, 0, 0, option),
        Instruction(MOVE_REGISTER, 4, _SLOT),
        Instruction(MOVE, 5, 0, 0, 4),
        Instruction(CALL, value=function),
    ]
