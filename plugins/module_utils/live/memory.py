# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was set on open sockets since the host was started: a file below /run, which vanishes as the sockets do.

A socket does not tell who has set its options, and nothing else on the host knows what they were before. Without this
file a later run would take our own values for the application's, and nobody could put the old ones back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import typing as t

from ..linux.files import replace_file
from ..linux.printable import printable
from ..linux.state_file import Damaged, is_integer, read_json
from ..linux.unit_names import name_problem
from .changes import (
    TIMES,
    OptionValues,
    Times,
    changeable,
    times_of,
)

PATH = "/run/libkeepalive/live.json"
VERSION = 1
MOST_TIMES = 16
"""So many sets of values are remembered for each unit, the latest."""
_LIMIT = 32 << 20
"""Bytes; a million sockets."""
_LOST = (
    "it was not believed. What it knew is lost: the values that open sockets had before they were set, which cannot be"
    " put back now, and that those which they have are not their application's"
)


class ChangeGroup(t.NamedTuple):
    """Sockets that had the same values and were given the same."""

    unit: str
    before: OptionValues
    after: OptionValues
    listening: bool
    inodes: t.Tuple[int, ...]

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return what is written, and what the module gives out."""
        return {**self._asdict(), "inodes": list(self.inodes)}


@dataclasses.dataclass
class SocketChange:
    """What was set on one socket."""

    before: OptionValues
    after: OptionValues
    listening: bool


@dataclasses.dataclass
class UnitMemory:
    """What is remembered of one unit."""

    changes: t.Dict[int, SocketChange] = dataclasses.field(default_factory=dict)
    """By inode: what is still as it was set, with what it had before the first time."""
    seen: t.Set[int] = dataclasses.field(default_factory=set)
    """The sockets that were there when the unit's were set last."""
    times: t.List[Times] = dataclasses.field(default_factory=list)
    """What they were given, for those that inherited it."""

    def note(self, inode: int, before: OptionValues, after: OptionValues, listening: bool) -> None:
        """Remember a change; what the socket had before the first one stays."""
        earlier = self.changes.get(inode)
        if earlier is not None:
            before, after = {**before, **earlier.before}, {**earlier.after, **after}
        kept = {name: value for name, value in before.items() if after.get(name) != value}
        if kept:
            self.changes[inode] = SocketChange(kept, {name: after[name] for name in kept}, listening)
        else:
            self.changes.pop(inode, None)

    def note_times(self, options: t.Mapping[str, t.Optional[int]]) -> None:
        """Remember a set of values that is ours."""
        times = times_of(options)
        self.times = [*(other for other in self.times if other != times), times][-MOST_TIMES:]

    def forget_closed(self, there: t.Container[int]) -> None:
        """Drop what is no longer there: the kernel may give its number to another socket one day."""
        self.changes = {inode: change for inode, change in self.changes.items() if inode in there}


class Memory:
    """The file's content."""

    def __init__(self, path: str = PATH) -> None:
        self.units: t.Dict[str, UnitMemory] = {}
        self.damages: t.List[str] = []
        """What of the file is not believed, and so counts as if it had never been written; to be told."""
        self._path = path
        try:
            content = read_json(path, _LIMIT)
            if not isinstance(content, dict) or content.get("version") != VERSION:
                raise Damaged(f"is not an object of version {VERSION}")
            if not isinstance(content.get("units"), dict):
                raise Damaged("has no units")
        except FileNotFoundError:
            return
        except Damaged as damage:
            self.damages.append(f"{path} {damage}; {_LOST}")
            return
        for name, unit in content["units"].items():
            try:
                self.units[name] = _unit_from(name, unit)
            except Damaged as damage:
                self.damages.append(f"{path}: the entry {printable(name)[:300]!r} {damage}; {_LOST}")

    def look_up(self, unit: str) -> UnitMemory:
        """Return what is remembered of a unit, by its name as it is listed; an empty memory where it is nothing."""
        return self.units.get(unit, UnitMemory())

    def of(self, unit: str) -> UnitMemory:
        """Return the memory of a unit, to add to it."""
        return self.units.setdefault(unit, UnitMemory())

    def save(self) -> None:
        """Write it, or remove it where there is nothing to remember."""
        units = {name: _as_dict(name, unit) for name, unit in self.units.items()}
        if not units:
            with contextlib.suppress(OSError):  # not there, or others keep something in the folder
                os.unlink(self._path)
                os.rmdir(os.path.dirname(self._path))
            return
        folder = os.path.dirname(self._path)
        os.makedirs(folder, mode=0o755, exist_ok=True)
        replace_file(self._path, json.dumps({"version": VERSION, "units": units}).encode(), 0o600)


