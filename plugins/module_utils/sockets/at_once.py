# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and set all TCP sockets at once (whole_namespaces.py), and the rest as another reader and setter do.

What an iterator does not go through (sockets that are not connected, multipath connections, all that is no TCP) is left
to these, as is everything where the kernel has no such iterator.
"""

from __future__ import annotations

import typing as t

from ..linux.procfs import HOST, Proc
from .values import (
    NOTHING_AT_ONCE,
    Applied,
    AtOnce,
    Namespaces,
    SettingPlan,
    SocketOption,
    SocketValues,
)

if t.TYPE_CHECKING:
    from ..bpf.iterator_files import Tables
    from .access import Lists, Reader, Setter
    from .whole_namespaces import Iterator

WORTH_IT = 4000
"""From so many sockets on the iterator takes less time than to ask for each; its start takes as long as that."""


class LateIterator:
    """Looks at whole namespaces, and is imported when it is first asked to: most hosts have too few sockets for it."""

    def __init__(self) -> None:
        self._made: t.Optional[Iterator] = None

    def made(self) -> t.Optional[Iterator]:
        """Return what looks and sets; None with a Python built without libffi."""
        if self._made is None:
            try:
                from .whole_namespaces import Iterator
            except ImportError:
                return None
            self._made = Iterator()
        return self._made

    def look(self, namespaces: Namespaces, proc: Proc = HOST) -> AtOnce:
        """Return what is known of the sockets of these namespaces; nothing where that cannot be told."""
        iterator = self.made()
        return iterator.look(namespaces, proc) if iterator else NOTHING_AT_ONCE

    def set(self, namespace: t.Optional[int], wanted: t.Mapping[int, t.Sequence[SocketOption]]) -> t.Dict[int, Applied]:
        """Set options on sockets of a namespace that was looked at, by their keys; what is left out was not done."""
        return self._made.set(namespace, wanted) if self._made else {}


class ListsOfNow:
    """The sockets that all processes held at one moment."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def tables(self, pid: int, _proc: Proc = HOST) -> t.List[int]:
        """Return a thread for each table of descriptors with sockets in it."""
        return list(self._tables.get(pid, ()))

    def descriptors(self, pid: int, _proc: Proc = HOST, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        """Return descriptor → inode of the sockets that a process holds."""
        return self._tables.get(pid, {}).get(thread or pid, {})


class IteratorReader:
    """Reads namespaces at once, and the rest as another reader does."""

    def __init__(self, iterator: LateIterator, other: Reader, at_once_from: int = WORTH_IT) -> None:
        self.at_once_from = at_once_from
        self._iterator = iterator
        self._other = other

    def tables(self, pid: int, proc: Proc = HOST) -> t.List[int]:
        """Return a thread for each table of descriptors that the process has."""
        return self._other.tables(pid, proc)

    def descriptors(self, pid: int, proc: Proc = HOST, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        """Return descriptor → inode of the sockets that a process holds; PermissionError where they are not shown."""
        return self._other.descriptors(pid, proc, thread)

    def at_once(self, namespaces: Namespaces, proc: Proc = HOST) -> AtOnce:
        """Return what is known of the sockets of these namespaces."""
        return self._iterator.look(namespaces, proc)

    def listed(self, proc: Proc = HOST) -> Lists:
        """Return what lists the sockets of each process: as all of them are now, or this reader."""
        iterator = self._iterator.made()
        tables = iterator.tables(proc) if iterator else None
        return self if tables is None else ListsOfNow(tables)

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, or with None where it is not TCP: what was not read at once."""
        return self._other.read(pid, descriptors, thread)


class IteratorSetter:
    """Sets sockets of namespaces that were looked at, and the rest as another setter does."""

    def __init__(self, iterator: LateIterator, other: Setter, at_once_from: int = WORTH_IT) -> None:
        self.at_once_from = at_once_from
        self._iterator = iterator
        self._other = other

    def apply_at_once(
        self, namespace: t.Optional[int], wanted: t.Mapping[int, t.Sequence[SocketOption]]
    ) -> t.Dict[int, Applied]:
        """Set options on sockets of a namespace, by their keys; what is left out was not done."""
        return self._iterator.set(namespace, wanted)

    def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        """Yield what became of each descriptor."""
        return self._other.apply(pid, plan, thread)
