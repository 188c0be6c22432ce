# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attaching, exchanging and taking away: with this machine's kernel, beside programs of others, and killed midway."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import attach as attaching
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach, detach, is_right, loaded
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import programs_at
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import JUMP_EQUAL, Instruction, packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import (
    OPERATION,
    BpfProgram,
    assembled,
    program_for,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import (
    ALLOW_MULTI,
    ALLOW_OVERRIDE,
    BpfRefused,
    attach_program,
    load_program,
)
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    foreign_at,
    held_cgroup,
    needs_programs,
    own_cgroup,
)

pytestmark = needs_programs

ONE = program_for(["connect"], {"keepidle": 61})
OTHER = program_for(["connect", "listen"], {"keepidle": 62}, True)


@pytest.fixture
def folder() -> t.Iterator[pathlib.Path]:
    with own_cgroup() as made:
        yield made


def ours_at(folder: pathlib.Path) -> t.List[t.Optional[BpfProgram]]:
    return [one.program for one in programs_at(str(folder)).ours]


def add_one(folder: pathlib.Path, program: BpfProgram) -> None:
    """One more of ours, as whoever does not look first would attach it."""
    with held_cgroup(folder) as cgroup, loaded(program) as descriptor:
        attach_program(cgroup, descriptor)


def test_a_program_is_attached_once(folder: pathlib.Path) -> None:
    changed, before = attach(str(folder), ONE)
    assert (changed, before.programs) == (True, [])
    first = programs_at(str(folder)).programs
    assert [(one.name, one.ours, one.program) for one in first] == [("keepalive_1", True, ONE)]
    assert attach(str(folder), ONE) == (False, programs_at(str(folder)))
    assert programs_at(str(folder)).programs == first, "the same one, not an equal one"


def test_another_one_takes_its_place(folder: pathlib.Path) -> None:
    attach(str(folder), ONE)
    changed, before = attach(str(folder), OTHER)
    assert (changed, [one.program for one in before.ours], ours_at(folder)) == (True, [ONE], [OTHER])


@pytest.mark.parametrize("there", [[ONE, ONE], [OTHER, ONE], [ONE, OTHER, OTHER], [OTHER, OTHER]])
def test_several_of_ours_become_one(folder: pathlib.Path, there: t.List[BpfProgram]) -> None:
    for program in there:
        add_one(folder, program)
    before = programs_at(str(folder)).programs
    assert attach(str(folder), ONE)[0]
    assert ours_at(folder) == [ONE]
    if ONE in there:
        assert programs_at(str(folder)).programs[0] in before, "what is right already stays"


def test_right_is_what_is_attached_to_the_last_instruction(folder: pathlib.Path) -> None:
    assert not is_right(str(folder), ONE)
    attach(str(folder), ONE)
    assert (is_right(str(folder), ONE), is_right(str(folder), OTHER)) == (True, False)
    assert not is_right(str(folder), ONE._replace(callbacks=("connect", "accept", "listen")))
    add_one(folder, ONE)
    assert not is_right(str(folder), ONE), "once is right"


def test_a_detach_takes_all_of_ours_and_tells_what(folder: pathlib.Path) -> None:
    add_one(folder, ONE)
    add_one(folder, OTHER)
    assert [one.program for one in detach(str(folder))] == [ONE, OTHER]
    assert programs_at(str(folder)).programs == []
    assert detach(str(folder)) == []


def test_what_is_gone_has_nothing(folder: pathlib.Path) -> None:
    gone = f"{folder}/gone"
    assert detach(gone) == []
    assert not programs_at(gone).programs
    with pytest.raises(BpfRefused, match=r"/gone: No such file or directory$"):
        attach(gone, ONE)


@pytest.mark.parametrize("name", ["theirs", "", "keepalive", "keepalive_1", "keepalive_2", "keepalive_1x"])
def test_programs_of_others_stay_whatever_their_name(folder: pathlib.Path, name: str) -> None:
    """One that has our very name has not our mark."""
    with foreign_at(folder, name=name) as foreign:
        attach(str(folder), ONE)
        attach(str(folder), OTHER)
        found = programs_at(str(folder))
        assert [(one.id, one.name) for one in found.foreign] == [(foreign, name)]
        assert [one.program for one in found.ours] == [OTHER]
        assert [one.program for one in detach(str(folder))] == [OTHER]
        assert [one.id for one in programs_at(str(folder)).programs] == [foreign]


