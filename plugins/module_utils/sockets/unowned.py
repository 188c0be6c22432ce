# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets that stand in the kernel's tables, and that no process was found to hold.

The kernel's own are among them (NFS, iSCSI), those that are on their way from one process to another (SCM_RIGHTS), and
those that only an io_uring holds: what somebody hides there, or what we may not see, is at least counted, and named by
the unit that it was made in where the kernel tells a socket's cgroup.
"""

from __future__ import annotations

import collections
import typing as t

from ..linux import answering, procnet
from ..linux.accounts import label_of
from ..linux.cgroup import CgroupPlace, unit_in
from ..linux.procfs import HOST, Proc
from .access import Lists

MOST_USERS = 10
MOST_UNITS = 3
MOST_EXAMPLES = 3
"""How many are named; the counts are of all."""


def inodes_in_tables(pid: int, proc: Proc = HOST) -> t.Set[int]:
    """Return the sockets in the tables of the network namespace of a process."""
    return {inode for inode, _line in procnet.read_lines(pid, proc)} - {0}


def rows_of_nobody(
    before: t.Set[int],
    held: t.Set[int],
    lines_of: t.Callable[[t.Set[int]], t.Mapping[int, str]],
    listed: t.Callable[[], Lists],
    proc: Proc = HOST,
) -> t.List[procnet.Row]:
    """Return the sockets that nobody holds.

    Processes come and go while they are looked at, and hand on sockets: only what was in the tables before the first
    was looked at counts, what the second look at the processes does not find either, and what is there still.

    :param before: what inodes_in_tables() said before the sweep.
    :param held: what the sweep has found with processes.
    :param lines_of: gives the lines of sockets in the tables of the kernel as they are by then, by inode.
    :param listed: gives what lists the sockets of processes as they are by then.
    """
    missing = before - held
    if missing:
        missing = set(lines_of(missing))
    if missing:
        silent = answering.SILENT  # as of the first look: asking once more would cost a tenth of the second
        lists = listed()
        for pid in (pid for pid in proc.pids() if pid not in silent):
            for thread in lists.tables(pid, proc):
                try:
                    missing.difference_update(lists.descriptors(pid, proc, thread).values())
                except PermissionError:
                    continue
    if not missing:
        return []
    rows = {row.inode: row for row in procnet.parse_table(lines_of(missing).values())}
    return list(rows.values())


def with_units(rows: t.Sequence[procnet.Row], cgroups: t.Mapping[int, int], proc: Proc = HOST) -> t.List[procnet.Row]:
    """Return them with the units in whose cgroups they were made; '' where that is not known, or the cgroup is gone.

    :param cgroups: Inode of a socket → inode of the folder of its cgroup.
    """
    wanted = {cgroups.get(row.inode, 0) for row in rows}
    if not any(wanted):
        return list(rows)
    from ..bpf.cgroup2 import path_by_number

    places = {cgroup: path_by_number(cgroup) for cgroup in wanted if cgroup}
    units = {cgroup: unit_in(CgroupPlace(path, True), proc.prefix) for cgroup, path in places.items()}
    return [row._replace(unit=units.get(cgroups.get(row.inode, 0), "")) for row in rows]


def sum_up_unowned(rows: t.Iterable[procnet.Row]) -> t.Dict[str, t.Any]:
    """Count them, by the users who opened them, those of the system first: nobody can take a lower number than his."""
    by_user: t.Dict[int, t.List[procnet.Row]] = {}
    for row in sorted(rows, key=lambda row: (row.state != procnet.LISTEN, row.local, row.remote)):
        by_user.setdefault(row.user, []).append(row)
    return {
        "sockets": sum(map(len, by_user.values())),
        "users": len(by_user),
        "whose": [
            {
                "user": user,
                "sockets": len(members),
                **_units_of(members),
                "examples": [_shown(row) for row in members[:MOST_EXAMPLES]],
            }
            for user, members in sorted(by_user.items())[:MOST_USERS]
        ],
    }


def _units_of(rows: t.Iterable[procnet.Row]) -> t.Dict[str, t.Any]:
    counts = collections.Counter(label_of(row.unit) for row in rows if row.unit)
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNITS]
    return {"units": [{"unit": unit, "sockets": count} for unit, count in listed], "units_total": len(counts)}


def _shown(row: procnet.Row) -> t.Dict[str, t.Any]:
    listening = row.state == procnet.LISTEN
    return {
        "state": procnet.STATES.get(row.state, str(row.state)),
        "local": procnet.as_dict(row.local),
        "remote": None if listening else procnet.as_dict(row.remote),
        "waiting": row.queue,
    }
