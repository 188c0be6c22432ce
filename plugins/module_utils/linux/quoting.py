# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How systemd splits a line into words: quotes, and the escapes of C (systemd.syntax(7), systemd.service(5)).

It is read here and nowhere else: tests/data/quoting.json holds it to what systemd itself makes of each line.
"""

from __future__ import annotations

import re
import typing as t

_BLANKS = " \t\n\r"
_QUOTES = "\"'"
_SPECIAL = re.compile("[\"'\\\\]")
_PLAIN = re.compile(f"[^{_BLANKS}]+")
_ESCAPE = re.compile(r"x([0-9A-Fa-f]{2})|([0-7]{3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([abfnrtvs\\\"'])")
_CONTROL = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", "s": b" "}


class _Invalid(Exception):
    """systemd refuses the line from here on."""


def words(line: str) -> t.List[str]:
    """Split the value of a directive; of a line with a mistake systemd takes the words before it."""
    return _words(line, "")


def shown_words(value: str) -> t.List[str]:
    """Split a property that is a list, as C(systemctl show) prints it: quoted so that a shell could read it, too."""
    return _words(value, "$`")


def quoted_value(text: str) -> str:
    """Return a text as it has to stand between double quotes; what looks like a specifier stays one."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _words(line: str, also: str) -> t.List[str]:
    if not _SPECIAL.search(line):  # nearly always, and a look asks for hundreds
        return _PLAIN.findall(line)
    found: t.List[str] = []
    place = 0
    try:
        while True:
            while place < len(line) and line[place] in _BLANKS:
                place += 1
            if place == len(line):
                break
            word, place = _word(line, place, also)
            found.append(word)
    except _Invalid:
        pass
    return found


def _word(line: str, place: int, also: str) -> t.Tuple[str, int]:
    """Read one word; return it and the place behind it. Quotes may stand anywhere in it."""
    content, quote = b"", ""
    while place < len(line):
        char = line[place]
        place += 1
        if char == "\\":
            byte, place = _escape(line, place, also)
            content += byte
        elif char == quote:
            quote = ""
        elif not quote and char in _QUOTES:
            quote = char
        elif not quote and char in _BLANKS:
            break
        else:
            content += char.encode("utf-8", "surrogateescape")
    if quote:
        raise _Invalid
    return content.decode("utf-8", "surrogateescape"), place


def _escape(line: str, place: int, also: str) -> t.Tuple[bytes, int]:
    if line[place : place + 1] and line[place] in also:
        return line[place].encode(), place + 1
    found = _ESCAPE.match(line, place)
    if not found:
        raise _Invalid
    byte, octal, short, long, char = found.groups()
    if char:
        return _CONTROL.get(char, char.encode()), found.end()
    number = int(octal, 8) if octal else int(byte or short or long, 16)
    if not number or (octal and number > 255):
        raise _Invalid
    if byte or octal:
        return bytes([number]), found.end()
    try:
        return chr(number).encode(), found.end()
    except (ValueError, OverflowError) as error:
        raise _Invalid from error
