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
        pipe.send(_locked.identity()["pid"])
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
    assert said == ("the run that this task belongs to has ended; nothing was done" if orphaned else process.pid)


def test_a_run_is_described_by_its_process() -> None:
    run = _locked.identity()
    assert run["pid"] == os.getppid()
    assert run["started"] == str(int(boot_ticks(os.getppid())))
    assert run["id"] == f"{run['scope']} {run['pid']} {run['started']}"
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert run["scope"] == f"{boot} {os.readlink('/proc/self/ns/pid')}"
    assert run["owner"] == f"{getpass.getuser()} on {socket.gethostname()}, process {run['pid']}"


def boot_ticks(pid: int) -> float:
    """When a process was started, as the collection's own code for hosts reads it."""
    return round((HOST.started_at(pid) or 0) * os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 54321"), OSError("No username set")], ids=str)
def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nobody_knows() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody_knows)
    assert str(_locked.identity()["owner"]).startswith(f"uid {os.getuid()} on {socket.gethostname()}, process ")


@pytest.mark.parametrize("name", ["plain", "a) R 1 2", ") ) x", "a b\nc", "\udcff"])
def test_a_run_that_goes_on_is_told_from_one_whose_number_another_process_has(name: str) -> None:
    """A process names itself as it likes, and a PID says nothing: what counts is when it was started."""
    with Child(f"open('/proc/self/comm', 'wb').write({os.fsencode(name)!r})") as child:
        goes_on = {"scope": _locked.identity()["scope"], "pid": child.pid, "started": str(int(boot_ticks(child.pid)))}
        assert not _locked.is_gone(goes_on)
        assert _locked.is_gone({**goes_on, "started": str(int(goes_on["started"]) - 1)})
        assert not _locked.is_gone({**goes_on, "scope": "another controller", "started": "1"}), "nobody here can tell"
    assert _locked.is_gone(goes_on)
    first = str(int(boot_ticks(1)))
    assert _locked.is_gone({"scope": goes_on["scope"], "started": first}), "of no process"
    assert _locked.is_gone({"scope": goes_on["scope"]}), "nor since when"


def test_where_it_is_not_known_what_a_process_number_means_nobody_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(_path: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "readlink", no_proc)
    run = _locked.identity()
    assert run["scope"] == ""
    assert _locked.is_gone({**run, "started": "1"}) is False


class Action:
    """What a module answered each time, and what it was given."""

    def __init__(self, *answers: t.Dict[str, t.Any]) -> None:
        self._answers = list(answers)
        self.asked: t.List[t.Dict[str, t.Any]] = []

    def _execute_module(self, **asked: t.Any) -> t.Dict[str, t.Any]:
        self.asked.append(asked)
        return self._answers.pop(0)


def execute(action: Action) -> t.Dict[str, t.Any]:
    return _locked.execute(t.cast(t.Any, action), "rollout", {"dropins": [1]}, {"x": 2})


def holder(**changed: t.Any) -> t.Dict[str, t.Any]:
    """A holder of the lock that has ended, but for what is given."""
    dead = {"id": "theirs", "scope": _locked.identity()["scope"], "pid": 1 << 22, "started": "1"}
    return {"failed": True, "lock_holder": {**dead, **changed}}


def test_the_lock_of_a_run_that_was_killed_is_taken_over_by_its_name() -> None:
    action = Action(holder(), {"changed": True})
    assert execute(action) == {"changed": True}
    run = _locked.identity()
    assert action.asked == [
        {
            "module_name": "netops.keepalive.rollout",
            "module_args": {"dropins": [1], "run": {**run, "takes_over": takes_over}},
            "task_vars": {"x": 2},
        }
        for takes_over in (None, "theirs")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"changed": False},
        {"lock_holder": None, "failed": True},
        holder(pid=os.getpid(), started=str(int(boot_ticks(os.getpid())))),
        holder(scope="another controller"),
    ],
    ids=["no lock", "nobody", "goes on", "elsewhere"],
)
def test_otherwise_the_module_is_asked_once(answer: t.Dict[str, t.Any]) -> None:
    action = Action(answer)
    assert execute(action) == answer
    assert [asked["module_args"]["run"]["takes_over"] for asked in action.asked] == [None]


def test_a_lock_that_is_taken_by_another_dead_run_meanwhile_is_told() -> None:
    action = Action(holder(), holder(id="a third"))
    assert execute(action)["lock_holder"]["id"] == "a third"
    assert len(action.asked) == 2
