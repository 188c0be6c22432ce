# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two connections: what is asked over each, and what becomes of the answers. The host is played."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.netops.keepalive.plugins.action import ld_so_preload
from ansible_collections.netops.keepalive.plugins.plugin_utils import _locked

Result = t.Dict[str, t.Any]
WRITTEN = {"changed": True, "path": "/etc/ld.so.preload", "notes": [], "armed": True, "token": "t0", "trial": "mount"}
REFUSED = AnsibleConnectionFailure("Connection closed by UNKNOWN port 65535")


class Host:
    """Answers one execution of the module after the other; an exception is a connection that fails."""

    def __init__(self, *answers: t.Any) -> None:
        self.answers = list(answers)
        self.asked: t.List[Result] = []
        self.runs: t.List[t.Optional[Result]] = []
        """Whose lock the host is told to take, in each execution."""
        self.connections = 1
        self.variables: t.List[t.Any] = []
        self.can_be_cut = True

    def reset(self) -> None:
        self.connections += 1
        if not self.can_be_cut:
            raise AnsibleError("there is no connection")

    def run(self, module_name: str, module_args: Result, task_vars: t.Any) -> Result:
        assert module_name == "netops.keepalive.ld_so_preload"
        self.runs.append(module_args.get("run"))
        self.asked.append({name: value for name, value in module_args.items() if name != "run"})
        self.variables.append(task_vars)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def phases(self) -> t.List[str]:
        return [asked.get("phase", "write") for asked in self.asked]


