# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each thing of which a document says whether it is right, in one row: hosts, units, and connections of an audit."""

from __future__ import annotations

import os
import typing as t

from .units import Said

_OF_AUDIT = ("without", "slow", "tight", "unknown")


class ReportRow(t.NamedTuple):
    """One thing."""

    host: str
    what: str
    """V(host), V(unit) or V(connections)."""
    name: str
    verdict: str
    """As of a unit or, where it is no unit, of a host."""
    sockets: int = 0
    right: int = 0
    wrong: int = 0
    unknown: int = 0
    reasons: str = ""
    detail: str = ""


def rows_in(document: Said) -> t.Iterator[ReportRow]:
    """Yield the rows of a document, host by host."""
    for name, host in document["hosts"].items():
        yield ReportRow(name, "host", name, host["state"], detail=" / ".join(host["why"]))
        for unit, entry in host["units"].items():
            yield _of_unit(name, unit, entry)
        for group in host["audit"]["groups"] if host["audit"] else ():
            yield _of_connections(name, group)


def _of_unit(host: str, unit: str, entry: Said) -> ReportRow:
    details = dict.fromkeys([entry["why"], *(finding["detail"] for finding in entry["found"])])
    return ReportRow(
        host,
        "unit",
        unit,
        entry["verdict"],
        entry["sockets"],
        entry["right"],
        entry["wrong"],
        entry["unknown"],
        _counted(entry["reasons"]),
        " / ".join(filter(None, details)),
    )


def _of_connections(host: str, group: Said) -> ReportRow:
    wrong = {key: group[key] for key in _OF_AUDIT if group[key]}
    way = "connects" if group["direction"] == "outgoing" else "accepts"
    return ReportRow(
        host,
        "connections",
        f"{group['unit'] or 'no unit'}, {os.path.basename(group['program'])} {way}",
        "wrong" if wrong else "right",
        group["connections"],
        group["right"],
        sum(wrong.values()) - group["unknown"],
        group["unknown"],
        _counted(wrong),
    )


def _counted(reasons: t.Mapping[str, int]) -> str:
    return ", ".join(f"{reason} x {count}" for reason, count in reasons.items())
