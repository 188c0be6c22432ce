# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One audit: select processes, sweep their sockets, judge each record, sum up by unit."""

from __future__ import annotations

import os
import typing as t

from ..linux import answering
from ..linux.procfs import HOST, Proc
from ..linux.procnet import STATES, Address, Row
from ..live.memory import Memory
from ..live.origin import Look
from ..settings.expectation import Expectation
from ..settings.options import LIBRARY_DIR
from ..settings.pattern import fits
from ..sockets.access import Reader
from ..sockets.record import Record, Verdict, without_judgement
from ..sockets.shares import share_out
from ..sockets.sweep import Sample, Sweep
from ..units import dropin
from ..units.asked import AskedUnit, with_members
from .case import Places
from .judge import Judge
from .summary import NO_PROGRAMS, ProgramsFound, summarize

if t.TYPE_CHECKING:
    from .unit_programs import UnitPrograms


class Question(t.NamedTuple):
    """What is asked, the same for every poll."""

    units: t.Tuple[AskedUnit, ...]
    pids: t.FrozenSet[int]
    ports: t.FrozenSet[int]
    expected: t.Tuple[Expectation, ...]
    processes: t.Tuple[str, ...] = ()
    """Patterns of executables: of their paths where a pattern has a slash, else of their names."""
    states: t.FrozenSet[str] = frozenset()
    sample: int = 0
    """How many connections of each unit are read at most; 0: all."""

    @property
    def whole_host(self) -> bool:
        """Tell whether neither units nor processes narrow the selection."""
        return not self.units and not self.pids and not self.processes

    def takes_program(self, path: str) -> bool:
        """Tell whether a program is one of the processes that were asked for."""
        name = os.path.basename(path)
        return any(fits(pattern, path if "/" in pattern else name) for pattern in self.processes)

    def takes(self, state: str, local: Address, remote: t.Optional[Address]) -> bool:
        """Tell whether a socket passes the filters of ports and states."""
        if self.states and state not in self.states:
            return False
        return not self.ports or local[1] in self.ports or (remote is not None and remote[1] in self.ports)


