# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is carried to a host in each run, compiled once and kept there.

Python takes longer to compile what looks at a host than that takes to look. Kept is what one text of linux/carried.py
became for one release of Python; for any other, and where somebody else could have written it, it is not there at all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import stat
import types
import typing as t
import zlib

NAME = "keepalive-look.compiled"
PLACE = f"/usr/lib/libkeepalive/{NAME}"
"""Beside the libraries (settings/options.py), because it comes and goes with the command there."""

Compiled = t.Dict[str, types.CodeType]
"""By path below the folder of the rooms."""


def content_kept(text: str, codes: Compiled) -> bytes:
    """Return what the file is to say.

    :param text: that was carried, of which these are the files.
    """
    body = marshal.dumps(codes)
    return _line(text, body) + body


def read_compiled(text: str, path: str) -> t.Optional[Compiled]:
    """Return what was kept of a text; None where that is not there, is damaged, or may be another's work."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not _only_ours(path, os.fstat(descriptor)):
                return None
            line, body = stream.readline(200), stream.read()
    except OSError:
        return None
    return marshal.loads(body) if line == _line(text, body) else None


def _line(text: str, body: bytes) -> bytes:
    """Return what tells of which text this is, by which Python, and whether it is whole."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest} {importlib.util.MAGIC_NUMBER.hex()} {zlib.crc32(body):08x}\n".encode()


def _only_ours(path: str, file: os.stat_result) -> bool:
    """Tell whether only root, and who runs this, can have written a file: linux/trusted.py, for a path without links.

    That is carried itself, so it cannot be asked yet. A link on the way has mode 0777.
    """
    parts = [file]
    while path != "/":
        path = os.path.dirname(path)
        parts.append(os.lstat(path))
    return all(part.st_uid in (0, os.geteuid()) and not part.st_mode & 0o022 for part in parts)
