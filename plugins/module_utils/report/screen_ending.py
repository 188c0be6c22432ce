# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the last screen of a run ends: what was done, or in check mode would be."""

from __future__ import annotations

import typing as t

from ..linux.host_ranges import in_order
from ..rollout.outcomes import taken_away, was_done, would_be_done
from .lines import ScreenLine, in_columns, number_of
from .units import Said


def ending(document: Said, most: t.Optional[int]) -> t.Iterator[ScreenLine]:
    """Yield what was done, or in check mode would be."""
    done = {name: document["hosts"][name]["did"] for name in in_order(document["hosts"])
            if document["hosts"][name]["state"] == "done"}  # fmt: skip
    if document["kind"] not in ("enable", "disable") or not done:
        return
    if document["check_mode"]:
        lines = would_be_done(done, most)
    elif document["kind"] == "disable":
        lines = taken_away({name: {**did, "removed": did["changed"]} for name, did in done.items()}, most)
    else:
        lines = was_done({name: {**did, "set_open": _in_words(did["set_open"])} for name, did in done.items()}, most)
    undone = sum(1 for host in document["hosts"].values() if host["undone"])
    yield "", "plain"
    for line in [*lines, *([f"Taken back: {number_of(undone, 'host')}."] if undone else [])]:
        indent = len(line) - len(line.lstrip())
        yield from in_columns(line, "", "plain", indent, indent + 4) if line else (("", "plain"),)


def _in_words(counts: t.Mapping[str, int]) -> t.List[str]:
    return [f"{unit} {count:,}" for unit, count in counts.items()]