class Answer(t.NamedTuple):
    """What one pass found."""

    records: t.List[Record]
    verdicts: t.Mapping[int, Verdict]
    """What is said of each of the records, by its inode."""
    units: t.Dict[str, t.Dict[str, t.Any]]
    unreadable: t.Dict[int, str]
    not_read: int = 0
    """How many connections a sample left out."""
    unowned: t.Sequence[Row] = ()
    """Where the whole host is read: the sockets that no process was found to hold."""
    damages: t.Tuple[str, ...] = ()
    """What could not be believed of what was remembered of the sockets; to be told."""

    def shown(self, most: int) -> t.List[Record]:
        """Return so many records at most (0: all), those that are wrong first; no user's take the places of others'."""

        def rank(record: Record) -> int:
            return importance(record, self.verdicts[record.inode])

        return share_out(self.records, most, lambda record: record.account, rank)

    def dict_of(self, record: Record) -> t.Dict[str, t.Any]:
        """Return what the module gives out of a socket."""
        return {**record.as_dict(), **self.verdicts[record.inode].as_dict()}

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
        proc: Proc = HOST,
        library_dir: str = LIBRARY_DIR,
        drop_ins: str = dropin.DIRECTORY,
        memory: t.Optional[Memory] = None,
    ) -> None:
        self._question = question
        self._proc = proc
        self._unit_of = self._read_units()
        if any(unit.is_slice for unit in question.units):
            question = question._replace(units=with_members(question.units, self._unit_of, proc))
            self._question = question
        self._silent = answering.find_silent(self._unit_of, proc)
        self._systemd_inodes = self._inodes_of_systemd()
        self._picked = self._pick()
        self._sweep = Sweep(reader, self._unit_of, proc, question.whole_host, self._silent)
        places = Places(proc, library_dir, drop_ins)
        self._programs: t.Optional[UnitPrograms] = None
        self._drop_ins = drop_ins
        self._judge = Judge(
            self._sweep, self._unit_of, question.units, self._systemd_inodes, places, memory, lambda: self.programs
        )

    @property
    def programs(self) -> UnitPrograms:
        """The programs that run for the sockets of units; what asks for them is imported only where somebody does."""
        if self._programs is None:
            from .unit_programs import UnitPrograms

            self._programs = UnitPrograms(self._unit_of, self._question.units, self._proc)
        return self._programs

    def look(self) -> Look:
        """Return what the run over these sockets needs to know that is to set them."""
        answer = self.run()
        records = {record.inode: record for record in answer.records}
        return Look(records, answer.verdicts, self._judge.live.origin, answer.unreadable)

    def run(self) -> Answer:
        """Read the sockets that were asked for, and judge them."""
        question = self._question
        selected = {
            pid
            for pid, unit in self._unit_of.items()
            if question.whole_host or pid in self._picked or any(wanted.holds(unit) for wanted in question.units)
        }
        sockets_asked = [unit for unit in question.units if unit.is_socket]
        if sockets_asked and 1 in self._unit_of:
            selected.add(1)
        self._sweep.take(selected, Sample(question.sample, question.takes) if question.sample else None)
        listeners = self._listeners_of(sockets_asked)
        records = [_counted_for(record, listeners) for record in self._sweep.records.values()]
        owners = self._owners_of(records, listeners)
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
        expectations = {one.name: self._with_backend(one) for one in question.expected}
        verdicts = {record.inode: without_judgement(record) for record in kept}
        for name, expectation in expectations.items():
            verdicts.update(self._judge.judge(by_name[name], expectation))
        if self._proc_hides_others():
            self._sweep.unreadable[1] = (
                "/proc hides the processes of other users (hidepid=): run as root (become: true)"
            )
        units = {unit.name: unit for unit in question.units}
        summaries = {
            name: self._summary(name, members, verdicts, units.get(name), expectations.get(name))
            for name, members in sorted(by_name.items())
            if name
        }
        kept.sort(key=lambda each: (importance(each, verdicts[each.inode]), each.unit, each.owner[0], each.inode))
        unowned = self._sweep.unowned() if question.whole_host else ()
        return Answer(
            kept,
            verdicts,
            summaries,
            dict(self._sweep.unreadable),
            sum(self._sweep.not_read.values()),
            [row for row in unowned if question.takes(STATES.get(row.state, ""), row.local, row.remote)],
            self._judge.live.damages,
        )

    def _pick(self) -> t.Set[int]:
        """Choose the processes that were asked for by number or program."""
        question = self._question
        if not question.processes:
            return set(question.pids)
        programs = {pid: self._proc.program_of(pid) for pid in self._unit_of if pid not in self._silent}
        return {pid for pid, program in programs.items() if question.takes_program(program)} | question.pids

    def _read_units(self) -> t.Dict[int, str]:
        question = self._question
        listed = set(self._proc.pids())
        everybody = question.units or question.processes or question.whole_host
        pids = listed if everybody else listed & (question.pids | {1})
        return {pid: self._proc.unit_of(pid) for pid in pids}

    def _inodes_of_systemd(self) -> t.FrozenSet[int]:
        try:
            return frozenset(self._proc.socket_descriptors(1).values())
        except OSError:
            return frozenset()

    def _proc_hides_others(self) -> bool:
        """Tell whether processes are hidden from us: process 1 is always there."""
        root = self._proc.root
        return os.path.isdir(os.path.join(root, "self")) and not os.path.exists(os.path.join(root, "1"))

    def _summary(
        self,
        name: str,
        records: t.Sequence[Record],
        verdicts: t.Mapping[int, Verdict],
        unit: t.Optional[AskedUnit],
        expectation: t.Optional[Expectation],
    ) -> t.Dict[str, t.Any]:
        if unit is not None and not unit.is_socket:
            pids = sorted(pid for pid, member in self._unit_of.items() if unit.holds(member))
        else:
            pids = sorted({pid for record in records for pid in record.pids})
        unreadable = self._sweep.unreadable
        hidden = [pid for pid in pids if pid in unreadable]
        # Of processes that are hidden nobody knows which unit they are of.
        if (
            unit is not None
            and 1 in unreadable
            and (unit.is_socket or 1 not in self._unit_of)
            and unit.may_have_processes is not False
        ):
            hidden = [1]
        not_read = sum(
            count
            for member, count in self._sweep.not_read.items()
            if (unit.holds(member) if unit is not None else member == name)
        )
        elsewhere: t.List[str] = []
        if unit is not None and unit.may_stand_for_others and not pids and not hidden:
            elsewhere = sorted(set(unit.parts).intersection(self._unit_of.values()))
        found = [verdicts[record.inode] for record in records]
        programs = NO_PROGRAMS
        if expectation is not None and expectation.by_program:
            programs = self._programs_of(expectation, unit, pids)
        return summarize(found, pids, hidden, unit, expectation, not_read, elsewhere, programs)

    def _with_backend(self, expectation: Expectation) -> Expectation:
        if expectation.backend != "auto":
            return expectation
        from .unit_programs import decide_backend

        return decide_backend(expectation, self._drop_ins, self.programs)

    def _programs_of(
        self, expectation: Expectation, unit: t.Optional[AskedUnit], pids: t.Sequence[int]
    ) -> ProgramsFound:
        """Look at what is attached to the unit's cgroup, or to those of all that it stands for."""
        from .unit_programs import look_at_programs

        units = sorted({self._unit_of[pid] for pid in pids})
        if unit is not None and (unit.is_socket or unit.is_slice):
            units = [unit.name] if unit.may_have_processes else []
        return look_at_programs(expectation, units, self.programs)

    def _listeners_of(self, sockets: t.List[AskedUnit]) -> t.Dict[int, AskedUnit]:
        """Return the listeners of the .socket units that were asked for, by inode."""
        return {
            record.inode: unit
            for unit in sockets
            for record in self._sweep.records.values()
            if record.inode in self._systemd_inodes and record.state == "LISTEN" and unit.listens_on(record.local)
        }

    def _owners_of(self, records: t.List[Record], listeners: t.Mapping[int, AskedUnit]) -> t.Dict[int, AskedUnit]:
        """Say which of the units that were asked for each record counts for: a .socket unit before its service."""
        # The exact name before the template or pattern, and what is within a slice before the slice.
        services = sorted(
            (unit for unit in self._question.units if not unit.is_socket),
            key=lambda unit: (unit.is_slice, -unit.name.count("-") if unit.is_slice else "*" in unit.patterns[0]),
        )
        by_unit = {
            name: next((unit for unit in services if unit.holds(name)), None)
            for name in {record.unit for record in records}
        }
        owners: t.Dict[int, AskedUnit] = {}
        for record in records:
            owner = _came_through(record, listeners) or by_unit[record.unit]
            if owner is not None:
                owners[record.inode] = owner
        return owners

    def _aliases(self) -> t.Iterator[t.Tuple[str, str]]:
        """Yield the names that stand for a unit that was listed before by another name, with that name."""
        first: t.Dict[t.Tuple[str, ...], str] = {}
        for unit in self._question.units:
            if not (unit.is_socket or unit.is_slice) and first.setdefault(unit.patterns, unit.name) != unit.name:
                yield unit.name, first[unit.patterns]

    def _is_kept(self, record: Record, owner: t.Optional[AskedUnit]) -> bool:
        if not self._question.takes(record.state, record.local, record.remote):
            return False
        return self._question.whole_host or owner is not None or not self._picked.isdisjoint(record.pids)


def _came_through(record: Record, listeners: t.Mapping[int, AskedUnit]) -> t.Optional[AskedUnit]:
    """Return the .socket unit whose listener a socket is, or came through; None where there is none."""
    inodes = sorted(record.listeners | {record.inode})
    return next((listeners[inode] for inode in inodes if inode in listeners), None)


def _counted_for(record: Record, listeners: t.Mapping[int, AskedUnit]) -> Record:
    """Return the record as that of the .socket unit that it came through, where it did through one."""
    unit = _came_through(record, listeners)
    return record if unit is None else record._replace(unit=unit.name)


def importance(record: Record, verdict: Verdict) -> int:
    """Order records so that a bounded answer holds what is wrong first, then the unknown."""
    if verdict.compliant is False:
        return 0
    if not record.readable:
        return 1
    return 2 if verdict.relevant else 3
