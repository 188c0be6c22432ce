# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement over the sockets of one unit: what is wrong with each, and why."""

from __future__ import annotations

import re
import typing as t

from ..linux import boot_clock
from ..linux.procfs import HOST, Proc
from ..live.memory import Memory
from ..processes import facts as processes_facts
from ..settings.options import LIBRARY_DIR, SYSTEM
from ..sockets.compliance import (
    LINUX_DEFAULTS,
    WINDOW_CLAMP_FLOOR,
    AtLeast,
    Expectation,
    Wrong,
    compare,
)
from ..sockets.defaults import SystemDefaults
from ..sockets.sweep import Record, Sweep
from ..units import dropin
from ..units.asked import Unit
from . import causes
from .causes_live import LiveCauses
from .causes_systemd import explain_systemd

_HANDED_OVER_MARGIN = 0.1
"""Seconds that a connection has to be older than its unit's processes before that counts as shown.

Both are known to about 10 ms: a process's start is cut to a tick, and the kernel counts silence in jiffies, which lag
behind where the machine is busy. The silence is read first and the clock after it, so that delay makes nothing older.
"""


class Places(t.NamedTuple):
    """Where things are; tests have them elsewhere."""

    proc: Proc = HOST
    library_dir: str = LIBRARY_DIR
    drop_ins: str = dropin.DIRECTORY


