# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a selection of processes to records of their TCP sockets: who holds which, and in which direction it goes."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _procfs, _procnet
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import Subject, Wrong
from ansible_collections.netops.keepalive.plugins.module_utils._options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils._sockets_portable import SocketValues, Unreadable


class Reader(t.Protocol):
    """What gives the values of the sockets of a process; see PortableReader.read."""

    def read(self, pid: int, descriptors: t.Iterable[int]) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, None where it is not TCP."""


@dataclasses.dataclass
class Record:
    """One TCP socket, with all processes that hold it."""

    inode: int
    family: str
    protocol: t.Optional[str]
    state: str
    local: _procnet.Address
    remote: t.Optional[_procnet.Address]
    keepalive: t.Optional[bool]
    options: t.Dict[str, t.Optional[int]]
    readable: bool
    idle: t.Optional[float]
    namespace: t.Optional[int]
    holders: t.List[t.Tuple[int, int]]
    """(pid, descriptor), in the order of the sweep."""
    unit: str = ""
    direction: str = "unconnected"
    listeners: t.FrozenSet[int] = frozenset()
    """Inodes of the listeners that an accepted socket may have come through."""
    relevant: bool = False
    compliant: t.Optional[bool] = None
    wrong: t.List[Wrong] = dataclasses.field(default_factory=list)
    reason: t.Optional[str] = None
    candidates: t.Tuple[str, ...] = ()
    detail: str = ""
    program: str = ""

    @property
    def pids(self) -> t.List[int]:
        """The processes that hold the socket."""
        return sorted({pid for pid, _descriptor in self.holders})

    @property
    def owner(self) -> t.Tuple[int, int]:
        """The process that stands for the socket, with its descriptor: the lowest but systemd, which only keeps it."""
        return min(self.holders, key=lambda holder: (holder[0] == 1, holder))

    def subject(self) -> Subject:
        """Return what a comparison needs of a readable record."""
        if self.protocol is None or self.keepalive is None:
            raise ValueError("a socket that could not be read cannot be compared")
        return Subject(self.protocol, self.state, self.direction, self.local[1] != 0, self.keepalive, self.options)

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return what the module gives out."""
        pid, descriptor = self.owner
        return {
            "unit": self.unit,
            "pid": pid,
            "pids": self.pids,
            "program": self.program,
            "fd": descriptor,
            "inode": self.inode,
            "family": self.family,
            "protocol": self.protocol,
            "state": self.state,
            "direction": self.direction,
            "local": _address(self.local),
            "remote": _address(self.remote),
            "options": {"keepalive": self.keepalive, **self.options},
            "readable": self.readable,
            "relevant": self.relevant,
            "compliant": self.compliant,
            "wrong": [item._asdict() for item in self.wrong],
            "reason": self.reason,
            "candidates": list(self.candidates),
            "detail": self.detail,
        }


