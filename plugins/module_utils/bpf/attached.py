# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs are attached to a cgroup, and which of them are ours.

Ours have the name and the mark in their instructions; the name alone is nobody's property. On hosts that show no
instructions (net.core.bpf_jit_harden=2 with kernel.kptr_restrict=2) the whole name of a program that root has loaded
has to do, and its values are not known.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import typing as t

from ..linux.printable import named, printable
from .cgroup2 import above, open_cgroup
from .decode import decode, has_mark
from .enforce import Enforcement, decode_enforcement
from .instruction import unpacked
from .program import NAME, BpfProgram
from .system_call import (
    ALLOW_MULTI,
    ALLOW_OVERRIDE,
    FOR_SETTING,
    FOR_SOCKETS,
    BpfRefused,
    ProgramInfo,
    ProgramKind,
    open_program,
    program_info,
    query_programs,
)

_NAME = re.compile(rf"{NAME}_[0-9]{{1,4}}")
GONE = (errno.ENOENT, errno.ENODEV)
"""What is said of a cgroup or a program that has vanished meanwhile."""


class Attached(t.NamedTuple):
    """A program as it is attached."""

    id: int
    name: str
    tag: str
    ours: bool
    program: t.Union[BpfProgram, Enforcement, None] = None
    """What one of ours does; None where the kernel does not show it, or it is of another release of ours."""
    loaded: float = 0.0
    """When it was loaded, which for ours is when it was attached: in seconds since boot."""

    def __str__(self) -> str:
        """Return it as it stands in a message."""
        return f"{named(self.name) if self.name else 'a program without a name'} (id {self.id})"


class CgroupPrograms(t.NamedTuple):
    """What is attached to one cgroup, in the order in which it runs."""

    flags: int
    programs: t.Sequence[Attached] = ()

    @property
    def ours(self) -> t.List[Attached]:
        """Return ours: one, or none; several where two writers were not kept apart."""
        return [one for one in self.programs if one.ours]

    @property
    def foreign(self) -> t.List[Attached]:
        """Return those of others."""
        return [one for one in self.programs if not one.ours]


def programs_of(cgroup: int, effective: bool = False, kind: ProgramKind = FOR_SOCKETS) -> CgroupPrograms:
    """Say what is attached to a cgroup, which is a descriptor.

    :param effective: Instead, what runs for its sockets, with what the cgroups above it have.
    :raises BpfRefused: The kernel does not tell.
    """
    flags, ids = query_programs(cgroup, effective, kind)
    return CgroupPrograms(flags, [one for one in map(_look_at, ids) if one])


def programs_at(folder: str, kind: ProgramKind = FOR_SOCKETS) -> CgroupPrograms:
    """Say what is attached to a cgroup, which is a folder; nothing where it is gone.

    :raises BpfRefused: The kernel does not tell.
    """
    try:
        with opened(folder) as cgroup:
            return programs_of(cgroup, kind=kind)
    except BpfRefused as error:
        if error.errno in GONE:
            return CgroupPrograms(0)
        raise


@contextlib.contextmanager
def opened(folder: str) -> t.Iterator[int]:
    """Have a descriptor of a cgroup for as long as this lasts."""
    cgroup = open_cgroup(folder)
    try:
        yield cgroup
    finally:
        os.close(cgroup)


def obstacle_to_attaching(folder: str, root: str, kind: ProgramKind = FOR_SOCKETS) -> str:
    """Say which foreign program leaves no room for ours at a cgroup, or would be switched off by it; '' if none does.

    The nearest cgroup that has programs decides.
    """
    for place in (folder, *above(folder, root)):
        found = programs_at(place, kind)
        if not found.programs:
            continue
        if found.flags & ALLOW_MULTI:
            return ""
        culprit = f"{found.programs[0]}, attached to {printable(place)}"
        if place == folder:
            return f"{culprit}, lets no program be attached beside it: it was attached without BPF_F_ALLOW_MULTI"
        if found.flags & ALLOW_OVERRIDE:
            return f"{culprit} with BPF_F_ALLOW_OVERRIDE, would not run here any more if another program were attached"
        return f"{culprit} exclusively, lets no program be attached below it"
    return ""


def _look_at(number: int) -> t.Optional[Attached]:
    try:
        program = open_program(number)
    except BpfRefused as error:
        if error.errno in GONE:
            return None
        raise
    try:
        return _recognised(program_info(program))
    finally:
        os.close(program)


def _recognised(told: ProgramInfo) -> Attached:
    named_so = _NAME.fullmatch(told.name) is not None
    if not named_so or told.xlated is None:
        return Attached(told.id, told.name, told.tag, named_so and told.uid == 0, None, told.loaded)
    code = unpacked(told.xlated)
    ours = has_mark(code)
    read = decode_enforcement if told.type == FOR_SETTING.type else decode
    return Attached(told.id, told.name, told.tag, ours, read(code) if ours else None, told.loaded)
