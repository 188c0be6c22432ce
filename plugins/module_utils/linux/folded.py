# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that fit a terminal of 80 columns.

A name of a host's that holds blanks stands in quotes (named), and is never broken: nothing of it begins a line.
"""

from __future__ import annotations

import re
import typing as t

from .printable import width

COLUMNS = 80
_WORDS = re.compile(r"""\(?(?:'[^']*'|"(?:[^"\\]|\\.)*")\S*|\S+""")
"""What stands in quotes is one; a quote within a word begins nothing."""


def folded(text: str, first: str, rest: str, columns: int = COLUMNS) -> t.List[str]:
    """Break a text between its words; a word that is longer than a line is broken as well.

    :param first: What stands before the first line.
    :param rest: What stands before the others.
    """
    lines, line, empty = t.cast(t.List[str], []), first, True
    for word in _pieces(text, columns - max(width(first), width(rest))):
        if not empty and width(line) + 1 + width(word) > columns:
            lines.append(line)
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    return [*lines, line]


def _pieces(text: str, most: int) -> t.Iterator[str]:
    """Yield the words; of one that is too long parts, which end with a comma where there is one."""
    for word in _WORDS.findall(text):
        piece = ""
        for character in word if width(word) > most and " " not in word else ():
            if width(piece + character) > most:
                whole = piece.rfind(",") + 1 or len(piece)
                yield piece[:whole]
                piece = piece[whole:]
            piece += character
        yield piece or word
