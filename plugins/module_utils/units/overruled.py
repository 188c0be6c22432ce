# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a unit's drop-in in force, or does something else win? A restart would not help then."""

from __future__ import annotations

import typing as t

from ..linux.unit_files import preload_entries
from . import dropin
from .unit import Unit, environment_of


def overruled(units: t.Iterable[Unit]) -> t.List[str]:
    """Say of which units the drop-in is there but something else wins, and what systemd makes of it."""
    return [text for text in map(_overruled, units) if text]


def _overruled(unit: Unit) -> str:
    if not unit.drop_in or unit.name.endswith(".socket"):
        return ""
    wanted = dropin.environment_in(dropin.read(unit.drop_in) or "")
    has = environment_of(unit.properties)
    ours = [entry for entry in preload_entries(wanted.get("LD_PRELOAD", "")) if dropin.is_own_library(entry)]
    lost = [name for name in wanted if name != "LD_PRELOAD" and has.get(name) != wanted[name]]
    if any(entry not in preload_entries(has.get("LD_PRELOAD", "")) for entry in ours):
        lost.insert(0, "LD_PRELOAD")
    if not lost:
        return ""
    shown = ", ".join(f"{name}={has.get(name, '')}" for name in lost)
    return (
        f"{unit.name}: {unit.drop_in} is overruled: systemd says {shown}; "
        f"the unit's drop-ins in order: {unit.properties.get('DropInPaths', '')}"
    )
