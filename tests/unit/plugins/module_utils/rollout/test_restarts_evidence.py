# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a unit due: what its process was started with, and where that is overwritten, what was noted when."""

from __future__ import annotations

import errno
import pathlib
import shutil
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin, listeners
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, dated, noted
from ansible_collections.netops.keepalive.tests.unit.support.restarted_host import (
    IN_FORCE,
    NO_DIFF,
    NOTHING_DONE,
    RestartedHost,
    policies,
)

NOTHING = {**NOTHING_DONE, **NO_DIFF}


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> RestartedHost:
    return RestartedHost(tmp_path, proc, monkeypatch)


OVERWRITE_ENVIRONMENT = """
import ctypes
fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
ctypes.memset(int(fields[47]), 0, int(fields[48]) - int(fields[47]))
ctypes.memmove(int(fields[47]), b'worker: busy', 12)
"""


@pytest.fixture(name="titled")
def titled_fixture(proc: ShadowProc) -> t.Iterator[Child]:
    """A process that has its title where its environment was, as nginx has: only times are left to judge it by."""
    with Child(OVERWRITE_ENVIRONMENT) as child:
        proc.add(child.pid, "titled.service")
        yield child


def restarted(host: RestartedHost, *units: str) -> t.List[str]:
    return list(host.restart(policies(*units))["restarted"])


@pytest.mark.parametrize("hours", [-3, 3])
@pytest.mark.parametrize("booted", [False, True])
def test_a_step_of_the_clock_and_a_boot_restart_nothing(
    host: RestartedHost, process: Child, titled: Child, hours: float, booted: bool
) -> None:
    """The drop-ins have dates three hours off, as they get from a clock that is turned back or forward then.

    After a boot nothing is noted; what differs does so because something else wins, which a restart would not mend.
    """
    for unit, child in (("a.service", process), ("titled.service", titled)):
        dated(host.rolled_out(child, unit), hours)
    if booted:
        shutil.rmtree(in_force.FOLDER)
    assert host.restart(policies("a.service", "titled.service")) == NOTHING
    assert host.systemd.commands == []


@pytest.mark.parametrize("hours", [-3, 3])
def test_what_a_killed_run_has_written_and_systemd_not_read_is_finished_once(
    host: RestartedHost, titled: Child, hours: float
) -> None:
    """Also where the clock was turned back in between, with which systemd takes the newer file for one it knows."""
    path = host.rolled_out(titled, "titled.service")
    before = path.read_text()
    path.write_text(before.replace("60", "61"))
    noted(path, (0.0, before), (1.0, path.read_text()), read=False)
    dated(path, hours)
    host.systemd.units["titled.service"].update(Environment="TCP_KEEPIDLE=61")
    result = host.restart(policies("titled.service"))
    assert result["diff"]["after"] == "restart titled.service: was started before its drop-in was last changed\n"
    assert host.systemd.commands == ["daemon-reload", "reset-failed titled.service", "restart titled.service"]
    host.systemd.commands.clear()
    assert host.restart(policies("titled.service")) == NOTHING
    assert host.systemd.commands == []


def test_what_release_0_1_0_has_written_and_systemd_not_read_is_finished_too(
    host: RestartedHost, titled: Child
) -> None:
    """It noted nothing. What systemd goes by still says something else."""
    host.rolled_out(titled, "titled.service")
    shutil.rmtree(in_force.FOLDER)
    unit = host.systemd.units["titled.service"]
    unit.update(NeedDaemonReload="yes", Environment="TCP_KEEPIDLE=59")
    host.systemd.when["daemon-reload"] = lambda: unit.update(NeedDaemonReload="no", Environment=IN_FORCE)
    assert restarted(host, "titled.service") == ["titled.service"]
    assert host.restart(policies("titled.service")) == NOTHING


@pytest.mark.parametrize("noted_before", [True, False])
def test_a_units_other_files_that_systemd_has_not_read_make_nothing_older(
    host: RestartedHost, titled: Child, noted_before: bool
) -> None:
    """As after an update of its package, be it the first change since the host was booted."""
    host.rolled_out(titled, "titled.service")
    if not noted_before:
        shutil.rmtree(in_force.FOLDER)
    host.systemd.units["titled.service"]["NeedDaemonReload"] = "yes"
    assert host.restart(policies("titled.service")) == {**NOTHING, "changed": True, "reloaded": True}


def test_what_release_0_1_0_has_left_unfinished_is_told_by_the_environment(
    host: RestartedHost, process: Child, titled: Child
) -> None:
    """It was killed between reload and restart. An environment that is overwritten tells nothing: nothing is due."""
    for unit, child in (("a.service", process), ("titled.service", titled)):
        host.rolled_out(child, unit)
    shutil.rmtree(in_force.FOLDER)
    unfinished = {"content": None, "base64": None, "mtime_ns": None, "ran": True}
    undo.write_previous(undo.FOLDER, {name: {**unfinished, "unit": name} for name in ("a.service", "titled.service")})
    assert restarted(host, "a.service", "titled.service") == ["a.service"]


def test_who_still_runs_with_what_was_put_back_needs_no_restart(host: RestartedHost, titled: Child) -> None:
    """A rollout that failed before it came to this unit."""
    path = host.rolled_out(titled, "titled.service")
    text = path.read_text()
    noted(path, (0.0, text), (NEVER, text.replace("60", "61")), (NEVER + 1, text))
    assert restarted(host, "titled.service") == []
    noted(path, (0.0, text.replace("60", "61")), (NEVER, text))
    assert restarted(host, "titled.service") == ["titled.service"]


def test_a_socket_whose_listener_cannot_be_read_is_judged_by_its_age(
    host: RestartedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pid: int) -> t.NoReturn:
        raise Unreadable(errno.ENOSYS, f"pidfd_getfd of {pid}")

    monkeypatch.setattr(listeners, "_sockets", refused)
    path = host.path("a.socket")
    path.parent.mkdir()
    path.write_text(f"{dropin.MARKER}\n[Socket]\nKeepAlive=yes\n")
    dated(path, +3)
    since = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    host.systemd.add("a.socket", DropInPaths=str(path), ActiveEnterTimestampMonotonic=str(since))
    assert restarted(host, "a.socket") == []
    noted(path, (0.0, None), (NEVER, path.read_text()))
    assert restarted(host, "a.socket") == ["a.socket"]
