# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look says of units by their entries: restarts that new drop-ins make due, wrappers, better values."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.plugins.module_utils.look.units import UnitsReport
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import own_values
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

TCP = {"keepidle": 60, "keepcnt": 4, "keepintvl": 15, "user_timeout": -1, "syncnt": 0, "defer_accept": 0,
       "maxseg": 0, "window_clamp": 0}  # fmt: skip


def entry(name: str = "a.service", **more: t.Any) -> t.Dict[str, t.Any]:
    return ResolvedService(name, ["connect"], TCP, ("keepidle",), **more).as_dict()


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    monkeypatch.setattr(undo, "FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr(dropin, "DIRECTORY", str(tmp_path / "units"))
    return FakeSystemd()


def test_a_restart_that_only_a_new_drop_in_makes_due_is_found_to_be_refused(systemd: FakeSystemd) -> None:
    """Its processes are not stale yet: before the drop-in is written is the time to say it."""
    systemd.add("a.service", RefuseManualStop="yes")
    found = UnitsReport(systemd.run, ["a.service"], "services").of_restarts([entry()])
    assert [text.partition(",")[0] for text in found] == ["a.service: RefuseManualStop=yes"]
    never = entry(restart="never")
    assert UnitsReport(systemd.run, ["a.service"], "services").of_restarts([never]) == []


ALL_OF_SYSTEMD = {"PATH": "/bin", "INVOCATION_ID": "7", "SYSTEMD_EXEC_PID": "7", "LANG": "C"}


@pytest.mark.parametrize(("environ", "count"), [({"PATH": "/bin"}, 1), (ALL_OF_SYSTEMD, 0)])
def test_a_main_process_that_does_not_have_what_systemd_gives_has_a_wrapper(
    systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch, environ: t.Dict[str, str], count: int
) -> None:
    with Child() as child:
        monkeypatch.setattr(HOST, "environment_of", {child.pid: environ}.__getitem__)
        systemd.add("a.service", MainPID=str(child.pid), ExecStart="{ path=/bin/sh ; argv[]=/bin/sh ; }")
        found = UnitsReport(systemd.run, ["a.service"], "services").of_wrappers(entry())
    assert len(found) == count
    for obstacle in found:
        assert obstacle.text.startswith("a.service: ") and "INVOCATION_ID" in obstacle.text
        assert obstacle.reason == "start_wrapper"


def test_better_values_are_asked_for_where_an_entry_is_new(
    systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: t.List[t.Any] = []

    def better(services: t.Mapping[str, ResolvedService], units: t.Sequence[t.Any], _reader: t.Any) -> t.List[str]:
        asked.append((sorted(services), [unit.name for unit in units]))
        return ["better"]

    monkeypatch.setattr(own_values, "better_values_of", better)
    monkeypatch.setattr(portable, "PortableReader", object)
    with Child() as child:
        for name in ("a.service", "b.socket", "c.service"):
            systemd.add(name, MainPID="0" if name == "c.service" else str(child.pid))
        names = ["a.service", "b.socket", "c.service"]
        entries = [entry(name) for name in names]
        assert UnitsReport(systemd.run, names, "services").better_values(entries) == ["better"]
    assert asked == [(["a.service"], ["a.service"])], "of a socket and of what does not run there is nothing to see"
