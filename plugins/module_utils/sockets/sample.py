# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading some of the connections of a unit that has very many, and counting exactly what is left out.

Which sockets are TCP connections is known from /proc/PID/net/tcp without reading them. Listeners are always read, and
so is what does not stand in that table (MPTCP, sockets of another namespace).
"""

from __future__ import annotations

import typing as t

from ..linux import procnet

Takes = t.Callable[[str, procnet.Address, t.Optional[procnet.Address]], bool]


class Sample(t.NamedTuple):
    """How many connections of each unit are read at most, out of those that pass the filters."""

    size: int
    takes: Takes

    def leave_out(
        self, held: t.Mapping[str, t.Iterable[int]], rows: t.Mapping[int, procnet.Row]
    ) -> t.Tuple[t.Set[int], t.Dict[str, int]]:
        """Choose the inodes that are not read, and count them by unit.

        :param held: Unit → inodes of the sockets that its processes hold.
        :param rows: Inode → line of the table.
        """
        left_out: t.Set[int] = set()
        counts: t.Dict[str, int] = {}
        for unit, inodes in held.items():
            connections = sorted({inode for inode in inodes if inode in rows and rows[inode].state != procnet.LISTEN})
            wanted = [inode for inode in connections if inode not in left_out and self._passes(rows[inode])]
            # Spread evenly over old and new ones, and the same at every look.
            size = min(self.size, len(wanted))
            chosen = {wanted[at * len(wanted) // size] for at in range(size)}
            counts[unit] = len(wanted) - len(chosen)
            left_out.update(inode for inode in connections if inode not in chosen)
        return left_out, {unit: count for unit, count in counts.items() if count}

    def _passes(self, row: procnet.Row) -> bool:
        return self.takes(procnet.STATES.get(row.state, str(row.state)), row.local, row.remote)
