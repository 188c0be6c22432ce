# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What in a document lets a run of CI fail, as the operator has chosen."""

from __future__ import annotations

import typing as t

from .lines import number_of
from .units import Said


def reasons_to_fail(document: Said, chosen: t.Iterable[str]) -> t.List[str]:
    """Return what of the chosen things there is, each with its number; none where the run is right."""
    totals, found = document["totals"], t.cast(t.List[str], [])
    chosen = list(chosen)
    if chosen and not totals["hosts"]["done"]:
        return ["no host was read"]
    for what in chosen:
        if what == "drift":
            found += _told(what, totals["units"]["wrong"], "unit")
        elif what == "no_data":
            found += _told(what, totals["hosts"]["no_data"], "host")
            found += _told(what, totals["units"]["no_data"], "unit")
        elif not totals["audit"]:
            found.append(f"{what}: nobody has looked at connections")
        else:
            noun = "listener" if what == "listeners" else "connection"
            found += _told(what, totals["audit"][what], noun)
    return found


def _told(what: str, count: int, noun: str) -> t.List[str]:
    return [f"{what}: {number_of(count, noun)}"] if count else []
