# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that are not what /proc/PID shows: those with descriptors of their own, and those that outlive the first.

/proc/PID/fd shows the descriptors of a process's first thread, its leader. Any thread may take a copy of them for
itself (unshare(CLONE_FILES)) and open sockets that only /proc/PID/task/TID/fd shows; and a leader that has ended
(pthread_exit() in main()) has none at all, while the others go on with theirs.
"""

from __future__ import annotations

import errno
import os
import typing as t

from .stuck import reads

Compare = t.Callable[[int, int], int]
"""kcmp(2) of the descriptor tables of two threads: 0, they share one; 1 or 2, one is before the other in an order that
stays; or -errno."""

_LINKS_OF_ONE = 3
"""Hard links of /proc/PID/task where there is one thread: each is a folder in it."""


@reads
def with_tables(pid: int, compare: Compare, root: str) -> t.List[int]:
    """Return a thread for each table of descriptors that a process has: nearly always only the process itself."""
    others = others_of(pid, root)
    if not others:
        return [pid]
    found, in_order = [pid], [pid]
    for thread in others:
        low, high, order = 0, len(in_order), 1
        while low < high and order > 0:  # as many tables as threads: the order saves comparing each with each
            middle = (low + high) // 2
            order = compare(in_order[middle], thread)
            low, high = (middle + 1, high) if order == 1 else (low, middle)
        if order in (-errno.ENOSYS, -errno.EPERM, -errno.EACCES):
            return _by_names(pid, others, root)
        if order != 0:  # with -ESRCH one of the two has ended; looking at it costs nothing and misses nothing
            found.append(thread)
        if order > 0:
            in_order.insert(low, thread)
    return found


def _by_names(pid: int, others: t.Iterable[int], root: str) -> t.List[int]:
    """Compare which numbers are open, where the kernel cannot be asked: what a thread opens alone shows in them."""
    found: t.List[int] = []
    seen: t.Set[t.FrozenSet[str]] = set()
    for thread in (pid, *others):
        try:
            names = frozenset(os.listdir(folder_of(pid, thread, root)))
        except OSError:
            names = frozenset()
        if thread == pid or names not in seen:
            found.append(thread)
        seen.add(names)
    return found


def folder_of(pid: int, thread: t.Optional[int], root: str) -> str:
    """Return the folder with the descriptors of a process, or of one thread of it."""
    if thread is None or thread == pid:
        return f"{root}/{pid}/fd"
    return f"{root}/{pid}/task/{thread}/fd"


@reads
def living(pid: int, root: str = "/proc") -> int:
    """Return the thread that /proc can be asked about a process: its leader, or where that has ended, one that goes on.

    Of a leader that has ended /proc/PID has neither program, maps, environment nor namespaces. /proc/TID has them: it
    is there for every thread, and only not listed.
    """
    others = others_of(pid, root)
    if others and _has_ended(pid, root):
        return next((thread for thread in others if not _has_ended(thread, root)), pid)
    return pid


def others_of(pid: int, root: str) -> t.List[int]:
    """Return the threads of a process but for its first, none where it is gone."""
    folder = f"{root}/{pid}/task"
    try:
        if os.stat(folder).st_nlink == _LINKS_OF_ONE:
            return []
        return sorted(int(name) for name in os.listdir(folder) if int(name) != pid)
    except OSError:
        return []


@reads
def _has_ended(thread: int, root: str) -> bool:
    try:
        with open(f"{root}/{thread}/stat", "rb") as stream:
            stat = stream.read()
    except OSError:
        return True
    return stat[stat.rfind(b")") + 2 :][:1] in (b"Z", b"X")
