# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How /etc/ld.so.preload is read: which entries its text has. Pure functions over bytes.

As glibc reads it: a number sign begins a comment that ends with the line, and entries stand between blanks, tabs,
newlines and colons. A carriage return is none of these but part of an entry, which the loader then cannot find.
(glibc itself overlooks some comments that stand behind others; more text at the end never makes that worse.)
"""

from __future__ import annotations

import os
import re
import typing as t

LD_SO_PRELOAD = "/etc/ld.so.preload"

_ENTRY = re.compile(rb"[^ \t\n:]+")


class PreloadEntry(t.NamedTuple):
    """One entry of a line."""

    start: int
    end: int
    text: str
    """Without a carriage return at its end."""
    broken: bool
    """It ends with a carriage return, so the loader looks for a file that is not there."""


def entries_of(line: bytes) -> t.List[PreloadEntry]:
    """Return the entries of one line, in their order."""
    found = []
    for match in _ENTRY.finditer(line.partition(b"#")[0]):
        text = match.group()
        bare = text.rstrip(b"\r")
        if bare:  # a carriage return alone is the end of a DOS line, nothing that anybody has entered
            found.append(PreloadEntry(match.start(), match.end(), os.fsdecode(bare), bare != text))
    return found


def entries_in(content: bytes) -> t.List[PreloadEntry]:
    """Return the entries of the whole file, in their order."""
    return [entry for line in content.split(b"\n") for entry in entries_of(line)]


def named_in(content: bytes) -> t.List[str]:
    """Return the paths that are written there, those included that the loader cannot find for a carriage return."""
    return [entry.text for entry in entries_in(content)]


def loaded_by(content: bytes) -> t.List[str]:
    """Return the paths of the files that the loader loads, as far as they are there."""
    return [entry.text for entry in entries_in(content) if not entry.broken]
