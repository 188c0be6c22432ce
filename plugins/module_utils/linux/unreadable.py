# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who could read the sockets that we cannot: which user, which capability, which kernel."""

from __future__ import annotations

import errno
import os
import re
import typing as t

from . import procfs
from .procfs import HOST, Proc

_CAP_SYS_PTRACE = 19
_FIRST_KERNEL = (5, 6)
_FIRST_WITH_THREADS = (6, 9)


class Unreadable(Exception):
    """The sockets of a process cannot be duplicated, and why."""

    def __init__(self, number: int, call: str) -> None:
        super().__init__(f"{call}: {os.strerror(number)}")
        self.errno = number
        self.call = call

    @property
    def remedy(self) -> str:
        """Say who could read them."""
        return remedy(self.errno)


class ReadingProcess(t.NamedTuple):
    """The process that tries to read."""

    uid: int
    kernel: str
    status: procfs.Status
    ptrace_scope: str


def this_process(proc: Proc = HOST) -> ReadingProcess:
    """Describe the running process."""
    try:
        with open(os.path.join(proc.root, "sys/kernel/yama/ptrace_scope"), encoding="ascii") as stream:
            scope = stream.read().strip()
    except OSError:
        scope = ""
    status = procfs.parse_status(proc.bytes_of(os.getpid(), "status"))
    return ReadingProcess(os.geteuid(), os.uname().release, status, scope)


def remedy(number: int, reader: t.Optional[ReadingProcess] = None) -> str:
    """Say what would have to be different where pidfd_open(2) or pidfd_getfd(2) fails with this number."""
    reader = reader or this_process()
    version = tuple(map(int, re.findall(r"\d+", reader.kernel)[:2]))
    if number == errno.EINVAL:
        if version < _FIRST_WITH_THREADS:
            return (
                f"a thread holds it in descriptors of its own, which needs Linux 6.9 or newer, this is {reader.kernel}"
            )
        return "has to be run outside of the container or service whose system call filter (seccomp) forbids the call"
    if number == errno.ENOSYS:
        if version < _FIRST_KERNEL:
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
