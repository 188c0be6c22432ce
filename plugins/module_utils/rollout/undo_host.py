# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process of the host was told before a rollout, kept on the host until the rollout is confirmed.

As undo.py does it for the drop-ins: what an unfinished run has noted is older than what is there now, and stays.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import typing as t

from ..ld_so_preload.file import is_below
from ..linux.files import replace_file
from ..linux.preload_file import named_in
from ..linux.state_file import Damaged, is_integer, read_json
from ..settings.options import LIBRARY_DIR
from ..units.dropin import MARKER
from . import undo

NAME = "host_wide.json"
_LIMIT = 16 << 20
"""Bytes."""


class HostWideBefore(t.NamedTuple):
    """What both files said."""

    entries: t.Sequence[str]
    """Our lines of /etc/ld.so.preload."""
    settings: t.Optional[str]
    """The text of our settings file; None where there was none."""
    mtime_ns: t.Optional[int] = None
    """When it was written."""


def _path(folder: str) -> str:
    return os.path.join(folder or undo.FOLDER, NAME)


def read_before(folder: str = "") -> t.Optional[HostWideBefore]:
    """Return what was noted; None where nothing was, or what is there is not believed."""
    return _read(folder)[0]


def damage_before(folder: str = "") -> t.List[str]:
    """Say what of the note is not believed, and what is lost by that."""
    return _read(folder)[1]


def is_noted(folder: str = "") -> bool:
    """Tell whether a run has begun to change both files, and has not come to its end."""
    return os.path.lexists(_path(folder))


def note_before(before: HostWideBefore, folder: str = "") -> None:
    """Note it, unless an unfinished run has noted something older that can be believed.

    :raises OSError: as the file system said it.
    """
    if read_before(folder) is not None:
        return
    os.makedirs(folder or undo.FOLDER, mode=0o700, exist_ok=True)
    text = None if before.settings is None else before.settings.encode("utf-8", "surrogateescape")
    encoded = None if text is None else base64.b64encode(text).decode("ascii")
    paper = {"entries": list(before.entries), "settings": encoded, "mtime_ns": before.mtime_ns}
    replace_file(_path(folder), json.dumps(paper).encode(), 0o600)


def forget_before(folder: str = "") -> None:
    """Remove the note.

    :raises OSError: as the file system said it.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(folder))
    with contextlib.suppress(OSError):  # there was no folder, or something else is in it
        os.rmdir(folder or undo.FOLDER)


def _read(folder: str) -> t.Tuple[t.Optional[HostWideBefore], t.List[str]]:
    path = _path(folder)
    try:
        content = read_json(path, _LIMIT)
        return _parsed(content), []
    except FileNotFoundError:
        return None, []
    except Damaged as damage:
        return None, [
            f"{path} {damage}; it was not believed: what /etc/ld.so.preload and the settings file said before an "
            "unfinished rollout changed them is lost, so a run that fails cannot put that back: see that they are as "
            "they should be; the file is written again by the next rollout, or can be removed"
        ]


def _is_ours(entry: t.Any) -> bool:
    """Tell whether something is one library of ours, and would be one where it is written."""
    if not isinstance(entry, str) or not is_below(entry, LIBRARY_DIR):
        return False
    try:
        return named_in(entry.encode("utf-8", "surrogateescape")) == [entry]
    except UnicodeEncodeError:
        return False


def _parsed(content: t.Any) -> HostWideBefore:
    """Return what the note says.

    :raises Damaged: it is not one that note_before() has written.
    """
    if not isinstance(content, dict) or set(content) != {"entries", "settings", "mtime_ns"}:
        raise Damaged("is not an object with entries, settings and mtime_ns")
    entries, settings, mtime_ns = content["entries"], content["settings"], content["mtime_ns"]
    if not isinstance(entries, list) or not all(map(_is_ours, entries)):
        raise Damaged(f"names something else than libraries below {LIBRARY_DIR}")
    if mtime_ns is not None and not is_integer(mtime_ns, -(2**63), 2**63 - 1):
        raise Damaged("has no time in mtime_ns")
    if settings is None:
        return HostWideBefore(entries, None, mtime_ns)
    try:
        text = base64.b64decode(settings, validate=True)
    except (ValueError, TypeError):
        text = b""
    if not text.startswith(MARKER.encode("ascii")):
        raise Damaged("has something else than a settings file of this collection in settings")
    return HostWideBefore(entries, text.decode("utf-8", "surrogateescape"), mtime_ns)
