# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers of socket_options_info from any number of hosts, laid out for people."""

from __future__ import annotations

import typing as t

from ..linux.columns import aligned
from ..linux.printable import printable

HEADER = ("HOST", "UNIT", "SOCKETS", "RIGHT", "WRONG", "WHY")
"""SOCKETS counts those of which something is expected: those of the service's direction."""

_WITHOUT_SOCKETS = {
    "missing": "there is no such unit",
    "crashing": "ends again and again, and systemd restarts it",
    "without_process": "active, and has no process",
    "stopped": "not running",
}

HostAnswer = t.Mapping[str, t.Any]


class UnitRow(t.NamedTuple):
    """One line, and whether it is good news: V(right), V(accepted), V(wrong) or V(idle)."""

    cells: t.Tuple[str, ...]
    verdict: str


def rows_of(answers: t.Mapping[str, t.Optional[HostAnswer]], wrong_only: bool = False) -> t.List[UnitRow]:
    """Return a row for each host and unit; a host without an answer gets one that says so.

    A unit that is missing and may be (C(if_present)) gets none: its host is as one for which it is not listed.
    """
    rows: t.List[UnitRow] = []
    for host, answer in answers.items():
        if not answer or "units" not in answer:
            rows.append(UnitRow((host, "-", "-", "-", "-", "not verified: failed or not reached, see above"), "wrong"))
            continue
        for name, unit in sorted(answer["units"].items()):
            if not (unit["ok"] and (wrong_only or unit["state"] == "missing")):
                cells, verdict = _judge(unit)
                rows.append(UnitRow((host, name, *cells), verdict))
    return rows


def _judge(unit: t.Mapping[str, t.Any]) -> t.Tuple[t.Tuple[str, ...], str]:
    why_none = why_no_sockets(unit)
    if why_none:
        return ("-", "-", "-", why_none), "idle" if unit["ok"] else "wrong"
    counts = tuple(str(unit[key]) for key in ("relevant", "compliant"))
    wrong = str(unit["noncompliant"] + unit["unknown"])
    why = ", ".join(f"{reason} x {count}" for reason, count in sorted(unit["reasons"].items()))
    if not unit["ok"]:
        return (*counts, wrong, why or "fewer sockets than min_sockets"), "wrong"
    if why:
        return (*counts, wrong, f"accepted: {why}"), "accepted"
    return (*counts, wrong, ""), "right"


def why_no_sockets(unit: t.Mapping[str, t.Any]) -> str:
    """Say why a unit cannot have sockets, '' where it can."""
    what = _WITHOUT_SOCKETS.get(unit["state"], "")
    if unit["elsewhere"]:
        what += f": {', '.join(unit['elsewhere'])} {'has' if len(unit['elsewhere']) == 1 else 'have'} one"
    return what


def lay_out(rows: t.Sequence[UnitRow]) -> t.List[str]:
    """Align the rows below the header, names to the left and numbers to the right."""
    return aligned(HEADER, (row.cells for row in rows), ("SOCKETS", "RIGHT", "WRONG"))


def explanations(answers: t.Mapping[str, t.Optional[HostAnswer]], most_hosts: int = 3) -> t.List[str]:
    """Return what was seen for each reason, once for all the hosts that have it, with the hosts."""
    hosts_by: t.Dict[t.Tuple[str, str, str], t.List[str]] = {}
    for host, answer in answers.items():
        for socket in (answer or {}).get("sockets", []):
            if socket["reason"] and socket["relevant"]:
                hosts = hosts_by.setdefault((socket["unit"], socket["reason"], socket["detail"] or ""), [])
                if host not in hosts:
                    hosts.append(host)
        for unit, reason, detail in _of_programs(answer or {}):
            hosts_by.setdefault((unit, reason, detail), []).append(host)
    lines = []
    for (unit, reason, detail), hosts in sorted(hosts_by.items()):
        more = f" and {len(hosts) - most_hosts} more" if len(hosts) > most_hosts else ""
        lines.append(printable(f"{unit}: {reason}: {detail} ({', '.join(hosts[:most_hosts])}{more})"))
    return lines


def _of_programs(answer: HostAnswer) -> t.Iterator[t.Tuple[str, str, str]]:
    """Yield what is wrong with the programs of units, but for what is told of their sockets already."""
    told = {(socket["unit"], socket["reason"]) for socket in answer.get("sockets", [])}
    for unit in answer.get("units", {}).values():
        for wrong in unit.get("programs_wrong", ()) if isinstance(unit, t.Mapping) else ():
            if (wrong["unit"], wrong["reason"]) not in told:
                yield wrong["unit"], wrong["reason"], wrong["detail"]
