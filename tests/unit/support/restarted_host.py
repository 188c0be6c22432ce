# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose services are restarted: the processes are real, systemd is played, and time passes when it is waited."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restart
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import (
    RestartRequest,
    RestartResult,
    Restarts,
)
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import UnitsOfHost
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock, FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, dated, noted

IN_FORCE = "TCP_KEEPIDLE=60"
WHY = "TCP_KEEPIDLE is not set, the drop-in says 60"

NOTHING_DONE: RestartResult = {
    "changed": False, "restarted": {}, "restart_due": {}, "reloaded": False, "left": []
}  # fmt: skip
NO_DIFF = {"diff": {"before": "", "after": ""}}
"""What is told besides where it was come to a plan."""


def policies(*names: str, restart: str = "if_running") -> t.Dict[str, str]:
    """Return these units, in this order, each with this policy."""
    return dict.fromkeys(names, restart)


class RestartedHost:
    """Units with their drop-ins, and what was done with them."""

    def __init__(self, folder: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> None:
        self.systemd = FakeSystemd()
        self.clock = Clock()
        self.result: RestartResult = {}
        """Of the last restart, also where it failed."""
        self.told: t.List[str] = []
        self._folder = folder
        monkeypatch.setattr(linux_systemd, "ask_systemd", self.systemd.run)
        monkeypatch.setattr(restart, "UnitsOfHost", functools.partial(UnitsOfHost, directory=str(folder), proc=proc))
        for waiting in (restart, polling):
            monkeypatch.setattr(waiting, "time", self.clock)

    def path(self, unit: str) -> pathlib.Path:
        """Return where the drop-in of a unit is, or would be."""
        return pathlib.Path(dropin.path_of(unit, str(self._folder)))

    def write(self, unit: str, old: bool = False) -> pathlib.Path:
        """Write a drop-in that asks for a value which no process of a test has, and date it as a wrong clock does.

        :param old: It was there before any of the processes.
        """
        path = self.path(unit)
        path.parent.mkdir()
        path.write_text(f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n")
        noted(path, (0.0, None), (1.0 if old else NEVER, path.read_text()))
        dated(path, +3 if old else -3)
        return path

    def stale(self, process: Child, *units: str) -> None:
        """Add units whose process was started before their drop-ins were written."""
        for unit in units:
            self._add(unit, process, self.write(unit))

    def rolled_out(self, process: Child, unit: str) -> pathlib.Path:
        """Add a unit whose process was started with its drop-in."""
        path = self.write(unit, old=True)
        self._add(unit, process, path)
        return path

    def _add(self, unit: str, process: Child, path: pathlib.Path) -> None:
        self.systemd.add(unit, MainPID=str(process.pid), Environment=IN_FORCE, DropInPaths=str(path))

    def restart(self, given: t.Mapping[str, str], *, check: bool = False, **request: t.Any) -> RestartResult:
        """Restart what is due; 'request' is the rest of a RestartRequest."""
        work = Restarts(RestartRequest(given, **request), check=check, tell=self.told.append)
        self.result = work.result
        work.do()
        return work.result

    def fail(self, given: t.Mapping[str, str], **request: t.Any) -> t.Tuple[str, str]:
        """Restart what is due, where a unit does not come back; return which, and what is said of it."""
        with pytest.raises(RestartFailed) as failed:
            self.restart(given, **request)
        return failed.value.unit, str(failed.value)
