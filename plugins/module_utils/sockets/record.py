# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record: one TCP socket, with all that is found out about it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..linux import procnet
from ..linux.accounts import NOBODYS, Account
from ..linux.unreadable import Unreadable
from ..settings.options import OPTIONS
from .compliance import Expectation, Subject, Wrong
from .timers import TimerSeen
from .values import SocketValues

MOST_PIDS = 100
"""Of one socket that many processes share, how many are listed: each of thousands of sockets may have thousands."""


class Holder(t.NamedTuple):
    """Where a socket is held."""

    pid: int
    descriptor: int
    thread: t.Optional[int] = None
    """The thread whose table of descriptors it is, None where it is that of the process."""


def _order(holder: Holder) -> t.Tuple[bool, int, int, int]:
    """Put systemd last, which only keeps sockets for others, and the threads behind their process."""
    return holder.pid == 1, holder.pid, holder.thread or 0, holder.descriptor


@dataclasses.dataclass
class Record:
    """One TCP socket, with all processes that hold it."""

    inode: int
    family: str
    protocol: t.Optional[str]
    state: str
    local: procnet.Address
    remote: t.Optional[procnet.Address]
    keepalive: t.Optional[bool]
    options: t.Mapping[str, t.Optional[int]]
    readable: bool
    idle: t.Optional[float]
    """Seconds since data last went either way, None where that is not known."""
    namespace: t.Optional[int]
    holders: t.List[Holder]
    """In the order of the sweep."""
    unit: str = ""
    direction: str = "unconnected"
    listeners: t.FrozenSet[int] = frozenset()
    """Inodes of the listeners that an accepted socket may have come through."""
    relevant: bool = False
    expectation: t.Optional[Expectation] = None
    """What is expected of its unit, also where that does not concern this socket."""
    compliant: t.Optional[bool] = None
    wrong: t.List[Wrong] = dataclasses.field(default_factory=list)
    reason: t.Optional[str] = None
    candidates: t.Tuple[str, ...] = ()
    detail: str = ""
    program: str = ""
    account: Account = NOBODYS
    """On whose account the process goes that stands for it."""
    timer: t.Optional[float] = None
    """Where the options cannot be read: seconds until its keepalive timer is due, None where no such timer is seen."""

    @property
    def pids(self) -> t.List[int]:
        """The processes that hold the socket."""
        return sorted({holder.pid for holder in self.holders})

    @property
    def holder(self) -> Holder:
        """What stands for the socket: the lowest process but systemd, with its descriptor."""
        return min(self.holders, key=_order)

    @property
    def owner(self) -> t.Tuple[int, int]:
        """The process that stands for the socket, with its descriptor."""
        return self.holder[:2]

    @property
    def ways(self) -> t.List[Holder]:
        """Return where it may be taken hold of, the best way first."""
        return sorted(self.holders, key=_order)

    def subject(self) -> Subject:
        """Return what a comparison needs; of a record that could not be read, what its timer shows."""
        if self.keepalive is None:
            raise ValueError("a socket of which nothing is known cannot be compared")
        return Subject(
            self.protocol or "tcp", self.state, self.direction, self.local[1] != 0, self.keepalive, self.options
        )

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return what the module gives out."""
        pid, descriptor, thread = self.holder
        pids = self.pids
        return {
            "unit": self.unit,
            "pid": pid,
            "pids": pids[:MOST_PIDS],
            "pids_total": len(pids),
            "program": self.program,
            "fd": descriptor,
            "thread": thread,
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
            "wrong": [{"option": item.option, "value": item.value, "expected": item.expected} for item in self.wrong],
            "reason": self.reason,
            "candidates": list(self.candidates),
            "detail": self.detail,
        }


def from_values(values: SocketValues, holders: t.List[Holder]) -> Record:
    """Make a record of what the kernel said."""
    return Record(
        inode=values.inode,
        family=values.family,
        protocol=values.protocol,
        state=procnet.STATES.get(values.state, str(values.state)),
        local=values.local,
        remote=values.remote,
        keepalive=values.keepalive,
        options=values.options,
        readable=True,
        idle=values.idle,
        namespace=values.namespace,
        holders=holders,
    )


def from_row(seen: TimerSeen, holder: Holder, namespace: t.Optional[int], error: Unreadable) -> Record:
    """Make a record of a line in /proc/PID/net/tcp, where the options themselves cannot be read."""
    row = seen.row
    connected = row.state not in (7, 10)  # CLOSE, LISTEN
    told = {True: " Its timer shows that keepalive is on.", False: " It has no timer: keepalive is off.", None: ""}
    return Record(
        inode=row.inode,
        family=row.family,
        protocol=None,  # an MPTCP listener stands in the table, too
        state=procnet.STATES.get(row.state, str(row.state)),
        local=row.local,
        remote=row.remote if connected else None,
        keepalive=seen.keepalive,
        options=dict.fromkeys(OPTIONS),
        readable=False,
        idle=None,
        namespace=namespace,
        holders=[holder],
        reason="unreadable",
        candidates=("unreadable",),
        detail=f"The options cannot be read ({error}): {error.remedy}.{told[seen.keepalive]}",
        timer=row.expires if seen.keepalive else None,
    )


def _address(address: t.Optional[procnet.Address]) -> t.Optional[t.Dict[str, t.Union[str, int]]]:
    return None if address is None else {"address": address[0], "port": address[1]}
