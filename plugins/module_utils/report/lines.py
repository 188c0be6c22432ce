# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a screen of 80 columns, and numbers with what they count."""

from __future__ import annotations

import typing as t

from ..linux.folded import COLUMNS, folded
from ..linux.host_ranges import hosts_within

ScreenLine = t.Tuple[str, str]
"""A text, and what it is, for its colour: V(plain), V(right), V(accepted), V(wrong), V(unknown), V(idle)."""

MOST_FINDINGS = 12
"""Of a kind; what is left out is counted."""
INDENT = 10
_NAMES_OF_HOSTS = 2 * (COLUMNS - INDENT) - 20
"""Columns; broken between names they take two lines."""
WORDS = {
    "accepted": "accepted", "wrong": "wrong", "idle": "not running", "no_data": "without data", "failed": "failed",
    "refused": "refused", "not_begun": "not begun", "without": "without keepalive", "slow": "too slow",
    "tight": "too tight", "unknown": "unknown",
}  # fmt: skip


def number_of(count: int, noun: str) -> str:
    """Return a number with what it counts: V(1 host), V(2,000 hosts)."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_columns(text: str, label: str, what: str, indent: int = 0, indent_of_rest: int = -1) -> t.Iterator[ScreenLine]:
    """Yield a text in as many lines as it takes, behind a label or blanks."""
    first = f"{label:<{INDENT}}" if label else " " * indent
    rest = " " * (len(first) if indent_of_rest < 0 else indent_of_rest)
    yield from ((line, what) for line in folded(text, first, rest))


def names_of(hosts: t.Sequence[str]) -> t.Iterator[ScreenLine]:
    """Yield the names of hosts, in two lines at most."""
    yield from in_columns(hosts_within(hosts, _NAMES_OF_HOSTS), "", "plain", INDENT)
