# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restart what is stale, one unit after the other, and see that all of it stays up.

The order is the operator's. The first unit that does not come back ends the sequence: what has not been touched yet
stays untouched, and the caller has the way back. Those that did come back are watched together, so that the time this
takes does not grow with their number. Where they go one at a time, the live sockets of each are read before the next.
"""

from __future__ import annotations

import signal
import time
import typing as t

from ..linux import in_force, job, systemd
from ..linux.polling import poll_until
from ..linux.printable import quoted
from ..linux.unit_names import is_template, template_of
from ..settings.expectation import parse_expected
from ..settings.order import ordered
from ..sockets.portable import PortableReader
from ..units import dropin
from ..units.asked import askable, unit_from
from ..units.leaders import leaders_of
from ..units.listeners import slipped_through
from ..units.together import WITH_STOP, earlier_of, together_with
from ..units.unit import Unit, UnitsOfHost
from ..verdicts.answer import Question
from ..verdicts.inspection import Audit
from . import undo

_POLL = 0.1
_RELOAD = 10.0
"""Seconds that a reloaded unit has to run again: systemd does not know when its program is done with that."""
_RELOADING = 180.0
"""Seconds for reading the files of all units of a host, and starting their generators."""
_TAKEN = 10.0
"""Seconds for which somebody may still have a socket that systemd has closed: a child of systemd's until it has become
the program of another unit, or who reads the host's sockets just now. On a busy host that is no moment."""
_CATCH_UPS = 3
"""Only the clients that reconnect within the microseconds of systemd's own window can be late; they are few."""


class RestartFailed(Exception):
    """A unit did not come back; the text says what was seen."""

    def __init__(self, unit: str, seen: str) -> None:
        super().__init__(f"{unit}: {seen}")
        self.unit = unit


