# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place through which text that somebody on a host has chosen goes out to people.

Names of programs, arguments, environments and log lines may hold whatever their owner likes: what clears a terminal,
writes its title or the clipboard, goes back to the start of the line, begins a finding of its own, or turns the
direction of writing. Such characters are shown as escapes, as C(ls -b) and systemd's cescape() do.

Text is kept as it is for as long as somebody compares it, and escaped at each way out: what a module returns
(linux/module.py), what the command writes, what an action displays. To escape twice changes nothing, so that no way
out has to know what those before it did. What is of one line stays of one line; a text of several lines is a sequence
of such, and whoever makes it escapes each of them.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"))
"""Unicode's categories of what is not a visible character with a width of its own: controls, formats (bidi and joiners,
too), surrogates, private, unassigned, the separators of lines, blanks that are no U+0020, and marks that are drawn over
their neighbours."""

_BLANK = re.compile("[\u115f\u1160-\u11ff\u2800\u3164\ud7b0-\ud7ff\uffa0]")
"""Letters that show nothing, or stand in the cell of the one before: Hangul's fillers and conjoining vowels, Braille's
empty cell."""

_PLAIN_WORD = re.compile(r"[^\s'\"`()\[\]{}<>|;&$,]+")
"""What needs no quotes to be seen as one name amid a sentence."""

_Text = t.TypeVar("_Text")

LINES = ("before", "after", "content")
"""Keys of results under which a text is of several lines by its nature: the sides of a diff, and a drop-in."""


def printable(text: str, most: int = 0) -> str:
    """Return a text on one line, everything invisible in it escaped: V(\\x1b), V(\\u202e), a byte of no UTF-8 V(\\xff).

    A backslash stays as it is: unit names are full of them (V(dev-disk-by\\x2dlabel)), and nobody reads escapes back.

    :param most: Columns that are filled at most, and then how many characters of the text are left; 0: all.
    """
    if text.isascii() and text.isprintable() and (not most or len(text) <= most):  # nearly always
        return text
    if not most:
        return "".join(map(_shown, text))
    parts: t.List[str] = []
    for character in text:
        part = _shown(character)
        most -= width(part)
        if most < 0:
            return f"{''.join(parts)}...(+{len(text) - len(parts)})"
        parts.append(part)
    return "".join(parts)


def named(text: str, most: int = 48) -> str:
    """Return a name as it stands amid a sentence: in quotes where it could be taken for some of the words around it."""
    shown = printable(text, most)
    if _PLAIN_WORD.fullmatch(text):
        return shown
    if "'" not in text:
        return f"'{shown}'"
    escaped = shown.replace('"', '\\"')  # no quote in the name ends it
    return f'"{escaped}"'


def quoted(text: str, lines: int = 5, most: int = 300) -> str:
    """Return the last lines of what a program said, on one line.

    :param lines: How many; of each, 'most' characters.
    """
    said = [line.strip() for line in text.splitlines()]
    return " / ".join(printable(line, most) for line in [line for line in said if line][-lines:])


def lines_of(text: str) -> str:
    """Return a text of several lines, each of them escaped; tabs stay."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def shown(value: _Text) -> _Text:
    """Return the same structure with every text in it escaped, keys too; under LINES the lines stay lines."""
    return t.cast(_Text, _shown_below("", value))


def _shown_below(key: t.Any, value: t.Any) -> t.Any:
    if isinstance(value, str):
        return lines_of(value) if key in LINES else printable(value)
    if isinstance(value, t.Mapping):
        return {_shown_below("", name): _shown_below(name, part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_shown_below(key, part) for part in value]
    return value


def width(text: str) -> int:
    """Return the columns that a printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in ("W", "F") else 1 for character in text)


def _shown(character: str) -> str:
    if character == " " or not (
        unicodedata.category(character) in _INVISIBLE or unicodedata.combining(character) or _BLANK.match(character)
    ):
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode hands it over
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
