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
from .instruction import packed
from .program import BpfProgram, assembled, name_of
from .system_call import (
    BpfRefused,
    attach_program,
    detach_program,
    load_program,
    open_program,
    program_info,
)

LOCK = ("bpf", "/sys/fs/cgroup")
"""What is locked: one lock for all cgroups, because it is held for a millisecond."""

LIMIT = 30.0
"""Seconds to wait for it."""


def attach(folder: str, program: BpfProgram, root: t.Optional[str] = None) -> t.Tuple[bool, CgroupPrograms]:
    """Have a program, and no other of ours, attached to a cgroup.

    :param folder: The cgroup.
    :param root: The topmost one, by default this host's.
    :return: Whether that changed anything, and what was attached before.
    :raises BpfRefused: It cannot be; then all is as before.
    :raises NotLocked: Others are at it without end.
    """
    root = root or find_root()
    with locked(*LOCK, limit=LIMIT), opened(folder) as cgroup, loaded(program) as new:
        found = programs_of(cgroup)
        told = program_info(new)
        right = next((one for one in found.ours if one.tag == told.tag), None)
        if right and len(found.ours) == 1:
            return False, found
        obstacle = obstacle_to_attaching(folder, root)
        if obstacle:
            raise BpfRefused(obstacle)
        if right:
            surplus = [one for one in found.ours if one is not right]
        else:
            _put(cgroup, new, found.ours[:1])
            surplus = found.ours[1:]
        for one in surplus:
            _take(cgroup, one)
        if (right or told).id not in [one.id for one in programs_of(cgroup, effective=True).programs]:
            raise BpfRefused(f"what was attached to {printable(folder)} does not run there")
        return True, found


def is_right(folder: str, program: BpfProgram) -> bool:
    """Tell whether a program is what is attached to a cgroup, and nothing else of ours. Nothing is changed.

    The kernel makes a checksum of it as it has made one of what is attached: kernels differ in how.

    :raises BpfRefused: The kernel does not tell.
    """
    with opened(folder) as cgroup, loaded(program) as wanted:
        return [one.tag for one in programs_of(cgroup).ours] == [program_info(wanted).tag]


def detach(folder: str) -> t.List[Attached]:
    """Take everything of ours away from a cgroup, and return what that was. One that is gone has nothing.

    :raises BpfRefused: It cannot be.
    :raises NotLocked: Others are at it without end.
    """
    with locked(*LOCK, limit=LIMIT):
        try:
            with opened(folder) as cgroup:
                ours = programs_of(cgroup).ours
                for one in ours:
                    _take(cgroup, one)
                return ours
        except BpfRefused as error:
            if error.errno in GONE:
                return []
            raise


@contextlib.contextmanager
def loaded(program: BpfProgram) -> t.Iterator[int]:
    """Have a descriptor of a program, loaded and attached to nothing, for as long as this lasts."""
    descriptor = load_program(packed(assembled(program)), name_of(), program.licence)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _put(cgroup: int, new: int, instead_of: t.Sequence[Attached]) -> None:
    """Attach a program, in the place of one of ours if there is one."""
    if not instead_of:
        attach_program(cgroup, new)
        return
    old = open_program(instead_of[0].id)
    try:
        attach_program(cgroup, new, old)
    finally:
        os.close(old)


def _take(cgroup: int, one: Attached) -> None:
    try:
        program = open_program(one.id)
    except BpfRefused as error:
        if error.errno in GONE:
            return
        raise
    try:
        detach_program(cgroup, program)
    except BpfRefused as error:
        if error.errno not in GONE:
            raise
    finally:
        os.close(program)
