# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way in which a file is opened whose path, or what stands there, a user may have chosen.

That is whatever lies below the root that another process sees, in a mount namespace that may be a user's own, and also
what a unit names (a program below /home). At C(/etc/ld.so.preload) there may be a FIFO that nobody writes to, a link
to a device, to the host's files or to C(/proc/self/root), an endless file, or a file system that a user's program
answers for.

So the path is walked here, a component at a time: links are followed inside that root, at most 40, C(..) does not leave
it, and nothing is looked up on a file system that could keep its reader waiting. openat2(2) does the first two in one
call, and would wait for the third. What is found is held, looked at, and opened only if it is a regular file.
"""

from __future__ import annotations

import errno
import os
import stat
import types
import typing as t

from .mounts import Mounts
from .procfs import HOST, Proc
from .stuck import reads

_HOLD = os.O_PATH | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Not to wait for a lease either."""
_MOST_LINKS = 40
"""As the kernel (path_resolution(7))."""
_NULL = os.makedev(1, 3)
"""/dev/null."""


class NotRegular(OSError):
    """It is a folder, a FIFO, a socket or a device."""


class Found:
    """Something in a file system, held but not opened: nothing has waited for it, and nothing has been done to it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.status = os.fstat(descriptor)

    def __enter__(self) -> Found:
        return self

    def __exit__(
        self,
        _kind: t.Optional[t.Type[BaseException]],
        _error: t.Optional[BaseException],
        _trace: t.Optional[types.TracebackType],
    ) -> None:
        os.close(self._descriptor)

    def open(self) -> t.BinaryIO:
        """Open it for reading. Read no more of it than is needed: it may have no end.

        :raises NotRegular: It is no file with a content.
        """
        if not stat.S_ISREG(self.status.st_mode):
            raise NotRegular(errno.EINVAL, "not a regular file")
        return os.fdopen(os.open(f"/proc/self/fd/{self._descriptor}", _READ), "rb")

    def lies_noexec(self) -> bool:
        """Tell whether nothing may be executed from its file system."""
        return bool(os.statvfs(self._descriptor).f_flag & os.ST_NOEXEC)


def find(path: str, pid: t.Optional[int] = None, proc: Proc = HOST) -> Found:
    """Return what stands at a path.

    :param path: Absolute.
    :param pid: The process that the path is for, as it sees it; None for this process itself.
    :raises OSError: There is nothing, or it is not for us to look up; see also mounts.Doubtful.
    """
    folder = "/" if pid is None else os.path.join(proc.root, str(pid), "root")
    mounts = Mounts(None if pid is None else os.path.join(proc.root, str(pid), "mountinfo"))
    held = [_hold_root(pid, folder)]
    try:
        _walk(held, path, mounts)
        return Found(os.dup(held[-1]))
    finally:
        for descriptor in held:
            os.close(descriptor)


@reads
def _hold_root(_pid: t.Optional[int], folder: str) -> int:
    return os.open(folder, _HOLD | os.O_DIRECTORY)


@reads
def find_running_program(pid: int, proc: Proc = HOST) -> Found:
    """Return the file that a process executes, wherever it lies now."""
    descriptor = os.open(os.path.join(proc.root, str(pid), "exe"), _HOLD)
    try:
        Mounts(os.path.join(proc.root, str(pid), "mountinfo")).refuse_doubtful(descriptor)
        return Found(os.dup(descriptor))
    finally:
        os.close(descriptor)


def read_text(path: str, most: int) -> str:
    """Return the text of a regular file of this host, as os.fsdecode would decode it; a link to /dev/null is empty.

    :param most: bytes.
    :raises OSError: It is not there, no regular file, or longer.
    """
    with find(path) as found:
        if stat.S_ISCHR(found.status.st_mode) and found.status.st_rdev == _NULL:  # systemd.unit(5): masked
            return ""
        try:
            with found.open() as stream:
                content = stream.read(most + 1)
        except OSError as error:
            error.filename = path
            raise
    if len(content) > most:
        raise OSError(errno.EFBIG, f"longer than {most} bytes", path)
    return content.decode("utf-8", "surrogateescape")


def _walk(held: t.List[int], path: str, mounts: Mounts) -> None:
    """Go on from the folder that is held, and hold each one that is gone through."""
    numbers = [mounts.refuse_doubtful(held[0])]
    rest = path.split("/")[::-1]
    links = 0
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            _let_go(held, numbers, max(1, len(held) - 1))
            continue
        held.append(os.open(part, _HOLD | os.O_NOFOLLOW, dir_fd=held[-1]))
        numbers.append(mounts.refuse_doubtful(held[-1], numbers[-1]))
        if stat.S_ISLNK(os.fstat(held[-1]).st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink("", dir_fd=held[-1])
            _let_go(held, numbers, 1 if target.startswith("/") else len(held) - 1)
            rest += target.split("/")[::-1]


def _let_go(held: t.List[int], numbers: t.List[int], kept: int) -> None:
    while len(held) > kept:
        numbers.pop()
        os.close(held.pop())
