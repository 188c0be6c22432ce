# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record: one TCP socket as it was read. A verdict: what is said of it, by whoever judges it (verdicts/judge.py)."""

from __future__ import annotations

import typing as t

from ..linux import procnet
from ..linux.accounts import NOBODYS, Account
from ..linux.unreadable import Unreadable
from ..settings.expectation import Expectation
from ..settings.options import OPTIONS
from .compare import Subject, WrongOption
from .timers import TimerSeen

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


def stands_for(holders: t.Sequence[Holder]) -> Holder:
    """Choose the one that stands for the socket: the lowest process but systemd, with its descriptor."""
    return holders[0] if len(holders) == 1 else min(holders, key=_order)


class Record(t.NamedTuple):
    """One TCP socket, with all processes that hold it."""

    inode: int
    """Below 0: nobody has accepted it yet, and the holders are those of its listener."""
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
    holders: t.Tuple[Holder, ...]
    """In the order of the sweep."""
    unit: str = ""
    direction: str = "unconnected"
    listeners: t.FrozenSet[int] = frozenset()
    """Inodes of the listeners that an accepted socket may have come through."""
    program: str = ""
    account: Account = NOBODYS
    """On whose account the process goes that stands for it."""
    why_unreadable: str = ""
    timer: t.Optional[float] = None
    """Where the options cannot be read: seconds until its keepalive timer is due, None where no such timer is seen."""

    @property
    def pids(self) -> t.List[int]:
        """The processes that hold the socket."""
        return sorted({holder.pid for holder in self.holders})

    @property
    def holder(self) -> Holder:
        """Return the holder that stands for the socket."""
        return stands_for(self.holders)

    @property
    def owner(self) -> t.Tuple[int, int]:
        """The process that stands for the socket, with its descriptor."""
        return self.holder[:2]

    @property
    def waits(self) -> bool:
        """Tell whether it is in the queue of a listener: whoever accepts it gets it as it is."""
        return self.inode < 0

    @property
    def ways(self) -> t.List[Holder]:
        """Return where it may be taken hold of, the best way first."""
        return [] if self.waits else sorted(self.holders, key=_order)

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
            "fd": None if self.waits else descriptor,
            "thread": None if self.waits else thread,
            "inode": None if self.waits else self.inode,
            "family": self.family,
            "protocol": self.protocol,
            "state": self.state,
            "direction": self.direction,
            "local": procnet.as_dict(self.local),
            "remote": self.remote and procnet.as_dict(self.remote),
            "options": {"keepalive": self.keepalive, **self.options},
            "readable": self.readable,
        }


class Verdict(t.NamedTuple):
    """Whether one socket is as it is expected to be and, where not, why."""

    expectation: t.Optional[Expectation] = None
    """What is expected of its unit, also where that does not concern this socket."""
    relevant: bool = False
    compliant: t.Optional[bool] = None
    wrong: t.Tuple[WrongOption, ...] = ()
    reason: t.Optional[str] = None
    candidates: t.Tuple[str, ...] = ()
    detail: str = ""

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return what the module gives out, behind what the record says."""
        return {
            "relevant": self.relevant,
            "compliant": self.compliant,
            "wrong": [item._asdict() for item in self.wrong],
            "reason": self.reason,
            "candidates": list(self.candidates),
            "detail": self.detail,
        }


def without_judgement(record: Record) -> Verdict:
    """Return all that is said of a socket where nobody expects anything: whether it could be read."""
    if record.readable:
        return Verdict()
    return Verdict(reason="unreadable", candidates=("unreadable",), detail=record.why_unreadable)


class TableValues(t.NamedTuple):
    """What a line of /proc/PID/net/tcp says about a socket that cannot be read; the fields are as of SocketValues."""

    inode: int
    family: str
    protocol: None
    """An MPTCP listener stands in the table, too."""
    state: int
    local: procnet.Address
    remote: t.Optional[procnet.Address]
    keepalive: t.Optional[bool]
    options: t.Mapping[str, t.Optional[int]]
    idle: None
    namespace: t.Optional[int]
    why_unreadable: str
    timer: t.Optional[float]


def values_of(seen: TimerSeen, namespace: t.Optional[int], error: Unreadable) -> TableValues:
    """Return what is known of a socket whose options cannot be read."""
    row = seen.row
    connected = row.state not in (7, 10)  # CLOSE, LISTEN
    told = {True: " Its timer shows that keepalive is on.", False: " It has no timer: keepalive is off.", None: ""}
    return TableValues(
        inode=row.inode,
        family=row.family,
        protocol=None,
        state=row.state,
        local=row.local,
        remote=row.remote if connected else None,
        keepalive=seen.keepalive,
        options=dict.fromkeys(OPTIONS),
        idle=None,
        namespace=namespace,
        why_unreadable=f"The options cannot be read ({error}): {error.remedy}.{told[seen.keepalive]}",
        timer=row.expires if seen.keepalive else None,
    )
