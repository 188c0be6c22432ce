# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose programs run for the sockets of a cgroup: asked of this machine's kernel."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import reaching as asking
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root, unit_control_group
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.reaching import Reaching, reaching
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import (
    ALLOW_MULTI,
    ALLOW_OVERRIDE,
    FOR_SETTING,
    FOR_SOCKETS,
    BpfRefused,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import foreign_at, needs_programs, own_cgroup

ONE = program_for(["connect"], {"keepidle": 61})
OTHER = program_for(["listen"], {"keepidle": 62})


@pytest.fixture
def slice_and_unit() -> t.Iterator[t.Tuple[pathlib.Path, pathlib.Path]]:
    with own_cgroup() as above, own_cgroup(above) as folder:
        yield above, folder


def seen(folder: pathlib.Path) -> t.List[t.Tuple[str, str]]:
    found = reaching(str(folder), find_root())
    return [(one.program.name, one.folder) for one in found.programs if "keepalive-test" in one.folder]


@needs_programs
def test_those_of_the_cgroup_and_of_all_above_it(slice_and_unit: t.Tuple[pathlib.Path, pathlib.Path]) -> None:
    above, folder = slice_and_unit
    attach(str(folder), ONE, enforce=True)
    attach(str(above), OTHER)
    with foreign_at(folder), foreign_at(above, name="cilium") as number:
        found = reaching(str(folder), find_root())
        placed = [one for one in found.programs if "keepalive-test" in one.folder]
    assert [(one.program.name, one.folder, one.kind, one.flags) for one in placed] == [
        ("keepalive_1", str(folder), FOR_SOCKETS, ALLOW_MULTI),
        ("theirs", str(folder), FOR_SOCKETS, ALLOW_MULTI),
        ("keepalive_1", str(above), FOR_SOCKETS, ALLOW_MULTI),
        ("cilium", str(above), FOR_SOCKETS, ALLOW_MULTI),
        ("keepalive_1", str(folder), FOR_SETTING, ALLOW_MULTI),
    ]
    assert [one.program for one in found.ours()] == [ONE]
    assert len(found.ours(FOR_SETTING)) == 1
    assert [(one.folder, one.program.program) for one in found.ours_above] == [(str(above), OTHER)]
    assert f"cilium (id {number}), attached to {above}" in [str(one) for one in found.foreign]
    assert (found.folder, found.unknown) == (str(folder), "")


@needs_programs
def test_what_is_switched_off_below_does_not_run(slice_and_unit: t.Tuple[pathlib.Path, pathlib.Path]) -> None:
    above, folder = slice_and_unit
    with foreign_at(above, ALLOW_OVERRIDE, "old"):
        assert seen(folder) == [("old", str(above))]
        with foreign_at(folder, ALLOW_OVERRIDE, "new"):
            assert seen(folder) == [("new", str(folder))]


@needs_programs
def test_when_one_was_loaded(slice_and_unit: t.Tuple[pathlib.Path, pathlib.Path]) -> None:
    _above, folder = slice_and_unit
    before = boot_clock.now()
    attach(str(folder), ONE)
    (ours,) = reaching(str(folder), find_root()).ours()
    assert before <= ours.loaded <= boot_clock.now()


@needs_programs
def test_a_cgroup_that_is_gone_has_none() -> None:
    gone = f"{find_root()}/keepalive-gone"
    assert reaching(gone, find_root()) == Reaching(gone)


def test_what_the_kernel_does_not_tell_is_not_none(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    def refuse(*_asked: t.Any, **_named: t.Any) -> t.Any:
        raise BpfRefused("BPF_PROG_QUERY: not for you", 1)

    monkeypatch.setattr(asking, "programs_of", refuse)
    assert reaching(str(tmp_path), "/x") == Reaching(str(tmp_path), (), "BPF_PROG_QUERY: not for you")


@pytest.mark.parametrize(
    ("content", "unit", "path"),
    [
        (b"0::/system.slice/a.service\n", "a.service", "/system.slice/a.service"),
        (b"12:cpu:/x\n0::/system.slice/a.service/sub/deep\n", "a.service", "/system.slice/a.service"),
        (b"0::/system.slice/a.service/.control\n", "a.service", "/system.slice/a.service"),
        (b"0::/system.slice/_cgroup.service/x\n", "cgroup.service", "/system.slice/_cgroup.service"),
        (b"0::/docker/0123\n", "", "/docker/0123"),
        (b"0::/docker/0123\n", "a.service", "/docker/0123"),
        (b"0::/\n", "", "/"),
    ],
)
def test_the_cgroup_of_a_unit(content: bytes, unit: str, path: str) -> None:
    assert unit_control_group(content, unit) == path
