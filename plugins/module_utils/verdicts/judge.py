# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement over the sockets of one unit: what is wrong with each, and why."""

from __future__ import annotations

import re
import typing as t

from ..linux import boot_clock, in_force
from ..live.memory import Memory
from ..processes.facts import DropIn, ProcessFacts, drop_in_of, gather_facts
from ..processes.said import said_before
from ..settings.expectation import Expectation
from ..settings.options import SYSTEM
from ..sockets.compare import AtLeast, Kernel, WrongOption, compare
from ..sockets.defaults import Kernels
from ..sockets.record import Record, Verdict, without_judgement
from ..sockets.sweep import Sweep
from ..units.asked import AskedUnit
from .case import NO_FACTS, Case, Cause, Evidence, Places
from .causes_live import LiveCauses

if t.TYPE_CHECKING:
    from .unit_programs import UnitPrograms

_HANDED_OVER_MARGIN = 0.1
"""Seconds that a connection has to be older than its unit's processes before that counts as shown.

Both are known to about 10 ms: a process's start is cut to a tick, and the kernel counts silence in jiffies, which lag
behind where the machine is busy. The silence is read first and the clock after it, so that delay makes nothing older.
"""

_UNKNOWN = float("-inf")


class Judge:
    """Judges the records of one sweep."""

    def __init__(
        self,
        sweep: Sweep,
        unit_of: t.Mapping[int, str],
        units: t.Sequence[AskedUnit],
        systemd_inodes: t.FrozenSet[int],
        places: Places,
        memory: t.Optional[Memory],
        programs: t.Callable[[], UnitPrograms],
    ) -> None:
        """Take what is known.

        :param programs: called where a program is to set the options of some unit.
        """
        self._sweep = sweep
        self._programs = programs
        self._unit_of = unit_of
        self._units = units
        self._systemd_inodes = systemd_inodes
        self._places = places
        self._kernels = Kernels(places.proc)
        self._facts: t.Dict[int, ProcessFacts] = {}
        self._drop_ins: t.Dict[str, t.Optional[DropIn]] = {}
        self._starts: t.Dict[str, float] = {}
        self.live = LiveCauses(sweep, self._facts_of, memory, self._kernels, places.library_dir)

    def judge(self, records: t.Sequence[Record], expectation: Expectation) -> t.Dict[int, Verdict]:
        """Say of each record, by its inode, whether it is relevant, whether it is right, and why not."""
        verdicts = {record.inode: self._compare(record, expectation) for record in records}
        right = [record for record in records if verdicts[record.inode].compliant]
        witnesses = {pid for record in right for pid in record.pids}
        right_listeners = {record.inode for record in right if record.state == "LISTEN"}
        for record in records:
            verdict = verdicts[record.inode]
            if verdict.wrong:
                case = self._case(record, verdict.wrong, expectation, witnesses, right_listeners)
                cause = self.live.refine(_explain(case), case)
                verdicts[record.inode] = _with_cause(verdict, cause, record)
        return verdicts

    def _compare(self, record: Record, expectation: Expectation) -> Verdict:
        verdict = without_judgement(record)._replace(expectation=expectation)
        if not expectation.concerns(record.direction):
            return verdict
        if not record.readable:
            wrong = shown_by_timer(record, expectation)
            compliant = False if wrong else None
        else:
            by_default = SYSTEM in expectation.tcp.values()
            kernel = self._kernel_of(record) if by_default else self._kernels.anywhere
            wrong = compare(record.subject(), expectation, kernel)
            compliant = not wrong
            if wrong and expectation.by_program and record.protocol == "mptcp":
                compliant = None  # a program sets the options on the connection's parts, which it does not show
        return verdict._replace(relevant=True, compliant=compliant, wrong=tuple(wrong))

    def _kernel_of(self, record: Record) -> Kernel:
        return self._kernels.of(record.namespace, self._sweep.process_in(record.namespace))

    def _case(
        self,
        record: Record,
        wrong: t.Tuple[WrongOption, ...],
        expectation: Expectation,
        witnesses: t.Set[int],
        right_listeners: t.Set[int],
    ) -> Case:
        through_right = bool(record.listeners) and record.listeners <= right_listeners
        if expectation.by_systemd:
            unit = next(unit for unit in self._units if unit.name == expectation.name)
            drop_in = None if unit.listening_since is None else self._drop_in_of(unit.name)
            before = drop_in is not None and in_force.changed_since(drop_in.texts, unit.listening_since)
            evidence = Evidence(
                through_right_listener=through_right, directives=unit.directives, listens_since_before=before
            )
            return Case(record, wrong, expectation, evidence=evidence, places=self._places)
        if expectation.by_program:
            return self._case_of_program(record, wrong, expectation, through_right)
        oldest = self._age_of(record.unit) + _HANDED_OVER_MARGIN
        evidence = Evidence(
            inherited=self._inherited_from(record),
            older=record.idle is not None and record.idle > oldest,
            handed_over=self._was_handed_over(record),
            witness=not witnesses.isdisjoint(record.pids),
            through_right_listener=through_right,
            drop_in=self._drop_in_of(record.unit),
        )
        facts = self._facts_of(record.owner[0])
        return Case(record, wrong, expectation, facts, evidence, self._kernel_of(record), self._places)

    def _case_of_program(
        self, record: Record, wrong: t.Tuple[WrongOption, ...], expectation: Expectation, through_right: bool
    ) -> Case:
        # What systemd holds for a unit is of a cgroup of its own, which is in the slice as well.
        wide = expectation.name.endswith((".socket", ".slice"))
        subject = expectation.name if expectation.name.endswith(".slice") else record.unit
        programs = self._programs().of(subject)
        since = max((one.loaded for one in programs.ours()), default=0.0)
        started = self._started(record.unit)
        if record.direction == "listening" and expectation.name.endswith(".socket"):  # opened when systemd began to
            unit = next((unit for unit in self._units if unit.name == expectation.name), None)
            started = _UNKNOWN if unit is None or unit.listening_since is None else unit.listening_since
        drop_in = self._drop_in_of(subject)
        evidence = Evidence(
            inherited="" if wide else self._inherited_from(record),
            handed_over=not wide and self._was_handed_over(record),
            through_right_listener=through_right,
            drop_in=drop_in,
            programs=programs,
            unit_older=None if started == _UNKNOWN else started < boot_clock.cut_to_tick(since),
            older_than_program=record.idle is not None and record.idle > boot_clock.now() - since + _HANDED_OVER_MARGIN,
            said_before=said_before(drop_in),
        )
        return Case(record, wrong, expectation, NO_FACTS, evidence, self._kernel_of(record), self._places)

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
        environment = self._facts_of(pid).environment or {}
        count = environment.get("LISTEN_FDS", "")
        if environment.get("LISTEN_PID") != str(pid) or not re.fullmatch(r"[0-9]{1,9}", count):
            return False  # the process may have written anything there since
        return 3 <= descriptor < 3 + int(count)

    def _was_handed_over(self, record: Record) -> bool:
        """Tell whether systemd had this connection: in the file descriptor store, or accepted for the service."""
        if record.direction not in ("outgoing", "accepted") or record.pids == [1] or record.waits:
            return False
        return record.inode in self._systemd_inodes or self._was_passed(record)

    def _facts_of(self, pid: int) -> ProcessFacts:
        if pid not in self._facts:
            self._facts[pid] = gather_facts(pid, self._places.proc, self._unit_of.get(pid, ""))
        return self._facts[pid]

    def _drop_in_of(self, unit: str) -> t.Optional[DropIn]:
        if unit not in self._drop_ins:
            self._drop_ins[unit] = drop_in_of(unit, self._places.drop_ins) if unit else None
        return self._drop_ins[unit]

    def _age_of(self, unit: str) -> float:
        """Return for how long the oldest process of a unit has been running: its children inherit what it opened."""
        return boot_clock.now() - self._started(unit)

    def _started(self, unit: str) -> float:
        """Return when that process was started, in seconds since boot."""
        if not unit:
            return _UNKNOWN  # nobody knows which process handed the socket down: then nothing is shown
        if unit not in self._starts:
            members = [pid for pid, name in self._unit_of.items() if name == unit]
            readable = [pid for pid in members if pid not in self._sweep.unreadable]
            starts = [self._places.proc.started_at(pid) for pid in readable]
            known = [start for start in starts if start is not None]
            self._starts[unit] = min(known, default=_UNKNOWN)
        return self._starts[unit]


