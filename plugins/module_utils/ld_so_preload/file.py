# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How our entries come into the text of /etc/ld.so.preload and go out of it. Pure functions over bytes.

How the text is read stands in linux/preload_file.py.
"""

from __future__ import annotations

import os
import re
import typing as t

from ..linux.preload_file import PreloadEntry, entries_of, named_in

_SEPARATORS = b" \t:"
_BLANK = b" \t:\r\n"


def is_below(path: str, folder: str) -> bool:
    """Whether an entry is a file in a folder or below it. C($LIB) is taken as it stands."""
    return re.sub("^//", "/", os.path.normpath(path)).startswith(folder.rstrip("/") + "/")


def own_entries(content: bytes, folder: str) -> t.List[str]:
    """Return the entries that stand for files below the folder of the libraries."""
    return [entry for entry in named_in(content) if is_below(entry, folder)]


def with_entries(content: bytes, wanted: t.Sequence[str], folder: str) -> bytes:
    """Return the content with exactly these entries of ours: what stands there stays, what is missing follows.

    Nothing else changes. A file whose last line has no newline gets none at its new end either, so that
    without_entries() finds back to what was there.
    """
    missing = list(wanted)

    def keep(entry: PreloadEntry) -> bool:
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
    """Return the content without any entry of ours."""
    return _filter(content, lambda entry: not is_below(entry.text, folder))


def _filter(content: bytes, keep: t.Callable[[PreloadEntry], bool]) -> bytes:
    """Take out entries; a line goes with its last entry, unless it has a comment."""
    result: t.List[bytes] = []
    for line in content.split(b"\n"):
        gone = [entry for entry in entries_of(line) if not keep(entry)]
        rest = _cut(line, gone)
        if rest.strip(_BLANK) or not gone:
            result.append(rest)
    return b"\n".join(result)  # a last line without a newline goes together with the newline before it


def _cut(line: bytes, gone: t.Sequence[PreloadEntry]) -> bytes:
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
