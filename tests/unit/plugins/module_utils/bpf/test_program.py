# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's settings come to: which callbacks, which values, and the instructions one by one."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import Instruction, packed, unpacked
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import (
    MARK,
    BpfProgram,
    assembled,
    name_of,
    program_for,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS

NOTHING = dict.fromkeys(OPTIONS, 0)
LIBRARIES = [
    libraries for number in range(4) for libraries in itertools.combinations(("connect", "listen", "socket"), number)
]


@pytest.mark.parametrize(
    "libraries, callbacks",
    [
        (["connect"], ("connect",)),
        (["listen"], ("accept", "listen")),
        (["socket"], ("connect", "accept", "listen")),
        (["listen", "connect"], ("connect", "accept", "listen")),
        ([], ("accept", "listen")),  # a .socket unit
    ],
)
def test_libraries_stand_for_callbacks(libraries: t.List[str], callbacks: t.Tuple[str, ...]) -> None:
    assert program_for(libraries, NOTHING) == BpfProgram(callbacks, {})


def test_what_is_the_systems_is_not_set() -> None:
    assert program_for(["connect"], {**NOTHING, "keepcnt": 3, "maxseg": 1000}).values == {"keepcnt": 3, "maxseg": 1000}


def test_what_nobody_says_is_as_the_libraries_have_it() -> None:
    values = {"keepidle": 15, "keepcnt": 9, "keepintvl": 15, "user_timeout": 150000}
    assert program_for(["connect"], {}).values == values


@pytest.mark.parametrize(
    "tcp, timeout",
    [
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4}, 120000),
        ({"keepidle": 32767, "keepintvl": 32767, "keepcnt": 127}, 2147483647),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 7}, 7),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 0}, -1),  # the socket knows
        ({"keepidle": 60, "user_timeout": 0}, None),
    ],
)
def test_the_user_timeout_derives_as_elsewhere(tcp: t.Dict[str, int], timeout: t.Optional[int]) -> None:
    assert program_for(["connect"], tcp).values.get("user_timeout") == timeout


def test_syncnt_is_for_those_who_connect() -> None:
    assert "syncnt" not in program_for(["listen"], {"syncnt": 3}).values
    assert program_for(["connect", "listen"], {"syncnt": 3}).values["syncnt"] == 3


def test_defer_accept_is_refused_with_who_can() -> None:
    with pytest.raises(
        ValueError, match=r"^defer_accept: .* the library 'listen' does, and systemd for a .socket unit$"
    ):
        program_for(["listen"], {"defer_accept": 5})


def test_an_offset_counts_with_respect_alone() -> None:
    assert program_for(["connect"], NOTHING, False, 96).flags_offset == 0
    assert program_for(["connect"], NOTHING, True, 96).flags_offset == 96


def test_the_licence_is_one_that_the_kernel_lets_look_where_it_has_to() -> None:
    assert program_for(["connect"], NOTHING, True).licence == "ISC"
    assert program_for(["connect"], NOTHING, True, 96).licence == "Dual BSD/GPL"


def test_the_instructions() -> None:
    """Written down once, as linux/bpf.h has them; csrc writes the same."""
    code = assembled(BpfProgram(("connect", "accept", "listen"), {"keepidle": 60, "syncnt": 3}, True))

    def option(function: int, level: int, number: int, value: int) -> t.List[Instruction]:
        return [
            Instruction(0x62, 10, 0, -4, value),  # *(u32 *)(fp - 4) = value
            Instruction(0xBF, 1, 6),
            Instruction(0xB7, 2, 0, 0, level),
            Instruction(0xB7, 3, 0, 0, number),
            Instruction(0xBF, 4, 7),
            Instruction(0xB7, 5, 0, 0, 4),
            Instruction(0x85, 0, 0, 0, function),
        ]

    assert code == [
        Instruction(0xBF, 6, 1),  # r6 = context
        Instruction(0x61, 9, 1, 0),  # r9 = context->op
        Instruction(0x15, 9, 0, 3, 3),  # if BPF_SOCK_OPS_TCP_CONNECT_CB goto body
        Instruction(0x15, 9, 0, 2, 5),  # if BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB goto body
        Instruction(0x15, 9, 0, 1, 11),  # if BPF_SOCK_OPS_TCP_LISTEN_CB goto body
        Instruction(0x05, 0, 0, 38),  # goto end
        Instruction(0x61, 3, 6, 4),  # body: r3 = context->reply
        Instruction(0x15, 3, 0, 36, MARK),  # if one of ours was here goto end
        Instruction(0xB7, 3, 0, 0, MARK),
        Instruction(0x63, 6, 3, 4),  # context->reply = mark
        Instruction(0xBF, 7, 10),
        Instruction(0x07, 7, 0, 0, -4),  # r7 = fp - 4
        *option(57, 1, 9, 0),  # getsockopt(SO_KEEPALIVE)
        Instruction(0x55, 0, 0, 24, 0),  # if it cannot be told goto end
        Instruction(0x61, 1, 10, -4),
        Instruction(0x55, 1, 0, 22, 0),  # if it is on goto end
        *option(49, 1, 9, 1),  # setsockopt(SO_KEEPALIVE, 1)
        *option(49, 6, 4, 60),  # setsockopt(TCP_KEEPIDLE, 60)
        Instruction(0x55, 9, 0, 7, 3),  # if it does not connect skip
        *option(49, 6, 7, 3),  # setsockopt(TCP_SYNCNT, 3)
        Instruction(0xB7, 0, 0, 0, 1),  # end: return 1
        Instruction(0x95),
    ]


@pytest.mark.parametrize("libraries", LIBRARIES)
@pytest.mark.parametrize("respect, offset", [(False, 0), (True, 0), (True, 96)])
@pytest.mark.parametrize("missing", ["", "keepidle"])
def test_every_jump_ends_within_the_program(libraries: t.List[str], respect: bool, offset: int, missing: str) -> None:
    tcp = {name: 1000 if name != "defer_accept" else 0 for name in OPTIONS if name != missing}
    tcp.update({missing: 0, "user_timeout": -1} if missing else {})
    code = assembled(program_for(libraries, tcp, respect, offset))
    for at, one in enumerate(code):
        if one.code & 7 == 5 and one.code not in (0x85, 0x95):
            assert at < at + 1 + one.offset < len(code), at
    assert code[-2:] == [Instruction(0xB7, 0, 0, 0, 1), Instruction(0x95)]


def test_instructions_travel_as_the_kernel_has_them() -> None:
    assert (
        packed([Instruction(0x63, 6, 3, -4, 0), Instruction(0xB7, 0, 0, 0, -2)]).hex()
        == "6336fcff00000000b7000000feffffff"
    )
    code = assembled(program_for(["socket"], {"keepidle": 0}, True))
    assert unpacked(packed(code) + b"\0\0\0") == code


def test_a_name_is_one_that_the_kernel_takes() -> None:
    assert name_of() == "keepalive_1"
    assert len(name_of(9999)) < 16
