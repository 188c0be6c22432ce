# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every cgroup of a host that has a program of a kind, ours or foreign: to see that nothing is left of ours."""

from __future__ import annotations

import os
import typing as t

from ..linux.printable import printable
from .attached import GONE, CgroupPrograms, programs_at
from .system_call import FOR_SOCKETS, BpfRefused, ProgramKind


class CgroupTree(t.NamedTuple):
    """What was found below a cgroup, itself included."""

    programs: t.Mapping[str, CgroupPrograms]
    """Folder → what is attached there; others have nothing."""
    unread: t.Sequence[str]
    """What could not be read, with the reason: there it is not known."""

    @property
    def ours(self) -> t.List[str]:
        """Return the folders with a program of ours."""
        return [folder for folder, found in self.programs.items() if found.ours]


def walk_cgroups(root: str, kind: ProgramKind = FOR_SOCKETS) -> CgroupTree:
    """Look at a cgroup and at all below it.

    :raises BpfRefused: Not even the first one can be asked, for want of a capability for instance.
    """
    found = {root: programs_at(root, kind)}
    unread: t.List[str] = []
    folders = [root]
    while folders:
        folder = folders.pop()
        below = _below(folder, unread)
        folders += reversed(below)
        for one in below:
            try:
                found[one] = programs_at(one, kind)
            except BpfRefused as error:
                unread.append(f"{printable(one)}: {error}")
    return CgroupTree({folder: there for folder, there in found.items() if there.programs}, unread)


def _below(folder: str, unread: t.List[str]) -> t.List[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        if error.errno not in GONE:
            unread.append(f"{printable(folder)}: {error.strerror}")
        return []
