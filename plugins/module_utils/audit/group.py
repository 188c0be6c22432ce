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
        self.listeners: t.List[Summary] = []

    @property
    def findings(self) -> int:
        """Tell how many connections are not right."""
        return sum(count for verdict, count in self.verdicts.items() if verdict != "right")

    @property
    def rank(self) -> int:
        """What there is something to do about goes before the rest."""
        return 0 if self.findings or self.listeners else 1

    def add(self, records: t.Sequence[Record], verdict: str, ended_by: int = 0) -> None:
        """Count connections that go one way and have their options in common.

        :param ended_by: the user timeout that alone makes them too tight, 0 where none does.
        """
        self.verdicts[verdict] += len(records)
        if verdict == "right":
            return
        remotes = [record.remote for record in records if record.remote]
        if records[0].direction != "outgoing":
            remotes = [(address, 0) for address, _port in remotes]
        for (address, port), count in collections.Counter(remotes).items():  # far fewer than connections
            self.peers[procnet.plain(address), port] += count
        values = times_in_force(records[0]) if records[0].keepalive else None
        if values:
            self.values[values] += len(records)
        if ended_by:
            self.ended_by[ended_by] += len(records)
        self.silences += [record.idle for record in records if record.idle is not None]

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
