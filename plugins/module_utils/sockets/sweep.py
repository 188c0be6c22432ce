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
from . import timers
from . import unowned as sockets_unowned
from .access import Reader
from .record import Holder, Record, from_row, from_values
from .sample import Sample

__all__ = ["Reader", "Record", "Sweep"]


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
        self.unreadable: t.Dict[int, str] = {}
        """pid → why nothing is known about its sockets, not even how many there are."""
        self.not_read: t.Dict[str, int] = {}
        """unit → how many connections a sample left out."""
        self._left_out: t.Set[int] = set()
        self._before: t.Set[int] = set()
        self._held: t.Set[int] = set()
        self._watched = watched
        self._reader = reader
        self._silent = silent or {}
        self._units = units
        self._proc = proc
        self._not_tcp: t.Set[int] = set()
        self._threads_known: t.Set[int] = set()
        self._pid_in: t.Dict[t.Optional[int], int] = {}
        self._tables: t.Dict[t.Optional[int], t.List[procnet.Row]] = {}
        self._timers: t.Dict[t.Optional[int], t.Dict[int, timers.TimerSeen]] = {}

    def take(self, pids: t.Collection[int], sample: t.Optional[Sample] = None) -> None:
        """Read the sockets of these processes, all or a sample, and find out their directions."""
        self.unreadable.update((pid, self._silent[pid]) for pid in pids if pid in self._silent)
        pids = set(pids).difference(self._silent)
        for pid in (1, *sorted(pids)):
            self._learn_namespace(pid)
        if self._watched:
            self._before = sockets_unowned.inodes_in(self._pid_in.values(), self._proc)
        if sample is not None:
            self._leave_out(sample, pids)
        for pid in sorted(pids):
            for thread in self._tables_of(pid):
                self._take_one(pid, thread)
        self._find_directions()
        known: t.Dict[int, t.Tuple[str, Account]] = {}
        for record in self.records.values():
            pid = record.owner[0]
            record.unit = self._units.get(pid, "")
            if pid not in known:
                account = account_of(pid, record.unit, self._proc)
                known[pid] = self._proc.program_of(pid), account
            record.program, record.account = known[pid]

    def _leave_out(self, sample: Sample, pids: t.Iterable[int]) -> None:
        rows = {row.inode: row for pid in self._pid_in.values() for row in procnet.read_tables(pid, proc=self._proc)}
        held: t.Dict[str, t.Set[int]] = {}
        for pid in pids:
            for thread in self._tables_of(pid):
                try:
                    inodes = self._reader.descriptors(pid, self._proc, thread).values()
                except PermissionError:
                    continue
                held.setdefault(self._units.get(pid, ""), set()).update(inodes)
        self._left_out, self.not_read = sample.leave_out(held, rows)

    def unowned(self) -> t.List[procnet.Row]:
        """Return the sockets that no process of the host was found to hold, where the sweep is watched and of all.

        Some may be of processes that are not shown (unreadable).
        """
        return sockets_unowned.rows_of_nobody(
            self._before, self._held, list(self._pid_in.values()), self._reader, self._proc
        )

    def process_in(self, namespace: t.Optional[int]) -> t.Optional[int]:
        """Return a process of the sweep, or a thread, that is in a network namespace; None where there is none."""
        return self._pid_in.get(namespace)

    def _learn_namespace(self, pid: int) -> t.Optional[int]:
        """Return the network namespace of a process; whoever is seen in one first stands for it."""
        namespace = self._proc.network_namespace(pid)
        if namespace is None:  # its first thread may have ended: then it is in no namespace, and the others are
            pid = self._proc.living(pid)
            namespace = self._proc.network_namespace(pid)
        if namespace is not None:
            self._pid_in.setdefault(namespace, pid)
        return namespace

    def _learn_namespaces_of_threads(self, pid: int) -> None:
        """Look where nobody was seen in the namespace of a socket: a thread may be in another one than its process."""
        if pid not in self._threads_known:
            self._threads_known.add(pid)
            for thread in threads.others_of(pid, self._proc.root):
                self._learn_namespace(thread)

    def _tables_of(self, pid: int) -> t.Iterator[t.Optional[int]]:
        """Yield None for the descriptors of the process, then each thread that has some of its own."""
        for thread in self._reader.tables(pid, self._proc):
            yield None if thread == pid else thread

    def _take_one(self, pid: int, thread: t.Optional[int]) -> None:
        try:
            descriptors = self._reader.descriptors(pid, self._proc, thread)
        except PermissionError:
            self.unreadable[pid] = "its descriptors are not shown to this user: run as root (become: true)"
            return
        if self._watched:
            self._held.update(descriptors.values())
        unknown: t.Dict[int, int] = {}
        for descriptor, inode in descriptors.items():
            if inode in self.records and self.records[inode].readable:
                self.records[inode].holders.append(Holder(pid, descriptor, thread))
            elif inode not in self._not_tcp and inode not in self._left_out:
                unknown[descriptor] = inode
        if not unknown:
            return
        try:
            for descriptor, values in self._reader.read(pid, unknown, thread):
                if values is None:
                    self._not_tcp.add(unknown[descriptor])
                    continue
                earlier = self.records.get(values.inode)
                if earlier is not None and earlier.readable:  # held twice by this process
                    earlier.holders.append(Holder(pid, descriptor, thread))
                    continue
                holders = earlier.holders if earlier is not None else []  # of a process that does not let us read it
                self.records[values.inode] = from_values(values, [*holders, Holder(pid, descriptor, thread)])
        except Unreadable as error:
            self._fall_back(pid, thread, unknown, error)

    def _fall_back(self, pid: int, thread: t.Optional[int], unknown: t.Mapping[int, int], error: Unreadable) -> None:
        """Make records of what /proc/PID/net shows; only the sockets of the process's own namespace are there."""
        namespace = self._learn_namespace(thread or pid)
        if namespace not in self._timers:
            self._timers[namespace] = timers.look(self._pid_in.get(namespace, pid), self._proc)
        seen = self._timers[namespace]
        for descriptor, inode in unknown.items():
            record = self.records.get(inode)
            holder = Holder(pid, descriptor, thread)
            if record is not None:
                if holder not in record.holders:
                    record.holders.append(holder)
            elif inode in seen:
                self.records[inode] = from_row(seen[inode], holder, namespace, error)

    def _find_directions(self) -> None:
        listeners: t.Dict[t.Optional[int], procnet.Listeners] = {}
        for record in self.records.values():
            if record.namespace is None:  # the kernel does not tell: assume that of the process
                record.namespace = self._learn_namespace(record.owner[0])
            elif record.namespace not in self._pid_in:
                self._learn_namespaces_of_threads(record.owner[0])
            if record.namespace not in listeners:
                listeners[record.namespace] = procnet.Listeners(self._listening(record.namespace))
            if record.state == "LISTEN":
                listeners[record.namespace].add(record.local, record.inode)
        for record in self.records.values():
            if record.state == "LISTEN":
                record.direction = "listening"
            elif record.state == "CLOSE":
                record.direction = "unconnected"
            else:
                owners = listeners[record.namespace].owners(record.local)
                record.listeners = frozenset(owners)
                record.direction = "accepted" if owners and record.state != "SYN_SENT" else "outgoing"
            if record.state == "SYN_SENT" and record.remote is None:
                record.remote = self._remote_of(record)

    def _listening(self, namespace: t.Optional[int]) -> t.List[procnet.Row]:
        pid = self._pid_in.get(namespace)
        return procnet.read_tables(pid, listening_only=True, proc=self._proc) if pid is not None else []

    def _remote_of(self, record: Record) -> t.Optional[procnet.Address]:
        """Look up where a socket is connecting to: getpeername(2) tells only once it has arrived."""
        if record.namespace not in self._tables:
            pid = self._pid_in.get(record.namespace)
            self._tables[record.namespace] = procnet.read_tables(pid, proc=self._proc) if pid is not None else []
        for row in self._tables[record.namespace]:
            if row.inode == record.inode:
                return row.remote
        return None