def _explain(case: Case) -> Cause:
    """Say why; what tells reasons apart is imported where there is something to explain, which is seldom."""
    if case.expectation.by_program:
        from .causes_program import explain_by_program

        return explain_by_program(case)
    from .causes import explain, explain_systemd

    return explain_systemd(case) if case.expectation.by_systemd else explain(case)


def _with_cause(verdict: Verdict, cause: Cause, record: Record) -> Verdict:
    unread = "" if record.readable else f" {record.why_unreadable}"
    candidates = cause.candidates or (cause.reason,)
    return verdict._replace(reason=cause.reason, candidates=candidates, detail=cause.detail + unread)


def shown_by_timer(record: Record, expectation: Expectation) -> t.List[WrongOption]:
    """List what is shown to be wrong where only the keepalive timer can be seen. Nothing is shown to be right by it."""
    if record.keepalive is False:
        return [WrongOption("keepalive", False, True)]
    idle, interval = (expectation.tcp.get(name, SYSTEM) for name in ("keepidle", "keepintvl"))
    if record.timer is None or SYSTEM in (idle, interval) or record.timer <= max(idle, interval):
        return []
    # It is set to the idle time, or between probes to the interval, and then only gets less.
    return [WrongOption("keepidle", AtLeast(record.timer), idle)]
