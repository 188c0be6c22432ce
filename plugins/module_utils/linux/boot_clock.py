# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clock of this boot: nobody can set it, and it goes on while the host sleeps.

The kernel dates processes by it (V(starttime) in /proc/PID/stat), so a moment that is compared with a process is taken
from it, and never from the wall clock or a file's time, which an administrator or NTP turns. Not /proc/uptime either:
in a container lxcfs may show the container's there, while processes are still dated by the host's.
"""

from __future__ import annotations

import functools
import os
import time

_TICKS = os.sysconf("SC_CLK_TCK")


def now() -> float:
    """Return the seconds since boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def tick() -> float:
    """Return the seconds since boot, cut to the kernel's tick as a process's start is: both can be compared exactly."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * _TICKS // 10**9 / _TICKS


def cut_to_tick(moment: float) -> float:
    """Cut a moment to that tick, to be compared with the start of a process."""
    return int(moment * _TICKS) / _TICKS


def of_monotonic(microseconds: int) -> float:
    """Return the moment of one of systemd's V(…TimestampMonotonic).

    That clock stops while the host sleeps: what was before a sleep seems later by its length.
    """
    return microseconds / 1e6 + now() - time.clock_gettime(time.CLOCK_MONOTONIC)


@functools.lru_cache(maxsize=None)
def boot() -> str:
    """Name this boot of this host: a container boots again with its first process, the kernel's own name stays."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        kernel = file.read().strip()
    with open("/proc/1/stat", encoding="utf-8", errors="replace") as file:
        text = file.read()
    return f"{kernel} {text.rpartition(')')[2].split()[19]}"


def on_the_wall(moment: float) -> str:
    """Show people a moment of this boot, as the wall clock has it now."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() - now() + moment))
