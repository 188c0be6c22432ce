# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes are in which network namespace: the kernel shows the tables of one only by a process that is in it.

A process that ends shows nothing any more, and soon another one has its number. So what was seen by one counts if it
was in the namespace afterwards, too; else the next is asked. A user may have thousands that go elsewhere and come
back: of those that do while a table is read, which takes milliseconds, only a few are waited for.
"""

from __future__ import annotations

import typing as t

from ..linux.procfs import HOST, Proc

Shown = t.TypeVar("Shown")

MOST_LEAVING = 8
"""So many may leave a namespace while they are asked about it; then nothing is known of it."""


class Members:
    """The processes and threads that were seen, by the inode that names their network namespace."""

    def __init__(self, proc: Proc = HOST) -> None:
        self._proc = proc
        self._known: t.Dict[int, t.Dict[int, None]] = {}
        """Namespace → who is in it, in the order in which they were seen."""

    def learn(self, pid: int) -> t.Optional[int]:
        """Return the network namespace of a process or thread, None where it is not to be seen."""
        namespace = self._proc.network_namespace(pid)
        if namespace is not None:
            self._known.setdefault(namespace, {})[pid] = None
        return namespace

    def __iter__(self) -> t.Iterator[int]:
        return iter(self._known)

    def __contains__(self, namespace: object) -> bool:
        return namespace in self._known

    def one_in(self, namespace: t.Optional[int]) -> t.Optional[int]:
        """Return who was seen first in a namespace, of those that are there still; None where nobody is."""
        return self.ask(namespace, lambda pid: pid)

    def ask(self, namespace: t.Optional[int], question: t.Callable[[int], Shown]) -> t.Optional[Shown]:
        """Ask about a namespace by who is in it; None where nobody is any more, or nobody stays.

        :param question: gets the number of a process or thread.
        """
        members = {} if namespace is None else self._known.get(namespace, {})
        leaving = 0
        for pid in list(members):
            if self._proc.network_namespace(pid) == namespace:
                answer = question(pid)
                if self._proc.network_namespace(pid) == namespace:
                    return answer
                leaving += 1
            del members[pid]
            if leaving == MOST_LEAVING:
                break
        return None
