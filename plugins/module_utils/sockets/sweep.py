# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a selection of processes to records of their TCP sockets: who holds which, and in which direction it goes."""

from __future__ import annotations

import typing as t

from ..linux import procnet, threads
from ..linux.accounts import Account, account_of
from ..linux.procfs import HOST, Proc
from ..linux.unreadable import Unreadable
from .access import Lists, Reader
from .members import Members
from .record import Holder, Record, TableValues, stands_for, values_of
from .timers import TimerSeen, read_timers
from .unowned import inodes_in_tables, rows_of_nobody, with_units
from .values import NOTHING_AT_ONCE, AtOnce, SocketValues

_DIRECTIONS = {"LISTEN": "listening", "CLOSE": "unconnected"}
"""State → direction; in all other states it depends on who listens."""
_NONE: t.FrozenSet[int] = frozenset()

Takes = t.Callable[[str, procnet.Address, t.Optional[procnet.Address]], bool]


class Sample(t.NamedTuple):
    """How many connections of each unit are read at most, out of those that pass the filters.

    Which sockets are TCP connections is known from /proc/PID/net/tcp without reading them. Listeners are always read,
    and so is what does not stand in that table (MPTCP, sockets of another namespace). What is left out is counted.
    """

    size: int
    takes: Takes

    def leave_out(
        self, held: t.Mapping[str, t.Iterable[int]], rows: t.Mapping[int, procnet.Row]
    ) -> t.Tuple[t.Set[int], t.Dict[str, int]]:
        """Choose the inodes that are not read, and count them by unit.

        :param held: Unit → inodes of the sockets that its processes hold.
        :param rows: Inode → line of the table.
        """
        left_out: t.Set[int] = set()
        counts: t.Dict[str, int] = {}
        for unit, inodes in held.items():
            connections = sorted({inode for inode in inodes if inode in rows and rows[inode].state != procnet.LISTEN})
            wanted = [inode for inode in connections if inode not in left_out and self._passes(rows[inode])]
            # Spread evenly over old and new ones, and the same at every look.
            size = min(self.size, len(wanted))
            chosen = {wanted[at * len(wanted) // size] for at in range(size)}
            counts[unit] = len(wanted) - len(chosen)
            left_out.update(inode for inode in connections if inode not in chosen)
        return left_out, {unit: count for unit, count in counts.items() if count}

    def _passes(self, row: procnet.Row) -> bool:
        return self.takes(procnet.STATES.get(row.state, str(row.state)), row.local, row.remote)


class Sweep:
    """One pass over processes; every socket is read once, however many of them hold it.

    Watched, it can tell afterwards what nobody holds.
    """

    def __init__(
        self,
        reader: Reader,
        units: t.Mapping[int, str],
        proc: Proc = HOST,
        watched: bool = False,
        silent: t.Optional[t.Mapping[int, str]] = None,
    ) -> None:
        """Prepare the pass.

        :param silent: Who does not let himself be read, and what is told of it; see linux/answering.py.
        """
        self.records: t.Dict[int, Record] = {}
        """By inode, once the sweep is through."""
        self.unreadable: t.Dict[int, str] = {}
        """pid → why nothing is known about its sockets, not even how many there are."""
        self.not_read: t.Dict[str, int] = {}
        """unit → how many connections a sample left out."""
        self._values: t.Dict[int, t.Union[SocketValues, TableValues]] = {}
        self._holders: t.Dict[int, t.List[Holder]] = {}
        """Both by inode: what was read of each socket so far, and who was found to hold it."""
        self._left_out: t.Set[int] = set()
        self._before: t.Set[int] = set()
        self._held: t.Set[int] = set()
        self._watched = watched
        self._reader = reader
        self._lists: Lists = reader
        self._silent = silent or {}
        self._units = units
        self._proc = proc
        self._not_tcp: t.Set[int] = set()
        self._at_once: t.Optional[AtOnce] = None
        self._something_waits = False
        self._asked_for = 0
        """What was seen of all sockets at once, where that was worth it, and how many were asked for till then."""
        self._threads_known: t.Set[int] = set()
        self._members = Members(proc)
        self._tables: t.Dict[t.Optional[int], t.List[procnet.Row]] = {}
        self._timers: t.Dict[t.Optional[int], t.Dict[int, TimerSeen]] = {}

    def take(self, pids: t.Collection[int], sample: t.Optional[Sample] = None) -> None:
        """Read the sockets of these processes, all or a sample, and find out their directions."""
        self.unreadable.update((pid, self._silent[pid]) for pid in pids if pid in self._silent)
        pids = set(pids).difference(self._silent)
        for pid in (1, *sorted(pids)):
            self._learn_namespace(pid)
        if self._watched:
            self._before = self._inodes_before()
            self._lists = self._listed()
        if sample is not None:
            self._leave_out(sample, pids)
        for pid in sorted(pids):
            for thread in self._tables_of(pid):
                self._take_one(pid, thread)
        self._complete()

    def _leave_out(self, sample: Sample, pids: t.Iterable[int]) -> None:
        rows = {row.inode: row for namespace in self._members for row in self._table_of(namespace)}
        held: t.Dict[str, t.Set[int]] = {}
        for pid in pids:
            for thread in self._tables_of(pid):
                try:
                    inodes = self._lists.descriptors(pid, self._proc, thread).values()
                except PermissionError:
                    continue
                held.setdefault(self._units.get(pid, ""), set()).update(inodes)
        self._left_out, self.not_read = sample.leave_out(held, rows)

    def unowned(self) -> t.List[procnet.Row]:
        """Return the sockets that no process of the host was found to hold, where the sweep is watched and of all.

        Some may be of processes that are not shown (unreadable).
        """
        rows = rows_of_nobody(self._before, self._held, self._lines_of, self._listed, self._proc)
        return with_units(rows, self._at_once_anyway().inodes, self._proc) if rows else []

    def _listed(self) -> Lists:
        """Return what lists the sockets of all processes, once it was worth it to look at all sockets."""
        return self._reader.listed(self._proc) if self._at_once is not None else self._reader

    def process_in(self, namespace: t.Optional[int]) -> t.Optional[int]:
        """Return a process of the sweep, or a thread, that is in a network namespace; None where there is none."""
        return self._members.one_in(namespace)

    def _lines_of(self, inodes: t.Set[int]) -> t.Dict[int, str]:
        """Return the lines of these sockets in the tables of all namespaces."""
        found: t.Dict[int, str] = {}
        for namespace in self._members:
            found.update(self._members.ask(namespace, lambda pid: procnet.find_lines(pid, inodes, self._proc)) or {})
        return found

    def _table_of(self, namespace: t.Optional[int], listening_only: bool = False) -> t.List[procnet.Row]:
        def shown_by(pid: int) -> t.List[procnet.Row]:
            return procnet.read_tables(pid, listening_only=listening_only, proc=self._proc)

        return self._members.ask(namespace, shown_by) or []

    def _learn_namespace(self, pid: int) -> t.Optional[int]:
        """Return the network namespace of a process; whoever is seen in one first stands for it."""
        namespace = self._members.learn(pid)
        if namespace is None:  # its first thread may have ended: then it is in no namespace, and the others are
            namespace = self._members.learn(self._proc.living(pid))
        return namespace

    def _learn_namespaces_of_threads(self, pid: int) -> None:
        """Look where nobody was seen in the namespace of a socket: a thread may be in another one than its process."""
        if pid not in self._threads_known:
            self._threads_known.add(pid)
            for thread in threads.others_of(pid, self._proc.root):
                self._learn_namespace(thread)

    def _tables_of(self, pid: int) -> t.Iterator[t.Optional[int]]:
        """Yield None for the descriptors of the process, then each thread that has some of its own."""
        for thread in self._lists.tables(pid, self._proc):
            yield None if thread == pid else thread

    def _take_one(self, pid: int, thread: t.Optional[int]) -> None:
        try:
            descriptors = self._lists.descriptors(pid, self._proc, thread)
        except PermissionError:
            self.unreadable[pid] = "its descriptors are not shown to this user: run as root (become: true)"
            return
        if self._watched:
            self._held.update(descriptors.values())
        seen = self._look_at_once_for(len(descriptors)).values
        unknown: t.Dict[int, int] = {}
        known, holders, left_out, make = self._values, self._holders, self._left_out, tuple.__new__
        for descriptor, inode in descriptors.items():  # of each of all sockets, most of them seen and not known yet
            values = seen.get(inode)
            if values is not None and inode not in holders and inode not in left_out:
                known[inode] = values
                holders[inode] = [make(Holder, (pid, descriptor, thread))]
            elif isinstance(known.get(inode), SocketValues):
                holders[inode].append(make(Holder, (pid, descriptor, thread)))
            elif inode in self._not_tcp or inode in left_out:
                continue
            elif values is not None:
                known[inode] = values
                holders[inode].append(make(Holder, (pid, descriptor, thread)))
            else:
                unknown[descriptor] = inode
        if not unknown:
            return
        try:
            for descriptor, values in self._reader.read(pid, unknown, thread):
                if values is None:
                    self._not_tcp.add(unknown[descriptor])
                    continue
                inode = values.inode
                if not self._is_read(inode):  # else it is held twice by this process
                    self._values[inode] = values
                # Others that hold it may not have let us read it.
                self._holders.setdefault(inode, []).append(Holder(pid, descriptor, thread))
        except Unreadable as error:
            self._fall_back(pid, thread, unknown, error)

    def _look_at_once_for(self, sockets: int) -> AtOnce:
        """Look at all sockets where so many more make that worth it."""
        self._asked_for += sockets
        if self._at_once is None and 0 < self._reader.at_once_from <= self._asked_for:
            self._at_once = self._reader.at_once(self._namespaces(), self._proc)
        return self._at_once or NOTHING_AT_ONCE

    def _at_once_anyway(self) -> AtOnce:
        """Return what is known of all sockets, for what nothing else tells, however few they are."""
        return self._look_at_once_for(self._reader.at_once_from)

    def _inodes_before(self) -> t.Set[int]:
        """Return what stands in the tables of the kernel, which need not be read where there is so much in them."""
        ask = self._members.ask
        counts = [
            ask(namespace, lambda pid: procnet.count_sockets(pid, self._proc)) or 0 for namespace in self._members
        ]
        seen = self._look_at_once_for(sum(counts))
        self._asked_for = 0  # the same sockets will be asked for
        found = set(seen.inodes)
        for namespace in self._members:
            if namespace not in seen.namespaces:
                found.update(ask(namespace, lambda pid: inodes_in_tables(pid, self._proc)) or ())
        return found

    def _namespaces(self) -> t.Dict[int, int]:
        there = {namespace: self._members.one_in(namespace) for namespace in self._members}
        return {namespace: pid for namespace, pid in there.items() if pid is not None}

    def _fall_back(self, pid: int, thread: t.Optional[int], unknown: t.Mapping[int, int], error: Unreadable) -> None:
        """Make records of what /proc/PID/net shows; only the sockets of the process's own namespace are there."""
        namespace = self._learn_namespace(thread or pid)
        if namespace not in self._timers:
            timers = self._members.ask(namespace, lambda one: read_timers(one, self._proc))
            self._timers[namespace] = read_timers(pid, self._proc) if timers is None else timers
        seen = self._timers[namespace]
        for descriptor, inode in unknown.items():
            holder = Holder(pid, descriptor, thread)
            if inode in self._values:
                if holder not in self._holders[inode]:
                    self._holders[inode].append(holder)
            elif inode in seen:
                self._values[inode] = values_of(seen[inode], namespace, error)
                self._holders[inode] = [holder]

    def _is_read(self, inode: int) -> bool:
        return isinstance(self._values.get(inode), SocketValues)

    def _complete(self) -> None:
        """Make the records: all that is known of a socket once every process was looked at."""
        owners = {inode: stands_for(holders).pid for inode, holders in self._holders.items()}
        namespaces = {
            inode: values.namespace if values.namespace in self._members else self._namespace_of(values, owners[inode])
            for inode, values in self._values.items()
        }
        listeners = self._find_listeners(namespaces)
        for key, waiting, listener in self._waiting(listeners):
            self._values[key], self._holders[key] = waiting, self._holders[listener]
            owners[key], namespaces[key] = owners[listener], waiting.namespace
        known: t.Dict[int, t.Tuple[str, str, Account]] = {}
        came_through: t.Dict[t.Tuple[t.Optional[int], procnet.Address], t.FrozenSet[int]] = {}
        ports = {namespace: found.ports for namespace, found in listeners.items()}
        make, records, holders = tuple.__new__, self.records, self._holders
        for inode, values in self._values.items():
            pid, namespace = owners[inode], namespaces[inode]
            read = isinstance(values, SocketValues)
            _inode, family, protocol, number, local, remote, keepalive, options, idle, _namespace = values[:10]
            if pid not in known:
                unit = self._units.get(pid, "")
                known[pid] = unit, self._proc.program_of(pid), account_of(pid, unit, self._proc)
            unit, program, account = known[pid]
            state = procnet.STATES.get(number) or str(number)
            direction, through = _DIRECTIONS.get(state, ""), _NONE
            if not direction and local[1] in ports[namespace]:
                place = namespace, local
                if place not in came_through:
                    came_through[place] = frozenset(listeners[namespace].owners(local))
                through = came_through[place]
            if state == "SYN_SENT" and remote is None:
                remote = self._remote_of(inode, namespace)
            fields = (
                inode,
                family,
                protocol,
                state,
                local,
                remote,
                keepalive,
                options,
                read,
                idle,
                namespace,
                tuple(holders[inode]),
                unit,
                direction or ("accepted" if through and state != "SYN_SENT" else "outgoing"),
                through,
                program,
                account,
                *(("", None) if read else values[10:]),
            )
            records[inode] = make(Record, fields)  # what Record() itself adds takes as long as all of this

    def _namespace_of(self, values: t.Union[SocketValues, TableValues], pid: int) -> t.Optional[int]:
        """Return the network namespace of a socket, and learn who is in it."""
        if values.namespace is None:  # the kernel does not tell: assume that of the process
            return self._learn_namespace(pid)
        if values.namespace not in self._members:
            self._learn_namespaces_of_threads(pid)
        return values.namespace

    def _find_listeners(
        self, namespaces: t.Mapping[int, t.Optional[int]]
    ) -> t.Dict[t.Optional[int], procnet.Listeners]:
        """Return who listens in each namespace, by its tables and by what was read: not every table can be."""
        listeners = {namespace: procnet.Listeners(self._listening(namespace)) for namespace in set(namespaces.values())}
        for inode, values in self._values.items():
            if values.state == procnet.LISTEN:
                listeners[namespaces[inode]].add(values.local, inode)
        return listeners

    def _waiting(
        self, listeners: t.Mapping[t.Optional[int], procnet.Listeners]
    ) -> t.List[t.Tuple[int, SocketValues, int]]:
        """Return what waits to be accepted by listeners of the sweep: its key, what it has, and its listener.

        Several processes may listen on one address: then the cgroup tells whose it is.
        """
        if not self._something_waits:
            return []
        held = {(values.local, values.remote) for values in self._values.values()}  # accepted in the meantime
        at_once = self._at_once_anyway()
        found = []
        for key, values in at_once.values.items():
            if key > 0 or values.namespace not in listeners or (values.local, values.remote) in held:
                continue
            through = [inode for inode in listeners[values.namespace].owners(values.local) if inode in self._holders]
            through.sort(key=lambda inode: (at_once.cgroups.get(inode) != at_once.cgroups[key], inode))
            if through:
                found.append((key, values, through[0]))
        return found

    def _listening(self, namespace: t.Optional[int]) -> t.List[procnet.Row]:
        rows = self._table_of(namespace, listening_only=True)
        self._something_waits = self._something_waits or any(row.queue for row in rows if row.inode in self._holders)
        return rows

    def _remote_of(self, inode: int, namespace: t.Optional[int]) -> t.Optional[procnet.Address]:
        """Look up where a socket is connecting to: getpeername(2) tells only once it has arrived."""
        if namespace not in self._tables:
            self._tables[namespace] = self._table_of(namespace)
        for row in self._tables[namespace]:
            if row.inode == inode:
                return row.remote
        return None
