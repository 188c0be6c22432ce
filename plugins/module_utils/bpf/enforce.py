# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second program, which gives a unit's values to applications that set others: redis, Go, whoever knows better.

It runs for each setsockopt(2) of the cgroup's sockets, and where that is about one of our options it writes our value
over the application's, which then is what the kernel sets. The application is told that it has succeeded. Where both a
unit and its slice have such a program, the slice's value is set: there is no place for a mark here. Linux 5.3.

csrc/bpf_program.c makes the same instructions.
"""

from __future__ import annotations

import typing as t

from ..settings.options import DERIVE, OPTIONS
from .decode import followed
from .instruction import (
    ADD,
    EXIT,
    JUMP,
    JUMP_ABOVE_REGISTER,
    JUMP_NOT_EQUAL,
    JUMP_NOT_EQUAL_REGISTER,
    LOAD,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    STORE,
    Instruction,
)
from .program import IPPROTO_TCP, LICENCE, MARK, SO_KEEPALIVE, SOL_SOCKET, BpfProgram
from .system_call import FOR_SETTING, ProgramKind

_VALUE_AT, _END_AT, _LEVEL_AT, _OPTION_AT = 8, 16, 24, 28
"""Where struct bpf_sockopt has what is set, its end, and which option that is."""
_LEVEL, _OPTION, _VALUE, _MARKED = 2, 3, 7, 8
_NAMES = {option.sockopt: name for name, option in OPTIONS.items()}


class Enforcement(t.NamedTuple):
    """What takes the place of an application's values, besides SO_KEEPALIVE, which stays on."""

    values: t.Mapping[str, int]

    @property
    def kind(self) -> ProgramKind:
        """Say which programs the kernel takes it for."""
        return FOR_SETTING

    @property
    def licence(self) -> str:
        """Say what the kernel is told of its licence."""
        return LICENCE

    @property
    def instructions(self) -> t.List[Instruction]:
        """Return what is loaded."""
        places = [(SOL_SOCKET, SO_KEEPALIVE, 1)]
        places += [(IPPROTO_TCP, OPTIONS[name].sockopt, value) for name, value in self.values.items()]
        tests: t.List[Instruction] = []
        for left, (level, option, value) in zip(range(len(places) - 1, -1, -1), places):
            tests += [
                Instruction(JUMP_NOT_EQUAL, _LEVEL, 0, 3, level),
                Instruction(JUMP_NOT_EQUAL, _OPTION, 0, 2, option),
                Instruction(MOVE, _VALUE, 0, 0, value),
                Instruction(JUMP, 0, 0, 4 * left + 1),
            ]
        writing = [
            Instruction(LOAD_LONG, _LEVEL, 1, _VALUE_AT),
            Instruction(LOAD_LONG, _OPTION, 1, _END_AT),
            Instruction(MOVE_REGISTER, 4, _LEVEL),
            Instruction(ADD, 4, 0, 0, 4),
            Instruction(JUMP_ABOVE_REGISTER, 4, _OPTION, 1),
            Instruction(STORE, _LEVEL, _VALUE, 0),
        ]
        return [
            Instruction(MOVE, _MARKED, 0, 0, MARK),
            Instruction(LOAD, _LEVEL, 1, _LEVEL_AT),
            Instruction(LOAD, _OPTION, 1, _OPTION_AT),
            *tests,
            Instruction(JUMP, 0, 0, len(writing)),
            *writing,
            Instruction(MOVE, 0, 0, 0, 1),
            Instruction(EXIT),
        ]


def enforcement_of(program: BpfProgram) -> Enforcement:
    """Return what enforces a program's values; a user timeout that each socket has to be asked for is left alone."""
    return Enforcement({name: value for name, value in program.values.items() if value != DERIVE})


def decode_enforcement(code: t.Sequence[Instruction]) -> t.Optional[Enforcement]:
    """Return what instructions enforce, also as the kernel shows them; None where it is none that we would write."""
    steps = list(_tests(code))
    values = {_NAMES[step[1]]: step[2] for step in steps if step[0] == IPPROTO_TCP and step[1] in _NAMES}
    enforcement = Enforcement(t.cast(t.Mapping[str, int], values))
    return enforcement if steps == list(_tests(enforcement.instructions)) else None


def _tests(code: t.Iterable[Instruction]) -> t.Iterator[t.Tuple[t.Optional[int], ...]]:
    """Yield each level, option and value."""
    asked: t.Dict[int, t.Optional[int]] = {}
    for one, constants in followed(code):
        if one.code in (JUMP_NOT_EQUAL, JUMP_NOT_EQUAL_REGISTER):
            asked[one.to] = one.value if one.code == JUMP_NOT_EQUAL else constants[one.source]
        elif one.code == JUMP and constants[_VALUE] is not None and _OPTION in asked:
            yield asked.pop(_LEVEL, None), asked.pop(_OPTION), constants[_VALUE]
        elif one.code == EXIT:
            yield (constants[0],)
