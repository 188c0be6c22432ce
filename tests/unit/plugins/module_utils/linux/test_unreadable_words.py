# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exactly is said where the sockets of a process cannot be read, and what decides it."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc, Status
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import ReadingProcess, remedy

PTRACE = 1 << 19
CONTAINER = "has to be run outside of the container or service whose system call filter (seccomp) {} the call"
THREADS = "a thread holds it in descriptors of its own, which needs Linux 6.9 or newer, this is {}"
OTHER = "a security module (SELinux, AppArmor) or another user namespace forbids it to root: run it unconfined"
AS_ROOT = "has to be run as root (become: true) with CAP_SYS_PTRACE, and was run {}"


@pytest.mark.parametrize(
    ("number", "uid", "kernel", "capabilities", "seccomp", "scope", "words"),
    [
        (errno.EINVAL, 0, "6.8.12-generic", PTRACE, True, "3", THREADS.format("6.8.12-generic")),
        (errno.EINVAL, 0, "5.10", PTRACE, False, "0", THREADS.format("5.10")),
        (errno.EINVAL, 0, "6.9", PTRACE, False, "0", CONTAINER.format("forbids")),
        (errno.EINVAL, 0, "10.0.1", PTRACE, False, "0", CONTAINER.format("forbids")),
        (errno.ENOSYS, 0, "5.5.99", PTRACE, True, "0", "needs Linux 5.6 or newer, this is 5.5.99"),
        (errno.ENOSYS, 0, "4.18-7", PTRACE, False, "0", "needs Linux 5.6 or newer, this is 4.18-7"),
        (errno.ENOSYS, 0, "5.6.0", PTRACE, True, "0", CONTAINER.format("hides")),
        (errno.ENOSYS, 0, "5.10", PTRACE, False, "0",
         "needs a Python with ctypes on a machine whose system calls are known"),
        (errno.EPERM, 0, "5.10", ~PTRACE, True, "3", AS_ROOT.format("without CAP_SYS_PTRACE")),
        (errno.EPERM, 7, "5.10", 0, True, "3", AS_ROOT.format("as user 7")),
        (errno.EPERM, 7, "5.10", PTRACE, True, "3", CONTAINER.format("forbids")),
        (errno.EACCES, 0, "5.10", PTRACE, False, "3",
         "kernel.yama.ptrace_scope=3 forbids it to everybody until the next boot"),
        (errno.EPERM, 0, "5.10", PTRACE, False, "2", OTHER),
        (errno.EPERM, 0, "5.10", PTRACE, False, "", OTHER),
    ],
)  # fmt: skip
def test_what_would_have_to_be_different(
    number: int, uid: int, kernel: str, capabilities: int, seccomp: bool, scope: str, words: str
) -> None:
    reader = ReadingProcess(uid, kernel, Status(uid, frozenset(), capabilities, seccomp), scope)
    assert remedy(number, reader) == words


def test_an_error_says_the_call_and_asks_this_process_for_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ReadingProcess(7, "6.1", Status(7, frozenset(), 0, False), "0")
    monkeypatch.setattr(unreadable, "this_process", lambda: reader)
    error = unreadable.Unreadable(errno.EPERM, "pidfd_getfd")
    assert (str(error), error.errno, error.call) == (
        "pidfd_getfd: Operation not permitted", errno.EPERM, "pidfd_getfd"
    )  # fmt: skip
    assert error.remedy == AS_ROOT.format("as user 7")


@pytest.mark.parametrize("scope", ["3\n", None])
def test_this_process_is_described_by_what_proc_says_of_it(tmp_path: pathlib.Path, scope: t.Optional[str]) -> None:
    if scope:
        (tmp_path / "sys" / "kernel" / "yama").mkdir(parents=True)
        (tmp_path / "sys" / "kernel" / "yama" / "ptrace_scope").write_text(scope)
    own = tmp_path / str(os.getpid())
    own.mkdir()
    (own / "status").write_text("Uid:\t1\t2\t3\t4\nCapEff:\t0f\n")
    assert unreadable.this_process(Proc(str(tmp_path))) == ReadingProcess(
        os.geteuid(), os.uname().release, Status(4, frozenset(), 15, False), "3" if scope else ""
    )
