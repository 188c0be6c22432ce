# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One audit: select processes, sweep their sockets, judge each record, sum up by unit."""

from __future__ import annotations

import os
import typing as t

from ..linux import answering
from ..linux.procfs import HOST, Proc
from ..linux.procnet import STATES
from ..live.memory import Memory
from ..live.origin import Look
from ..settings.expectation import Expectation
from ..settings.options import LIBRARY_DIR
from ..sockets.access import Reader
from ..sockets.record import Record, Verdict, without_judgement
from ..sockets.sweep import Sample, Sweep
from ..units import dropin
from ..units.asked import AskedUnit, with_members
from .answer import Answer, Question, importance
from .case import Places
from .counted_for import aliases_among, counted_for, listeners_of_units, owners_of
from .judge import Judge
from .summary import NO_PROGRAMS, ProgramsFound, summarize

if t.TYPE_CHECKING:
    from .unit_programs import UnitPrograms


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

    def judge(self, records: t.Sequence[Record], expectation: Expectation) -> t.Dict[int, Verdict]:
        """Say of sockets that run() has read what comes of something that is asked of them, and of no unit."""
        return self._judge.judge(records, expectation)

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
        if 1 in self._unit_of and any(unit.is_socket for unit in question.units):
            selected.add(1)
        self._sweep.take(selected, Sample(question.sample, question.takes) if question.sample else None)
        found = self._sweep.records.values()
        listeners = listeners_of_units(question.units, found, self._systemd_inodes)
        records = [counted_for(record, listeners) for record in found]
        owners = owners_of(question.units, records, listeners)
        kept = [record for record in records if self._is_kept(record, owners.get(record.inode))]
        by_name: t.Dict[str, t.List[Record]] = {unit.name: [] for unit in question.units}
        for record in kept:
            unit = owners.get(record.inode)
            if unit is not None:
                by_name[unit.name].append(record)
            elif question.whole_host:
                by_name.setdefault(record.unit, []).append(record)
        for alias, name in aliases_among(question.units):
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

    def _is_kept(self, record: Record, owner: t.Optional[AskedUnit]) -> bool:
        if not self._question.takes(record.state, record.local, record.remote):
            return False
        return self._question.whole_host or owner is not None or not self._picked.isdisjoint(record.pids)
