# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patterns of unit names and paths, read as csrc/match.c does: V(*), V(?), V([a-z]), V([!a-z]), and no escapes.

Not Python's fnmatch: it makes a regular expression of the pattern, and before Python 3.11 that of C([z-a]) is an error
which nobody expects, and one with many stars takes a time that grows with their power.
"""

from __future__ import annotations

import typing as t


def fits(pattern: str, text: str) -> bool:
    """Tell whether a text is one that a pattern stands for; case counts."""
    if not any(character in pattern for character in "*?["):
        return pattern == text
    at = place = 0
    star: t.Optional[int] = None
    resume = 0  # where to go on when the last * has to take one character more; an earlier * never has to
    while True:
        if pattern[at : at + 1] == "*":
            at, resume = at + 1, place
            star = at
            continue
        if place == len(text) and at == len(pattern):
            return True
        if place < len(text) and at < len(pattern):
            right, behind = _piece(pattern, at, text[place])
            if right:
                at, place = behind, place + 1
                continue
        if star is None or resume == len(text):
            return False
        resume += 1
        at, place = star, resume


def _piece(pattern: str, at: int, character: str) -> t.Tuple[bool, int]:
    """Compare the pattern's piece at a place with a character; return also where the next piece begins."""
    if pattern[at] == "[":
        return _in_brackets(pattern, at, character)
    return pattern[at] in ("?", character), at + 1


def _in_brackets(pattern: str, opening: int, character: str) -> t.Tuple[bool, int]:
    """Where there is no closing bracket, the opening one stands for itself."""
    at = opening + 1
    negated = pattern[at : at + 1] in ("!", "^")
    first = at = at + negated
    found = False
    while at < len(pattern):
        low = high = pattern[at]
        if low == "]" and at > first:
            return found != negated, at + 1
        if len(pattern) - at > 2 and pattern[at + 1] == "-" and pattern[at + 2] != "]":
            at += 2
            high = pattern[at]
        found = found or low <= character <= high
        at += 1
    return character == "[", opening + 1
