# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who could read the sockets that we cannot: which user, which capability, which kernel."""

from __future__ import annotations

import errno
import os
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _procfs

_CAP_SYS_PTRACE = 19
_FIRST_KERNEL = (5, 6)


class Reader(t.NamedTuple):
    """The process that tries to read."""

    uid: int
    kernel: str
    status: _procfs.Status
    ptrace_scope: str


def this_reader(root: str = _procfs.PROC) -> Reader:
    """Describe the running process."""
    try:
        with open(os.path.join(root, "sys/kernel/yama/ptrace_scope"), encoding="ascii") as stream:
            scope = stream.read().strip()
    except OSError:
        scope = ""
    status = _procfs.parse_status(_procfs.text_of(os.getpid(), "status", root))
    return Reader(os.geteuid(), os.uname().release, status, scope)


def remedy(number: int, reader: t.Optional[Reader] = None) -> str:
    """Say what would have to be different where pidfd_open(2) or pidfd_getfd(2) fails with this number."""
    reader = reader or this_reader()
    if number == errno.ENOSYS:
        version = re.match(r"([0-9]{1,9})\.([0-9]{1,9})", reader.kernel)
        if version and (int(version[1]), int(version[2])) < _FIRST_KERNEL:
            return f"needs Linux 5.6 or newer, this is {reader.kernel}"
        if reader.status.seccomp:
            return "has to be run outside of the container or service whose system call filter (seccomp) hides the call"
        return "needs a Python with ctypes on a machine whose system calls are known"
    if not reader.status.capabilities >> _CAP_SYS_PTRACE & 1:
        missing = "without CAP_SYS_PTRACE" if reader.uid == 0 else f"as user {reader.uid}"
        return f"has to be run as root (become: true) with CAP_SYS_PTRACE, and was run {missing}"
    if reader.status.seccomp:
        return "has to be run outside of the container or service whose system call filter (seccomp) forbids the call"
    if reader.ptrace_scope == "3":
        return "kernel.yama.ptrace_scope=3 forbids it to everybody until the next boot"
    return "a security module (SELinux, AppArmor) or another user namespace forbids it to root: run it unconfined"
