# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole table of a document: a line for each host and unit."""

from __future__ import annotations

import typing as t

from ..verdicts.report import UnitRow, lay_out
from .lines import ScreenLine
from .units import Said

_STATES = {"no_data": "no data", "not_begun": "not begun"}


def whole_table(document: Said) -> t.List[ScreenLine]:
    """Return its lines; none where there is no unit and nothing to be said of a host."""
    rows = [row for name, host in document["hosts"].items() for row in _rows(name, host)]
    if not rows:
        return []
    header, *lines = lay_out(rows)
    return [(header, "plain"), *((line, row.verdict) for line, row in zip(lines, rows))]


def _rows(name: str, host: Said) -> t.Iterator[UnitRow]:
    state = host["state"]
    if state != "done" or not (host["units"] or host["audit"]):
        why = f": {host['why'][0]}" if host["why"] else ""
        text = f"{_STATES.get(state, state)}{why}" if state != "done" else "nothing is listed"
        yield UnitRow((name, "-", "-", "-", "-", text), "idle" if state in ("done", "not_begun") else "wrong")
    for unit, entry in host["units"].items():
        reasons = ", ".join(f"{reason} x {count}" for reason, count in entry["reasons"].items())
        verdict = entry["verdict"]
        why = f"accepted: {reasons}" if verdict == "accepted" else entry["why"] or reasons
        if verdict in ("idle", "no_data") or entry["state"] in ("missing", "stopped"):
            cells = ("-", "-", "-", why or "not read")
        else:
            cells = (str(entry["sockets"]), str(entry["right"]), str(entry["wrong"] + entry["unknown"]), why)
        yield UnitRow((name, unit, *cells), "unknown" if verdict == "no_data" else verdict)
