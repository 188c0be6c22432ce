# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of this collection is on a host, each thing alone, and whom a removal leaves alone."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import Target
from ansible_collections.netops.keepalive.plugins.module_utils.live import memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import Memory, UnitMemory
from ansible_collections.netops.keepalive.plugins.module_utils.look.removal import (
    in_host_wide_mode,
    left_alone,
    look_at_removal,
    removal_due,
)
from ansible_collections.netops.keepalive.plugins.module_utils.monitor import installation
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import programs, undo_host

TOLD: t.Dict[str, t.Any] = {
    "found": {
        "dropins": [], "library_users": [], "unfinished": [],
        "host_wide": {"entries": [], "settings": False},
    },
    "removal": {"libraries": False, "open_sockets": [], "left": False, "programs": []},
}  # fmt: skip
USER = {"unit": "a.service", "program": "/bin/a", "pid": 7, "loaded_by": "host"}


def told(**more: t.Any) -> t.Dict[str, t.Any]:
    """Return what a bare host tells, but for this."""
    changed = copy.deepcopy(TOLD)
    for name, value in more.items():
        place = changed["removal"] if name in changed["removal"] else changed["found"]
        place[name] = {**place[name], **value} if isinstance(value, dict) else value
    return changed


def test_on_a_bare_host_nothing_is_due() -> None:
    assert removal_due(told()) == []


@pytest.mark.parametrize(
    ("more", "due"),
    [
        ({"host_wide": {"entries": ["/x.so", "/y.so"]}}, "the host-wide mode: /x.so, /y.so"),
        ({"host_wide": {"settings": True}}, "the host-wide mode: settings"),
        ({"dropins": ["a.service"]}, "drop-ins: a.service"),
        ({"library_users": [USER, {**USER, "pid": 8}]}, "still with a library: a.service"),
        ({"library_users": [{**USER, "unit": ""}]}, "still with a library: /bin/a"),
        ({"unfinished": ["a.service"]}, "left by a run that did not come to its end: a.service"),
        ({"left": True}, "left by a run that did not come to its end: the host-wide mode"),
        ({"programs": ["a.service"]}, "programs: a.service"),
        ({"open_sockets": ["a.service"]}, "open sockets: a.service"),
        ({"libraries": True}, "libraries: installed"),
    ],
)
def test_each_thing_alone_is_due(more: t.Dict[str, t.Any], due: str) -> None:
    assert removal_due(told(**more)) == [due]


@pytest.mark.parametrize(("host_wide", "on"), [({}, False), ({"entries": ["/x.so"]}, True), ({"settings": True}, True)])
def test_either_file_makes_the_mode(host_wide: t.Dict[str, t.Any], on: bool) -> None:
    assert in_host_wide_mode(told(host_wide=host_wide)["found"]) is on


@pytest.mark.parametrize(
    ("user", "dropins", "listed", "left"),
    [
        ({}, [], ["a.service"], True),
        ({}, [], [], False),
        ({}, ["a.service"], ["a.service"], False),
        ({"loaded_by": "environment"}, [], ["a.service"], False),
        ({"unit": "a@1.service"}, [], ["a@.service"], True),
        ({"unit": "a@1.service"}, [], ["b@.service"], False),
    ],
)
def test_who_has_a_library_from_the_host_wide_mode_only_is_left_alone(
    user: t.Dict[str, t.Any], dropins: t.List[str], listed: t.List[str], left: bool
) -> None:
    one = {**USER, **user}
    found = told(library_users=[one, one], dropins=dropins)["found"]
    assert left_alone(listed, found) == ([{"name": one["unit"], "restart": "never"}] if left else [])


def test_what_else_is_there_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = Memory(str(tmp_path / "memory"))
    monkeypatch.setattr(memory, "Memory", lambda: remembered)
    folders: t.List[str] = []
    monkeypatch.setattr(programs, "own_folders", lambda: folders)
    target = Target(str(tmp_path / "lib"), str(tmp_path / "bin"))
    monkeypatch.setattr(installation, "_UNITS", str(tmp_path / "units"))
    assert look_at_removal(target) == {
        "libraries": False, "monitor": False, "open_sockets": [], "left": False, "programs": []
    }  # fmt: skip
    undo_host.note_before(undo_host.HostWideBefore([], None))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "keepalive-sockets").write_text("")
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "keepalive-monitor.timer").touch()
    remembered.units.update({"b.service": UnitMemory(), "a.service": UnitMemory()})
    folders.append("/sys/fs/cgroup/system.slice/c.service")
    assert look_at_removal(target) == {
        "libraries": True, "monitor": True, "open_sockets": ["a.service", "b.service"], "left": True,
        "programs": ["c.service"],
    }  # fmt: skip