def test_one_of_another_layout_is_ours_and_is_replaced(folder: pathlib.Path) -> None:
    """What an older release has attached, or a newer one, is not left beside ours."""
    code = assembled(ONE)
    descriptor = load_program(
        packed([*code[:-2], Instruction(JUMP_EQUAL, OPERATION), *code[-2:]]), "keepalive_7", "ISC"
    )
    with held_cgroup(folder) as cgroup:
        attach_program(cgroup, descriptor)
    os.close(descriptor)
    assert [(one.ours, one.program) for one in programs_at(str(folder)).programs] == [(True, None)]
    attach(str(folder), ONE)
    assert [one.program for one in programs_at(str(folder)).programs] == [ONE]


@pytest.mark.parametrize(
    "flags, here, below",
    [
        (
            0,
            "lets no program be attached beside it: it was attached without BPF_F_ALLOW_MULTI",
            "exclusively, lets no program be attached below it",
        ),
        (
            ALLOW_OVERRIDE,
            "lets no program be attached beside it: it was attached without BPF_F_ALLOW_MULTI",
            "with BPF_F_ALLOW_OVERRIDE, would not run here any more if another program were attached",
        ),
    ],
)
def test_a_program_that_leaves_no_room_is_named(folder: pathlib.Path, flags: int, here: str, below: str) -> None:
    with own_cgroup(folder) as slice_, own_cgroup(slice_) as unit, foreign_at(folder, flags) as foreign:
        named = f"theirs (id {foreign}), attached to {folder}"
        for place, said in ((folder, f"{named}, {here}"), (unit, f"{named} {below}")):
            with pytest.raises(BpfRefused) as refused:
                attach(str(place), ONE)
            assert str(refused.value) == said
            assert programs_at(str(place)).ours == []
        assert [one.id for one in programs_at(str(folder)).programs] == [foreign]


def test_a_program_that_lets_others_be_is_no_obstacle(folder: pathlib.Path) -> None:
    with own_cgroup(folder) as unit, foreign_at(folder, ALLOW_MULTI):
        attach(str(unit), ONE)
        assert ours_at(unit) == [ONE]


def test_eight_at_once_leave_one(folder: pathlib.Path) -> None:
    programs = [program_for(["connect"], {"keepidle": 100 + number}) for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda program: attach(str(folder), program)[0], programs))
    assert done == [True] * 8
    (left,) = ours_at(folder)
    assert left in programs


KILLED = """
import os, signal, sys
sys.path.insert(0, {path!r})
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import attach, program, system_call
calls = {before}
real = system_call.call_bpf
def counted(*arguments):
    global calls
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    calls -= 1
    return real(*arguments)
system_call.call_bpf = counted
print(attach.attach({folder!r}, program.program_for(["connect"], {{"keepidle": 63}}))[0])
"""


@pytest.mark.parametrize("there", [[], [ONE], [ONE, OTHER]], ids=len)
def test_whoever_is_killed_leaves_what_the_next_one_finishes(folder: pathlib.Path, there: t.List[BpfProgram]) -> None:
    """Before each of its calls of the kernel, one after the other: at most what was there, never one more."""
    path = str(pathlib.Path(attaching.__file__).parents[6])
    new = program_for(["connect"], {"keepidle": 63})
    for before in range(100):
        for program in there:
            add_one(folder, program)
        code = KILLED.format(path=path, before=before, folder=str(folder))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        left = ours_at(folder)
        if done.returncode == 0:
            assert (done.stdout, left) == ("True\n", [new])
            detach(str(folder))
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert len(left) <= max(len(there), 1)
        if len(there) == 1:
            assert left in ([ONE], [new]), "never none in between"
        attach(str(folder), new)
        assert ours_at(folder) == [new]
        detach(str(folder))
    assert before > 4


def test_a_program_ends_with_its_cgroup(folder: pathlib.Path) -> None:
    """Nothing is pinned: whoever removes the cgroup has removed all."""
    with own_cgroup(folder) as unit:
        attach(str(unit), ONE)
    assert [name for name in os.listdir("/sys/fs/bpf") if "keepalive" in name] == []
