# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who keeps a program from a unit before any is attached, and which obstacles one would get past."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.probe import Reach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.cgroup import path_of_slice
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.units import program_place
from ansible_collections.netops.keepalive.plugins.module_utils.units.preflight import Obstacle
from ansible_collections.netops.keepalive.plugins.module_utils.units.program_place import (
    no_room_for_program,
    with_program_as_cure,
)
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import foreign_at, needs_programs, own_cgroup
from ansible_collections.netops.keepalive.tests.unit.support.made_up import MadeUpProc

SETTING = (25, 22)
PROC = MadeUpProc({})


@pytest.fixture
def above_and_unit() -> t.Iterator[t.Tuple[pathlib.Path, pathlib.Path]]:
    with own_cgroup() as above, own_cgroup(above) as folder:
        yield above, folder


def properties(folder: pathlib.Path) -> t.Dict[str, str]:
    return {"Id": "a.service", "ControlGroup": f"/{folder.relative_to(find_root())}"}


@needs_programs
@pytest.mark.parametrize(
    ("flags", "kind", "enforce", "says"),
    [
        (0, (13, 3), False, "alone (id {}), attached to {} exclusively, lets no program be attached below it"),
        (1, (13, 3), False, "alone (id {}), attached to {} with BPF_F_ALLOW_OVERRIDE, would not run here any more if "
         "another program were attached"),
        (2, (13, 3), True, ""),
        (0, SETTING, False, ""),
        (0, SETTING, True, "alone (id {}), attached to {} exclusively, lets no program be attached below it"),
    ],
)  # fmt: skip
def test_a_program_above_that_leaves_no_room_is_named(
    above_and_unit: t.Tuple[pathlib.Path, pathlib.Path],
    flags: int,
    kind: t.Tuple[int, int],
    enforce: bool,
    says: str,
) -> None:
    above, folder = above_and_unit
    with foreign_at(above, flags, "alone", kind) as number:
        assert no_room_for_program(properties(folder), enforce, PROC) == says.format(number, above)


@needs_programs
def test_ours_is_in_nobodys_way(above_and_unit: t.Tuple[pathlib.Path, pathlib.Path]) -> None:
    _above, folder = above_and_unit
    attach(str(folder), program_for(["connect"], {}), enforce=True)
    assert no_room_for_program(properties(folder), True, PROC) == ""


@needs_programs
@pytest.mark.parametrize("there", [{"ControlGroup": ""}, {}, {"ControlGroup": "/"}])
def test_of_a_unit_that_does_not_run_its_slice_is_asked(
    above_and_unit: t.Tuple[pathlib.Path, pathlib.Path], there: t.Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    above, _folder = above_and_unit
    monkeypatch.setattr(program_place, "path_of_slice", lambda name: f"/{above.name}" if name == "x.slice" else "/")
    with foreign_at(above, 0, "alone"):
        found = no_room_for_program({"Id": "a.service", "Slice": "x.slice", **there}, False, PROC)
    assert found.startswith("alone (id ")


def test_a_host_that_cannot_be_asked_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise BpfRefused("no cgroup of version 2 is mounted")

    monkeypatch.setattr(program_place, "find_root", refuse)
    assert no_room_for_program({"Id": "a.service"}, False, PROC) == "no cgroup of version 2 is mounted"


@pytest.mark.parametrize(
    ("name", "path"),
    [("system.slice", "/system.slice"), ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"), ("-.slice", "")],
)
def test_where_a_slice_is(name: str, path: str) -> None:
    assert path_of_slice(name) == path


def service(**tcp: int) -> ResolvedService:
    return ResolvedService("a.service", ["connect"], {"keepidle": 60, "defer_accept": 0, **tcp})


STATIC, ROOTED, OTHER = Obstacle("x", "static", "unit"), Obstacle(None, "rooted", "slice"), Obstacle(None, "other")
ABLE = Reach("", {"defer_accept": "defer_accept: no"})


@pytest.mark.parametrize(
    ("obstacles", "tcp", "reach", "texts"),
    [
        ([STATIC, OTHER], {}, ABLE,
         ["static; or say 'backend: bpf', which takes no library: this host's kernel can set what the entry asks for",
          "other"]),
        ([ROOTED], {}, ABLE,
         ["rooted; or give its slice, web.slice, an entry with 'backend: bpf', which takes no library"]),
        # what is not true of this host, or of this entry, is not advised
        ([STATIC], {"defer_accept": 5}, ABLE, ["static"]),
        ([STATIC, ROOTED], {}, Reach("no programs here"), ["static", "rooted"]),
    ],
)  # fmt: skip
def test_a_program_is_named_as_the_cure_where_the_host_can_do_it(
    obstacles: t.List[Obstacle], tcp: t.Dict[str, int], reach: Reach, texts: t.List[str]
) -> None:
    cured = with_program_as_cure(obstacles, service(**tcp), lambda: reach, lambda: "web.slice")
    assert [one.text for one in cured] == texts
    assert [one._replace(text="") for one in cured] == [one._replace(text="") for one in obstacles]


def test_where_one_would_not_help_nobody_asks_the_kernel() -> None:
    def ask() -> Reach:
        raise AssertionError

    assert with_program_as_cure([OTHER], service(), ask, str) == [OTHER]