def groups_of(unit: str, changes: t.Mapping[int, SocketChange]) -> t.List[ChangeGroup]:
    """Put together what is alike: thousands of sockets are a few groups."""
    alike: t.Dict[t.Any, t.List[int]] = {}
    for inode, change in sorted(changes.items()):
        key = (tuple(change.before.items()), tuple(change.after.items()), change.listening)
        alike.setdefault(key, []).append(inode)
    return [
        ChangeGroup(unit, dict(before), dict(after), listening, tuple(inodes))
        for (before, after, listening), inodes in alike.items()
    ]


def changes_of(groups: t.Iterable[ChangeGroup]) -> t.Dict[str, t.Dict[int, SocketChange]]:
    """Take groups apart again: unit → inode → change."""
    units: t.Dict[str, t.Dict[int, SocketChange]] = {}
    for group in groups:
        for inode in group.inodes:
            change = SocketChange(group.before, group.after, group.listening)
            units.setdefault(group.unit, {})[inode] = change
    return units


def _as_dict(name: str, unit: UnitMemory) -> t.Dict[str, t.Any]:
    return {
        "groups": [group.as_dict() for group in groups_of(name, unit.changes)],
        "seen": sorted(unit.seen),
        "times": unit.times,
    }


def is_values(values: t.Any) -> bool:
    """Tell whether something is a set of values that could be put on an open socket."""
    return isinstance(values, dict) and all(
        changeable(name) and is_integer(value, -(2**31), 2**31 - 1) for name, value in values.items()
    )


def _unit_from(name: str, content: t.Any) -> UnitMemory:
    """Return the memory of a unit.

    :raises Damaged: It is not what _as_dict() makes.
    """
    if name_problem(name, patterns=True):
        raise Damaged("is not the name of a .service or .socket unit")
    if not isinstance(content, dict) or set(content) != {"groups", "seen", "times"}:
        raise Damaged("is not an object with groups, seen and times")
    if not isinstance(content["groups"], list) or not all(_is_group(name, group) for group in content["groups"]):
        raise Damaged("has something else than groups of sockets and their values in groups")
    if not _are_inodes(content["seen"]):
        raise Damaged("has something else than sockets in seen")
    if not isinstance(content["times"], list) or not all(map(_is_times, content["times"])):
        raise Damaged(f"has something else than values of {', '.join(TIMES)} in times")
    groups = [ChangeGroup(**{**group, "inodes": tuple(group["inodes"])}) for group in content["groups"]]
    times = [tuple(entry) for entry in content["times"]]
    return UnitMemory(changes_of(groups).get(name, {}), set(content["seen"]), times[-MOST_TIMES:])


def _is_group(name: str, group: t.Any) -> bool:
    return (
        isinstance(group, dict)
        and set(group) == set(ChangeGroup._fields)
        and group["unit"] == name
        and is_values(group["before"])
        and is_values(group["after"])
        and set(group["before"]) == set(group["after"])
        and isinstance(group["listening"], bool)
        and _are_inodes(group["inodes"])
    )


def _are_inodes(numbers: t.Any) -> bool:
    return isinstance(numbers, list) and all(is_integer(number, 1, 2**64 - 1) for number in numbers)


def _is_times(entry: t.Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == len(TIMES)
        and all(value is None or is_integer(value, -(2**31), 2**31 - 1) for value in entry)
    )
