# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new /etc/ld.so.preload is confirmed by who comes in again; who does not get in waits until the old one is back."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.action import rollout
from ansible_collections.netops.keepalive.plugins.action.rollout import ActionModule
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.assigned import ARGUMENTS
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun

Result = t.Dict[str, t.Any]
HOST_WIDE = {"sections": [], "template": "x.j2", "use": ["connect"], "watchdog": 60}
DIFF = [{"before": "", "after": "x"}]
ARMED = {"changed": True, "diff": DIFF, "armed": {"transaction": "name", "token": "token"}}
DOWN = {"failed": True, "module_stderr": "ld.so: cannot\n", "msg": "MODULE FAILURE"}
VERIFIED = {**begun(), "state": "verified", "changed": True, "diff": [], "remarks": ["x: it is old"], "report": {}}
BACK = {**begun(), "state": "as_before", "failed": True, "msg": "keepalive was not rolled out\nnext: fix it"}


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    diff = False
    check_mode = False
    args: t.ClassVar[Result] = {}


class Host:
    """Answers the calls over new connections in turn, the last one for ever; no time passes but in pauses."""

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.asked: t.List[Result] = []
        self.now = 1000.0

    def __call__(self, _action: t.Any, module: str, arguments: Result, _task_vars: Result) -> Result:
        assert (module, arguments["host"]) == ("netops.keepalive.rollout", "h1")
        assert {"id", "owner"} <= set(arguments["run"]) and arguments["assignment"]["host_wide"]["watchdog"] == 60
        self.asked.append(arguments["trial"])
        return dict(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(name="play")
def play_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[Host], Result]:
    monkeypatch.setattr(rollout.Action, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(rollout._dropins, "rendered", lambda *_given: [])
    monkeypatch.setattr(rollout._settings_file, "rendered", lambda *_given: "text")

    def play(host: Host) -> Result:
        class Action(ActionModule):
            def _execute_module(self, **_named: t.Any) -> Result:
                return dict(ARMED)

            def validate_argument_spec(self, argument_spec: t.Any = None, **_named: t.Any) -> t.Any:
                return None, {**{name: spec.get("default") for name, spec in ARGUMENTS.items()}, "host_wide": HOST_WIDE}

        monkeypatch.setattr(rollout, "over_a_new_connection", host)
        monkeypatch.setattr(rollout, "time", host)
        return Action(Task(), None, None, None, None, None).run(task_vars={"inventory_hostname": "h1"})

    return play


TRIAL = {"transaction": "name", "token": "token"}


def test_who_gets_in_confirms_and_has_the_answer(
    play: t.Callable[[Host], Result], capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(VERIFIED)
    result = play(host)
    assert host.asked == [{**TRIAL, "confirm": True}]
    assert (result["state"], "armed" in result, "failed" in result) == ("verified", False, False)
    assert capsys.readouterr().out == "h1: x: it is old\n"


def test_the_diff_of_the_first_connection_is_shown(play: t.Callable[[Host], Result]) -> None:
    assert play(Host(VERIFIED))["diff"] == DIFF


def test_a_run_that_is_killed_meanwhile_confirms_all_the_same(
    play: t.Callable[[Host], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its task lives on; left alone, the trial would keep the host from every other run until its watchdog ends it."""
    who = [{"id": "a", "owner": "b"}]
    monkeypatch.setattr(rollout._locked, "identity", who.pop)  # a second call fails, as that of an orphan does
    assert play(Host(VERIFIED))["state"] == "verified"


def test_a_transaction_that_was_killed_and_tries_anew_is_confirmed_anew(play: t.Callable[[Host], Result]) -> None:
    again = {"transaction": "name", "token": "second"}
    host = Host({"changed": True, "diff": [], "armed": again}, VERIFIED)
    assert (play(host)["state"], host.asked) == ("verified", [{**TRIAL, "confirm": True}, {**again, "confirm": True}])


def test_a_new_file_that_harms_programs_is_told_in_the_words_of_the_host(play: t.Callable[[Host], Result]) -> None:
    result = play(Host(BACK))
    assert (result["failed"], result["state"], result["msg"]) == (True, "as_before", BACK["msg"])


@pytest.mark.parametrize("attempts", [1, 5])
def test_who_gets_in_late_has_it_taken_back_and_says_why(play: t.Callable[[Host], Result], attempts: int) -> None:
    host = Host(*[DOWN] * attempts, BACK)
    result = play(host)
    assert host.asked == [{**TRIAL, "confirm": True}, *[{**TRIAL, "confirm": False}] * attempts]
    assert (result["failed"], result["state"], "armed" in result) == (True, "as_before", False)
    assert result["msg"].splitlines() == [
        "keepalive was not rolled out",
        "next: fix it",
        "the second connection did not work: ld.so: cannot",
    ]


def test_it_fails_also_where_the_host_had_ended_well_by_then(play: t.Callable[[Host], Result]) -> None:
    """Nobody knows why the connection did not work: that is no success."""
    result = play(Host(DOWN, VERIFIED))
    assert (result["failed"], result["msg"]) == (True, "the second connection did not work: ld.so: cannot")


def test_a_host_that_does_not_come_back_is_told_with_what_to_do(play: t.Callable[[Host], Result]) -> None:
    host = Host(DOWN)
    result = play(host)
    assert host.now >= 1000 + 60 + 30, "as long as its watchdog has, and some more"
    assert (result["failed"], result["state"], "armed" in result) == (True, "unknown", False)
    first, advice = result["msg"].splitlines()
    assert first == (
        "The new /etc/ld.so.preload was in force, and then: the second connection did not work: ld.so: cannot"
    )
    assert "the watchdog had 60)" in advice and advice.endswith("a reset is enough.")
