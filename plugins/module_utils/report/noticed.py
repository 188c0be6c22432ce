# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a dead peer is noticed with given values, and which idle timeouts they survive."""

from __future__ import annotations

import typing as t

from ..audit.idle import KeepaliveTimes, probes_in_force
from ..settings.options import DERIVE, TIMING, derived_user_timeout, user_timeout_from
from ..sockets.compare import LINUX_DEFAULTS
from .units import Said


class NoticedAfter(t.NamedTuple):
    """What comes of one set of values, in seconds; where they say 0, with the defaults of Linux."""

    keepidle: int
    keepintvl: int
    probes: int
    """That go unanswered until a dead idle peer is noticed."""
    idle: float
    """Until then."""
    unacknowledged: t.Optional[float]
    """Until sent data that nobody acknowledges ends the connection; None: when tcp_retries2 ends it."""
    stopped: t.Optional[float]
    """Until a living peer that stops reading is cut off; None: never."""
    survives: t.Optional[int]
    """A lost probe is survived where the idle timeout is longer than this; None: nowhere."""


def noticed_after(tcp: Said) -> NoticedAfter:
    """Return when things are noticed, by the values that a document expects of a unit."""
    idle, interval, count = (tcp.get(name) or LINUX_DEFAULTS[name] for name in TIMING)
    user_timeout = tcp.get("user_timeout") or 0
    if user_timeout == DERIVE:
        user_timeout = user_timeout_from(tcp, below=LINUX_DEFAULTS) or 0
    probes = probes_in_force(KeepaliveTimes(idle, interval, count), user_timeout)
    given_up = user_timeout / 1000 if user_timeout else None
    return NoticedAfter(
        idle,
        interval,
        probes,
        derived_user_timeout(idle, interval, probes) / 1000,
        given_up,
        given_up,
        idle + 2 * interval if probes > 1 else None,
    )
