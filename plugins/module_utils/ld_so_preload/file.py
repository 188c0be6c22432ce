# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of /etc/ld.so.preload: which entries it has, and how ours come in and go out. Pure functions over bytes.

As glibc reads it: a number sign begins a comment that ends with the line, and entries stand between blanks, tabs,
newlines and colons. A carriage return is none of these but part of an entry, which the loader then cannot find.
(glibc itself overlooks some comments that stand behind others; more text at the end never makes that worse.)
"""

from __future__ import annotations

import os
import re
import typing as t

_ENTRY = re.compile(rb"[^ \t\n:]+")
_SEPARATORS = b" \t:"
_BLANK = b" \t:\r\n"


class Entry(t.NamedTuple):
    """One entry of a line."""

    start: int
    end: int
    text: str
    """Without a carriage return at its end."""
    broken: bool
    """It ends with a carriage return, so the loader looks for a file that is not there."""


def entries(content: bytes) -> t.List[str]:
    """The paths that the loader is told to load, in their order, as they are written."""
    return [entry.text for line in content.split(b"\n") for entry in _entries_of(line)]


def is_below(path: str, folder: str) -> bool:
    """Whether an entry is a file in a folder or below it. C($LIB) is taken as it stands."""
    return re.sub("^//", "/", os.path.normpath(path)).startswith(folder.rstrip("/") + "/")


def own_entries(content: bytes, folder: str) -> t.List[str]:
    """The entries that stand for files below the folder of the libraries."""
    return [entry for entry in entries(content) if is_below(entry, folder)]


def with_entries(content: bytes, wanted: t.Sequence[str], folder: str) -> bytes:
    """The content with exactly these entries of ours: what stands there stays in its place, what is missing follows.

    Nothing else changes. A file whose last line has no newline gets none at its new end either, so that
    without_entries() finds back to what was there.
    """
    missing = list(wanted)

    def keep(entry: Entry) -> bool:
        if not is_below(entry.text, folder):
            return True
        if entry.broken or entry.text not in missing:
            return False
        missing.remove(entry.text)
        return True

    kept = _filter(content, keep)
    if not missing:
        return kept
    added = b"\n".join(os.fsencode(path) for path in missing)
    if kept and not kept.endswith(b"\n"):
        return kept + b"\n" + added
    return kept + added + b"\n"


def without_entries(content: bytes, folder: str) -> bytes:
    """The content without any entry of ours."""
    return _filter(content, lambda entry: not is_below(entry.text, folder))


def _entries_of(line: bytes) -> t.List[Entry]:
    found = []
    for match in _ENTRY.finditer(line.split(b"#", 1)[0]):
        text = match.group()
        bare = text.rstrip(b"\r")
        if bare:  # a carriage return alone is the end of a DOS line, nothing that anybody has entered
            found.append(Entry(match.start(), match.end(), os.fsdecode(bare), bare != text))
    return found


def _filter(content: bytes, keep: t.Callable[[Entry], bool]) -> bytes:
    """Take out entries; a line goes with its last entry, unless it has a comment."""
    result: t.List[bytes] = []
    for line in content.split(b"\n"):
        gone = [entry for entry in _entries_of(line) if not keep(entry)]
        rest = _cut(line, gone)
        if rest.strip(_BLANK) or not gone:
            result.append(rest)
    return b"\n".join(result)  # a last line without a newline goes together with the newline before it


def _cut(line: bytes, gone: t.Sequence[Entry]) -> bytes:
    """Take entries out of a line, each with the separators on one side of it."""
    for entry in reversed(gone):
        start, end = entry.start, entry.end
        behind = len(line) - len(line[end:].lstrip(_SEPARATORS))
        if behind < len(line):
            end = behind
        else:
            start = len(line[:start].rstrip(_SEPARATORS))
        line = line[:start] + line[end:]
    return line
