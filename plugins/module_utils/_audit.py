# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One audit: select processes, sweep their sockets, judge each record, sum up by unit."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _causes, _procfs
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import (
    WINDOW_CLAMP_FLOOR,
    Expectation,
    compare,
)
from ansible_collections.netops.keepalive.plugins.module_utils._options import LIBRARY_DIR
from ansible_collections.netops.keepalive.plugins.module_utils._sockets import Reader, Record, Sweep
from ansible_collections.netops.keepalive.plugins.module_utils._unit_processes import Unit

_HANDED_OVER_MARGIN = 2.0
"""Seconds that a connection has to be older than its unit's processes before that counts as shown."""


class Question(t.NamedTuple):
    """What is asked, the same for every poll."""

    units: t.Tuple[Unit, ...]
    pids: t.FrozenSet[int]
    ports: t.FrozenSet[int]
    expected: t.Tuple[Expectation, ...]

    @property
    def whole_host(self) -> bool:
        """Tell whether neither units nor processes narrow the selection."""
        return not self.units and not self.pids


class Answer(t.NamedTuple):
    """What one pass found."""

    records: t.List[Record]
    units: t.Dict[str, t.Dict[str, t.Any]]
    unreadable: t.Dict[int, str]

    def compliant(self, expected: t.Iterable[Expectation]) -> bool:
        """Tell whether every unit that something is expected of is as it should be."""
        return all(self.units[expectation.name]["ok"] for expectation in expected)


