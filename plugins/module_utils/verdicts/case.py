# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case: one wrong socket with all that may tell why. The judge makes it; who looks for causes is given it."""

from __future__ import annotations

import typing as t

from ..linux.procfs import HOST, Proc
from ..processes.facts import DropIn, LibraryFiles, ProcessFacts
from ..settings.expectation import Expectation
from ..settings.options import LIBRARIES, LIBRARY_DIR
from ..sockets.compare import ANY_KERNEL, Kernel, Subject, WrongOption
from ..sockets.record import Record
from ..units import dropin

if t.TYPE_CHECKING:
    from ..bpf.reaching import Reaching


class Places(t.NamedTuple):
    """Where things are; tests have them elsewhere."""

    proc: Proc = HOST
    library_dir: str = LIBRARY_DIR
    drop_ins: str = dropin.DIRECTORY


NO_FACTS = ProcessFacts("", None, None, None, None)
"""Of a process that was not asked, because the answer could not count."""


class Evidence(t.NamedTuple):
    """What the sockets around this one show, and the unit."""

    inherited: str = ""
    """Where the listener came from, in words: this socket is it, or came through it; '' where that is not shown."""
    older: bool = False
    """Data went through it before any process of its unit was started."""
    handed_over: bool = False
    """systemd holds the connection too, or passed it by number."""
    witness: bool = False
    """Another socket of the process carries the expected values: its library and environment are right."""
    through_right_listener: bool = False
    """It was accepted through a listener that carries the expected values."""
    drop_in: t.Optional[DropIn] = None
    directives: t.Mapping[str, t.Optional[int]] = {}
    """What systemd has loaded for a .socket unit."""
    listens_since_before: bool = False
    """It is shown to have begun to listen for that unit before the unit's drop-in said what it says now."""
    programs: t.Optional[Reaching] = None
    """Where a program is to set the values: those that run for the unit's sockets."""
    unit_older: t.Optional[bool] = None
    """Whether a process of the unit was started before that program was attached; None: that is not known."""
    older_than_program: bool = False
    """Data went through it before that program was attached."""
    said_before: t.Tuple[t.Mapping[str, int], ...] = ()
    """What the unit's drop-ins said of the options before what they say now."""


class Case(t.NamedTuple):
    """One wrong socket with all that may tell why."""

    record: Record
    wrong: t.Tuple[WrongOption, ...]
    expectation: Expectation
    facts: ProcessFacts = NO_FACTS
    """Of the process that stands for it; not asked for a .socket unit's."""
    evidence: Evidence = Evidence()
    kernel: Kernel = ANY_KERNEL
    places: Places = Places()

    @property
    def subject(self) -> Subject:
        """Return what of the socket can be compared."""
        return self.record.subject()

    @property
    def files(self) -> LibraryFiles:
        """Return the libraries that would do, any one of them."""
        acting = self.expectation.acting(self.record.direction)
        return LibraryFiles(self.places.library_dir, frozenset(LIBRARIES[library] for library in acting))


class Cause(t.NamedTuple):
    """Why a socket is wrong."""

    reason: str
    detail: str
    candidates: t.Tuple[str, ...] = ()
    """All reasons that are possible, more than one only where the cause is not proven."""
