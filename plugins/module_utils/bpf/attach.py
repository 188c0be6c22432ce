# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attach our program to a cgroup, exchange it, take it away. Programs of others stay as they are.

Each of these is one step of the kernel's, so that whoever is killed in between leaves the old program, the new one, or
none. What is several steps is kept to one at a time by a lock, which csrc/keepalive_bpf.c takes as well.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..linux.file_lock import locked
from ..linux.printable import printable
from .attached import GONE, Attached, CgroupPrograms, obstacle_to_attaching, opened, programs_of
from .cgroup2 import find_root
from .enforce import Enforcement, enforcement_of
from .instruction import packed
from .program import BpfProgram, name_of
from .system_call import (
    FOR_SETTING,
    OF_CGROUPS,
    BpfRefused,
    ProgramKind,
    attach_program,
    detach_program,
    load_program,
    open_program,
    program_info,
)

AnyProgram = t.Union[BpfProgram, Enforcement]

LOCK = ("bpf", "/sys/fs/cgroup")
"""What is locked: one lock for all cgroups, because it is held for a millisecond."""

LIMIT = 30.0
"""Seconds to wait for it."""


def attach(
    folder: str, program: BpfProgram, enforce: bool = False, root: t.Optional[str] = None
) -> t.Tuple[bool, CgroupPrograms]:
    """Have a program, and no other of ours, attached to a cgroup.

    :param folder: The cgroup.
    :param enforce: Whether its values also take the place of what the applications set; else nothing of ours does so.
    :param root: The topmost cgroup, by default this host's.
    :return: Whether that changed anything, and what was attached before, for restore().
    :raises BpfRefused: It cannot be; then all is as before.
    :raises NotLocked: Others are at it without end.
    """
    root = root or find_root()
    wanted: t.List[AnyProgram] = [program, enforcement_of(program)] if enforce else [program]
    with locked(*LOCK, limit=LIMIT), opened(folder) as cgroup, contextlib.ExitStack() as ends:
        enforcing = programs_of(cgroup, kind=FOR_SETTING)
        flags, there = programs_of(cgroup)
        found = CgroupPrograms(flags, [*there, *enforcing.ours])
        new = [(one, ends.enter_context(loaded(one))) for one in wanted]
        due = [(one, descriptor) for one, descriptor in new if not _is_attached(cgroup, one, descriptor)]
        for one, _descriptor in due:
            obstacle = obstacle_to_attaching(folder, root, one.kind)
            if obstacle:
                raise BpfRefused(obstacle)
        for one, descriptor in due:
            _exchange(cgroup, folder, one.kind, descriptor)
        others = [] if enforce else enforcing.ours
        for other in others:
            _take(cgroup, other, FOR_SETTING)
        return bool(due or others), found


def restore(folder: str, before: CgroupPrograms) -> bool:
    """Have attached again what attach() has found; tell whether that changed anything. What is gone needs nothing.

    :raises BpfRefused: It cannot be, for instance because it was another release's.
    :raises NotLocked: Others are at it without end.
    """
    ours = before.ours
    if not ours:
        return bool(detach(folder))
    programs = [one.program for one in ours if isinstance(one.program, BpfProgram)]
    enforced = [one for one in ours if isinstance(one.program, Enforcement)]
    if not programs or any(one.program is None for one in ours):
        raise BpfRefused(f"{printable(folder)}: {ours[0]} cannot be put back: what it did is not known")
    return os.path.isdir(folder) and attach(folder, programs[0], bool(enforced))[0]


def is_right(folder: str, program: BpfProgram, enforce: bool = False) -> bool:
    """Tell whether a program is what is attached to a cgroup, and nothing else of ours. Nothing is changed.

    The kernel makes a checksum of it as it has made one of what is attached: kernels differ in how.

    :raises BpfRefused: The kernel does not tell.
    """
    wanted: t.List[AnyProgram] = [program, enforcement_of(program)] if enforce else [program]
    with opened(folder) as cgroup, contextlib.ExitStack() as ends:
        right = all(_is_attached(cgroup, one, ends.enter_context(loaded(one))) for one in wanted)
        return right and (enforce or not programs_of(cgroup, kind=FOR_SETTING).ours)


def detach(folder: str) -> t.List[Attached]:
    """Take everything of ours away from a cgroup, and return what that was. One that is gone has nothing.

    :raises BpfRefused: It cannot be.
    :raises NotLocked: Others are at it without end.
    """
    taken: t.List[Attached] = []
    with locked(*LOCK, limit=LIMIT):
        try:
            with opened(folder) as cgroup:
                for kind in reversed(OF_CGROUPS):
                    for one in programs_of(cgroup, kind=kind).ours:
                        taken.append(_take(cgroup, one, kind))
        except BpfRefused as error:
            if error.errno not in GONE:
                raise
    return taken


@contextlib.contextmanager
def loaded(program: AnyProgram) -> t.Iterator[int]:
    """Have a descriptor of a program, loaded and attached to nothing, for as long as this lasts."""
    descriptor = load_program(packed(program.instructions), name_of(), program.licence, program.kind)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_attached(cgroup: int, program: AnyProgram, descriptor: int) -> bool:
    """Tell whether a program, which is loaded besides, is the one of ours of its kind."""
    ours = programs_of(cgroup, kind=program.kind).ours
    return [one.tag for one in ours] == [program_info(descriptor).tag]


def _exchange(cgroup: int, folder: str, kind: ProgramKind, new: int) -> None:
    """Have a program, and no other of ours of its kind, attached."""
    ours, told = programs_of(cgroup, kind=kind).ours, program_info(new)
    right = next((one for one in ours if one.tag == told.tag), None)
    if right is None:
        _put(cgroup, new, ours[:1], kind)
    for one in ours[1:] if right is None else ours:
        if one is not right:
            _take(cgroup, one, kind)
    if (right or told).id not in [one.id for one in programs_of(cgroup, True, kind).programs]:
        raise BpfRefused(f"what was attached to {printable(folder)} does not run there")


def _put(cgroup: int, new: int, instead_of: t.Sequence[Attached], kind: ProgramKind) -> None:
    """Attach a program, in the place of one of ours if there is one."""
    if not instead_of:
        attach_program(cgroup, new, None, kind)
        return
    old = open_program(instead_of[0].id)
    try:
        attach_program(cgroup, new, old, kind)
    finally:
        os.close(old)


def _take(cgroup: int, one: Attached, kind: ProgramKind) -> Attached:
    try:
        program = open_program(one.id)
    except BpfRefused as error:
        if error.errno in GONE:
            return one
        raise
    try:
        detach_program(cgroup, program, kind)
    except BpfRefused as error:
        if error.errno not in GONE:
            raise
    finally:
        os.close(program)
    return one
