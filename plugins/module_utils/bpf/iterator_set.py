# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set options on any number of TCP sockets of a network namespace, by an iterator of the kernel's.

What each socket is to get stands in a map of the kernel's, by the socket's key; the program looks into it for each, so
nothing is touched that is not named, whatever came and went since it was read. Nothing is left of either afterwards.
"""

from __future__ import annotations

import array
import struct
import typing as t

from ..linux.collecting import without_collecting
from .btf import Description, this_kernel
from .instruction import (
    ADD,
    CALL,
    FRAME,
    JUMP,
    JUMP_EQUAL,
    JUMP_IF_SET,
    JUMP_NOT_EQUAL,
    LOAD,
    LOAD_LONG,
    LOAD_VALUE,
    LOOK_UP,
    MOVE_REGISTER,
    OF_MAP,
    SETSOCKOPT,
    STORE,
    STORE_LONG,
    STORE_VALUE,
    Instruction,
)
from .iterator import run_program
from .iterator_code import OPTIONS_ASKED, UNKNOWN, asked, beginning, called, numbers_of_socket, whole, written
from .kernel_map import filled_map
from .program import TO_END

_NUMBERS = {(level, option): number for number, (_name, level, option) in enumerate(OPTIONS_ASKED)}
_IN_ORDER = (*range(1, len(OPTIONS_ASKED)), 0)
"""SO_KEEPALIVE comes last, so that its timer starts with the right times."""

_COUNT = len(OPTIONS_ASKED)
_OPTIONS_DONE = struct.Struct(f"={3 * _COUNT}i")
_DONE = struct.Struct(f"=q{_OPTIONS_DONE.size}s")
"""What is written of a socket: its key; of each option what it had, the error, and what it has."""
_ENTRY = struct.Struct(f"={_DONE.size}sII{_COUNT}i")
"""What is in the map: that, first empty; which options are to be set, a bit for each; whether they are; their values.

