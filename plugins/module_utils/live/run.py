# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the values on all open sockets that concern the expectations, or put back what was there before.

Listeners come first, so that what they accept meanwhile has the values already. What is waiting in a listener's queue
then is set there, without anybody who holds it; where the kernel has no way to it, it is found by looking again. No
socket is set twice in one run: an application that insists on its own values wins.
"""

from __future__ import annotations

import typing as t

from ..linux.unreadable import Unreadable
from ..settings.expectation import Expectation
from ..sockets.access import Setter
from ..sockets.record import Record
from ..sockets.values import Applied, SocketOption
from .changes import (
    LIVE_OPTIONS,
    OptionValues,
    decide,
    settings_of,
)
from .memory import ChangeGroup, Memory, SocketChange, changes_of
from .origin import Look
from .results import Results, SocketResult, refusal

MOST_ROUNDS = 5

Planned = t.List[t.Tuple[SocketResult, OptionValues]]


class LiveRun:
    """One run over the sockets of a host."""

    def __init__(
        self,
        setter: Setter,
        memory: Memory,
        *,
        check: bool = False,
    ) -> None:
        self.results = Results()
        self.unreadable: t.Dict[int, str] = {}
        self._setter = setter
        self._memory = memory
        self._check = check

    def set(self, look: t.Callable[[], Look], expected: t.Iterable[Expectation]) -> None:
        """Give the sockets what is expected of them."""
        for _round in range(1 if self._check else MOST_ROUNDS):
            seen = look()
            self.unreadable = seen.unreadable
            planned = self._decide(seen)
            if not planned:
                break
            self._carry_out(planned)
            for result, _changes in planned:
                if result.after and not self._check and not result.record.waits:
                    unit = self._memory.of(result.unit)
                    unit.note(result.record.inode, result.before, result.after, result.change.listening)
                    unit.note_times(result.options)
        for expectation in expected:
            unit = self._memory.of(expectation.name)
            told = seen.verdicts.items()
            unit.seen = {inode for inode, verdict in told if verdict.expectation == expectation and inode > 0}
            unit.forget_closed(seen.records)

    def restore(self, look: t.Callable[[], Look], groups: t.Sequence[ChangeGroup]) -> None:
        """Put back what was there before, where it is still as it was set; then on what listeners have handed on."""
        wanted = changes_of(groups)
        for listeners in (True, False):
            seen = look()
            self.unreadable = seen.unreadable
            planned: Planned = []
            for unit, changes in wanted.items():
                for record, change in _to_restore(seen.records, changes, listeners):
                    if not record.readable:
                        self.results.add(unit, record, "unreadable")
                        continue
                    back = {name: value for name, value in change.before.items() if _has(record, name, change.after)}
                    result = self.results.add(unit, record, "left_alone")
                    if back:
                        planned.append((result, back))
            self._carry_out(planned)
        for unit, changes in wanted.items():
            for inode in changes:
                done = self.results.by_inode.get(inode)
                if unit in self._memory.units and done is not None and done.after:
                    self._memory.of(unit).note(inode, done.before, done.after, done.change.listening)

    def _decide(self, seen: Look) -> Planned:
        planned: Planned = []
        for inode, record in seen.records.items():
            verdict = seen.verdicts[inode]
            expectation = verdict.expectation
            if not verdict.relevant or expectation is None or inode in self.results.by_inode:
                continue
            if not record.readable:
                self.results.add(expectation.name, record, "unreadable")
                continue

            def ours(record: Record = record, expectation: Expectation = expectation) -> bool:
                return seen.origin.is_ours(record, expectation)

            decision = decide(record.subject(), expectation, seen.origin.kernel_of(record), ours)
            result = self.results.add(expectation.name, record, decision.outcome, decision.missing)
            if decision.outcome == "change":
                planned.append((result, decision.changes))
        return planned

    def _carry_out(self, planned: Planned) -> None:
        if self._check:
            for result, changes in planned:
                result.outcome = "changed"
                result.before = {name: _value(result.record, name) for name in changes}
                result.after = changes
            return
        for listening in (True, False):
            batch = [(r, changes) for r, changes in planned if (r.record.state == "LISTEN") is listening]
            self._apply({result.record.inode: (result, changes) for result, changes in batch})

    def _apply(self, pending: t.Dict[int, t.Tuple[SocketResult, OptionValues]]) -> None:
        """Set them through any process or thread that holds them: the first may have ended or closed its descriptor."""
        holders = {inode: iter(result.record.ways) for inode, (result, _changes) in pending.items()}
        for result, _changes in pending.values():
            result.outcome = "vanished"
        self._apply_at_once(pending)
        while pending:
            plans: t.Dict[t.Tuple[int, t.Optional[int]], t.Dict[int, t.Tuple[int, t.List[t.Tuple[int, int, int]]]]] = {}
            for inode in list(pending):
                holder = next(holders[inode], None)
                if holder is None:
                    result, _changes = pending.pop(inode)
                    if result.record.waits:  # it was accepted: the next look finds it with its process
                        del self.results.by_inode[inode]
                else:
                    plan = plans.setdefault((holder.pid, holder.thread), {})
                    plan[holder.descriptor] = (inode, settings_of(pending[inode][1]))
            for (pid, thread), plan in plans.items():
                try:
                    for applied in self._setter.apply(pid, plan, thread):
                        result, changes = pending.pop(plan[applied.descriptor][0])
                        _note(result, changes, applied)
                except Unreadable as error:
                    for inode, _settings in plan.values():
                        if inode in pending:
                            pending[inode][0].outcome = "unreadable"
                    self.unreadable.setdefault(pid, f"{error}: {error.remedy}")

    def _apply_at_once(self, pending: t.Dict[int, t.Tuple[SocketResult, OptionValues]]) -> None:
        """Set what can be set without those who hold it: all in the queues of listeners, and the rest of many."""
        namespaces: t.Dict[t.Optional[int], t.Dict[int, t.List[SocketOption]]] = {}
        many = 0 < self._setter.at_once_from <= len(pending)
        for key, (result, changes) in pending.items():
            if many or result.record.waits:
                namespaces.setdefault(result.record.namespace, {})[key] = settings_of(changes)
        for namespace, wanted in namespaces.items():
            for key, applied in self._setter.apply_at_once(namespace, wanted).items():
                result, changes = pending.pop(key)
                _note(result, changes, applied)


def _note(result: SocketResult, names: t.Iterable[str], applied: Applied) -> None:
    """Take over what the kernel said before, while and after the values were set."""
    for index, name in enumerate(names):
        before, after = applied.before[index], applied.after[index]
        if applied.errors[index]:
            result.refused[name] = refusal(applied.errors[index])
        if before is not None and after is not None:
            if before != after:
                result.before[name], result.after[name] = before, after
            if name != "keepalive":
                result.seen_after[name] = after
    done = "changed" if result.after else "right"  # somebody else was faster
    result.outcome = "refused" if result.refused else done


def _to_restore(
    records: t.Mapping[int, Record], changes: t.Mapping[int, SocketChange], listeners: bool
) -> t.Iterator[t.Tuple[Record, SocketChange]]:
    """Yield the listeners that were changed; or all others that were, and what was accepted since through those."""
    listening = {inode for inode, change in changes.items() if change.listening}
    for inode, record in records.items():
        if (inode in listening) is listeners and inode in changes:
            yield record, changes[inode]
        elif not listeners and inode not in changes:
            for listener in sorted(record.listeners & listening):
                change = changes[listener]
                if record.readable and all(_has(record, name, change.after) for name in change.after):
                    yield record, change
                    break


def _value(record: Record, name: str) -> int:
    return t.cast(int, record.keepalive if name == "keepalive" else record.options[name])


def _has(record: Record, name: str, values: OptionValues) -> bool:
    there = name == "keepalive" or (name in LIVE_OPTIONS and record.options.get(name) is not None)
    return there and _value(record, name) == values.get(name)
