# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has changed since another document, in a few lines: for the last screen of a run, and for a ticket."""

from __future__ import annotations

import typing as t

from ..linux.host_ranges import hosts_within
from ..settings.options import DERIVE
from .changes import ABSENT, Change, Changes, ValuesChanged
from .lines import INDENT, ScreenLine, in_columns, number_of

VERDICTS_IN_WORDS = {
    "no_data": "without data", "not_begun": "not begun", ABSENT: "not there", "idle": "not running",
}  # fmt: skip

_MOST = 3
"""Of what is newly wrong, on the screen."""


def changes_on_screen(changes: Changes) -> t.List[ScreenLine]:
    """Return what a terminal of 80 columns shows."""
    look = "wrong" if changes.worse else "plain"
    lines = list(in_columns(summary_of(changes), "", look, 0, INDENT))
    for change in changes.worse[:_MOST]:
        lines += in_columns(told(change), "", look, INDENT)
    left = len(changes.worse) - _MOST
    return [*lines, (f"{' ' * INDENT}and {left:,} more", look)] if left > 0 else lines


def summary_of(changes: Changes) -> str:
    """Return all of it in numbers."""
    since = changes.earlier["ended"].replace("T", " ").replace("Z", " UTC")
    counted = (
        (_things(changes.worse), "newly wrong or unknown"),
        (_things(changes.mended), "mended"),
        (_things(changes.others), "otherwise changed"),
        (sum(len(each.hosts) for each in changes.values), "with other values"),
    )
    parts = [f"{count:,} {words}" for count, words in counted if count]
    for hosts, words in ((changes.hosts_new, "new"), (changes.hosts_gone, "not in this run")):
        parts += [f"{number_of(len(hosts), 'host')} {words}"] if hosts else []
    return f"since {changes.earlier['kind']}, {since}: {', '.join(parts) or 'nothing has changed'}"


def _things(found: t.Iterable[Change]) -> int:
    return sum(len(change.hosts) for change in found)


def told(change: Change) -> str:
    """Return one change as a sentence, with its hosts."""
    return f"{told_of(change)}: {hosts_within(change.hosts, 100)}"


def told_of(change: Change) -> str:
    """Return what has become of a thing, without its hosts."""
    subject = f"{change.name} on " if change.name else ""
    before, after = (VERDICTS_IN_WORDS.get(verdict, verdict) for verdict in (change.before, change.after))
    reasons = f": {', '.join(change.reasons)}" if change.reasons else ""
    was = "for other reasons" if change.before == change.after else f"was {before}"
    return f"{subject}{number_of(len(change.hosts), 'host')}, {after} ({was}){reasons}"


def told_of_values(each: ValuesChanged) -> str:
    """Return which values are others, without the hosts."""
    said = ", ".join(f"{option} {_value(was)} to {_value(now)}" for option, was, now in each.options)
    return f"{each.unit} on {number_of(len(each.hosts), 'host')}: {said}"


def _value(value: t.Optional[int]) -> str:
    return "nothing" if value is None else "derived" if value == DERIVE else str(value)
