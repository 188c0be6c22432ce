# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks that only their owner can take, and that nobody waits for without end.

Whoever can open a file or a folder, if only for reading, can hold flock(2) on it for ever. So what is locked here
is a file of mode 0600 in a folder of mode 0700, both the user's own (root's, in /run): nobody else gets as far as
opening it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import typing as t

from .polling import poll_until
from .printable import printable

FOLDER = "/run/netops.keepalive"

LIMIT = 300.0
"""Seconds that another run has to end: it may be compiling, or trying programs."""

_POLL = 0.1
_SHOWN = 500
"""Bytes of what a holder says of itself that are shown."""


class NotLocked(Exception):
    """The lock cannot be had; the text says which, why, and who has it."""

    holder: t.Mapping[str, t.Any] = {}
    """Of a rollout's lock: the run that has it."""


@contextlib.contextmanager
def locked(kind: str, path: str, limit: t.Optional[float] = None, folder: t.Optional[str] = None) -> t.Iterator[None]:
    """Keep other runs of the same kind away from a path until the end.

    :param kind: what is being done, in words that make a file's name.
    :param path: what is kept to ourselves; it need not exist.
    :param limit: seconds to wait for whoever has it, by default LIMIT.
    :param folder: where the locks are, by default FOLDER.
    :raises NotLocked: it is not to be had within that time, or the folder is not one that only we can enter.
    """
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    descriptor = open_file(f"{kind}-{digest}.lock", folder)
    try:
        _take(descriptor, path, LIMIT if limit is None else limit)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({kind.replace('-', ' ')})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def open_file(name: str, folder: t.Optional[str] = None, create: bool = True) -> int:
    """Open a file to be locked and return its descriptor.

    :raises FileNotFoundError: it, or the folder, is not there and is not to be made.
    :raises NotLocked: somebody else could have opened it, or it cannot be made.
    """
    path = folder or FOLDER
    if create:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        except OSError as error:
            raise NotLocked(f"{path}: the folder for locks cannot be made: {error.strerror}") from error
    inside = _open_folder(path)
    try:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if create else 0)
        descriptor = os.open(name, flags, 0o600, dir_fd=inside)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotLocked(f"{os.path.join(path, name)}: cannot be opened: {error.strerror}") from error
    finally:
        os.close(inside)
    return _own(descriptor, os.path.join(path, name), "file", 0o600)


def _open_folder(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:  # which it says of a symbolic link as well
        raise NotLocked(f"{path}: is a symbolic link, or no folder: {_expected('folder', 0o700)}") from error
    return _own(descriptor, path, "folder", 0o700)


def _own(descriptor: int, path: str, kind: str, mode: int) -> int:
    """Return the descriptor of what only we can have opened."""
    status = os.fstat(descriptor)
    right = stat.S_ISDIR(status.st_mode) if kind == "folder" else stat.S_ISREG(status.st_mode)
    if right and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
        return descriptor
    os.close(descriptor)
    seen = f"belongs to user {status.st_uid} and has mode {stat.S_IMODE(status.st_mode):04o}" if right else f"no {kind}"
    raise NotLocked(f"{path}: {seen}: {_expected(kind, mode)}")


def _expected(kind: str, mode: int) -> str:
    return f"expected a {kind} of user {os.geteuid()} with mode {mode:04o}; see who made it, and remove it"


def _take(descriptor: int, path: str, limit: float) -> None:
    if not poll_until(lambda: _is_taken(descriptor), limit, _POLL):
        raise NotLocked(
            f"{path}: waited {limit:g} s for another run that is changing it, {_holder(descriptor)}; nothing"
            " was changed here; see what it waits for, and run again when it has ended"
        )


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """Return what the holder says of itself."""
    said = os.pread(descriptor, _SHOWN, 0).decode("utf-8", "replace")
    return printable(said) or "which does not say who it is"
