# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where cgroups of version 2 are on this host. Programs of version 1 do not exist.

csrc/keepalive_bpf.c finds its own cgroup by the same rule, and a test compares the two.
"""

from __future__ import annotations

import ctypes
import os
import struct
import typing as t

from ..linux.printable import named, printable
from .system_call import BpfRefused

ROOTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
"""Where systemd mounts it: beside version 1 (hybrid), and alone."""

_ONLY_IN_2 = "cgroup.controllers"
_CONTROL = "/.control"
"""Below a unit with C(Delegate=), where systemd starts what is not the service itself."""

_BY_NUMBER = 0xFE
"""The kind of file handle that is a number alone (FILEID_KERNFS)."""


def find_root(roots: t.Sequence[str] = ROOTS) -> str:
    """Return the folder of the topmost cgroup.

    :raises BpfRefused: There is none.
    """
    for root in roots:
        if os.path.exists(os.path.join(root, _ONLY_IN_2)):
            return root
    raise BpfRefused(
        f"no cgroup of version 2 is mounted on {' or '.join(roots)}, and version 1 has no programs: boot this host "
        "with systemd.unified_cgroup_hierarchy=1"
    )


def cgroup_folder(control_group: str, root: str) -> str:
    """Return the folder of what systemd calls C(ControlGroup=), or /proc/PID/cgroup a path.

    :raises BpfRefused: It is none, or lies outside of what this process is shown.
    """
    parts = control_group.split("/")
    if not control_group.startswith("/") or {".", ".."}.intersection(parts):
        raise BpfRefused(
            f"{named(control_group)} is no cgroup that is shown here (another cgroup namespace's, perhaps)"
        )
    return os.path.join(root, *filter(None, parts))


def own_control_group(content: bytes) -> str:
    """Return the cgroup that a unit's program is to be attached to, from /proc/PID/cgroup of one of its processes.

    :raises BpfRefused: That does not tell.
    """
    unified = [line[3:] for line in content.split(b"\n") if line.startswith(b"0::")]
    if len(unified) != 1:
        raise BpfRefused("/proc/PID/cgroup names no cgroup of version 2")
    path = os.fsdecode(unified[0])
    return path[: -len(_CONTROL)] if path.endswith(_CONTROL) else path


def unit_control_group(content: bytes, unit: str) -> str:
    """Return the cgroup of the unit that a process is in, from its /proc/PID/cgroup; without a unit, its own.

    :raises BpfRefused: That does not tell.
    """
    path = own_control_group(content)
    parts = path.split("/")
    escaped = f"_{unit}"  # systemd writes so what would look like a file of the kernel's
    at = next((number for number, part in enumerate(parts) if unit and part in (unit, escaped)), len(parts))
    return "/".join(parts[: at + 1]) or "/"


def path_by_number(number: int, root: t.Optional[str] = None) -> str:
    """Return the path below the topmost cgroup of the one with this number, the inode of its folder.

    '' where it is gone, lies outside of what is shown here, or we may not ask.
    """
    handle = struct.pack("=IiQ", 8, _BY_NUMBER, number)
    try:
        root = root or find_root()
        top = open_cgroup(root)
    except BpfRefused:
        return ""
    try:
        folder = ctypes.CDLL(None, use_errno=True).open_by_handle_at(top, handle, os.O_PATH | os.O_CLOEXEC)
    finally:
        os.close(top)
    if folder < 0:
        return ""
    try:
        path = os.readlink(f"/proc/self/fd/{folder}")
    finally:
        os.close(folder)
    return path[len(root) :] if path.startswith(root + "/") else ""


def open_cgroup(folder: str) -> int:
    """Return a descriptor of a cgroup.

    :raises BpfRefused: There is none of this name.
    """
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise BpfRefused(f"{printable(folder)}: {error.strerror}", error.errno or 0) from error


def above(folder: str, root: str) -> t.Iterator[str]:
    """Yield the cgroups above one, the nearest first."""
    while folder != root and folder.startswith(root + "/"):
        folder = os.path.dirname(folder)
        yield folder
