# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From unit names to processes and to what systemd knows about .socket units.

Which process belongs to which unit is read from the processes' control groups: one sweep over /proc, however many units
are asked for. systemctl is asked once, for aliases, for what exists, and for the .socket units' addresses.
"""

from __future__ import annotations

import typing as t

from ..linux import boot_clock
from ..linux.cgroup import path_of_slice
from ..linux.procfs import Proc
from ..linux.procnet import Address
from ..linux.quoting import shown_words
from ..linux.systemd import (
    Properties,
    is_crashing,
    is_running_job,
    listen_addresses,
    may_have_processes,
    socket_directives,
)
from ..settings.pattern import fits


class AskedUnit(t.NamedTuple):
    """One unit as it was asked for, and what systemd makes of it."""

    name: str
    """As given: a name, an alias, a template, or a pattern."""
    patterns: t.Tuple[str, ...]
    """Patterns of the services whose processes count."""
    load_state: t.Optional[str]
    """systemd's LoadState; None for templates and patterns, and where systemctl could not be asked."""
    may_have_processes: t.Optional[bool]
    """Or sockets, of a .socket unit: it runs, or is on its way up or down; None as for load_state."""
    listens: t.Tuple[Address, ...]
    """Where a .socket unit listens for TCP."""
    directives: t.Dict[str, t.Optional[int]]
    """What systemd has loaded for a .socket unit: keepalive (0 or 1), keepidle, keepintvl, keepcnt, defer_accept."""
    triggered_by: t.Tuple[str, ...] = ()
    """The .socket units of a service."""
    crashing: bool = False
    """It ends again and again, and systemd starts it again and again."""
    at_work: bool = False
    """It is a job that is not begun again for its settings; the next one has them."""
    parts: t.Tuple[str, ...] = ()
    """The units that go where this one goes (V(ConsistsOf)): where it has no process, they may have them."""
    control_group: str = ""
    """Where systemd has put it in the tree of cgroups; '' where it has none, or could not be asked."""
    listening_since: t.Optional[float] = None
    """Of a .socket unit that listens, since when, in seconds since boot."""

    @property
    def is_socket(self) -> bool:
        """Tell whether this is a .socket unit."""
        return self.name.endswith(".socket")

    @property
    def is_slice(self) -> bool:
        """Tell whether this is a slice: all that runs in it counts, and its patterns are the names of that."""
        return self.name.endswith(".slice")

    @property
    def may_stand_for_others(self) -> bool:
        """Tell whether it can be one whose processes are in its parts, as those of PostgreSQL's service on Debian."""
        return bool(self.may_have_processes) and not (self.is_socket or self.is_slice or self.crashing)

    def holds(self, unit: str) -> bool:
        """Tell whether a process of that unit is one of ours."""
        return bool(unit) and any(fits(pattern, unit) for pattern in self.patterns)

    def listens_on(self, local: Address) -> bool:
        """Tell whether a listener with that address is this .socket unit's."""
        return local in self.listens


def askable(names: t.Iterable[str]) -> t.List[str]:
    """Pick the names that systemctl show answers for, in order: templates and patterns name no single unit."""
    return [name for name in names if "@." not in name and not set(name) & set("*?[")]


def unit_from(name: str, properties: t.Optional[Properties]) -> AskedUnit:
    """Make a Unit of a name and systemd's answer, None where it could not be asked."""
    if properties is None:
        return AskedUnit(name, (_pattern(name),), None, None, (), {})
    identity = properties.get("Id", "") or name
    patterns: t.List[str] = [identity]
    if name.endswith(".socket"):
        patterns = shown_words(properties.get("Triggers", ""))
        if properties.get("Accept", "") == "yes":
            patterns.append(identity[: -len(".socket")] + "@*.service")
    return AskedUnit(
        name=name,
        patterns=tuple(patterns),
        load_state=properties.get("LoadState", "") or None,
        may_have_processes=may_have_processes(properties),
        listens=tuple(listen_addresses(properties)),
        directives=socket_directives(properties) if name.endswith(".socket") else {},
        triggered_by=tuple(by for by in shown_words(properties.get("TriggeredBy", "")) if by.endswith(".socket")),
        crashing=is_crashing(properties),
        at_work=is_running_job(properties),
        control_group=properties.get("ControlGroup", ""),
        parts=tuple(shown_words(properties.get("ConsistsOf", ""))),
        listening_since=_listening_since(name, properties),
    )


def _listening_since(name: str, properties: Properties) -> t.Optional[float]:
    entered = int(properties.get("ActiveEnterTimestampMonotonic", "0"))
    return boot_clock.of_monotonic(entered) if entered and name.endswith(".socket") else None


def _pattern(name: str) -> str:
    return name.replace("@.service", "@*.service")


def with_members(units: t.Sequence[AskedUnit], unit_of: t.Mapping[int, str], proc: Proc) -> t.Tuple[AskedUnit, ...]:
    """Return the units, slices with the names of the units that run in them.

    :param unit_of: The unit of each process.
    """
    paths: t.Dict[str, str] = {}
    for pid, name in unit_of.items():
        if name and name not in paths:
            place = proc.place_of(pid)
            paths[name] = place.path[len(proc.prefix) :] if place else ""
    found = []
    for unit in units:
        inside = f"{path_of_slice(unit.name)}/" if unit.is_slice else ""
        members = sorted(name for name, path in paths.items() if inside and path.startswith(inside))
        found.append(unit._replace(patterns=tuple(members)) if members else unit)
    return tuple(found)