class Audit:
    """The judgement over one sweep."""

    def __init__(
        self,
        question: Question,
        reader: Reader,
        *,
        root: str = _procfs.PROC,
        library_dir: str = LIBRARY_DIR,
        clamp_floor: int = WINDOW_CLAMP_FLOOR,
    ) -> None:
        self._question = question
        self._root = root
        self._library_dir = library_dir
        self._clamp_floor = clamp_floor
        self._facts: t.Dict[int, _causes.ProcessFacts] = {}
        self._ages: t.Dict[str, float] = {}
        self._unit_of = self._read_units()
        self._systemd_inodes = self._inodes_of_systemd()
        self._sweep = Sweep(reader, self._unit_of, root)

    def run(self) -> Answer:
        """Do it."""
        question = self._question
        selected = {
            pid
            for pid, unit in self._unit_of.items()
            if question.whole_host or pid in question.pids or any(wanted.holds(unit) for wanted in question.units)
        }
        sockets_asked = [unit for unit in question.units if unit.is_socket]
        self._sweep.take(selected | ({1} if sockets_asked and 1 in self._unit_of else set()))
        records = list(self._sweep.records.values())
        owners = self._owners_of(records, sockets_asked)
        kept = [record for record in records if self._is_kept(record, owners.get(record.inode))]
        by_name: t.Dict[str, t.List[Record]] = {unit.name: [] for unit in question.units}
        for record in kept:
            unit = owners.get(record.inode)
            if unit is not None:
                by_name[unit.name].append(record)
            elif question.whole_host:
                by_name.setdefault(record.unit, []).append(record)
        for alias, name in self._aliases():
            by_name[alias] = by_name[name]
        expectations = {expectation.name: expectation for expectation in question.expected}
        for name, expectation in expectations.items():
            self._judge(by_name[name], expectation)
        units = {unit.name: unit for unit in question.units}
        summaries = {
            name: self._summary(name, members, units.get(name), expectations.get(name))
            for name, members in sorted(by_name.items())
            if name
        }
        kept.sort(key=_importance)
        return Answer(kept, summaries, dict(self._sweep.unreadable))

    def _read_units(self) -> t.Dict[int, str]:
        prefix = _procfs.manager_prefix(self._root)
        question = self._question
        listed = set(_procfs.list_pids(self._root))
        pids = listed if question.units or question.whole_host else listed & (question.pids | {1})
        return {pid: _procfs.unit_of(pid, prefix, self._root) for pid in pids}

    def _inodes_of_systemd(self) -> t.FrozenSet[int]:
        try:
            return frozenset(inode for _descriptor, inode in _procfs.socket_descriptors(1, self._root))
        except OSError:
            return frozenset()

    def _owners_of(self, records: t.List[Record], sockets: t.List[Unit]) -> t.Dict[int, Unit]:
        """Say which of the units that were asked for each record counts for: a .socket unit before its service."""
        listeners = {
            record.inode: unit
            for unit in sockets
            for record in records
            if record.inode in self._systemd_inodes and record.state == "LISTEN" and unit.listens_on(record.local)
        }
        # The exact name before the template or pattern.
        services = sorted(
            (unit for unit in self._question.units if not unit.is_socket), key=lambda unit: "*" in unit.patterns[0]
        )
        by_unit = {
            name: next((unit for unit in services if unit.holds(name)), None)
            for name in {record.unit for record in records}
        }
        owners: t.Dict[int, Unit] = {}
        for record in records:
            through = [listeners[inode] for inode in sorted(record.listeners | {record.inode}) if inode in listeners]
            owner = through[0] if through else by_unit[record.unit]
            if owner is not None:
                owners[record.inode] = owner
            if through:
                record.unit = through[0].name
        return owners

    def _aliases(self) -> t.Iterator[t.Tuple[str, str]]:
        """Yield the names that stand for a unit that was listed before by another name, with that name."""
        first: t.Dict[t.Tuple[str, ...], str] = {}
        for unit in self._question.units:
            if not unit.is_socket and first.setdefault(unit.patterns, unit.name) != unit.name:
                yield unit.name, first[unit.patterns]

    def _is_kept(self, record: Record, owner: t.Optional[Unit]) -> bool:
        question = self._question
        if question.ports:
            remote = record.remote[1] if record.remote else None
            if record.local[1] not in question.ports and remote not in question.ports:
                return False
        return question.whole_host or owner is not None or not question.pids.isdisjoint(record.pids)

    def _judge(self, records: t.List[Record], expectation: Expectation) -> None:
        for record in records:
            record.relevant = expectation.concerns(record.direction)
            if record.relevant and record.readable:
                record.wrong = compare(record.subject(), expectation, self._clamp_floor)
                record.compliant = not record.wrong
        witnesses = {pid for record in records if record.compliant for pid in record.pids}
        right_listeners = {record.inode for record in records if record.compliant and record.state == "LISTEN"}
        for record in records:
            if record.wrong:
                cause = self._explain(record, expectation, witnesses, right_listeners)
                record.reason, record.detail = cause.reason, cause.detail
                record.candidates = cause.candidates or (cause.reason,)

    def _explain(
        self, record: Record, expectation: Expectation, witnesses: t.Set[int], right_listeners: t.Set[int]
    ) -> _causes.Cause:
        if expectation.by_systemd:
            unit = next(unit for unit in self._question.units if unit.name == expectation.name)
            listener_right = bool(record.listeners) and record.listeners <= right_listeners
            return _causes.explain_systemd(record.wrong, record.subject(), expectation, unit.directives, listener_right)
        oldest = self._age_of(record.unit, record.pids) + _HANDED_OVER_MARGIN
        evidence = _causes.Evidence(
            inherited=self._is_inherited(record),
            older=record.idle is not None and record.idle > oldest,
            witness=not witnesses.isdisjoint(record.pids),
        )
        facts = self._facts_of(record.owner[0])
        return _causes.explain(record.wrong, record.subject(), expectation, facts, evidence, self._library_dir)

    def _is_inherited(self, record: Record) -> bool:
        if record.direction not in ("listening", "accepted"):
            return False
        inodes = record.listeners or {record.inode}
        if not self._systemd_inodes.isdisjoint(inodes):
            return True
        return any(self._was_passed(self._sweep.records[inode]) for inode in inodes if inode in self._sweep.records)

    def _was_passed(self, listener: Record) -> bool:
        """Tell whether the service got this listener by sd_listen_fds(3); serves when systemd has closed its own."""
        pid, descriptor = listener.owner
        environment = self._facts_of(pid).environment or {}
        count = environment.get("LISTEN_FDS", "")
        return environment.get("LISTEN_PID") == str(pid) and count.isdigit() and 3 <= descriptor < 3 + int(count)

    def _facts_of(self, pid: int) -> _causes.ProcessFacts:
        if pid not in self._facts:
            self._facts[pid] = _causes.gather(pid, self._root)
        return self._facts[pid]

    def _age_of(self, unit: str, pids: t.List[int]) -> float:
        """Return for how long the oldest process of a unit has been running: its children inherit what it opened."""
        key = unit or ",".join(map(str, pids))
        if key not in self._ages:
            members = [pid for pid, name in self._unit_of.items() if name == unit] if unit else pids
            starts = [_procfs.started_at(pid, self._root) for pid in members]
            known = [start for start in starts if start is not None]
            # Outside of a unit nobody knows which process handed the socket down: then nothing is shown.
            self._ages[key] = _procfs.uptime(self._root) - min(known) if known and unit else float("inf")
        return self._ages[key]

    def _summary(
        self, name: str, records: t.List[Record], unit: t.Optional[Unit], expectation: t.Optional[Expectation]
    ) -> t.Dict[str, t.Any]:
        if unit is not None and not unit.is_socket:
            pids = sorted(pid for pid, member in self._unit_of.items() if unit.holds(member))
        else:
            pids = sorted({pid for record in records for pid in record.pids})
        running = bool(pids)
        if unit is not None and unit.is_socket:
            running = bool(records) if unit.active is None else unit.active
        relevant = [record for record in records if record.relevant]
        noncompliant = [record for record in relevant if record.compliant is False]
        hidden = [pid for pid in pids if pid in self._sweep.unreadable]
        if unit is not None and unit.is_socket and 1 in self._sweep.unreadable:
            hidden = [1]
        reasons: t.Dict[str, int] = {}
        for record in relevant:
            if record.reason is not None:
                reasons[record.reason] = reasons.get(record.reason, 0) + 1
        if hidden:
            reasons["unreadable"] = reasons.get("unreadable", 0) + len(hidden)
        accepted = (
            expectation is not None
            and bool(reasons)
            and (not hidden or "unreadable" in expectation.accept)
            and all(expectation.accept.issuperset(record.candidates) for record in relevant if record.reason)
        )
        found = unit is None or unit.load_state != "not-found"
        enough = expectation is None or not running or len(relevant) >= expectation.min_sockets
        return {
            "load_state": unit.load_state if unit is not None else None,
            "running": running,
            "pids": pids,
            "sockets": len(records),
            "relevant": len(relevant),
            "compliant": sum(1 for record in relevant if record.compliant),
            "noncompliant": len(noncompliant),
            "unknown": sum(1 for record in relevant if record.compliant is None),
            "unreadable_pids": hidden,
            "reasons": dict(sorted(reasons.items())),
            "accepted": accepted,
            "ok": found and enough and (not reasons or accepted),
        }


def _importance(record: Record) -> t.Tuple[int, str, int, int]:
    """Order records so that a bounded answer holds what is wrong first, then the unknown."""
    if record.compliant is False:
        rank = 0
    elif not record.readable:
        rank = 1
    else:
        rank = 2 if record.relevant else 3
    return rank, record.unit, record.owner[0], record.inode
