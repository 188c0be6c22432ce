# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run comes to: hosts, units, sockets and reasons, counted over all hosts of its document."""

from __future__ import annotations

import typing as t

from ..audit.overview import COUNTS
from .units import VERDICTS

STATES = ("done", "refused", "failed", "no_data", "not_begun")
"""What became of a host; V(no_data): it could not be reached, or what became of it is not known."""

_SOCKETS = ("sockets", "right", "wrong", "unknown")


def totals_of(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Count over the hosts of a document, by name."""
    of_hosts, of_units = dict.fromkeys(("total", *STATES), 0), dict.fromkeys(("total", *VERDICTS), 0)
    of_sockets, reasons = dict.fromkeys(_SOCKETS, 0), t.cast(t.Dict[str, int], {})
    of_audit = dict.fromkeys(COUNTS, 0)
    for host in hosts.values():
        of_hosts["total"] += 1
        of_hosts[host["state"]] += 1
        for key in of_audit if host["audit"] else ():
            of_audit[key] += host["audit"]["totals"][key]
        for unit in host["units"].values():
            of_units["total"] += 1
            of_units[unit["verdict"]] += 1
            for key in _SOCKETS:
                of_sockets[key] += unit[key]
            for reason, count in unit["reasons"].items():
                reasons[reason] = reasons.get(reason, 0) + count
    return {
        "hosts": of_hosts,
        "units": of_units,
        "sockets": of_sockets,
        "reasons": dict(sorted(reasons.items())),
        "audit": of_audit if any(host["audit"] for host in hosts.values()) else None,
    }