class Judge:
    """Judges the records of one sweep."""

    def __init__(
        self,
        sweep: Sweep,
        unit_of: t.Mapping[int, str],
        units: t.Sequence[Unit],
        systemd_inodes: t.FrozenSet[int],
        places: Places,
        clamp_floor: int = WINDOW_CLAMP_FLOOR,
        memory: t.Optional[Memory] = None,
    ) -> None:
        self._sweep = sweep
        self._unit_of = unit_of
        self._units = units
        self._systemd_inodes = systemd_inodes
        self._places = places
        self._clamp_floor = clamp_floor
        self._defaults = SystemDefaults(places.proc)
        self._facts: t.Dict[t.Tuple[int, str], processes_facts.ProcessFacts] = {}
        self._drop_ins: t.Dict[str, t.Optional[processes_facts.DropIn]] = {}
        self._ages: t.Dict[str, float] = {}
        self.live = LiveCauses(sweep, self._facts_of, memory, self._defaults, places.library_dir)

    def judge(self, records: t.Sequence[Record], expectation: Expectation) -> None:
        """Say of each record whether it is relevant, whether it is right, and why not."""
        by_default = SYSTEM in expectation.tcp.values()
        for record in records:
            record.expectation = expectation
            record.relevant = expectation.concerns(record.direction)
            if not record.relevant:
                continue
            if not record.readable:
                record.wrong = shown_by_timer(record, expectation)
                record.compliant = False if record.wrong else None
            else:
                defaults = self._defaults_of(record) if by_default else None
                record.wrong = compare(record.subject(), expectation, self._clamp_floor, defaults)
                record.compliant = not record.wrong
        witnesses = {pid for record in records if record.compliant for pid in record.pids}
        right_listeners = {record.inode for record in records if record.compliant and record.state == "LISTEN"}
        for record in records:
            if record.wrong:
                cause = self._explain(record, expectation, witnesses, right_listeners)
                cause = self.live.refine(cause, record, expectation)
                unread = "" if record.readable else f" {record.detail}"
                record.reason, record.detail = cause.reason, cause.detail + unread
                record.candidates = cause.candidates or (cause.reason,)

    def _defaults_of(self, record: Record) -> t.Optional[t.Mapping[str, int]]:
        return self._defaults.of(record.namespace, self._sweep.process_in(record.namespace))

    def _explain(
        self, record: Record, expectation: Expectation, witnesses: t.Set[int], right_listeners: t.Set[int]
    ) -> causes.Cause:
        through_right = bool(record.listeners) and record.listeners <= right_listeners
        if expectation.by_systemd:
            unit = next(unit for unit in self._units if unit.name == expectation.name)
            return explain_systemd(record.wrong, record.subject(), expectation, unit.directives, through_right)
        oldest = self._age_of(record.unit, record.pids) + _HANDED_OVER_MARGIN
        evidence = causes.Evidence(
            inherited=self._inherited_from(record),
            older=record.idle is not None and record.idle > oldest,
            handed_over=self._was_handed_over(record),
            witness=not witnesses.isdisjoint(record.pids),
            through_right_listener=through_right,
            drop_in=self._drop_in_of(record.unit),
            defaults=self._defaults_of(record) or LINUX_DEFAULTS,
        )
        facts = self._facts_of(record.owner[0], record.unit)
        places = self._places
        return causes.explain(
            record.wrong, record.subject(), expectation, facts, evidence, places.library_dir, places.proc
        )

    def _inherited_from(self, record: Record) -> str:
        """Say where a listener, or that of a connection, was opened, where it is shown that it was not the service."""
        if record.direction not in ("listening", "accepted"):
            return ""
        inodes = record.listeners or {record.inode}
        listeners = [self._sweep.records[inode] for inode in inodes if inode in self._sweep.records]
        passed = any(self._was_passed(listener) for listener in listeners)
        if self._systemd_inodes.isdisjoint(inodes) and not passed:
            return ""
        names = {
            unit.name
            for unit in self._units
            if unit.is_socket and any(unit.listens_on(listener.local) for listener in listeners)
        } or {name for unit in self._units if unit.holds(record.unit) for name in unit.triggered_by}
        where = (
            f"set the values in an entry for {' or '.join(sorted(names))}."
            if names
            else (
                "set the values in an entry for its .socket unit; where it comes from the file descriptor store, "
                "stop and start the service."
            )
        )
        return f"systemd holds this listener and passed it to the service, which did not open it itself: {where}"

    def _was_passed(self, record: Record) -> bool:
        """Tell whether the service got it by sd_listen_fds(3); serves when systemd has closed its own."""
        pid, descriptor = record.owner
        environment = self._facts_of(pid, record.unit).environment or {}
        count = environment.get("LISTEN_FDS", "")
        if environment.get("LISTEN_PID") != str(pid) or not re.fullmatch(r"[0-9]{1,9}", count):
            return False  # the process may have written anything there since
        return 3 <= descriptor < 3 + int(count)

    def _was_handed_over(self, record: Record) -> bool:
        """Tell whether systemd had this connection: in the file descriptor store, or accepted for the service."""
        if record.direction not in ("outgoing", "accepted") or record.pids == [1]:
            return False
        return record.inode in self._systemd_inodes or self._was_passed(record)

    def _facts_of(self, pid: int, unit: str) -> processes_facts.ProcessFacts:
        if (pid, unit) not in self._facts:
            self._facts[pid, unit] = processes_facts.gather(pid, self._places.proc, self._unit_of.get(pid, ""))
        return self._facts[pid, unit]

    def _drop_in_of(self, unit: str) -> t.Optional[processes_facts.DropIn]:
        if unit not in self._drop_ins:
            self._drop_ins[unit] = processes_facts.drop_in_of(unit, self._places.drop_ins) if unit else None
        return self._drop_ins[unit]

    def _age_of(self, unit: str, pids: t.List[int]) -> float:
        """Return for how long the oldest process of a unit has been running: its children inherit what it opened."""
        key = unit or ",".join(map(str, pids))
        if key not in self._ages:
            members = [pid for pid, name in self._unit_of.items() if name == unit] if unit else pids
            readable = [pid for pid in members if pid not in self._sweep.unreadable]
            starts = [self._places.proc.started_at(pid) for pid in readable]
            known = [start for start in starts if start is not None]
            # Outside of a unit nobody knows which process handed the socket down: then nothing is shown.
            self._ages[key] = boot_clock.now() - min(known) if known and unit else float("inf")
        return self._ages[key]


def shown_by_timer(record: Record, expectation: Expectation) -> t.List[Wrong]:
    """List what is shown to be wrong where only the keepalive timer can be seen. Nothing is shown to be right by it."""
    if record.keepalive is False:
        return [Wrong("keepalive", False, True)]
    idle, interval = (expectation.tcp.get(name, SYSTEM) for name in ("keepidle", "keepintvl"))
    if record.timer is None or SYSTEM in (idle, interval) or record.timer <= max(idle, interval):
        return []
    # It is set to the idle time, or between probes to the interval, and then only gets less.
    return [Wrong("keepidle", AtLeast(record.timer), idle)]
