# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audit of a whole host sums up: the connections and listeners of one program in one unit, one way."""

from __future__ import annotations

import collections
import typing as t

from ..linux import procnet
from ..linux.accounts import Account
from ..sockets.record import Record
from .entry import times_in_force
from .idle import KeepaliveTimes

Summary = t.Dict[str, t.Any]

COUNTED = ("findings", "groups", "connections", "listeners")


class Key(t.NamedTuple):
    """What one group has in common."""

    unit: str
    program: str
    script: str
    side: str
    account: Account


class Group:
    """The connections and listeners of one program in one unit, in one direction."""

    def __init__(self) -> None:
        self.verdicts: t.Counter[str] = collections.Counter()
        self.units: t.Set[str] = set()
        self.pids: t.Set[int] = set()
        self.peers: t.Counter[procnet.Address] = collections.Counter()
        self.values: t.Counter[KeepaliveTimes] = collections.Counter()
        self.ended_by: t.Counter[int] = collections.Counter()
        """User timeouts (ms) because of which connections with good times are not right."""
        self.silences: t.List[float] = []
        self._times: t.Dict[int, t.Tuple[t.Mapping[str, t.Optional[int]], t.Optional[KeepaliveTimes]]] = {}
        self.listeners: t.List[Summary] = []

    @property
    def findings(self) -> int:
        """Tell how many connections are not right."""
        return sum(count for verdict, count in self.verdicts.items() if verdict != "right")

    @property
    def rank(self) -> int:
        """What there is something to do about goes before the rest."""
        return 0 if self.findings or self.listeners else 1

    def add(self, record: Record, verdict: str, ended_by: int = 0) -> None:
        """Count a connection.

        :param ended_by: the user timeout that alone makes it too tight, 0 where none does.
        """
        self.verdicts[verdict] += 1
        if verdict == "right" or record.remote is None:
            return
        address, port = procnet.plain(record.remote[0]), record.remote[1]
        self.peers[(address, port if record.direction == "outgoing" else 0)] += 1
        if record.keepalive:
            options, values = self._times.get(id(record.options), (None, None))
            if options is not record.options:  # thousands of records share theirs
                values = times_in_force(record)
                self._times[id(record.options)] = record.options, values
            if values:
                self.values[values] += 1
        if ended_by:
            self.ended_by[ended_by] += 1
        if record.idle is not None:
            self.silences.append(record.idle)

    def counts(self) -> t.Dict[str, int]:
        """Return what is lost from sight where the group is not listed."""
        connections = sum(self.verdicts.values())
        return dict(zip(COUNTED, (self.findings, 1, connections, len(self.listeners))))


def merged_listeners(listeners: t.Iterable[Summary]) -> t.List[Summary]:
    """Make one of the listeners that share an address (SO_REUSEPORT)."""
    by_address: t.Dict[t.Tuple[str, int, str], Summary] = {}
    for listener in sorted(listeners, key=lambda each: (each["port"], each["address"])):
        key = (listener["address"], listener["port"], listener["verdict"])
        if key in by_address:
            by_address[key]["shown_by"] += listener["shown_by"]
        else:
            by_address[key] = dict(listener)
    return list(by_address.values())
