# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found in the words of a plugin of a monitoring system: Nagios, Icinga, Zabbix and their kind."""

from __future__ import annotations

import typing as t

from ..linux.printable import printable
from .found import CRITICAL, OK, SOCKET_STATES, STATE_NAMES, UNKNOWN, WARNING, HostFound


def plugin_lines(found: HostFound, seconds: float) -> t.List[str]:
    """Return one line with the state and performance data, then one for all that is not OK, the worst first."""
    totals = {state: sum(unit.sockets.get(state, 0) for unit in found.units) for state in SOCKET_STATES}
    wrong = sum(1 for unit in found.units if unit.state not in (OK, UNKNOWN))
    unknown = sum(1 for unit in found.units if unit.state == UNKNOWN)
    data = [
        f"units={len(found.units)};;;0",
        f"units_wrong={wrong};0;;0",
        f"units_unknown={unknown};;;0",
        *(f"sockets_{state}={count};;;0" for state, count in totals.items()),
        f"time={seconds:.3f}s;;;0",
    ]
    lines = [f"KEEPALIVE {STATE_NAMES[found.state]} - {_in_words(found, totals)} | {' '.join(data)}"]
    bad = [(unit.state, f"{unit.name}: {unit.why}") for unit in found.units if unit.state != OK]
    order = {state: place for place, state in enumerate((CRITICAL, UNKNOWN, WARNING))}
    for state, text in sorted([*found.problems, *bad], key=lambda one: (order[one[0]], one[1])):
        lines.append(f"{STATE_NAMES[state]} {_plain(text)}")
    return lines


def failed_lines(why: str) -> t.List[str]:
    """Return what is said where nothing could be looked at."""
    return [f"KEEPALIVE {STATE_NAMES[UNKNOWN]} - {_plain(why)}"]


def _in_words(found: HostFound, totals: t.Mapping[str, int]) -> str:
    if not found.units:
        none = "no unit here has a drop-in of this collection" if not found.host_wide else "no unit or program is named"
        return (found.problems and _plain(found.problems[0][1])) or f"{none}: nothing was compared"
    bad = [unit for unit in found.units if unit.state != OK]
    sockets = f"{totals['right']} of {sum(totals.values())} sockets right"
    if totals["accepted"]:
        sockets += f", {totals['accepted']} accepted"
    if not bad and not found.problems:
        return f"{len(found.units)} unit{'s' if len(found.units) > 1 else ''} right, {sockets}"
    count = len(found.problems)
    of_host = f"{count} problem{'s' if count > 1 else ''} of the host, " if count else ""
    return f"{of_host}{len(bad)} of {len(found.units)} units not right, {sockets}"


def _plain(text: str) -> str:
    """Return it in one line without the character that begins performance data."""
    return printable(text).replace("|", "/")
