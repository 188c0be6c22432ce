# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set options on the open sockets of another process, with the standard library alone.

The duplicate that pidfd_getfd(2) makes shares the socket: what is set on it is set on the original. Descriptors are
reused, so what a number stands for now is compared with what was planned before anything is touched. As in the reader,
the duplicate lives for microseconds, because while it is open the owner's close() sends no FIN.
"""

from __future__ import annotations

import os
import socket
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._socket_values import Applied, Plan, Setting
from ansible_collections.netops.keepalive.plugins.module_utils._sockets_portable import (
    _duplicate,
    _handle,
    _open_process,
)


class PortableSetter:
    """Sets options process by process."""

    def apply(self, pid: int, plan: Plan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        """Yield what became of each descriptor. What vanished, or is another socket by now, is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        process = _open_process(pid, thread)
        if process is None:
            return
        try:
            for descriptor, (inode, settings) in plan.items():
                duplicate = _duplicate(process, descriptor)
                if duplicate is None:
                    continue
                applied = _apply(duplicate, descriptor, inode, settings)  # closes the duplicate
                if applied is not None:
                    yield applied
        finally:
            os.close(process)


def _apply(duplicate: int, descriptor: int, inode: int, settings: t.Sequence[Setting]) -> t.Optional[Applied]:
    try:
        if os.fstat(duplicate).st_ino != inode:
            os.close(duplicate)
            return None
        handle = _handle(duplicate)
    except OSError:
        os.close(duplicate)
        return None
    try:
        before = [_read(handle, level, option) for level, option, _value in settings]
        errors = {index: _set(handle, setting) for index, setting in enumerate(settings)}
        after = [_read(handle, level, option) for level, option, _value in settings]
    finally:
        handle.close()
    return Applied(descriptor, before, errors, after)


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
