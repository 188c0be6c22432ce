# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemctl for tests that cannot have a systemd: units are dictionaries of properties, and what happens is scripted.

It knows only what the collection asks for; whether systemd really behaves so is what the scenarios in molecule/ show.
"""

from __future__ import annotations

import fnmatch
import json
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import NoAnswer

if t.TYPE_CHECKING:
    import pytest

NO_PID = 1 << 22
"""From here on there are no processes: Linux has no higher pid_max (PID_MAX_LIMIT)."""

Properties = t.Dict[str, str]
Outcome = t.Optional[t.Tuple[int, str]]


def have_answered(monkeypatch: pytest.MonkeyPatch, answer: str, status: int = 0) -> t.List[str]:
    """Have every question to systemd answered with this text; return the list to which the questions are added."""
    asked: t.List[str] = []

    def run(command: t.List[str], limit: float = systemd.ANSWER) -> t.Tuple[int, str, str]:
        asked.append(" ".join(command))
        return status, answer, ""

    monkeypatch.setattr(systemd, "ask_systemd", run)
    return asked


class FakeSystemd:
    """Answers systemctl and journalctl; remembers every command that changes something."""

    def __init__(self) -> None:
        self.units: t.Dict[str, Properties] = {}
        self.environment = ""
        """What it hands to every service, as `systemctl show` prints it."""
        self.commands: t.List[str] = []
        self.log: t.Dict[str, str] = {}
        self.when: t.Dict[str, t.Callable[[], Outcome]] = {}
        """By command without 'systemctl', for instance 'restart a.service': what it does, and how it fails."""
        self.stuck: t.Dict[str, t.Callable[[], None]] = {}
        """By command as well: what has happened when whoever asked gives up, for there is no answer."""
        self.limits: t.Dict[str, float] = {}
        """By command, how long it was waited for."""
        self.transient: t.Dict[t.Tuple[str, ...], str] = {}
        """By the settings that systemd-run is given: what a program says that it starts so."""
        self._pid = NO_PID

    def add(self, name: str, **properties: str) -> Properties:
        """Add a loaded, running unit without a process that could be looked at."""
        base = {
            "Id": name,
            "Names": name,
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            "Result": "success",
            "Type": "simple",
            "MainPID": "0",
            "NRestarts": "0",
            "NeedDaemonReload": "no",
        }
        self.units[name] = {**base, **properties}
        return self.units[name]

    def run(self, command: t.List[str], limit: float = 60) -> t.Tuple[int, str, str]:
        program, verb, *rest = command
        if program == "systemd-run":
            given = tuple(word[len("--property=") :] for word in command if word.startswith("--prop"))
            told = self.transient.get(given)
            return (1, "", "Failed to start transient service unit") if told is None else (0, told, "")
        names = [word for word in rest if not word.startswith("-")]
        line = " ".join([verb, *names])
        self.limits[line if program == "systemctl" else program] = limit
        for stuck in (line, verb, program):
            if stuck in self.stuck:
                self.stuck[stuck]()
                raise NoAnswer(f"systemd (process 1) did not answer '{program} {verb}' within {limit:g} s")
        if program == "journalctl":
            lines = self.log.get(command[-1].partition("=")[2], "").splitlines()
            return 0, "".join(json.dumps({"MESSAGE": one}) + "\n" for one in lines), ""
        assert program == "systemctl"
        if verb == "show" and not names:
            return 0, f"Environment={self.environment}\n", ""
        if verb == "show":
            asked = [word[len("--property=") :].split(",") for word in rest if word.startswith("--property=")]
            return 0, "\n".join(self._shown(names, asked[0] if asked else None)), ""
        if verb == "cat":
            return 1, "", f"No files found for {names[0]}."
        self.commands.append(line)
        outcome = self.when[line]() if line in self.when else None
        if outcome:
            return outcome[0], "", outcome[1]
        if verb in ("start", "stop", "restart"):
            for name in names:
                self.become(name, "inactive" if verb == "stop" else "active")
        return 0, "", ""

    def become(self, name: str, state: str, **properties: str) -> None:
        """Put a unit into a state; a running one has a new process, of which nothing can be seen."""
        self._pid += 1
        pid = str(self._pid) if state == "active" else "0"
        self.units[name].update({"ActiveState": state, "MainPID": pid, **properties})

    def _shown(self, names: t.Iterable[str], asked: t.Optional[t.Container[str]]) -> t.Iterator[str]:
        """What was not asked for is not shown."""
        for name in names:
            if "*" in name:
                found = [unit for key, unit in self.units.items() if fnmatch.fnmatchcase(key, name)]
            else:
                missing = {"Id": name, "Names": name, "LoadState": "not-found", "ActiveState": "inactive"}
                found = [unit for unit in self.units.values() if name in unit["Names"].split()] or [missing]
            for unit in found:
                told = ((key, value) for key, value in unit.items() if asked is None or key in asked)
                yield "".join(f"{key}={line}\n" for key, value in told for line in value.split("\n"))


class Clock:
    """Time that passes only while somebody sleeps; events happen on the way."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: t.Dict[float, t.Callable[[], None]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, duration: float) -> None:
        self.now += duration
        for due in [moment for moment in self.events if moment <= self.now]:
            self.events.pop(due)()
