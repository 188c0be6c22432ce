# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that fit a terminal of 80 columns, and the names of many hosts in few of them."""

from __future__ import annotations

import re
import typing as t

from ..linux.printable import width
from ..rollout.outcomes import in_ranges

COLUMNS = 80


def folded(text: str, first: str, rest: str) -> t.List[str]:
    """Break a text between its words; a word that is longer than a line is broken as well.

    :param first: What stands before the first line.
    :param rest: What stands before the others.
    """
    lines, line, empty = t.cast(t.List[str], []), first, True
    for word in _pieces(text, COLUMNS - max(width(first), width(rest))):
        if not empty and width(line) + 1 + width(word) > COLUMNS:
            lines.append(line)
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    return [*lines, line]


def _pieces(text: str, most: int) -> t.Iterator[str]:
    for word in text.split():
        piece = ""
        for character in word if width(word) > most else ():
            if width(piece + character) > most:
                yield piece
                piece = ""
            piece += character
        yield piece or word


def in_order(hosts: t.Iterable[str]) -> t.List[str]:
    """Sort names as people do: web2 before web10."""
    return sorted(hosts, key=_words_and_numbers)


def _words_and_numbers(host: str) -> t.List[t.Tuple[int, str]]:
    """Return the parts of a name; a number is compared by its digits' count first."""
    parts = re.split(r"([0-9]+)", host)
    return [(len(part.lstrip("0")) if index % 2 else 0, part) for index, part in enumerate(parts)]


def hosts_within(hosts: t.Sequence[str], columns: int) -> str:
    """Return the names of hosts on one line, such as V(web[01-60], db1 and 12 more)."""
    words, left = t.cast(t.List[str], []), len(hosts)
    for word, count in in_ranges(in_order(hosts)):
        rest = f" and {left - count} more" if left > count else ""
        if words and width(", ".join([*words, word]) + rest) > columns:
            break
        words.append(word)
        left -= count
    return ", ".join(words) + (f" and {left:,} more" if left else "")


def number_of(count: int, noun: str) -> str:
    """Return a number with what it counts: V(1 host), V(2,000 hosts)."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
