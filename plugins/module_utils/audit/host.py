# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every connection of a host against one idle timeout: summed up by unit, program and direction, with what to do.

What a host of 20,000 sockets gives out is as small as what one of 20 does: counts, a few peers, one advice a group.
"""

from __future__ import annotations

import collections
import os
import typing as t

from ..linux import answering, procnet, scripts
from ..linux.accounts import Account, label_of
from ..linux.collecting import without_collecting
from ..linux.procfs import HOST, Proc
from ..settings.options import LIBRARY_DIR
from ..sockets.access import Reader
from ..sockets.record import Record, stands_for
from ..sockets.shares import cut, share_out
from ..sockets.sweep import Sweep
from ..sockets.unowned import sum_up_unowned
from ..units import dropin
from .advice import Advice
from .adviser import Adviser, Whereabouts
from .ends import Ends, came_through, is_loopback, stays
from .group import COUNTED, Group, Key, Summary, merged_listeners
from .idle import VERDICTS, ended_by_user_timeout, judge, recommend

MOST_GROUPS = 200
MOST_OF_PEOPLE = 20
MOST_PEERS = 3
MOST_LISTENERS = 10
"""How many of each are listed; the counts are of all."""


class Terms(t.NamedTuple):
    """What counts."""

    idle_timeout: int
    include_local: bool = False
    """Connections that do not leave the host, and listeners on loopback addresses, count as well."""
    min_idle: float = 0
    """Connections on which data went in the last so many seconds are left out."""


class HostAudit:
    """One pass over all processes of a host."""

    def __init__(
        self,
        terms: Terms,
        reader: Reader,
        socket_units: t.Callable[[], t.Mapping[procnet.Address, str]],
        *,
        systemd_version: t.Callable[[], int] = lambda: 0,
        given_preload: t.Callable[[str], t.Optional[str]] = lambda unit: None,
        can_attach: t.Callable[[t.Mapping[str, t.Any]], bool] = lambda entry: False,
        proc: Proc = HOST,
        library_dir: str = LIBRARY_DIR,
        drop_ins: str = dropin.DIRECTORY,
    ) -> None:
        """Prepare the pass.

        :param socket_units: tells which .socket unit listens on an address; called where systemd holds a listener.
        :param systemd_version: called where a service shows its environment.
        :param given_preload: tells the LD_PRELOAD that systemd gives to a unit, None where that is not known; called
            where a process has one.
        :param can_attach: tells whether a BPF program can set here what an entry says; called where no library gets in.
        """
        self._terms = terms
        self._reader = reader
        self._socket_units = socket_units
        self._proc = proc
        places = Whereabouts(proc, library_dir, drop_ins)
        self._adviser = Adviser(recommend(terms.idle_timeout), places, systemd_version, given_preload, can_attach)
        self._scripts: t.Dict[int, str] = {}
        self._groups: t.Dict[t.Tuple[int, str, str, str], Group] = {}
        """By process, unit, program and direction: which group its connections belong to."""

    def run(self) -> Summary:
        """Read all sockets of the host, and sum them up."""
        with without_collecting():
            return self._run()

    def _run(self) -> Summary:
        pids = self._proc.pids()
        units = {pid: self._proc.unit_of(pid) for pid in pids}
        silent = answering.find_silent(pids, self._proc)
        sweep = Sweep(self._reader, units, self._proc, watched=True, silent=silent)
        sweep.take(pids)
        records = self._with_socket_units(sweep.records.values())
        connections = [
            record
            for record in records
            if record.state == "ESTABLISHED" and record.direction in ("outgoing", "accepted") and record.remote
        ]
        ends = Ends(() if self._terms.include_local else connections)
        ours = self._proc.ancestors(os.getpid())
        groups: t.Dict[Key, Group] = {}
        left_out = dict.fromkeys(("local", "recent", "ansible"), 0)
        shown_by: t.Dict[int, t.Counter[str]] = {}
        for alike in _alike(connections):
            first, verdict = alike[0], self._judge(alike[0])
            for inode in came_through(first, sweep.records):
                shown_by.setdefault(inode, collections.Counter())[verdict] += len(alike)
            self._adviser.add(first, first.direction, verdict, len(alike))
            kept = []
            for record in alike:
                why = self._why_left_out(record, ends, ours)
                if why:
                    left_out[why] += 1
                else:
                    kept.append(record)
            if kept:
                ended_by = ended_by_user_timeout(first.options, self._terms.idle_timeout) if verdict == "tight" else 0
                self._group_of(first, first.direction, groups).add(kept, verdict, ended_by)
        for record in records:
            if record.state == "LISTEN":
                self._add_listener(record, shown_by.get(record.inode, collections.Counter()), groups)
        unowned = sum_up_unowned(row for row in sweep.unowned() if self._takes(row))
        return {**self._summary(groups, left_out, sweep.unreadable), "unowned": unowned}

    def _judge(self, record: Record) -> str:
        return judge(record.keepalive, record.options, self._terms.idle_timeout, record.timer)

    def _takes(self, row: procnet.Row) -> bool:
        if self._terms.include_local:
            return True
        return not (is_loopback(row.local[0]) if row.state == procnet.LISTEN else stays(row.local, row.remote))

    def _why_left_out(self, record: Record, ends: Ends, ours: t.AbstractSet[int]) -> str:
        for holder in record.holders:
            if holder.pid in ours:
                return "ansible"
        if not self._terms.include_local and ends.are_here(record):
            return "local"
        return "recent" if record.idle is not None and record.idle < self._terms.min_idle else ""

    def _with_socket_units(self, records: t.Collection[Record]) -> t.Collection[Record]:
        """Give the listeners that systemd holds, and what came through them, to the .socket unit."""
        held = {record.inode: record for record in records if record.state == "LISTEN" and 1 in record.pids}
        if not held:
            return records
        units = self._socket_units()
        names = {inode: units[record.local] for inode, record in held.items() if record.local in units}
        return [_named_by_listener(record, names) for record in records]

    def _group_of(self, record: Record, side: str, groups: t.Dict[Key, Group]) -> Group:
        pid = record.owner[0]
        same = pid, record.unit, record.program, side
        if same in self._groups:
            return self._groups[same]
        if pid not in self._scripts:
            self._scripts[pid] = self._script_of(pid, record.program)
        key = Key(label_of(record.unit), record.program, self._scripts[pid], side, record.account)
        group = self._groups[same] = groups.setdefault(key, Group())
        group.units.add(record.unit)
        group.pids.add(pid)
        return group

    def _script_of(self, pid: int, program: str) -> str:
        try:
            block = self._proc.content_of(pid, "cmdline", scripts.MOST_BYTES + 1)
        except OSError:
            return ""
        return scripts.script_of(program, scripts.arguments_of(block))

    def _add_listener(self, record: Record, shown: t.Counter[str], groups: t.Dict[Key, Group]) -> None:
        """Judge a listener by what came through it, where something did; else by what it would hand on.

        Of what a program is known to set on all that it accepts, the listener itself shows nothing.
        """
        verdict = self._judge(record)
        self._adviser.add(record, "accepted", verdict)
        if not self._terms.include_local and is_loopback(record.local[0]):
            return
        if shown and not (verdict == "right" and shown["right"]):  # both: those that are wrong are older than a reload
            wrong = {name: count for name, count in shown.items() if name != "right"}
            verdict = max(wrong, key=lambda name: wrong[name]) if wrong else "right"
        elif not shown and verdict == "without" and self._adviser.turns_it_on(record):
            verdict = self._judge(record._replace(keepalive=True))
        group = self._group_of(record, "accepted", groups)
        if verdict != "right" and (shown or not self._adviser.sets_times(record)):
            group.listeners.append(
                {**procnet.as_dict(record.local), "verdict": verdict, "shown_by": sum(shown.values())}
            )

    def _summary(
        self, groups: t.Mapping[Key, Group], left_out: t.Dict[str, int], unreadable: t.Mapping[int, str]
    ) -> Summary:
        listed = sorted(groups.items(), key=lambda item: (-item[1].findings, not item[1].listeners, item[0]))
        totals: t.Counter[str] = collections.Counter(dict.fromkeys(VERDICTS, 0))
        for _key, group in listed:
            totals.update(group.verdicts)

        def account(item: t.Tuple[Key, Group]) -> Account:
            return item[0].account

        shown = share_out(listed, MOST_GROUPS, account, lambda item: item[1].rank, MOST_OF_PEOPLE)
        advice = self._adviser.advise_all(shown)
        return {
            "idle_timeout": self._terms.idle_timeout,
            "recommended": recommend(self._terms.idle_timeout)._asdict(),
            "totals": {
                "connections": sum(totals.values()),
                **totals,
                "overdue": sum(self._overdue(group) for _key, group in listed),
                "listeners": sum(len(group.listeners) for _key, group in listed),
            },
            "left_out": left_out,
            "groups": [self._describe(key, group, advice.get(key)) for key, group in shown],
            "groups_total": len(listed),
            "groups_cut": cut(listed, shown, account, lambda item: item[1].counts(), COUNTED),
            "unreadable": {
                "processes": len(unreadable),
                "why": next((unreadable[pid] for pid in sorted(unreadable)), ""),
            },
        }

    def _overdue(self, group: Group) -> int:
        limit = self._terms.idle_timeout
        return len([silence for silence in group.silences if silence >= limit])

    def _describe(self, key: Key, group: Group, advice: t.Optional[Advice]) -> Summary:
        peers = group.peers.most_common()
        listeners = merged_listeners(group.listeners)
        return {
            "unit": key.unit,
            "units": len(group.units),
            "user": key.account.shown_user,
            "program": key.program,
            "script": key.script,
            "direction": key.side,
            "processes": len(group.pids),
            "connections": sum(group.verdicts.values()),
            **{verdict: group.verdicts[verdict] for verdict in VERDICTS},
            "overdue": self._overdue(group),
            "longest_silence": round(max(group.silences), 1) if group.silences else None,
            "found_values": [
                {**values._asdict(), "connections": count} for values, count in group.values.most_common(3)
            ],
            "found_values_total": len(group.values),
            "peers": [
                {"address": address, "port": port or None, "connections": count}
                for (address, port), count in sorted(peers[:MOST_PEERS], key=lambda peer: (-peer[1], peer[0]))
            ],
            "peers_total": len(peers),
            "listeners": listeners[:MOST_LISTENERS],
            "listeners_total": len(listeners),
            "advice": advice._asdict() if advice else None,
        }


def _alike(connections: t.Iterable[Record]) -> t.Collection[t.List[Record]]:
    """Put connections together of which the same is said: of 100,000 there are some dozens of kinds."""
    kinds: t.Dict[t.Tuple[t.Any, ...], t.List[Record]] = {}
    for record in connections:
        kind = (
            id(record.options),  # thousands of records share theirs
            record.keepalive,
            record.timer,
            stands_for(record.holders).pid,
            record.unit,
            record.listeners,  # and by that its direction
        )
        if kind in kinds:
            kinds[kind].append(record)
        else:
            kinds[kind] = [record]
    return kinds.values()


def _named_by_listener(record: Record, names: t.Mapping[int, str]) -> Record:
    """Return the record with the .socket unit of its listener; what is of a user's sessions keeps its own."""
    through = () if record.account.of_sessions else record.listeners
    found = [names[inode] for inode in sorted({*through, record.inode}) if inode in names]
    return record._replace(unit=found[-1]) if found else record
