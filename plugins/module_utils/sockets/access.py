# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that chooses how sockets are read and set: through the installed library, or with Python alone."""

from __future__ import annotations

import typing as t

from ..linux.procfs import Proc
from ..settings.options import LIBRARY_DIR
from .native import (
    Library,
    NativeReader,
    NativeSetter,
    Unavailable,
)
from .values import Applied, SettingPlan, SocketValues

CHOICES = ("auto", "native", "portable")


class Reader(t.Protocol):
    """What lists the sockets of a process, and gives their values; see PortableReader."""

    def tables(self, pid: int, proc: Proc = ...) -> t.List[int]:
        """Return a thread for each table of descriptors that the process has."""

    def descriptors(self, pid: int, proc: Proc = ..., thread: t.Optional[int] = ...) -> t.Dict[int, int]:
        """Return descriptor → inode."""

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = ...
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, None where it is not TCP."""


class Setter(t.Protocol):
    """What sets options on the sockets of a process; see PortableSetter.apply."""

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
    """Return the native pair where cffi and a library to be trusted are there, otherwise the portable one.

    :param wanted: one of CHOICES.
    :param owner: whom the library must belong to, for tests.
    :raises Unavailable: native was wanted and cannot be had.
    """
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
