# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be known of keepalive where options cannot be read: the kernel's timers, in /proc/PID/net/tcp.

sock_diag(7) shows the same timers (tests compare the two) and no options either, but only those of the asker's own
network namespace; /proc shows each process its own. A pending keepalive timer proves that keepalive is on, and the
kernel always has one on a connection that has it and waits for nothing else. While a retransmission or a window probe
is due, that takes the place of it in the table, and nothing is known.
"""

from __future__ import annotations

import typing as t

from ..linux import procnet
from ..linux.procfs import HOST, Proc

_CONNECTED = (1, 8)
"""ESTABLISHED and CLOSE_WAIT; in other states the timer serves other purposes."""


class TimerSeen(t.NamedTuple):
    """A socket in the table, and what its timer shows."""

    row: procnet.Row
    keepalive: t.Optional[bool]
    """None where it shows nothing."""


def read_timers(pid: int, proc: Proc = HOST) -> t.Dict[int, TimerSeen]:
    """Return what is seen of the sockets in the network namespace of a process, by inode.

    The table is read twice: in the moment in which the kernel's timer fires and is set again, it is not pending.
    """
    first = {row.inode: row for row in procnet.read_tables(pid, proc=proc)}
    second = {row.inode: row for row in procnet.read_tables(pid, proc=proc)}
    return {inode: TimerSeen(row, keepalive_of(row, first.get(inode))) for inode, row in second.items()}


def keepalive_of(row: procnet.Row, earlier: t.Optional[procnet.Row]) -> t.Optional[bool]:
    """Tell what a line of the table, and the one of a moment before, show of SO_KEEPALIVE; None: nothing."""
    if row.state not in _CONNECTED or earlier is None or earlier.state not in _CONNECTED:
        return None
    if row.timer == procnet.TIMER_KEEPALIVE:
        return True
    return False if row.timer == earlier.timer == procnet.TIMER_NONE else None
