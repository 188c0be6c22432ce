# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who could read what we cannot: said of this machine's own state, and of others."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Status, parse_status

ALL_CAPABILITIES = (1 << 41) - 1
WITHOUT_PTRACE = ALL_CAPABILITIES & ~(1 << 19)


def reader(
    uid: int = 0, kernel: str = "6.1.0", capabilities: int = ALL_CAPABILITIES, seccomp: bool = False, scope: str = "0"
) -> unreadable.ReadingProcess:
    return unreadable.ReadingProcess(uid, kernel, Status(uid, frozenset(), capabilities, seccomp), scope)


@pytest.mark.parametrize(
    ("number", "who", "words"),
    [
        (errno.ENOSYS, reader(kernel="4.18.0-553.el8_10.x86_64"), "needs Linux 5.6 or newer, this is 4.18.0-553.el8"),
        (errno.ENOSYS, reader(kernel="5.4.0"), "needs Linux 5.6 or newer"),
        (errno.ENOSYS, reader(kernel="5.10.0", seccomp=True), "system call filter (seccomp) hides the call"),
        (errno.ENOSYS, reader(kernel="5.10.0"), "Python with ctypes"),
        (
            errno.EPERM,
            reader(uid=1000, capabilities=0),
            "with CAP_SYS_PTRACE, and was run as user 1000",
        ),
        (errno.EPERM, reader(capabilities=WITHOUT_PTRACE), "and was run without CAP_SYS_PTRACE"),
        (errno.EPERM, reader(seccomp=True), "system call filter (seccomp) forbids the call"),
        (errno.EPERM, reader(scope="3"), "kernel.yama.ptrace_scope=3"),
        (errno.EINVAL, reader(kernel="6.8.0-45-generic"), "needs Linux 6.9 or newer, this is 6.8.0-45-generic"),
        (errno.EINVAL, reader(kernel="6.9.1"), "system call filter (seccomp) forbids the call"),
        (errno.EACCES, reader(), "a security module (SELinux, AppArmor) or another user namespace"),
    ],
)
def test_what_would_have_to_be_different(number: int, who: unreadable.ReadingProcess, words: str) -> None:
    assert words in unreadable.remedy(number, who)


def test_this_process_is_described_as_the_kernel_does() -> None:
    own = unreadable.this_process()
    assert own.uid == own.status.uid == os.geteuid()
    assert own.kernel == os.uname().release
    assert own.status.groups >= {os.getegid()}
    with open("/proc/self/status", encoding="ascii") as stream:
        assert own.status.seccomp is ("Seccomp:\t2\n" in stream.read())


def test_a_status_that_was_not_shown() -> None:
    assert parse_status(b"") == Status(None, frozenset(), 0, False)