class Sequence:
    """The restarts of one host."""

    def __init__(
        self, run: systemd.Run, names: t.Sequence[str], settle: float, job_timeout: float = job.TIMEOUT
    ) -> None:
        self._run = run
        self._host = UnitsOfHost(run, undo.read_previous(undo.FOLDER))
        self._names = list(names)
        self._settle = settle
        self._job_timeout = job_timeout
        self.units = self._host.units(self._names)
        self.restarted: t.Dict[str, t.Dict[str, int]] = {}
        """By unit: the process that shows what it runs with before and after, as V(before) and V(after)."""
        self._started: t.Dict[str, systemd.Properties] = {}
        self._catching_up = _CATCH_UPS

    def in_order(self) -> t.List[Unit]:
        """Return the units that can run, a template's instances where the template stands.

        They are in the order asked for, but for this: what systemd starts before another (V(After=)), or restarts it
        with, comes before it.
        """
        order = []
        for name in self._names:
            if is_template(name):
                order += [unit for key, unit in sorted(self.units.items()) if template_of(key) == name]
            elif name in self.units:
                order.append(self.units[name])
        units = {unit.name: unit for unit in order}
        earlier = earlier_of({name: unit.properties for name, unit in units.items()})
        for name, unit in units.items():  # who restarts others comes before them, so that they restart once
            for other in units.keys() & set(unit.together):
                earlier.setdefault(other, []).append(name)
        return [units[name] for name in ordered(list(units), earlier)[0]]

    def unanswered(self) -> t.List[str]:
        """Return the units that systemd was asked for and said nothing of."""
        return [name for name in self._names if not is_template(name) and name not in self.units]

    def reload_due(self) -> bool:
        """Tell whether systemd has not read some unit's files since they changed."""
        return bool(self._host.unread(self._names)) or any(
            unit.properties.get("NeedDaemonReload") == "yes" for unit in self.units.values()
        )

    def reload(self) -> None:
        """Make systemd read its files.

        A process that starts after this has the new settings, one that started before has not. Where a program
        overwrites its environment only the times tell, so it is noted that the drop-ins come into force now.
        """
        unread = self._host.unread(self._names).union(*(unit.unread for unit in self.units.values()))
        self._systemctl("daemon-reload", limit=_RELOADING)
        try:
            for path in unread:
                in_force.put_in_force(path, dropin.read_drop_in(path))
        except OSError as error:
            raise systemd.SystemdError(
                f"systemd has read the drop-ins, and that could not be noted in {in_force.FOLDER}: {error.strerror}; "
                "fix that, then run again"
            ) from error
        self.units = self._host.units(self._names)

    def restart(self, unit: Unit) -> None:
        """Restart one unit, or start it where it is down.

        :raises RestartFailed: When it does not come back.
        """
        self.restarted[unit.name] = {"before": _first(unit.pids), "after": 0}
        together = systemd.show(self._run, unit.together)
        leaders = leaders_of(together.values())
        if unit.name.endswith(".socket"):
            self._restart_socket(unit)
        else:
            self._job("restart", unit.name)
        now = self._look([unit.name])[unit.name]
        self._started[unit.name] = now
        self.restarted[unit.name]["after"] = _first(leaders_of([now]).get(now["Id"], ()))
        for name, now in self._come_back(unit).items():
            after = leaders_of([now]).get(now["Id"], ())
            self.restarted[name] = {"before": _first(leaders.get(now["Id"], ())), "after": _first(after)}
            self._started[name] = now

    def _come_back(self, unit: Unit) -> t.Dict[str, systemd.Properties]:
        """Wait for the units that systemd restarts with one; their jobs are others than that of the unit itself.

        :raises RestartFailed: One is not there again.
        """
        if not unit.together:
            return {}
        limit = job.limit_of(systemd.show(self._run, unit.together).values(), self._job_timeout)
        found = poll_until(
            lambda: self._look(unit.together), limit, _POLL, enough=lambda found: not any(map(_has_job, found.values()))
        )
        for name, now in found.items():
            if _address_taken(now):
                self._start(name)
                found[name] = self._look([name])[name]
            elif not systemd.is_active(now):
                raise RestartFailed(name, f"was restarted with {unit.name} and did not come back: {self._seen(name)}")
        return found

    def reload_unit(self, unit: Unit) -> None:
        """Reload one unit, and see by its process that it was started again with its settings.

        :raises RestartFailed: When it was not, or does not stay up.
        """
        if unit.properties.get("CanReload") != "yes":
            raise RestartFailed(unit.name, "cannot be reloaded, it has no ExecReload=; use 'restart: if_running'")
        self._job("reload", unit.name)
        now = poll_until(lambda: self._reloaded(unit.name), _RELOAD, _POLL, enough=lambda now: not now.stale)
        if now.stale:
            raise RestartFailed(
                unit.name,
                f"was reloaded, and its process is as before ({'; '.join(now.stale)}): a reload does not start its "
                "program again; use 'restart: if_running', or 'never'",
            )
        self.restarted[unit.name] = {"before": _first(unit.pids), "after": _first(now.pids)}
        self._started[unit.name] = now.properties

    def _reloaded(self, name: str) -> Unit:
        now = self._host.units([name]).get(name)
        if now is None or now.damage:
            raise RestartFailed(name, now.damage if now else "systemctl show says nothing of it")
        if not systemd.is_active(now.properties):
            raise RestartFailed(name, f"did not stay up: {self._seen(name)}")
        return now

    def watch(self) -> None:
        """Look at what was restarted until it has settled.

        :raises RestartFailed: When a unit does not stay up with the process it was started with.
        """
        deadline = time.monotonic() + self._settle
        while self._started:
            looked = self._look(list(self._started))
            for name, now in looked.items():
                self._judge(name, self._started[name], now)
            if time.monotonic() >= deadline:
                if self._catch_up():
                    deadline = time.monotonic() + self._settle
                    continue
                leaders = leaders_of(looked.values())
                for name, now in looked.items():
                    self.restarted[name]["after"] = _first(leaders.get(now["Id"], ()))
                break
            time.sleep(_POLL)

    def _catch_up(self) -> t.List[str]:
        """Restart the services of .socket units whose first clients were too early for the unit's directives."""
        late: t.List[str] = []
        for name, properties in self._started.items():
            if name.endswith(".socket") and self._catching_up > 0:
                services = properties.get("Triggers", "").split()
                late += [service for service in services if slipped_through(properties, service)]
        for service in late:
            self._job("restart", service)
        self._catching_up -= 1
        return late

    def _judge(self, name: str, first: systemd.Properties, now: systemd.Properties) -> None:
        if now.get("ActiveState") not in ("active", "activating", "reloading"):
            if now.get("Type") == "oneshot" and now.get("Result") == "success":
                return
            raise RestartFailed(name, f"did not stay up: {self._seen(name)}")
        if now.get("SubState", "").startswith("auto-restart"):  # it is down, for as long as RestartSec= says
            raise RestartFailed(name, f"did not stay up: {self._seen(name)}")
        if now.get("NRestarts", "0") != first.get("NRestarts", "0"):
            raise RestartFailed(name, f"crashed and was restarted by systemd: {self._seen(name)}{self._after(name)}")

    def _after(self, name: str) -> str:
        """Say what would help if it has only lost whom it was connected to."""
        restarted = list(self.restarted)
        later = [one for one in restarted[restarted.index(name) + 1 :] if one in self._names]
        if not later:
            return ""
        return f"; if it ends when {' or '.join(later)} restarts, give its entry 'after: [{', '.join(later)}]'"

    def _restart_socket(self, unit: Unit) -> None:
        """systemd refuses to listen again while the triggered service runs, so that one waits outside."""
        triggers = unit.properties.get("Triggers", "").split()
        services = [
            name
            for name, properties in systemd.show(self._run, triggers).items()
            if name in triggers and systemd.is_active(properties)
        ]
        asked = self._look([unit.name, *services])
        stopped = {name for found in together_with(self._run, asked, WITH_STOP).values() for name in found}
        services += sorted(stopped - set(asked))  # stopping takes them along, and starting does not bring them back
        failures = []
        try:
            self._job("stop", unit.name, *services)  # together, or the first client would start the service again
            self._start(unit.name)
        except RestartFailed as failure:
            failures.append(failure)
        for service in services:
            try:
                self._start(service)
            except RestartFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _start(self, name: str) -> None:
        """Start a unit; a .socket unit whose address is still taken again and again, until it is free."""
        deadline, pause = time.monotonic() + _TAKEN, _POLL
        while True:
            try:
                return self._job("start", name)
            except RestartFailed:
                if time.monotonic() >= deadline or not _address_taken(self._look([name])[name]):
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 1.0)  # each try leaves some lines in the journal

    def _job(self, verb: str, *units: str) -> None:
        if verb not in ("stop", "reload"):
            self._systemctl("reset-failed", *units)  # restarts of our own must not use up the unit's start limit
        try:
            status, err = job.wait_for(self._run, verb, units, self._job_timeout)
        except job.Unfinished as error:
            raise RestartFailed(error.unit, f"{error}: {self._seen(error.unit)}") from error
        if status != 0:
            raise RestartFailed(units[0], f"'systemctl {verb}' failed: {self._seen(units[0])}{_quoted(err)}")

    def _look(self, units: t.Sequence[str]) -> t.Dict[str, systemd.Properties]:
        shown = systemd.show(self._run, units)
        for name in units:
            if name not in shown:
                raise RestartFailed(name, "systemctl show says nothing of it")
        return {name: shown[name] for name in units}

    def _seen(self, unit: str) -> str:
        """Say in which state a unit is, and what it logged last."""
        try:
            state = self._look([unit])[unit]
        except systemd.NoAnswer as error:
            return str(error)
        words = f"{state.get('ActiveState')} ({state.get('SubState')}), result {state.get('Result')}"
        if state.get("ExecMainStatus", "0") != "0":
            words += f", exit status {state['ExecMainStatus']}"
            if state.get("Result") in ("signal", "core-dump") and state["ExecMainStatus"] == str(int(signal.SIGSYS)):
                words += (
                    " (SIGSYS: a list of allowed system calls, its own or SystemCallFilter=, lacks one that was made)"
                )
        return words + _quoted(job.last_lines(self._run, unit))

    def _systemctl(self, verb: str, *units: str, limit: float = systemd.ANSWER) -> None:
        status, _unused_out, err = self._run(["systemctl", verb] + (["--", *list(units)] if units else []), limit)
        if status != 0 and verb != "reset-failed":  # which complains of a unit that has not failed
            raise systemd.SystemdError(f"systemctl {verb} failed: {quoted(err)}")


