# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our values instead of the application's: the second program, its instructions, and what it does to setsockopt(2)."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach, detach, is_right, restore
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached, CgroupPrograms, programs_at
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.decode import has_mark
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.enforce import (
    Enforcement,
    decode_enforcement,
    enforcement_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import Instruction, unpacked
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import MARK, BpfProgram, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import (
    FOR_SETTING,
    FOR_SOCKETS,
    BpfRefused,
    attach_program,
    load_program,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.tree import walk_cgroups
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import fuzz
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    VALUES,
    foreign_at,
    held_cgroup,
    member,
    needs_programs,
    options_of,
    own_cgroup,
    set_by,
    untouched,
)
from hypothesis import strategies as st

OURS = program_for(["connect", "listen"], VALUES)
OTHER = program_for(["connect"], {"keepidle": 62})
SETS_OWN = (
    "s = socket.socket()\n"
    "for level, option, value in ((1, 9, 0), (6, 4, 5), (6, 5, 2), (6, 6, 3), (6, 18, 7000), (6, 1, 1)):\n"
    "    s.setsockopt(level, option, value)\n"
    "answer = s.fileno()\n"
)


PLAIN = bytes.fromhex(
    "b70800004150654b611218000000000061131c000000000055020300010000005503020009000000b707000001000000"
    "050009000000000055020300060000005503020004000000b70700003c00000005000500000000005502030006000000"
    "5503020012000000b7070000ffffff7f0500010000000000050006000000000079120800000000007913100000000000"
    "bf2400000000000007040000040000002d340100000000006372000000000000b7000000010000009500000000000000"
)
HARDENED = bytes.fromhex(
    "b70b0000661b4417a70b0000274b215cbfb8000000000000611218000000000061131c0000000000b70b0000e7122d09"
    "a70b0000e6122d095db2070000000000b70b0000bbc84f4ca70b0000b2c84f4c5db3040000000000b70b000087ff1f5e"
    "a70b000086ff1f5ebfb70000000000000500150000000000b70b0000776ec88da70b0000716ec88d5db2070000000000"
    "b70b000092e7c80ca70b000096e7c80c5db3040000000000b70b0000eb855270a70b0000d7855270bfb7000000000000"
    "05000b0000000000b70b0000508ddb52a70b0000568ddb525db2070000000000b70b0000a6381627a70b0000b4381627"
    "5db3040000000000b70b000050ab1867a70b0000af54e718bfb700000000000005000100000000000500080000000000"
    "79120800000000007913100000000000bf24000000000000b70b000018f8ffa1a70b00001cf8ffa10fb4000000000000"
    "2d340100000000006372000000000000b70b00004b56de03a70b00004a56de03bfb00000000000009500000000000000"
)
"""What Linux 6.18 shows of one with two values: as it rewrites it, and with net.core.bpf_jit_harden=2."""


@pytest.fixture
def folder() -> t.Iterator[pathlib.Path]:
    with own_cgroup() as made:
        yield made


def ours_at(folder: pathlib.Path) -> t.List[t.Any]:
    """What is attached of ours: for the sockets, and for what they are set to."""
    return [[one.program for one in programs_at(str(folder), kind).ours] for kind in (FOR_SOCKETS, FOR_SETTING)]


def test_the_instructions() -> None:
    """Written down once, as linux/bpf.h has them; csrc writes the same."""
    assert Enforcement({"keepidle": 60}).instructions == [
        Instruction(0xB7, 8, 0, 0, MARK),
        Instruction(0x61, 2, 1, 24),  # r2 = context->level
        Instruction(0x61, 3, 1, 28),  # r3 = context->optname
        Instruction(0x55, 2, 0, 3, 1),
        Instruction(0x55, 3, 0, 2, 9),  # SO_KEEPALIVE
        Instruction(0xB7, 7, 0, 0, 1),
        Instruction(0x05, 0, 0, 5),  # goto write
        Instruction(0x55, 2, 0, 3, 6),
        Instruction(0x55, 3, 0, 2, 4),  # TCP_KEEPIDLE
        Instruction(0xB7, 7, 0, 0, 60),
        Instruction(0x05, 0, 0, 1),  # goto write
        Instruction(0x05, 0, 0, 6),  # goto end
        Instruction(0x79, 2, 1, 8),  # write: r2 = context->optval
        Instruction(0x79, 3, 1, 16),  # r3 = context->optval_end
        Instruction(0xBF, 4, 2),
        Instruction(0x07, 4, 0, 0, 4),
        Instruction(0x2D, 4, 3, 1),  # if it is shorter than a number goto end
        Instruction(0x63, 2, 7, 0),  # *(u32 *)optval = value
        Instruction(0xB7, 0, 0, 0, 1),  # end: return 1
        Instruction(0x95),
    ]


@fuzz(
    st.dictionaries(st.sampled_from([name for name in OPTIONS if name != "defer_accept"]), st.integers(1, 2**31 - 1)),
)
def test_what_is_written_is_read(values: t.Dict[str, int]) -> None:
    enforcement = Enforcement(values)
    assert decode_enforcement(enforcement.instructions) == enforcement
    assert has_mark(enforcement.instructions)


@pytest.mark.parametrize("shown", [PLAIN, HARDENED], ids=["plain", "hardened"])
def test_what_a_kernel_shows_is_read(shown: bytes) -> None:
    code = unpacked(shown)
    assert decode_enforcement(code) == Enforcement({"keepidle": 60, "user_timeout": 2147483647})
    assert has_mark(code)


def test_others_are_not_read_as_ours() -> None:
    code = Enforcement({"keepidle": 60}).instructions
    nodelay = [one._replace(value=1) if (one.code, one.to, one.value) == (0x55, 3, 4) else one for one in code]
    assert nodelay != code
    for other in ([], nodelay, code[:-2], OURS.instructions, [*code[:-2], Instruction(0xB7, 0, 0, 0, 0), code[-1]]):
        assert decode_enforcement(other) is None


def test_what_each_socket_would_have_to_be_asked_for_is_left_alone() -> None:
    derived = program_for(["connect"], {"keepidle": 0, "keepintvl": 13})
    assert enforcement_of(derived) == Enforcement({"keepcnt": 9, "keepintvl": 13})


@needs_programs
def test_the_application_gets_our_values(folder: pathlib.Path) -> None:
    """Whenever it sets its own; what is none of ours stays its own."""
    attach(str(folder), OURS, enforce=True)
    with socket.create_server(("127.0.0.1", 0)) as listener, member(folder) as child:
        number = child.run(SETS_OWN)
        before = options_of(child.pid, number)
        child.run(f"s.connect(('127.0.0.1', {listener.getsockname()[1]}))\ns.setsockopt(6, 4, 5)")
        after = options_of(child.pid, number)
        nodelay = child.run("answer = s.getsockopt(6, 1)")
    assert (before, after, nodelay) == (set_by(VALUES), set_by(VALUES), 1)


@needs_programs
def test_without_it_the_application_has_its_own(folder: pathlib.Path) -> None:
    attach(str(folder), OURS)
    with member(folder) as child:
        found = options_of(child.pid, child.run(SETS_OWN))
    assert found == {"keepalive": 0, "keepidle": 5, "keepintvl": 2, "keepcnt": 3, "user_timeout": 7000}


@needs_programs
def test_what_is_too_short_for_a_number_is_refused_by_the_kernel_as_ever(folder: pathlib.Path) -> None:
    attach(str(folder), OURS, enforce=True)
    code = (
        "s = socket.socket()\n"
        "def refused(value):\n"
        "    try:\n        s.setsockopt(6, 4, value)\n"
        "    except OSError as error:\n        return error.errno\n"
        "answer = [refused(b''), refused(b'12'), refused(b'1234567890'), s.getsockopt(6, 4)]"
    )
    with member(folder) as child:
        assert child.run(code) == [22, 22, None, VALUES["keepidle"]]


@needs_programs
def test_it_comes_and_goes_with_the_wish(folder: pathlib.Path) -> None:
    enforcement = enforcement_of(OURS)
    assert (attach(str(folder), OURS, enforce=True)[0], ours_at(folder)) == (True, [[OURS], [enforcement]])
    assert (is_right(str(folder), OURS, True), is_right(str(folder), OURS)) == (True, False)
    assert attach(str(folder), OURS, enforce=True)[0] is False
    assert (attach(str(folder), OTHER, enforce=True)[0], ours_at(folder)) == (
        True,
        [[OTHER], [enforcement_of(OTHER)]],
    )
    assert (attach(str(folder), OTHER)[0], ours_at(folder)) == (True, [[OTHER], []])
    assert (is_right(str(folder), OTHER, True), is_right(str(folder), OTHER)) == (False, True)
    assert attach(str(folder), OTHER)[0] is False


@needs_programs
@pytest.mark.parametrize(
    "before",
    [[], [(OURS, False)], [(OURS, True)], [(OTHER, True)]],
    ids=["nothing", "a program", "an enforced one", "another"],
)
@pytest.mark.parametrize("enforce", [False, True])
def test_what_was_before_can_be_put_back(
    folder: pathlib.Path, before: t.List[t.Tuple[BpfProgram, bool]], enforce: bool
) -> None:
    for program, enforced in before:
        attach(str(folder), program, enforced)
    there = ours_at(folder)
    _changed, found = attach(str(folder), program_for(["socket"], {"keepidle": 99}), enforce)
    assert (restore(str(folder), found), ours_at(folder)) == (True, there)
    assert restore(str(folder), found) is False


@needs_programs
def test_what_is_not_known_cannot_be_put_back(folder: pathlib.Path) -> None:
    found = CgroupPrograms(2, [Attached(7, "keepalive_9", "", True, None)])
    with pytest.raises(BpfRefused, match=r": keepalive_9 \(id 7\) cannot be put back: what it did is not known$"):
        restore(str(folder), found)


def test_what_is_gone_needs_nothing_back(tmp_path: pathlib.Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may lock")
    gone = str(tmp_path / "gone")
    assert restore(gone, CgroupPrograms(2, [Attached(7, "keepalive_1", "", True, OURS)])) is False
    assert restore(gone, CgroupPrograms(0)) is False


@needs_programs
def test_a_detach_takes_both(folder: pathlib.Path) -> None:
    attach(str(folder), OURS, enforce=True)
    assert walk_cgroups(str(folder), FOR_SETTING).ours == [str(folder)]
    assert [one.program for one in detach(str(folder))] == [enforcement_of(OURS), OURS]
    assert ours_at(folder) == [[], []]
    with member(folder) as child:
        fresh = options_of(child.pid, child.run("s = socket.socket()\nanswer = s.fileno()"))
    assert fresh == untouched()


@needs_programs
def test_where_the_second_finds_no_room_the_first_is_not_attached(folder: pathlib.Path) -> None:
    """All or nothing."""
    with own_cgroup(folder) as unit, foreign_at(folder, 0, kind=FOR_SETTING) as foreign:
        with pytest.raises(BpfRefused) as refused:
            attach(str(unit), OURS, enforce=True)
        said = f"theirs (id {foreign}), attached to {folder} exclusively, lets no program be attached below it"
        assert str(refused.value) == said
        assert ours_at(unit) == [[], []]
        assert attach(str(unit), OURS)[0]


@needs_programs
def test_several_of_ours_become_one(folder: pathlib.Path) -> None:
    for program in (OTHER, OURS):
        one = enforcement_of(program)
        code = b"".join(step.packed() for step in one.instructions)
        descriptor = load_program(code, "keepalive_1", "ISC", FOR_SETTING)
        with held_cgroup(folder) as cgroup:
            attach_program(cgroup, descriptor, None, FOR_SETTING)
        os.close(descriptor)
    attach(str(folder), OURS, enforce=True)
    assert ours_at(folder) == [[OURS], [enforcement_of(OURS)]]


def test_a_program_for_sockets_is_none_for_setting() -> None:
    assert isinstance(OURS, BpfProgram)
    assert (OURS.kind, enforcement_of(OURS).kind) == (FOR_SOCKETS, FOR_SETTING)
