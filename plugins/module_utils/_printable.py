# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place through which text that somebody on a host has chosen goes out to people.

Names of programs, arguments and log lines may hold whatever their owner likes: what clears a terminal, writes its title
or the clipboard, goes back to the start of the line, or turns the direction of writing. Such characters are shown as
escapes, as C(ls -b) and systemd's cescape() do, and the text stays on its line.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's categories of what is no visible character: controls, formats (bidi too), surrogates, private, unassigned,
and the two separators that end a line."""


def printable(text: str) -> str:
    """Return a text on one line, everything invisible in it escaped: V(\\x1b), V(\\u202e).

    A backslash stays as it is: unit names are full of them (V(dev-disk-by\\x2dlabel)).
    """
    if text.isascii() and text.isprintable():  # nearly always
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode hands it over
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
