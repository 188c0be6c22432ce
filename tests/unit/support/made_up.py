# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets that a test makes up, and a sweep that has found them: no processes, and nothing of this host."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Address, Row
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record

HERE: Address = ("192.0.2.1", 40000)
THERE: Address = ("192.0.2.9", 443)


def made(inode: int, pid: int = 7, **changes: t.Any) -> Record:
    """A connection to elsewhere without keepalive; what else it is, a test says."""
    listening = changes.get("state") == "LISTEN"
    plain = Record(
        inode=inode,
        family="ipv4",
        protocol="tcp",
        state="ESTABLISHED",
        local=HERE,
        remote=None if listening else THERE,
        keepalive=False,
        options={"keepidle": 7200, "keepcnt": 9, "keepintvl": 75, "user_timeout": 0},
        readable=True,
        idle=None,
        namespace=1,
        holders=(Holder(pid, inode),),
        unit="a.service",
        direction="listening" if listening else "outgoing",
        program="/usr/bin/worker",
    )
    return plain._replace(**changes)


def tuned(idle: int, interval: int, count: int, user_timeout: t.Optional[int] = 0) -> t.Dict[str, t.Any]:
    """What a socket shows that has keepalive on."""
    values = {"keepidle": idle, "keepintvl": interval, "keepcnt": count, "user_timeout": user_timeout}
    return {"keepalive": True, "options": values}


class MadeUpSweep:
    """Has found what a test says, whatever it is told to look at."""

    def __init__(self, *records: Record, unowned: t.Sequence[Row] = ()) -> None:
        self.records = {record.inode: record for record in records}
        self.unreadable: t.Dict[int, str] = {}
        self.not_read: t.Dict[str, int] = {}
        self.nobodys = list(unowned)
        self.asked: t.List[t.Any] = []

    def __call__(self, *arguments: t.Any, **named: t.Any) -> MadeUpSweep:
        """Stand in the place of the class."""
        self.asked.append((arguments, named))
        return self

    def take(self, *arguments: t.Any) -> None:
        self.asked.append(arguments)

    def unowned(self) -> t.List[Row]:
        return self.nobodys

    def process_in(self, namespace: t.Optional[int]) -> t.Optional[int]:
        """Say that the process in a namespace has its number and a hundred more."""
        return None if namespace is None else namespace + 100


class MadeUpProc(Proc):
    """Processes of which a test says all that there is."""

    def __init__(self, units: t.Mapping[int, str], root: str = "/nowhere", **more: t.Any) -> None:
        super().__init__(root)
        self.units = dict(units)
        self.started: t.Dict[int, t.Optional[float]] = more.get("started", {})
        self.programs: t.Dict[int, str] = more.get("programs", {})
        self.parents: t.Dict[int, int] = more.get("parents", {})
        self.arguments: t.Dict[int, bytes] = more.get("arguments", {})
        self.ours: t.FrozenSet[int] = more.get("ours", frozenset())
        self.of_systemd: t.Mapping[int, int] = more.get("of_systemd", {})
        self.read: t.List[t.Tuple[int, str, int]] = []

    def pids(self) -> t.List[int]:
        return list(self.units)

    def unit_of(self, pid: int) -> str:
        return self.units.get(pid, "")

    def started_at(self, pid: int) -> t.Optional[float]:
        return self.started.get(pid)

    def program_of(self, pid: int) -> str:
        return self.programs.get(pid, "")

    def parent_of(self, pid: int) -> int:
        return self.parents.get(pid, 0)

    def ancestors(self, pid: int) -> t.FrozenSet[int]:
        return self.ours

    def socket_descriptors(self, pid: int, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        assert (pid, thread) == (1, None)
        return dict(self.of_systemd)

    def content_of(self, pid: int, name: str, most: int = -1) -> bytes:
        self.read.append((pid, name, most))
        if name != "cmdline" or pid not in self.arguments:
            raise FileNotFoundError(name)
        return self.arguments[pid]
