# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run that waits for a process which fell silent after it was found to answer (see linux/answering.py).

Who waits in the kernel for such a process runs no handler of a signal. Another thread still can look: what is read
below /proc/PID is marked as such here, and where one reading lasts too long, the run is ended, and says for whom.
"""

from __future__ import annotations

import functools
import os
import re
import threading
import time
import types
import typing as t

LIMIT = 30.0
"""Seconds for one reading."""

_Function = t.TypeVar("_Function", bound=t.Callable[..., t.Any])


class _Now:
    """Which process is being read, and how often one was."""

    pid: t.Optional[int] = None
    count = 0


def reads(function: _Function) -> _Function:
    """Mark a function or a method that reads below the /proc/PID of its first argument."""

    @functools.wraps(function)
    def marked(*arguments: t.Any, **named: t.Any) -> t.Any:
        pid = arguments[0] if isinstance(arguments[0], int) else arguments[1]
        outer, _Now.pid = _Now.pid, pid
        _Now.count += 1
        try:
            return function(*arguments, **named)
        finally:
            _Now.pid = outer
            _Now.count += 1

    return t.cast("_Function", marked)


class Watch:
    """Looks whether this process waits for another, in a thread, from start() to stop()."""

    def __init__(self, form: t.Callable[[str], bytes], descriptor: int, limit: float = LIMIT, status: int = 1) -> None:
        """Prepare it.

        :param form: Makes what is put out of the reason why the run ends.
        :param descriptor: Where it is put out, past Python's streams: the thread of the run may hold their locks.
        :param status: With which the run ends then.
        """
        self._form = form
        self._descriptor = descriptor
        self._limit = limit
        self._status = status
        self._over = threading.Event()
        self._thread: t.Optional[threading.Thread] = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; to do it twice does no harm."""
        self._over.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(
        self,
        _kind: t.Optional[t.Type[BaseException]],
        _error: t.Optional[BaseException],
        _trace: t.Optional[types.TracebackType],
    ) -> None:
        self.stop()

    def _look(self) -> None:
        last, since = (_Now.pid, _Now.count), time.monotonic()
        while not self._over.wait(self._limit / 10):
            now = _Now.pid, _Now.count
            if now != last or now[0] is None:
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= self._limit:
                os.write(self._descriptor, self._form(_told(now[0], self._limit)))
                os._exit(self._status)


def _told(pid: int, limit: float) -> str:
    user = real_user_of(pid)
    whose = "an unknown user" if user is None else f"user {user}"
    return (
        f"process {pid} of {whose} has let nothing of itself be read for {limit:g} s (it hangs in execve(2) or mmap(2),"
        " in a file system of its own): end that file system (/sys/fs/fuse/connections), and run this again"
    )


def real_user_of(pid: int, root: str = "/proc") -> t.Optional[int]:
    """Return the real user of a process. (/proc/PID belongs to root where it does not let itself be dumped.)"""
    try:
        with open(f"{root}/{pid}/status", "rb") as stream:
            found = re.search(rb"^Uid:\t([0-9]+)\t", stream.read(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
