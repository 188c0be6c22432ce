# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On which file system something lies, and whether reading it there may keep root waiting, or do something else.

A user may mount FUSE, and lay an overlay over it, in a user namespace of his own (Linux 4.18 and 5.11). Whoever then
looks up a name waits for the user's program, and not even SIGKILL ends that. So the file system is asked for before
anything is looked up on it, of a mount that is held: by its number, which needs nothing from the file system itself.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import typing as t

_STORED = frozenset(("btrfs", "bcachefs", "zfs", "tmpfs", "ramfs", "rootfs"))
"""What answers by itself, besides what is on a block device."""

_INTERFACES = frozenset((
    "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl",
    "mqueue", "nfsd", "nsfs", "pipefs", "proc", "pstore", "resctrl", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs",
    "sockfs", "sysfs", "tracefs",
))  # fmt: skip
"""Whose files are the kernel's interfaces: reading one may wait (trace_pipe) or take something away (kmsg)."""


class Mount(t.NamedTuple):
    """One line of mountinfo (proc_pid_mountinfo(5))."""

    device: str
    """Of the file system, V(major:minor): the same in every namespace in which it is mounted."""
    kind: str
    options: t.FrozenSet[str]
    """Of the file system."""


class Doubtful(PermissionError):
    """Nothing is looked up or read on this file system; the text names it."""


def parse_mounts(content: bytes) -> t.Dict[int, Mount]:
    """Return the mounts of a mountinfo by their numbers. Blanks and newlines in names are escaped there, \\r is not."""
    mounts = {}
    for line in content.split(b"\n"):
        fields = line.split(b" ")
        if b"-" in fields[6:]:
            kind, _source, options = (*fields[fields.index(b"-", 6) + 1 :], b"", b"", b"")[:3]
            mounts[int(fields[0])] = Mount(os.fsdecode(fields[2]), os.fsdecode(kind), _split(options))
    return mounts


def _split(options: bytes) -> t.FrozenSet[str]:
    return frozenset(os.fsdecode(options).split(","))


def mount_doubt(mount: t.Optional[Mount], ours: t.Container[str]) -> str:
    """Say what speaks against reading from a mount; '' where nothing does.

    :param mount: None for one that is in no list.
    :param ours: The devices that are mounted in this process's own namespace, where only root mounts.
    """
    if mount is None:
        return "it lies on a file system that is mounted nowhere any more"
    if mount.kind in _INTERFACES:
        return f"it lies on {mount.kind}, where files are interfaces of the kernel"
    fuse = mount.kind.startswith("fuse")
    if fuse and "user_id=0" not in mount.options:
        return f"it lies on {mount.kind}, where a program of a user decides when to answer"
    if mount.device in ours:
        return ""
    if not fuse and (mount.kind in _STORED or not mount.device.startswith("0:")):
        return ""
    return f"it lies on {mount.kind}, which is mounted in another mount namespace alone"


class Mounts:
    """The mounts that a process sees, and those that this one sees. Both are read again for each question."""

    def __init__(self, mountinfo: t.Optional[str]) -> None:
        """Without a file: those of this process alone."""
        self._files = ["/proc/self/mountinfo"] + ([mountinfo] if mountinfo else [])

    def refuse_doubtful(self, descriptor: int, above: t.Optional[int] = None) -> int:
        """Return the number of the mount that a descriptor lies on.

        Numbers are used again. This one is not as long as the descriptor is open, and what is read then is of it.

        :param above: The number of a mount that is held open and was not refused.
        :raises Doubtful: It is one on which nothing should be looked up.
        """
        number = _number_of(descriptor)
        if number != above:
            own, *others = [_parse_file(name) for name in self._files]
            mount = own.get(number) or next((mounts[number] for mounts in others if number in mounts), None)
            problem = mount_doubt(mount, {mount.device for mount in own.values()})
            if problem:
                raise Doubtful(errno.EACCES, problem)
        return number


def noexec_mount(path: str) -> str:
    """Return where the mount is on which something lies, or would lie, if nothing is executed from it; else V('').

    What is mounted noexec is not loaded as a library either (mmap(2)), and neither error says so.
    """
    while not os.path.exists(path) and path not in ("/", ""):
        path = os.path.dirname(path)
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return _point_of(descriptor) or path if os.fstatvfs(descriptor).f_flag & os.ST_NOEXEC else ""
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _point_of(descriptor: int) -> str:
    number = b"%d" % _number_of(descriptor)
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file.read().split(b"\n"):
            fields = line.split(b" ")
            if fields[0] == number:
                point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), fields[4])
                return os.fsdecode(point)
    return ""


def _number_of(descriptor: int) -> int:
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
        for line in file:
            if line.startswith(b"mnt_id:"):
                return int(line.split()[1])
    return -1


_parse_again = functools.lru_cache(maxsize=8)(parse_mounts)
"""Read for each question, parsed only when it says something else."""


def _parse_file(path: str) -> t.Mapping[int, Mount]:
    try:
        with open(path, "rb") as file:
            return _parse_again(file.read())
    except OSError:
        return {}
