# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd says of a .socket unit: where it listens, and the directives that stand for our options."""

from __future__ import annotations

import re
import typing as t

from .procnet import Address
from .systemd import Properties, seconds

_LISTENS = re.compile(r"(?m)^(?:\[([0-9a-fA-F:.]+)(?:%\S+)?\]|([0-9.]+)):([0-9]{1,5}) \(Stream\)$")
_PROBES = re.compile(r"[0-9]{1,9}")


def listen_addresses(properties: Properties) -> t.List[Address]:
    """Return the TCP addresses of V(Listen=); '[::]:22 (Stream)' is ('::', 22)."""
    return [(v6 or v4, int(port)) for v6, v4, port in _LISTENS.findall(properties.get("Listen", ""))]


def directives(properties: Properties) -> t.Dict[str, t.Optional[int]]:
    """Return the directives by the names of our options, and keepalive as 0 or 1; None where systemd does not say."""
    probes = properties.get("KeepAliveProbes", "")
    return {
        "keepalive": {"yes": 1, "no": 0}.get(properties.get("KeepAlive", "")),
        "keepidle": seconds(properties.get("KeepAliveTimeUSec", "")),
        "keepintvl": seconds(properties.get("KeepAliveIntervalUSec", "")),
        "keepcnt": int(probes) if _PROBES.fullmatch(probes) else None,
        "defer_accept": seconds(properties.get("DeferAcceptUSec", "")),
    }
