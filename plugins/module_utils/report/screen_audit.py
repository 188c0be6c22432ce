# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the last screen says of an audit: connections at risk, and what the entries to paste would change."""

from __future__ import annotations

import os
import typing as t

from ..audit.effect import effect_of
from ..audit.report import Finding, findings_of
from ..linux.printable import named
from .lines import MOST_FINDINGS, WORDS, ScreenLine, in_columns, names_of, number_of
from .units import Said

_KINDS = ("without", "slow", "tight", "unknown")


def connections(found: t.Sequence[Finding]) -> t.Iterator[ScreenLine]:
    """Yield what an audit found, a finding of many hosts as one."""
    found = [finding for finding in found if finding.wrong]
    for finding in found[:MOST_FINDINGS]:
        first = finding.first
        way = "connects" if first["direction"] == "outgoing" else "accepts"
        counts = ", ".join(f"{finding.total(key):,} {WORDS[key]}" for key in _KINDS if finding.total(key))
        unit = named(first["unit"], 255) if first["unit"] else "no unit"
        program = named(os.path.basename(first["program"])) if first["program"] else "a process that ended"
        hosts = [host for host, _group in finding.groups]
        yield "", "plain"
        yield from in_columns(f"{unit}, {program} {way}: {counts}", "AT RISK", "wrong")
        yield from names_of(hosts)
    if len(found) > MOST_FINDINGS:
        yield "", "plain"
        yield from in_columns(f"and {len(found) - MOST_FINDINGS:,} more such findings", "AT RISK", "wrong")


def what_would_change(document: Said, found: t.Sequence[Finding]) -> t.Iterator[ScreenLine]:
    """Yield what the entries to paste would change."""
    listed = {name: host["units"] for name, host in document["hosts"].items()}
    effect, totals = effect_of(found, listed), document["totals"]["audit"]
    if not effect.mended and not effect.listeners:
        return
    parts = []
    if effect.mended:
        of_all = f"{totals['right'] + effect.mended:,} of {number_of(totals['connections'], 'connection')}"
        parts.append(f"{of_all} would be right instead of {totals['right']:,}")
    if effect.listeners:
        parts.append(f"{number_of(effect.listeners, 'listener')} would hand on what is right")
    yield "", "plain"
    yield from in_columns(f"With the entries to paste {', and '.join(parts)}", "", "plain")
    if effect.restarted:
        yield from _counted_units("restarted: ", effect.restarted)
    if effect.by_program:
        yield from _counted_units("without a restart, from their next connection on: ", effect.by_program)


def _counted_units(label: str, units: t.Mapping[str, int]) -> t.Iterator[ScreenLine]:
    words = [f"{unit} {count:,}" for unit, count in sorted(units.items(), key=lambda each: (-each[1], each[0]))]
    more = f" and {len(words) - MOST_FINDINGS} more" if len(words) > MOST_FINDINGS else ""
    yield from in_columns(f"{label}{', '.join(words[:MOST_FINDINGS])}{more}", "", "plain", 4, 8)


def findings_about_connections(document: Said) -> t.List[Finding]:
    """Return what the hosts of a document have alike."""
    return findings_of({name: host["audit"] for name, host in document["hosts"].items() if host["audit"]})
