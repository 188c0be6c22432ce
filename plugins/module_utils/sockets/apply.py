# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set options on the open sockets of another process, with the standard library alone.

The duplicate that pidfd_getfd(2) makes shares the socket: what is set on it is set on the original. Descriptors are
reused, so what a number stands for now is compared with what was planned before anything is touched. As in the reader,
the duplicate lives for microseconds, because while it is open the owner's close() sends no FIN, and all of this is done
by a process that can be given up, see linux/apart.py.
"""

from __future__ import annotations

import itertools
import os
import socket
import typing as t

from ..linux.apart import Apart
from .portable import (
    _duplicate,
    _handle,
    _open_process,
    let_go,
)
from .values import BATCH, Applied, Plan, Setting


class PortableSetter:
    """Sets options process by process."""

    def __init__(self) -> None:
        self._apart = Apart()

    def apply(self, pid: int, plan: Plan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        """Yield what became of each descriptor. What vanished, or is another socket by now, is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        rest = iter(plan.items())
        for batch in iter(lambda: list(itertools.islice(rest, BATCH)), []):
            plain = [(descriptor, inode, [tuple(one) for one in settings]) for descriptor, (inode, settings) in batch]
            for applied in self._apart.call(_apply_some, pid, plain, thread):
                yield Applied(*applied)


def _apply_some(
    pid: int, plan: t.Sequence[t.Tuple[int, int, t.Sequence[Setting]]], thread: t.Optional[int]
) -> t.Tuple[t.List[t.Tuple[t.Any, ...]], bool]:
    """Return what apply() yields, and whether duplicates are left that must not be closed."""
    found: t.List[t.Tuple[t.Any, ...]] = []
    process, left = _open_process(pid, thread), 0
    if process is None:
        return found, False
    try:
        for descriptor, inode, settings in plan:
            duplicate = _duplicate(process, descriptor)
            if duplicate is not None:
                applied, is_left = _apply(duplicate, descriptor, inode, settings)
                left += is_left
                if applied is not None:
                    found.append(tuple(applied))
    finally:
        os.close(process)
    return found, left > 0


def _apply(
    duplicate: int, descriptor: int, inode: int, settings: t.Sequence[Setting]
) -> t.Tuple[t.Optional[Applied], bool]:
    try:
        handle = _handle(duplicate)
    except OSError:
        os.close(duplicate)
        return None, False
    applied = None
    try:
        if os.fstat(duplicate).st_ino == inode:
            before = [_read(handle, level, option) for level, option, _value in settings]
            errors = {index: _set(handle, setting) for index, setting in enumerate(settings)}
            after = [_read(handle, level, option) for level, option, _value in settings]
            applied = Applied(descriptor, before, errors, after)
    finally:
        left = let_go(handle)
    return applied, left


def _read(handle: socket.socket, level: int, option: int) -> t.Optional[int]:
    try:
        return handle.getsockopt(level, option)
    except OSError:
        return None


def _set(handle: socket.socket, setting: Setting) -> int:
    try:
        handle.setsockopt(*setting)
    except OSError as error:
        return error.errno or 1
    return 0
