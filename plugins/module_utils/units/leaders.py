# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes that show what a unit runs with.

Where systemd knows a main process, it is that: its children may have an environment of their own, which no restart
changes. Many units have none (init scripts, C(ExitType=cgroup), C(Type=forking) with several daemons, a C(oneshot) that
leaves one): of these it is the processes at the top of the unit's control group.
"""

from __future__ import annotations

import typing as t

from ..linux import boot_clock, systemd
from ..linux.procfs import HOST, Proc

_TICK = 0.02
"""Seconds by which a process can seem older than it is: the kernel shows its start in ticks."""


def leaders_of(units: t.Iterable[systemd.Properties], proc: Proc = HOST) -> t.Dict[str, t.Tuple[int, ...]]:
    """Return the processes of each running service, by its V(Id); of one that has none there is none in it."""
    found: t.Dict[str, t.Tuple[int, ...]] = {}
    begun: t.Dict[str, float] = {}
    for properties in units:
        name, main = properties["Id"], int(properties.get("MainPID", "0"))
        if main:
            found[name] = (main,)
        elif properties.get("ControlGroup") and systemd.is_active(properties) and name.endswith(".service"):
            begun[name] = boot_clock.of_monotonic(int(properties.get("InactiveExitTimestampMonotonic", "0")))
    members: t.Dict[str, t.Set[int]] = {}
    for pid in proc.pids() if begun else ():
        unit = proc.unit_of(pid)
        if unit in begun:
            members.setdefault(unit, set()).add(pid)
    for unit, pids in members.items():
        top = [pid for pid in sorted(pids) if proc.parent_of(pid) not in pids]
        # Who is older than the unit's start has outlived its last stop (KillMode=process), and would the next.
        own = tuple(pid for pid in top if (proc.started_at(pid) or 0.0) + _TICK >= begun[unit])
        if own:
            found[unit] = own
    return found