class Clock:
    """Time that passes only while the action sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(name="act")
def act_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Result]:
    monkeypatch.setattr(ld_so_preload, "time", Clock())
    monkeypatch.setattr(ld_so_preload.Action, "run", lambda self, tmp, task_vars: {})

    def act(host: Host, task_vars: t.Optional[Result] = None, **args: t.Any) -> Result:
        class Task:
            def __init__(self) -> None:
                self.args = args

        class Action(ld_so_preload.ActionModule):
            def __init__(self) -> None:
                self._task = Task()
                self._connection = host

            _execute_module = staticmethod(host.run)

        result: Result = Action().run(task_vars=task_vars)
        assert host.answers == [], "everything was asked that had to be"
        return result

    return act


def test_a_good_change_takes_two_connections_and_two_executions(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, {"changed": True})
    result = act(host, path="/etc/ld.so.preload", units=["a.service"])
    assert host.phases() == ["write", "confirm"]
    assert host.connections == 2
    assert host.asked[1] == {"path": "/etc/ld.so.preload", "token": "t0", "phase": "confirm"}
    assert result == {"changed": True, "path": "/etc/ld.so.preload", "notes": [], "trial": "mount"}


def test_the_module_that_writes_is_told_whose_run_it_is(act: t.Callable[..., Result]) -> None:
    """To confirm needs no lock."""
    host = Host(WRITTEN, {"changed": True})
    assert act(host)["changed"] is True
    assert host.runs == [_locked.identity(), None]


@pytest.mark.parametrize(
    "answer", [{"changed": False}, {"changed": True, "trial": "none"}, {"failed": True, "msg": "no"}]
)
def test_nothing_more_is_asked_where_nothing_is_on_trial(act: t.Callable[..., Result], answer: Result) -> None:
    host = Host(answer)
    assert act(host) == answer
    assert host.connections == 1


def test_a_user_cannot_choose_the_phase(act: t.Callable[..., Result]) -> None:
    host = Host({"changed": False})
    act(host, phase="abort", token="x")
    assert host.asked == [{}]


def test_a_host_that_heals_is_waited_for_and_reported(act: t.Callable[..., Result]) -> None:
    """Two connections fail, the third finds the old file back."""
    healed = {"changed": False, "armed": False, "result": "reverted in time"}
    host = Host(WRITTEN, REFUSED, REFUSED, {"failed": True, "msg": "MODULE FAILURE"}, healed)
    result = act(host, watchdog=5)
    assert host.phases() == ["write", "confirm", "look", "look", "look"]
    assert (result["failed"], result["changed"], result["healed"]) == (True, False, True)
    assert "Connection closed by UNKNOWN port 65535" in result["seen"]
    assert result["seen"] in result["msg"]
    assert "The old file is back" in result["msg"]


def test_a_host_that_answers_early_is_told_to_take_it_back(act: t.Callable[..., Result]) -> None:
    waiting = {"changed": False, "armed": True, "result": ""}
    healed = {"changed": False, "armed": False, "result": "reverted on request"}
    host = Host(WRITTEN, REFUSED, waiting, {"changed": False}, healed)
    result = act(host, {"ansible_user": "x"}, path="/p")
    assert (result["healed"], host.phases()) == (True, ["write", "confirm", "look", "abort", "look"])
    assert host.asked[3] == {"path": "/p", "token": "t0", "phase": "abort"}
    assert host.variables == [{"ansible_user": "x"}] * 5
    assert "is back since 0 s after" in result["msg"], "it is not kept waiting"


def test_a_host_that_stays_away_is_not_called_healed(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, *([REFUSED] * 36))
    result = act(host, watchdog=5)
    assert (result["failed"], result["changed"], result["healed"]) == (True, True, False)
    assert "Look at its console" in result["msg"]


def test_the_hosts_own_word_counts_at_once(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, {"failed": True, "msg": "m", "seen": "/bin/true was ended by signal 7", "healed": True})
    result = act(host)
    assert (result["failed"], result["healed"], result["seen"]) == (True, True, "/bin/true was ended by signal 7")
    host = Host(WRITTEN, {"failed": True, "msg": "m", "seen": "sh hangs", "healed": False})
    result = act(host, watchdog="7")
    assert result == {
        "changed": True,
        "failed": True,
        "healed": False,
        "seen": "sh hangs",
        "path": "/etc/ld.so.preload",
        "notes": [],
        "trial": "mount",
        "msg": "The new /etc/ld.so.preload was in force, and then: sh hangs\n"
        "The host has not confirmed that the old file is back (0 s have passed, the watchdog had 7). Look at its"
        " console. If no program starts there, boot with init=/bin/busybox or from a rescue medium and take the lines"
        " of libkeepalive out of /etc/ld.so.preload; where the file was only mounted, a reset is enough.",
    }


def test_the_time_that_is_given_as_text_is_waited_for_too(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, *([REFUSED] * 36))
    assert "(35 s have passed, the watchdog had 5)" in act(host, watchdog="5")["msg"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "bash: error\nSegmentation fault\n"},
            "Segmentation",
        ),
        ({"failed": True, "msg": "MODULE FAILURE", "module_stdout": "oh\x1b[2J\n"}, "oh\\x1b[2J"),
        ({"failed": True, "msg": "too late"}, "too late"),
        ({"failed": True}, "nothing was said"),
    ],
)
def test_what_was_seen_is_the_line_that_tells_most(act: t.Callable[..., Result], answer: Result, said: str) -> None:
    host = Host(WRITTEN, answer, {"changed": False, "armed": False, "result": "reverted in time"})
    assert said in act(host)["seen"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"module_stderr": " one \n two \n\n", "module_stdout": "three", "msg": "four"}, "two"),
        ({"module_stderr": "\n", "module_stdout": "three", "msg": "four"}, "three"),
        ({"module_stderr": None, "msg": "four\nfive"}, "five"),
        ({"msg": "x" * 500}, "x" * 500),
        ({"msg": "x" * 501}, f"{'x' * 500}...(+1)"),
    ],
    ids=["errors", "output", "message", "long", "too long"],
)
def test_which_line_that_is(act: t.Callable[..., Result], answer: Result, said: str) -> None:
    host = Host(WRITTEN, {"failed": True, **answer}, {"armed": False, "result": "not begun"})
    assert act(host)["seen"] == f"the second connection did not work: {said}"


def test_every_execution_has_the_hosts_variables(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, REFUSED, {"changed": False, "armed": False, "result": "not begun"})
    assert act(host, {"ansible_user": "x"})["healed"] is True
    assert host.variables == [{"ansible_user": "x"}] * 3
    host = Host(WRITTEN, REFUSED, {"changed": False, "armed": False, "result": "not begun"})
    act(host)
    assert host.variables == [None, {}, {}]


def test_there_may_be_nothing_left_to_cut(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, {"changed": True})
    host.can_be_cut = False
    assert act(host)["changed"] is True


def test_the_file_is_asked_for_in_the_same_place(act: t.Callable[..., Result]) -> None:
    places = {"path": "/x/ld.so.preload", "library_dir": "/x/lib"}
    host = Host(WRITTEN, {"changed": True})
    act(host, **places, units=["a.service"], watchdog=7)
    assert host.asked[1] == {**places, "token": "t0", "phase": "confirm"}


def test_what_happened_is_told_with_its_times(act: t.Callable[..., Result]) -> None:
    host = Host(WRITTEN, REFUSED, REFUSED, {"changed": False, "armed": False, "result": "reverted in time"})
    assert act(host)["msg"] == (
        "The new /etc/ld.so.preload was in force, and then: the second connection did not work: "
        f"{REFUSED}\nThe old file is back since 1 s after the change at the latest, and the host lets Ansible in. "
        "Nothing has changed. Fix or rebuild the libraries before the next attempt."
    )
    host = Host(WRITTEN, *([REFUSED] * 91))
    assert (
        "\nThe host has not confirmed that the old file is back (90 s have passed, the watchdog had 60). Look at its "
        "console. "
    ) in act(host)["msg"]


@pytest.mark.parametrize("answer", [{"armed": False, "result": "confirmed"}, {"armed": False, "result": ""}])
def test_a_host_that_answers_and_says_nothing_of_it_is_not_called_healed(
    act: t.Callable[..., Result], answer: Result
) -> None:
    host = Host(WRITTEN, REFUSED, *([answer] * 35))
    assert act(host, watchdog=5)["healed"] is False
    assert host.phases()[2:] == ["look"] * 35