def _has_job(properties: systemd.Properties) -> bool:
    return properties.get("Job", "0") not in ("", "0")


def _address_taken(properties: systemd.Properties) -> bool:
    """Tell whether a .socket unit could not listen, which as a rule is because somebody else does."""
    return properties.get("Id", "").endswith(".socket") and properties.get("Result") == "resources"


def _first(pids: t.Sequence[int]) -> int:
    return pids[0] if pids else 0


def _quoted(text: str) -> str:
    said = quoted(text)
    return f"; it said: {said}" if said else ""


_PAUSE = 0.2


def wrong_sockets(run: systemd.Run, expected: t.Mapping[str, t.Any], wait: float) -> str:
    """Wait until the sockets of a unit are right; return what is wrong with them when the time is over, else ''.

    :param expected: C(expected) of the unit, as resolve_services gives it.
    :param wait: seconds
    """
    expectations = parse_expected([expected])
    answers = systemd.show(run, askable([expected["name"]]))
    unit = unit_from(expected["name"], answers.get(expected["name"]))
    question = Question(units=(unit,), pids=frozenset(), ports=frozenset(), expected=tuple(expectations))
    reader = PortableReader()
    answer = poll_until(
        lambda: Audit(question, reader).run(), wait, _PAUSE, enough=lambda answer: answer.compliant(expectations)
    )
    if answer.compliant(expectations):
        return ""
    found = answer.units[expected["name"]]
    verdicts = [answer.verdicts[record.inode] for record in answer.records]
    seen = next((f" ({verdict.detail})" for verdict in verdicts if verdict.reason and verdict.detail), "")
    reasons = ", ".join(f"{reason} x {count}" for reason, count in sorted(found["reasons"].items()))
    return f"live sockets are wrong: {reasons or 'fewer than min_sockets'}{seen}"
