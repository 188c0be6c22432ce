# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one inspection is asked, and what it answers: plain data."""

from __future__ import annotations

import os
import typing as t

from ..linux.procnet import Address, Row
from ..settings.expectation import Expectation
from ..settings.pattern import fits
from ..sockets.record import Record, Verdict
from ..sockets.shares import share_out
from ..units.asked import AskedUnit


class Question(t.NamedTuple):
    """What is asked, the same for every poll."""

    units: t.Tuple[AskedUnit, ...]
    pids: t.FrozenSet[int]
    ports: t.FrozenSet[int]
    expected: t.Tuple[Expectation, ...]
    processes: t.Tuple[str, ...] = ()
    """Patterns of executables: of their paths where a pattern has a slash, else of their names."""
    states: t.FrozenSet[str] = frozenset()
    sample: int = 0
    """How many connections of each unit are read at most; 0: all."""

    @property
    def whole_host(self) -> bool:
        """Tell whether neither units nor processes narrow the selection."""
        return not self.units and not self.pids and not self.processes

    def takes_program(self, path: str) -> bool:
        """Tell whether a program is one of the processes that were asked for."""
        name = os.path.basename(path)
        return any(fits(pattern, path if "/" in pattern else name) for pattern in self.processes)

    def takes(self, state: str, local: Address, remote: t.Optional[Address]) -> bool:
        """Tell whether a socket passes the filters of ports and states."""
        if self.states and state not in self.states:
            return False
        return not self.ports or local[1] in self.ports or (remote is not None and remote[1] in self.ports)


class Answer(t.NamedTuple):
    """What one pass found."""

    records: t.List[Record]
    verdicts: t.Mapping[int, Verdict]
    """What is said of each of the records, by its inode."""
    units: t.Dict[str, t.Dict[str, t.Any]]
    unreadable: t.Dict[int, str]
    not_read: int = 0
    """How many connections a sample left out."""
    unowned: t.Sequence[Row] = ()
    """Where the whole host is read: the sockets that no process was found to hold."""
    damages: t.Tuple[str, ...] = ()
    """What could not be believed of what was remembered of the sockets; to be told."""

    def shown(self, most: int) -> t.List[Record]:
        """Return so many records at most (0: all), those that are wrong first; no user's take the places of others'."""

        def rank(record: Record) -> int:
            return importance(record, self.verdicts[record.inode])

        return share_out(self.records, most, lambda record: record.account, rank)

    def dict_of(self, record: Record) -> t.Dict[str, t.Any]:
        """Return what the module gives out of a socket."""
        return {**record.as_dict(), **self.verdicts[record.inode].as_dict()}

    def compliant(self, expected: t.Iterable[Expectation]) -> bool:
        """Tell whether every unit that something is expected of is as it should be."""
        return all(self.units[expectation.name]["ok"] for expectation in expected)


def importance(record: Record, verdict: Verdict) -> int:
    """Order records so that a bounded answer holds what is wrong first, then the unknown."""
    if verdict.compliant is False:
        return 0
    if not record.readable:
        return 1
    return 2 if verdict.relevant else 3
