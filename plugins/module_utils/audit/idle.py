# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a socket's keepalive survive something that forgets idle connections, and which values would?

The rule is keepidle + 2 x keepintvl < idle timeout: the first probe goes out before the connection is forgotten, and so
does the next one if the first is lost, with an interval to spare for timers that run late.
"""

from __future__ import annotations

import math
import typing as t

VERDICTS = ("right", "without", "slow", "tight", "unknown")
"""without: keepalive is off. slow: the first probe comes too late. tight: it comes in time, and losing it is not
survived. unknown: the options cannot be read."""

SHORTEST_TIMEOUT = 4
"""Seconds; below it no whole numbers satisfy the rule (1 + 2 x 1 < 4)."""

LONGEST_TIMEOUT = 10 * 86400


class KeepaliveTimes(t.NamedTuple):
    """Keepalive settings in seconds and probes."""

    keepidle: int
    keepintvl: int
    keepcnt: int

    def satisfy(self, idle_timeout: int) -> bool:
        """Tell whether these survive an idle timeout and one lost probe."""
        return self.keepidle + 2 * self.keepintvl < idle_timeout and self.keepcnt > 1


def judge(
    keepalive: t.Optional[bool],
    options: t.Mapping[str, t.Optional[int]],
    idle_timeout: int,
    timer: t.Optional[float],
) -> str:
    """Return one of VERDICTS for a socket that is idle from now on.

    :param timer: where the options cannot be read, the seconds until its keepalive timer is due.
    """
    if keepalive is False:
        return "without"
    idle, interval, count = (options.get(name) for name in KeepaliveTimes._fields)
    if keepalive is None or idle is None or interval is None or count is None:
        return "slow" if timer is not None and timer >= idle_timeout else "unknown"
    if idle >= idle_timeout:
        return "slow"
    probes = probes_in_force(KeepaliveTimes(idle, interval, count), options.get("user_timeout"))
    return "right" if KeepaliveTimes(idle, interval, probes).satisfy(idle_timeout) else "tight"


def probes_in_force(values: KeepaliveTimes, user_timeout: t.Optional[int]) -> int:
    """Return how many unanswered probes end the connection: a TCP_USER_TIMEOUT (in ms) takes the place of the count."""
    if not user_timeout:
        return values.keepcnt
    return max(1, math.ceil((user_timeout / 1000 - values.keepidle) / values.keepintvl))


def ended_by_user_timeout(options: t.Mapping[str, t.Optional[int]], idle_timeout: int) -> int:
    """Return the user timeout, in ms, that alone keeps good times from surviving one lost probe; 0 where none does."""
    idle, interval, count = (options.get(name) for name in KeepaliveTimes._fields)
    user_timeout = options.get("user_timeout")
    if idle is None or interval is None or count is None or not user_timeout:
        return 0
    times = KeepaliveTimes(idle, interval, count)
    cut = times._replace(keepcnt=probes_in_force(times, user_timeout))
    return user_timeout if times.satisfy(idle_timeout) and not cut.satisfy(idle_timeout) else 0


def recommend(idle_timeout: int) -> KeepaliveTimes:
    """Return values that satisfy the rule with room to spare; round numbers where the timeout is long enough."""
    idle = idle_timeout * 2 // 5
    for step in (60, 30, 5):
        if idle >= 2 * step:
            idle -= idle % step
    idle = min(idle, 600)
    interval = 60 if idle >= 240 else 30 if idle >= 60 else max(1, idle // 4)
    return KeepaliveTimes(idle, interval, 4)
