# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each socket whose values were to be set, and how that is told."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ..linux.procnet import endpoint
from ..sockets.record import Record
from ..sockets.shares import share_out
from .changes import OptionValues
from .memory import ChangeGroup, SocketChange, groups_of

OUTCOMES = ("refused", "unreadable", "vanished", "left_alone", "changed", "right")
"""In the order in which a bounded answer shows them; what is right is only counted."""


@dataclasses.dataclass
class SocketResult:
    """What became of one socket, from its record on."""

    unit: str
    record: Record
    outcome: str
    before: OptionValues = dataclasses.field(default_factory=dict)
    after: OptionValues = dataclasses.field(default_factory=dict)
    """Of the options that changed, or that would change in check mode."""
    refused: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    """Option → what the kernel said."""
    seen_after: t.Dict[str, t.Optional[int]] = dataclasses.field(default_factory=dict)
    """What was read back of each option that was set or refused."""

    @property
    def options(self) -> t.Mapping[str, t.Optional[int]]:
        """Return the options as they are now."""
        return {**self.record.options, **self.seen_after}

    @property
    def change(self) -> SocketChange:
        """Return what it takes to undo this."""
        return SocketChange(self.before, self.after, self.record.state == "LISTEN")

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return what the module gives out."""
        record = self.record.as_dict()
        names = (
            "pid",
            "pids",
            "pids_total",
            "program",
            "fd",
            "thread",
            "inode",
            "protocol",
            "state",
            "direction",
            "local",
            "remote",
        )
        return {
            "unit": self.unit,
            **{name: record[name] for name in names},
            "outcome": self.outcome,
            "before": _shown(self.before),
            "after": _shown(self.after),
            "refused": self.refused,
        }

    def line(self) -> str:
        """Return one line for people: which socket, and before -> after."""
        record = self.record
        pid, descriptor = record.owner
        held = "has it in its queue:" if record.waits else f"fd {descriptor}"
        where = f"{record.direction} {endpoint(*record.local)}"
        if record.remote is not None:
            where += f" {'from' if record.direction == 'accepted' else 'to'} {endpoint(*record.remote)}"
        values = [f"{name} {_word(name, self.before[name])} -> {_word(name, self.after[name])}" for name in self.after]
        return f"{self.unit}: pid {pid} {held} {where}: {', '.join(values)}"


class Results:
    """All of one run, by inode."""

    def __init__(self) -> None:
        self.by_inode: t.Dict[int, SocketResult] = {}

    def add(self, unit: str, record: Record, outcome: str, missing: t.Iterable[str] = ()) -> SocketResult:
        """Note what happens, or is to happen, to a socket; missing are the options that its protocol does not have."""
        refused = {name: f"{(record.protocol or 'this protocol').upper()} has no such option" for name in missing}
        result = self.by_inode[record.inode] = SocketResult(unit, record, outcome, refused=refused)
        return result

    @property
    def changed(self) -> bool:
        """Tell whether any socket has other values now."""
        return any(result.after for result in self.by_inode.values())

    def counts(self, names: t.Iterable[str]) -> t.Dict[str, t.Dict[str, int]]:
        """Return the exact numbers: unit → outcome → sockets."""
        units = {name: dict.fromkeys(OUTCOMES, 0) for name in names}
        for result in self.by_inode.values():
            units.setdefault(result.unit, dict.fromkeys(OUTCOMES, 0))[result.outcome] += 1
        return units

    def shown(self, most: int) -> t.List[SocketResult]:
        """Return those that are not simply right, at most so many (0: all), the troubled first."""
        wanted = [result for result in self.by_inode.values() if result.outcome != "right"]
        wanted.sort(key=lambda result: (OUTCOMES.index(result.outcome), result.unit, result.record.owner))
        rank = {outcome: at for at, outcome in enumerate(OUTCOMES)}
        return share_out(wanted, most, lambda result: result.record.account, lambda result: rank[result.outcome])

    def previous(self) -> t.List[ChangeGroup]:
        """Return what it takes to undo all of it."""
        units: t.Dict[str, t.Dict[int, SocketChange]] = {}
        for inode, result in self.by_inode.items():
            if result.after and not result.record.waits:  # whoever accepts it gives it another number: see restore()
                units.setdefault(result.unit, {})[inode] = result.change
        return [group for unit, changes in sorted(units.items()) for group in groups_of(unit, changes)]

    def diff(self, most: int) -> str:
        """Return a line for each socket that changes, at most so many (0: all)."""
        lines = sorted(result.line() for result in self.by_inode.values() if result.after)
        if most and len(lines) > most:
            lines[most:] = [f"... and {len(lines) - most} more sockets"]
        return "".join(f"{line}\n" for line in lines)


def refusal(number: int) -> str:
    """Say what an errno means."""
    return os.strerror(number)


def _shown(values: OptionValues) -> t.Dict[str, t.Union[int, bool]]:
    return {name: bool(value) if name == "keepalive" else value for name, value in values.items()}


def _word(name: str, value: int) -> t.Union[int, str]:
    if name == "keepalive":
        return "on" if value else "off"
    return value
