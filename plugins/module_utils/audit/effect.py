# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would change where the entries that an audit ends with were applied."""

from __future__ import annotations

import typing as t

from .overview import VERDICTS
from .report import Finding

_KNOWN = tuple(verdict for verdict in VERDICTS if verdict != "unknown")


class Effect(t.NamedTuple):
    """Connections, listeners and units of all hosts."""

    mended: int
    """Connections that are not right now; of what could not be read nobody knows."""
    listeners: int
    """Those that would hand on what is right."""
    restarted: t.Mapping[str, int]
    """By unit, how many of it: instances of a template, on all hosts."""
    by_program: t.Mapping[str, int]
    """By unit the connections that a program of the kernel would set, without a restart."""


def effect_of(findings: t.Iterable[Finding], listed: t.Mapping[str, t.Container[str]]) -> Effect:
    """Count.

    :param listed: By host, the units that have an entry already, for which nothing is to be pasted.
    """
    mended = listeners = 0
    restarted: t.Dict[t.Tuple[str, str], int] = {}
    by_program: t.Dict[str, int] = {}
    for finding in findings:
        advice = finding.first["advice"]
        if advice["kind"] not in ("preload", "program") or not advice["entry"]:
            continue
        unit, program = advice["entry"]["name"], advice["entry"].get("backend") == "bpf"
        for host, group in finding.groups:
            if unit in listed.get(host, ()):
                continue
            wrong = sum(group[verdict] for verdict in _KNOWN)
            mended += wrong
            listeners += group["listeners_total"]
            if program:
                by_program[unit] = by_program.get(unit, 0) + wrong
            else:
                restarted[unit, host] = max(restarted.get((unit, host), 0), group["units"])
    of_units: t.Dict[str, int] = {}
    for (unit, _host), count in restarted.items():
        of_units[unit] = of_units.get(unit, 0) + count
    return Effect(mended, listeners, of_units, by_program)
