# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All cgroups at once: what is attached where, so that a removal can be seen to have left nothing."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import tree
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach, detach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import CgroupPrograms
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.tree import CgroupTree, walk_cgroups
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import foreign_at, needs_programs, own_cgroup

PROGRAM = program_for(["connect"], {})


@needs_programs
def test_every_program_is_found_and_nothing_is_left_of_ours() -> None:
    with own_cgroup() as top, own_cgroup(top) as slice_, own_cgroup(slice_) as unit, own_cgroup(top):
        assert walk_cgroups(str(top)) == CgroupTree({}, [])
        with foreign_at(slice_) as foreign:
            attach(str(unit), PROGRAM)
            attach(str(top), PROGRAM)
            found = walk_cgroups(str(top))
            assert list(found.programs) == [str(top), str(slice_), str(unit)]
            assert (found.ours, found.unread) == ([str(top), str(unit)], [])
            for place in found.ours:
                detach(place)
            left = walk_cgroups(str(top))
            assert [[one.id for one in there.programs] for there in left.programs.values()] == [[foreign]]


def test_what_cannot_be_read_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is gone meanwhile is nothing."""
    for name in ("a/refused", "a/gone", "b"):
        (tmp_path / name).mkdir(parents=True)

    def answer(folder: str, _kind: object) -> CgroupPrograms:
        if folder.endswith("refused"):
            raise BpfRefused("no")
        if folder.endswith("gone"):
            os.rmdir(folder)
        return CgroupPrograms(0)

    monkeypatch.setattr(tree, "programs_at", answer)
    assert walk_cgroups(str(tmp_path)) == CgroupTree({}, [f"{tmp_path}/a/refused: no"])


def test_not_even_the_first_one(tmp_path: pathlib.Path) -> None:
    """A folder that is no cgroup."""
    with pytest.raises(BpfRefused, match=r"BPF_PROG_QUERY: "):
        walk_cgroups(str(tmp_path))


def test_deeper_than_a_path_can_be(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user may nest folders below what was delegated to him until no path leads there."""
    monkeypatch.setattr(tree, "programs_at", lambda folder, kind: CgroupPrograms(0))
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _level in range(20):
            os.mkdir("x" * 250)
            os.chdir("x" * 250)
    finally:
        os.chdir(here)
    found: t.Sequence[str] = walk_cgroups(str(tmp_path)).unread
    assert [text.rpartition(": ")[2] for text in found] == ["File name too long"]