The key is written by the program. It is kept there because the kernel runs a program once more for a socket whose
record did not fit into what was read, and may come by one twice. What it had before would be lost the second time.
"""
_CHOSEN_AT, _IS_DONE, _VALUES_AT = _DONE.size, _DONE.size + 4, _DONE.size + 8
_KEY = -16
"""Where the numbers of the socket are on the stack."""

_ENTRY_OF, _CHOSEN = 8, 9
"""Registers: what the map has of the socket, and which options are to be set."""

Setting = t.Tuple[int, int, int]
"""Level, option and value of one setsockopt(2)."""


class WhatBecame(t.NamedTuple):
    """What became of the options of one socket, in the order in which they were asked for."""

    before: t.List[t.Optional[int]]
    errors: t.Dict[int, int]
    """Position → 0, or the errno with which the kernel refused it."""
    after: t.List[t.Optional[int]]


class _Answers(t.Dict[bytes, WhatBecame]):
    """What became of sockets that were to get the same options, by what the program has written of them."""

    def __init__(self, numbers: t.Sequence[int]) -> None:
        super().__init__()
        self._numbers = numbers

    def __missing__(self, block: bytes) -> WhatBecame:
        became = self[block] = _told(block, self._numbers)
        return became


class SocketPlan:
    """What is to be set on which sockets, as the kernel takes it."""

    def __init__(self, wanted: t.Mapping[int, t.Sequence[Setting]]) -> None:
        """Prepare it.

        :param wanted: By the key of the socket, see SocketRecord; one option at most once. The key 0 is left out: it is
            that of all sockets that nobody holds.
        """
        if 0 in wanted:
            wanted = {key: settings for key, settings in wanted.items() if key}
        with without_collecting():
            each = list(map(id, wanted.values()))
            different = dict(zip(each, wanted.values()))  # thousands share one list
            blocks = {known: _packed(settings) for known, settings in different.items()}
            numbers = {known: _numbers_of(settings) for known, settings in different.items()}
            shared = {asked_for: _Answers(asked_for) for asked_for in set(numbers.values())}
            answers = {known: shared[same] for known, same in numbers.items()}
            self._answers = dict(zip(wanted, map(answers.__getitem__, each)))
            self.keys = array.array("q", wanted).tobytes()
            number_of = {known: number for number, known in enumerate(blocks)}
            self.which = array.array("I", map(number_of.__getitem__, each)).tobytes()
            self.values = b"".join(blocks.values())

    @property
    def parts(self) -> t.Tuple[bytes, bytes, bytes]:
        """Return what set_sockets() takes: keys, which value each of them has, and the values."""
        return self.keys, self.which, self.values

    def results_in(self, content: bytes) -> t.Dict[int, WhatBecame]:
        """Say what became of each socket that is still there. Those that became the same share one answer."""
        answers = self._answers
        with without_collecting():
            return {key: answers[key][block] for key, block in _DONE.iter_unpack(content)}


def set_sockets(keys: bytes, which: bytes, values: bytes) -> bytes:
    """Set what a plan says in the network namespace that we are in; returns what its results_in() understands.

    :param keys: With the others the parts of a plan, which go to another process.

    :raises BpfRefused: This kernel cannot, or does not let us; nothing was set.
    """
    if not keys:
        return b""
    described = this_kernel()
    entries = [values[start : start + _ENTRY.size] for start in range(0, len(values), _ENTRY.size)]
    with filled_map(keys, memoryview(which).cast("I"), entries) as descriptor:
        return run_program(setting(described, descriptor), described)


def can_set(settings: t.Iterable[Setting]) -> bool:
    """Tell whether a program can set all of these options."""
    return all((level, option) in _NUMBERS for level, option, _value in settings)


def _told(block: bytes, numbers: t.Sequence[int]) -> WhatBecame:
    fields = _OPTIONS_DONE.unpack(block)
    before, errors, after = ([fields[3 * number + part] for number in numbers] for part in range(3))
    return WhatBecame(
        list(map(_known, before)), {place: -error for place, error in enumerate(errors)}, list(map(_known, after))
    )


def _known(value: int) -> t.Optional[int]:
    return None if value == UNKNOWN else value


def _packed(settings: t.Iterable[Setting]) -> bytes:
    """Return what is to be set as it stands in the map."""
    values = {_NUMBERS[level, option]: value for level, option, value in settings}
    chosen = sum(1 << number for number in values)
    return _ENTRY.pack(b"", chosen, 0, *(values.get(number, 0) for number in range(_COUNT)))


def _numbers_of(settings: t.Iterable[Setting]) -> t.Tuple[int, ...]:
    return tuple(_NUMBERS[level, option] for level, option, _value in settings)


def setting(described: Description, map_descriptor: int) -> t.List[Instruction]:
    """Return the program that sets what the map says, and writes what has become of it."""
    once: t.List[Instruction] = [
        Instruction(STORE_VALUE, _ENTRY_OF, 0, _IS_DONE, 1),
        Instruction(LOAD_LONG, 1, FRAME, _KEY),
        Instruction(STORE_LONG, _ENTRY_OF, 1, 0),
        Instruction(LOAD, _CHOSEN, _ENTRY_OF, _CHOSEN_AT),
    ]
    for number in _IN_ORDER:
        one = _one(number)
        once += [
            Instruction(JUMP_IF_SET, _CHOSEN, 0, 1, 1 << number),
            Instruction(JUMP, 0, 0, len(one)),
            *one,
        ]
    return whole(
        [
            *beginning(),
            *numbers_of_socket(described, _KEY),
            Instruction(LOAD_VALUE, 1, OF_MAP, 0, map_descriptor),
            Instruction(0),
            Instruction(MOVE_REGISTER, 2, FRAME),
            Instruction(ADD, 2, 0, 0, _KEY),
            Instruction(CALL, value=LOOK_UP),
            Instruction(JUMP_EQUAL, 0, 0, TO_END, 0),
            Instruction(MOVE_REGISTER, _ENTRY_OF, 0),
            Instruction(LOAD, 1, _ENTRY_OF, _IS_DONE),
            Instruction(JUMP_NOT_EQUAL, 1, 0, len(once), 0),
            *once,
            *written(0, _DONE.size, _ENTRY_OF),
        ]
    )


def _one(number: int) -> t.List[Instruction]:
    """Ask for one option, set it, and ask for it again."""
    _name, level, option = OPTIONS_ASKED[number]
    place = 8 + 12 * number
    return [
        *asked(level, option, place, _ENTRY_OF),
        *called(SETSOCKOPT, level, option, _VALUES_AT + 4 * number, _ENTRY_OF),
        Instruction(STORE, _ENTRY_OF, 0, place + 4),
        *asked(level, option, place + 8, _ENTRY_OF),
    ]
