# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module asks and answers at its edges: no units, no systemd, no rights, no room to remember."""

from __future__ import annotations

import functools
import json
import pathlib
import socket
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import Memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.run import LiveRun
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import open_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.plugins.modules import socket_options
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import have_answered
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

EXPECTED = {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}}
GROUP = {"unit": "a.service", "before": {}, "after": {}, "listening": False, "inodes": [1]}


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **parameters: t.Any) -> Result:
        given = {"_ansible_check_mode": check, "_ansible_diff": True, **parameters}
        with patch_module_args(given), pytest.raises(SystemExit):
            socket_options.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


@pytest.fixture(name="asked", autouse=True)
def asked_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    return have_answered(monkeypatch, "Id=a.service\nLoadState=loaded\nActiveState=active\n")


@pytest.fixture(name="memory", autouse=True)
def memory_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(open_sockets, "Memory", functools.partial(Memory, str(tmp_path / "live.json")))
    return tmp_path / "live.json"


@pytest.fixture(name="child")
def child_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Child]:
    """A process of a.service with three connections."""
    (tmp_path / "proc").mkdir()
    proc = ShadowProc(tmp_path / "proc")
    monkeypatch.setattr(open_sockets, "Audit", functools.partial(Audit, proc=proc))
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        connect = f"s = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(3)]"
        with Child(connect) as child:
            proc.add(child.pid, "a.service")
            yield child


@pytest.mark.parametrize(
    "parameters", [{}, {"expected": []}, {"state": "restored"}, {"state": "restored", "previous": []}], ids=str
)
def test_where_no_unit_is_named_nothing_is_asked(run: Run, asked: t.List[str], parameters: Result) -> None:
    assert run(**parameters) == {
        "changed": False, "sockets": [], "counts": {}, "previous": [], "unreadable_pids": {},
        "diff": {"before": "", "after": ""},
    }  # fmt: skip
    assert asked == []


def test_all_sockets_are_told_where_that_is_asked_for(run: Run, child: Child) -> None:
    answer = run(expected=[EXPECTED], max_sockets=0)
    assert len(answer["sockets"]) == 3
    assert len(answer["diff"]["after"].splitlines()) == 3
    assert answer["diff"]["before"] == ""
    msg = "max_sockets: -1 is negative: expected 0 (all) or more"
    assert run(expected=[EXPECTED], max_sockets=-1) == {"failed": True, "msg": msg}


def test_a_list_that_is_empty_puts_nothing_back_and_forgets_nothing(
    run: Run, child: Child, memory: pathlib.Path
) -> None:
    run(expected=[EXPECTED])
    remembered = json.loads(memory.read_text())
    assert run(state="restored", previous=[])["changed"] is False
    assert json.loads(memory.read_text()) == remembered
    run(True, state="restored")
    assert json.loads(memory.read_text()) == remembered


def test_a_unit_with_several_groups_is_asked_for_once(run: Run, asked: t.List[str], child: Child) -> None:
    groups = [GROUP, {**GROUP, "unit": "b.service"}, {**GROUP, "inodes": [2]}]
    counts = run(state="restored", previous=groups)["counts"]
    assert list(counts) == ["a.service", "b.service"]
    (question,) = asked
    assert question.endswith(" -- a.service b.service")


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        ([{**GROUP, "before": {"linger": 1}}], "previous[0]: before.linger: 1"),
        ([GROUP, {**GROUP, "after": {"keepidle": "60"}}], "previous[1]: after.keepidle: '60'"),
    ],
)
def test_what_no_call_has_returned_is_refused_with_its_place(
    run: Run, asked: t.List[str], groups: t.List[Result], place: str
) -> None:
    msg = f"{place}: expected what an earlier call returned"
    assert run(state="restored", previous=groups) == {"failed": True, "msg": msg}
    assert asked == []


@pytest.mark.parametrize("parameters", [{"expected": [EXPECTED]}, {"state": "restored", "previous": [GROUP]}], ids=str)
def test_a_systemd_that_does_not_answer_ends_it(run: Run, monkeypatch: pytest.MonkeyPatch, parameters: Result) -> None:
    have_answered(monkeypatch, "Failed to connect to bus: Host is down\n", status=1)
    answer = run(**parameters)
    assert (answer["failed"], answer["msg"].startswith("systemctl show failed (1): ")) == (True, True)
    assert "Host is down" in answer["msg"]


def test_a_host_whose_sockets_cannot_be_seen_is_left_as_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise OSError("no /proc")

    monkeypatch.setattr(open_sockets, "Audit", blind)
    msg = "The sockets of this host cannot be set: no /proc"
    assert run(expected=[EXPECTED]) == {"failed": True, "msg": msg, "previous": [], "changed": False}


def test_what_was_set_and_cannot_be_remembered_is_told_so_that_it_can_be_put_back(
    run: Run, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Memory) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    before = child.run("answer = s[0].getsockopt(6, 4)")
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "save", full)
        answer = run(expected=[EXPECTED])
    assert (answer["failed"], answer["changed"]) == (True, True)
    assert answer["msg"] == "The sockets of this host cannot be set: [Errno 28] No space left on device"
    (group,) = answer["previous"]
    assert (group["unit"], len(group["inodes"]), group["before"]["keepidle"]) == ("a.service", 3, before)
    run(state="restored", previous=answer["previous"])
    assert child.run("answer = s[0].getsockopt(6, 4)") == before


def test_whose_sockets_cannot_be_read_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: LiveRun, *_arguments: t.Any) -> None:
        self.unreadable = {7: "not permitted"}

    monkeypatch.setattr(LiveRun, "set", unreadable)
    assert run(expected=[EXPECTED])["unreadable_pids"] == {"7": "not permitted"}
