# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a task says that its run is: the process that forked it, and nobody where that was killed."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import pathlib
import select
import signal
import socket
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.plugins.plugin_utils import _locked
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

FORK = multiprocessing.get_context("fork")


def task(orphaned: bool, pipe: t.Any) -> None:
    """A worker, which waits for its parent's end first where it is to be an orphan."""
    if orphaned:
        parent = multiprocessing.parent_process()
        assert parent is not None and parent.pid is not None
        # Readable once the children of the process have their new parent; its pipes are closed before that.
        select.select([os.pidfd_open(parent.pid)], [], [])
    try:
        pipe.send(_locked.identity()["owner"])
    except AnsibleActionFail as error:
        pipe.send(str(error))


def run(orphaned: bool, pipe: t.Any) -> None:
    """A run that starts one worker and is killed, or waits for it."""
    worker = FORK.Process(target=task, args=(orphaned, pipe))
    worker.start()
    if orphaned:
        os.kill(os.getpid(), signal.SIGKILL)
    worker.join()


@pytest.mark.parametrize("orphaned", [False, True])
def test_an_orphan_takes_no_lock_in_the_name_of_process_1(orphaned: bool) -> None:
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=run, args=(orphaned, sender))
    process.start()
    assert receiver.poll(30), "the worker said nothing"
    said = receiver.recv()
    process.join()
    assert said == (
        "the run that this task belongs to has ended; nothing was done" if orphaned
        else f"{getpass.getuser()} on {socket.gethostname()}, process {process.pid}"
    )  # fmt: skip


def test_a_run_is_described_by_its_process() -> None:
    """The same in all its tasks, and another than that of a process which gets its number later."""
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    scope, pid = f"{boot} {os.readlink('/proc/self/ns/pid')}", os.getppid()
    assert _locked.identity() == {
        "id": f"{scope} {pid} {boot_ticks(pid)}",
        "owner": f"{getpass.getuser()} on {socket.gethostname()}, process {pid}",
    }


def boot_ticks(pid: int) -> int:
    """When a process was started, as the collection's own code for hosts reads it."""
    return round((HOST.started_at(pid) or 0) * os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 54321"), OSError("No username set")], ids=str)
def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nobody_knows() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody_knows)
    assert str(_locked.identity()["owner"]).startswith(f"uid {os.getuid()} on {socket.gethostname()}, process ")


@pytest.mark.parametrize("name", ["plain", "a) R 1 2", ") ) x", "a b\nc", "\udcff"])
def test_a_process_names_itself_as_it_likes(name: str) -> None:
    with Child(f"open('/proc/self/comm', 'wb').write({os.fsencode(name)!r})") as child:
        assert _locked._started(child.pid) == str(boot_ticks(child.pid))
    assert _locked._started(child.pid) == "", "when it has ended"


def test_where_it_is_not_known_what_a_process_number_means_it_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(_path: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "readlink", no_proc)
    assert _locked.identity()["id"] == f" {os.getppid()} {boot_ticks(os.getppid())}"


def test_the_module_is_told_whose_run_it_is() -> None:
    asked: t.List[t.Dict[str, t.Any]] = []

    class Action:
        def _execute_module(self, **given: t.Any) -> t.Dict[str, t.Any]:
            asked.append(given)
            return {"lock_holder": {"id": "theirs"}, "failed": True}

    answer = _locked.execute(t.cast(t.Any, Action()), "rollout", {"dropins": [1]}, {"x": 2})
    assert answer == {"lock_holder": {"id": "theirs"}, "failed": True}
    arguments = {"dropins": [1], "run": _locked.identity()}
    assert asked == [{"module_name": "netops.keepalive.rollout", "module_args": arguments, "task_vars": {"x": 2}}]
