# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that chooses how sockets are read and set: through the installed library, or with Python alone.

Where there are many, or where some wait to be accepted, the kernel tells of them all at once beforehand.
"""

from __future__ import annotations

import os
import typing as t

from ..linux.procfs import Proc
from ..settings.options import LIBRARY_DIR
from .at_once import WORTH_IT, IteratorReader, IteratorSetter, LateIterator
from .native import (
    Library,
    NativeReader,
    NativeSetter,
    Unavailable,
)
from .values import Applied, AtOnce, SettingPlan, SocketOption, SocketValues

CHOICES = ("auto", "native", "portable")


class Lists(t.Protocol):
    """What lists the sockets of a process."""

    def tables(self, pid: int, proc: Proc = ...) -> t.List[int]:
        """Return a thread for each table of descriptors that the process has."""

    def descriptors(self, pid: int, proc: Proc = ..., thread: t.Optional[int] = ...) -> t.Dict[int, int]:
        """Return descriptor → inode."""


class Reader(Lists, t.Protocol):
    """What lists the sockets of a process, and gives their values; see PortableReader."""

    at_once_from: int
    """From how many sockets on it is worth to ask for all at once; 0: never."""

    def at_once(self, namespaces: t.Mapping[int, int], proc: Proc = ...) -> AtOnce:
        """Return what is known of the sockets of these network namespaces (inode → a process in it)."""

    def listed(self, proc: Proc = ...) -> Lists:
        """Return what lists the sockets of each process: as all of them are now, where that is told at once."""

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = ...
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, None where it is not TCP."""


class Setter(t.Protocol):
    """What sets options on the sockets of a process; see PortableSetter.apply."""

    at_once_from: int
    """From how many sockets on it is worth to set all at once; 0: never."""

    def apply_at_once(
        self, namespace: t.Optional[int], wanted: t.Mapping[int, t.Sequence[SocketOption]]
    ) -> t.Dict[int, Applied]:
        """Set options on sockets of a namespace that the reader has seen at once, by their keys.

        What is left out was not done, or it is not known whether it was.
        """

    def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = ...) -> t.Iterator[Applied]:
        """Yield what became of each descriptor."""


class Access(t.NamedTuple):
    """A reader and a setter of the same kind."""

    name: str
    """V(native) or V(portable)."""
    reader: Reader
    setter: Setter
    why_not_native: str
    """Empty where it is, or where nobody wanted it to be."""


def choose_access(wanted: str = "auto", folder: str = LIBRARY_DIR, owner: int = 0) -> Access:
    """Return a reader and a setter: the native pair where cffi and a library to be trusted are there.

    :param wanted: one of CHOICES; with auto, what can be is read and set at once.
    :param owner: whom the library must belong to, for tests.
    :raises Unavailable: native was wanted and cannot be had.
    """
    access = _one_by_one(wanted, folder, owner)
    return at_once(access) if wanted == "auto" and os.geteuid() == 0 else access


def at_once(access: Access, at_once_from: t.Optional[int] = None) -> Access:
    """Return what asks for all sockets at once where that is worth it, and else is as it was."""
    iterator = LateIterator()
    reader = IteratorReader(iterator, access.reader, at_once_from or WORTH_IT)
    return access._replace(reader=reader, setter=IteratorSetter(iterator, access.setter, reader.at_once_from))


def _one_by_one(wanted: str, folder: str, owner: int) -> Access:
    why = ""
    if wanted != "portable":
        try:
            library = Library(folder, owner)
            return Access("native", NativeReader(library), NativeSetter(library), "")
        except Unavailable as error:
            if wanted == "native":
                raise
            why = str(error)
    from .portable import PortableReader, PortableSetter

    return Access("portable", PortableReader(), PortableSetter(), why)
