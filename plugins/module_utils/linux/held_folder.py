# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write into a folder that others may have a say on the way to, such as node_exporter's on Debian.

There /var/lib/prometheus belongs to the user prometheus, who can put a link in the place of what is below it. So the
folder is opened name by name, through no link, and held: it must be root's own, and what is written goes where it was
seen to be, whatever its path leads to by then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t

from .files import replace_file
from .printable import printable
from .trusted import owners


class NotOurs(OSError):
    """Nothing is written there; the text says why."""


@contextlib.contextmanager
def held_folder(path: str) -> t.Iterator[int]:
    """Open a folder of root's in which nobody else may write, through no symbolic link.

    :raises NotOurs: it is none.
    """
    if not path.startswith("/"):
        raise NotOurs(f"{printable(path) or 'nothing'} is not an absolute path")
    held = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        so_far = ""
        for name in filter(None, path.split("/")):
            so_far += f"/{name}"
            below = _step(held, name, so_far)
            os.close(held)
            held = below
        status = os.fstat(held)
        if status.st_uid not in owners() or stat.S_IMODE(status.st_mode) & 0o022:
            raise NotOurs(
                f"{printable(path)} belongs to user {status.st_uid} and has mode {stat.S_IMODE(status.st_mode):04o}: "
                "it must belong to root, and nobody else may write there"
            )
        yield held
    finally:
        os.close(held)


def _step(held: int, name: str, path: str) -> int:
    if name == "..":
        raise NotOurs(f"{printable(path)}: name the folder without '..'")
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
    except OSError as error:
        # Of a symbolic link Linux says that it is no folder.
        link = error.errno in (errno.ELOOP, errno.ENOTDIR) and stat.S_ISLNK(os.lstat(name, dir_fd=held).st_mode)
        why = "is a symbolic link: name the folder that it leads to" if link else error.strerror
        raise NotOurs(f"{printable(path)} {why}" if link else f"{printable(path)}: {why}") from error


def write_held(path: str, content: bytes) -> None:
    """Have a file say this from one moment to the next, readable for all; what stands there is replaced, not followed.

    :raises OSError: the old file is still there.
    """
    folder, name = os.path.split(path)
    with held_folder(folder) as held:
        try:
            replace_file(f"/proc/self/fd/{held}/{name}", content, 0o644)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