class Sweep:
    """One pass over processes; every socket is read once, however many of them hold it."""

    def __init__(self, reader: Reader, units: t.Mapping[int, str], root: str = _procfs.PROC) -> None:
        self.records: t.Dict[int, Record] = {}
        self.unreadable: t.Dict[int, str] = {}
        """pid → why nothing is known about its sockets, not even how many there are."""
        self._reader = reader
        self._units = units
        self._root = root
        self._not_tcp: t.Set[int] = set()
        self._pid_in: t.Dict[t.Optional[int], int] = {}
        self._tables: t.Dict[t.Optional[int], t.List[_procnet.Row]] = {}

    def take(self, pids: t.Iterable[int]) -> None:
        """Read the sockets of these processes and find out their directions."""
        for pid in (1, *sorted(set(pids))):
            namespace = _procfs.network_namespace(pid, self._root)
            if namespace is not None:
                self._pid_in.setdefault(namespace, pid)
        for pid in sorted(set(pids)):
            self._take_one(pid)
        self._find_directions()
        programs: t.Dict[int, str] = {}
        for record in self.records.values():
            pid = record.owner[0]
            if pid not in programs:
                programs[pid] = _procfs.program_of(pid, self._root)
            record.program = programs[pid]
            record.unit = self._units.get(pid, "")

    def _take_one(self, pid: int) -> None:
        try:
            descriptors = _procfs.socket_descriptors(pid, self._root)
        except PermissionError:
            self.unreadable[pid] = "its descriptors are not shown to this user: run as root (become: true)"
            return
        unknown: t.Dict[int, int] = {}
        for descriptor, inode in descriptors:
            if inode in self.records and self.records[inode].readable:
                self.records[inode].holders.append((pid, descriptor))
            elif inode not in self._not_tcp:
                unknown[descriptor] = inode
        if not unknown:
            return
        try:
            for descriptor, values in self._reader.read(pid, unknown):
                if values is None:
                    self._not_tcp.add(unknown[descriptor])
                    continue
                earlier = self.records.get(values.inode)
                if earlier is not None and earlier.readable:  # held twice by this process
                    earlier.holders.append((pid, descriptor))
                    continue
                holders = earlier.holders if earlier is not None else []  # of a process that does not let us read it
                self.records[values.inode] = _from_values(values, [*holders, (pid, descriptor)])
        except Unreadable as error:
            self._fall_back(pid, unknown, error)

    def _fall_back(self, pid: int, unknown: t.Mapping[int, int], error: Unreadable) -> None:
        """Make records of what /proc/PID/net shows; only the sockets of the process's own namespace are there."""
        namespace = _procfs.network_namespace(pid, self._root)
        rows = {row.inode: row for row in _procnet.read_tables(pid, root=self._root)}
        for descriptor, inode in unknown.items():
            record = self.records.get(inode)
            if record is not None:
                if (pid, descriptor) not in record.holders:
                    record.holders.append((pid, descriptor))
            elif inode in rows:
                self.records[inode] = _from_row(rows[inode], pid, descriptor, namespace, error)

    def _find_directions(self) -> None:
        listeners: t.Dict[t.Optional[int], _procnet.Listeners] = {}
        for record in self.records.values():
            if record.namespace is None:  # the kernel does not tell: assume that of the process
                record.namespace = _procfs.network_namespace(record.owner[0], self._root)
            if record.namespace not in listeners:
                listeners[record.namespace] = _procnet.Listeners(self._listening(record.namespace))
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

    def _listening(self, namespace: t.Optional[int]) -> t.List[_procnet.Row]:
        pid = self._pid_in.get(namespace)
        return _procnet.read_tables(pid, listening_only=True, root=self._root) if pid is not None else []

    def _remote_of(self, record: Record) -> t.Optional[_procnet.Address]:
        """Look up where a socket is connecting to: getpeername(2) tells only once it has arrived."""
        if record.namespace not in self._tables:
            pid = self._pid_in.get(record.namespace)
            self._tables[record.namespace] = _procnet.read_tables(pid, root=self._root) if pid is not None else []
        for row in self._tables[record.namespace]:
            if row.inode == record.inode:
                return row.remote
        return None


def _from_values(values: SocketValues, holders: t.List[t.Tuple[int, int]]) -> Record:
    return Record(
        inode=values.inode,
        family=values.family,
        protocol=values.protocol,
        state=_procnet.STATES.get(values.state, str(values.state)),
        local=values.local,
        remote=values.remote,
        keepalive=values.keepalive,
        options=values.options,
        readable=True,
        idle=values.idle,
        namespace=values.namespace,
        holders=holders,
    )


def _from_row(row: _procnet.Row, pid: int, descriptor: int, namespace: t.Optional[int], error: Unreadable) -> Record:
    connected = row.state not in (7, 10)  # CLOSE, LISTEN
    return Record(
        inode=row.inode,
        family=row.family,
        protocol=None,  # an MPTCP listener stands in the table, too
        state=_procnet.STATES.get(row.state, str(row.state)),
        local=row.local,
        remote=row.remote if connected else None,
        # A pending keepalive timer proves that it is on; none proves nothing, other timers take its column.
        keepalive=True if row.timer == _procnet.TIMER_KEEPALIVE and row.state in (1, 8) else None,
        options=dict.fromkeys(OPTIONS),
        readable=False,
        idle=None,
        namespace=namespace,
        holders=[(pid, descriptor)],
        reason="unreadable",
        candidates=("unreadable",),
        detail=f"The options cannot be read ({error}): {error.remedy}.",
    )


def _address(address: t.Optional[_procnet.Address]) -> t.Optional[t.Dict[str, t.Union[str, int]]]:
    return None if address is None else {"address": address[0], "port": address[1]}
