# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that fall silent at one moment do not all probe at another one: each has its first probe somewhat earlier.

Earlier alone, for what forgets the connection does not wait; and by the names of host and unit, so that a second run
has nothing to do.
"""

from __future__ import annotations

import hashlib
import typing as t

from .checks import ReportMistake
from .options import SYSTEM
from .service import Mention, ResolvedService


def earlier(keepidle: int, percent: int, host: str, unit: str) -> int:
    """Return a keepidle that is shorter by up to so many percent, in whole seconds, and always the same.

    :param host: Its name in the inventory.
    """
    names = f"{host}\n{unit}".encode("utf-8", "surrogatepass")
    seed = int.from_bytes(hashlib.sha256(names).digest()[:8], "big")
    return keepidle - (seed * (keepidle * percent // 100 + 1) >> 64)


def without_effect(keepidle: int, percent: int) -> str:
    """Say why a jitter would change nothing; '' where it does, or where none is asked for."""
    if not percent or keepidle * percent >= 100:
        return ""
    if keepidle == SYSTEM:
        return "jitter: has no effect with a keepidle of 0, the system's; say a keepidle, or leave it out"
    return f"jitter: {percent} % of a keepidle of {keepidle} s is less than a second, and changes nothing; leave it out"


def spread(
    service: ResolvedService, own: t.Iterable[Mention], host: t.Optional[str], report: ReportMistake
) -> ResolvedService:
    """Return a unit with the keepidle that it has on a host.

    :param own: What was said of this unit itself; a jitter that changes nothing is a mistake there, and not where it is
        inherited.
    :param host: None where it is not known: then it is the latest that any host has.
    """
    latest = service.tcp["keepidle"]
    problem = without_effect(latest, service.jitter)
    for entry in own:
        if problem and entry.values.get("jitter"):
            report(entry.place, problem)
    if problem or not service.jitter:
        return service._replace(jitter=0)
    keepidle = latest if host is None else earlier(latest, service.jitter, host, service.name)
    return service._replace(tcp={**service.tcp, "keepidle": keepidle}, latest_keepidle=latest)
