# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs run for the sockets of a cgroup: what is attached to it, and to the cgroups above it."""

from __future__ import annotations

import typing as t

from ..linux.printable import printable
from .attached import GONE, Attached, opened, programs_at, programs_of
from .cgroup2 import above
from .system_call import FOR_SOCKETS, OF_CGROUPS, BpfRefused, ProgramKind, query_programs


class PlacedProgram(t.NamedTuple):
    """A program and where it is attached."""

    folder: str
    kind: ProgramKind
    program: Attached
    flags: int
    """How: ALLOW_MULTI, ALLOW_OVERRIDE or 0."""

    def __str__(self) -> str:
        """Return it as it stands in a message."""
        return f"{self.program}, attached to {printable(self.folder)}"


class Reaching(t.NamedTuple):
    """The programs that run for the sockets of one cgroup."""

    folder: str
    programs: t.Tuple[PlacedProgram, ...] = ()
    """In the order in which they run, those of one kind after those of the other."""
    unknown: str = ""
    """Why that is not known; '' where it is."""

    def ours(self, kind: ProgramKind = FOR_SOCKETS) -> t.List[Attached]:
        """Return what of ours is attached to this very cgroup."""
        here = (one for one in self.programs if one.folder == self.folder and one.kind == kind)
        return [one.program for one in here if one.program.ours]

    @property
    def ours_above(self) -> t.List[PlacedProgram]:
        """Return what of ours is attached to cgroups above, the nearest first."""
        return [one for one in self.programs if one.program.ours and one.folder != self.folder]

    @property
    def foreign(self) -> t.List[PlacedProgram]:
        """Return the programs of others that run for these sockets."""
        return [one for one in self.programs if not one.program.ours]


def reaching(folder: str, root: str) -> Reaching:
    """Say which programs run for the sockets of a cgroup; of one that is gone, none.

    :param root: The topmost cgroup.
    """
    try:
        placed = [one for kind in OF_CGROUPS for one in _of_kind(folder, root, kind)]
    except BpfRefused as error:
        return Reaching(folder) if error.errno in GONE else Reaching(folder, unknown=str(error))
    return Reaching(folder, tuple(placed))


def _of_kind(folder: str, root: str, kind: ProgramKind) -> t.Iterator[PlacedProgram]:
    with opened(folder) as cgroup:
        here = programs_of(cgroup, kind=kind)
        running = set(query_programs(cgroup, True, kind).ids)
    places = [(folder, here)]
    if not running <= {one.id for one in here.programs}:
        places += [(one, programs_at(one, kind)) for one in above(folder, root)]
    for place, found in places:
        for program in found.programs:
            if program.id in running:
                yield PlacedProgram(place, kind, program, found.flags)
