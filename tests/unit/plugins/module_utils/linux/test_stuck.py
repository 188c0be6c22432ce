# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that waits in the kernel for a process ends after a limit, and says because of whom."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import stuck
from ansible_collections.netops.keepalive.tests.unit.support.hanging import USER, file_system, hang

_MODULE = "ansible_collections.netops.keepalive.plugins.module_utils"

_WATCHED = f"""
import sys
from {_MODULE}.linux.procfs import Proc
from {_MODULE}.linux.stuck import Watch
with Watch(str.encode, 1, 0.5):
    Proc(sys.argv[2]).content_of(int(sys.argv[1]), "stat")
"""

_OF_A_MODULE = f"""
import json, sys, time
from {_MODULE}.linux import stuck
stuck.Watch.__init__.__defaults__ = (0.5, 1)
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({{"ANSIBLE_MODULE_ARGS": {{}}}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from {_MODULE}.linux.module import Module
from {_MODULE}.linux.procfs import Proc
module = Module({{}})
Proc(sys.argv[2]).content_of(int(sys.argv[1]), "stat")
module.exit_json()
"""

_COMMAND = f"""
import sys
from {_MODULE}.command import main
from {_MODULE}.linux.procfs import Proc
main.main(["--pid", sys.argv[1]], Proc(sys.argv[2]), 0.5)
"""

_NOTHING_READ = f"""
import time
from {_MODULE}.linux.procfs import Proc
from {_MODULE}.linux.stuck import Watch
with Watch(str.encode, 1, 1):
    Proc().content_of(1, "stat")
    time.sleep(2)
print("went on")
"""


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A place for /proc in which nothing comes of this process's stat and program: a FIFO that nobody writes to."""
    folder = tmp_path / str(os.getpid())
    folder.mkdir()
    os.mkfifo(folder / "stat")
    return tmp_path


def run(code: str, *arguments: t.Any) -> subprocess.CompletedProcess[str]:
    """Run code; it is ended where it does not end by itself."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_the_reason_names_the_process_and_its_user(proc: pathlib.Path) -> None:
    ended = run(_WATCHED, os.getpid(), proc)
    assert ended.returncode == 1
    told = f"process {os.getpid()} of user {os.getuid()} has let nothing of itself be read for 0.5 s"
    assert ended.stdout.startswith(told)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="has another user hang")
def test_who_waits_in_the_kernel_ends_all_the_same(tmp_path: pathlib.Path) -> None:
    with file_system(tmp_path) as child:
        (pid,) = hang(child)
        assert run(_WATCHED, pid, "/proc").stdout.startswith(f"process {pid} of user {USER} has let nothing")


def test_a_module_fails_with_it(proc: pathlib.Path) -> None:
    ended = run(_OF_A_MODULE, os.getpid(), proc)
    answer = json.loads(ended.stdout)
    assert (answer["failed"], f"process {os.getpid()} of user" in answer["msg"]) == (True, True)
    assert ended.returncode == 1


def test_the_command_says_it_on_standard_error(proc: pathlib.Path) -> None:
    os.rename(proc / str(os.getpid()) / "stat", proc / str(os.getpid()) / "cgroup")
    ended = run(_COMMAND, os.getpid(), proc)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"keepalive-sockets: process {os.getpid()} of user")


def test_a_run_that_waits_for_something_else_goes_on() -> None:
    assert run(_NOTHING_READ).stdout == "went on\n"


def test_a_watch_looks_from_its_start_to_its_end_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    with stuck.Watch(str.encode, 1, 60):
        (looking,) = set(threading.enumerate()) - before
        assert looking.daemon, "it keeps nobody from ending"
    assert set(threading.enumerate()) <= before
    never = stuck.Watch(str.encode, 1, 60)
    never.stop()
    never.stop()


def test_a_process_within_another_is_the_one_that_is_read(proc: pathlib.Path) -> None:
    """And when it has been, the outer one is again."""

    @stuck.reads
    def inner(pid: int) -> t.Optional[int]:
        return stuck._Now.pid

    @stuck.reads
    def outer(pid: int) -> t.List[t.Optional[int]]:
        return [stuck._Now.pid, inner(8), stuck._Now.pid]

    assert outer(7) == [7, 8, 7]
    assert stuck._Now.pid is None


def test_whose_a_process_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7").mkdir()
    assert stuck.real_user_of(7, str(tmp_path)) is None
    (tmp_path / "7" / "status").write_text("Name:\tx\nUid:\t5\t6\t7\t8\n")
    assert stuck.real_user_of(7, str(tmp_path)) == 5, "the real one"
    (tmp_path / "7" / "status").write_text("Name:\tUid:\t9\t\n")
    assert stuck.real_user_of(7, str(tmp_path)) is None
    assert stuck.real_user_of(os.getpid()) == os.getuid()
