# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the units that were asked for a socket counts for: its .socket unit, its service, or the slice of that."""

from __future__ import annotations

import typing as t

from ..sockets.record import Record
from ..units.asked import AskedUnit


def listeners_of_units(
    units: t.Iterable[AskedUnit], records: t.Collection[Record], of_systemd: t.AbstractSet[int]
) -> t.Dict[int, AskedUnit]:
    """Return the listeners of the .socket units that were asked for, by inode.

    :param of_systemd: the inodes of the sockets that systemd itself holds.
    """
    return {
        record.inode: unit
        for unit in units
        if unit.is_socket
        for record in records
        if record.inode in of_systemd and record.state == "LISTEN" and unit.listens_on(record.local)
    }


def owners_of(
    units: t.Iterable[AskedUnit], records: t.Collection[Record], listeners: t.Mapping[int, AskedUnit]
) -> t.Dict[int, AskedUnit]:
    """Say which of the units that were asked for each record counts for: a .socket unit before its service."""
    # The exact name before the template or pattern, and what is within a slice before the slice.
    services = sorted(
        (unit for unit in units if not unit.is_socket),
        key=lambda unit: (unit.is_slice, -unit.name.count("-") if unit.is_slice else "*" in unit.patterns[0]),
    )
    by_unit = {
        name: next((unit for unit in services if unit.holds(name)), None)
        for name in {record.unit for record in records}
    }
    owners: t.Dict[int, AskedUnit] = {}
    for record in records:
        owner = _came_through(record, listeners) or by_unit[record.unit]
        if owner is not None:
            owners[record.inode] = owner
    return owners


def aliases_among(units: t.Iterable[AskedUnit]) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the names that stand for a unit that was listed before by another name, with that name."""
    first: t.Dict[t.Tuple[str, ...], str] = {}
    for unit in units:
        if not (unit.is_socket or unit.is_slice) and first.setdefault(unit.patterns, unit.name) != unit.name:
            yield unit.name, first[unit.patterns]


def _came_through(record: Record, listeners: t.Mapping[int, AskedUnit]) -> t.Optional[AskedUnit]:
    """Return the .socket unit whose listener a socket is, or came through; None where there is none."""
    inodes = sorted(record.listeners | {record.inode})
    return next((listeners[inode] for inode in inodes if inode in listeners), None)


def counted_for(record: Record, listeners: t.Mapping[int, AskedUnit]) -> Record:
    """Return the record as that of the .socket unit that it came through, where it did through one."""
    unit = _came_through(record, listeners)
    return record if unit is None else record._replace(unit=unit.name)
