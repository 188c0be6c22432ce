# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it: what is quiet is only read, the rest is a transaction's, whose answer is passed on."""

from __future__ import annotations

import json
import os
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.request import TrialFailed
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.detached import NoOutcome, NotStarted
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Held
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun
from ansible_collections.netops.keepalive.plugins.modules import rollout
from ansible_collections.netops.keepalive.tests.unit.support.fake_host import FakeHost

A = "a.service"
ASSIGNMENT = {
    "dropins": [{"unit": A, "content": "new"}], "services": [{"name": A, "expected": {"name": A}}], "listed": [A]
}  # fmt: skip
RUN = {"id": "adam", "owner": "adam on deploy1"}
Run = t.Callable[..., t.Dict[str, t.Any]]


class World:
    """A host, and the one transaction that it can have."""

    def __init__(self) -> None:
        self.host = FakeHost(A)
        self.foreseen: t.Dict[str, t.Any] = {**begun(), "changed": True, "written": [A]}
        self.earlier: t.Optional[t.Dict[str, t.Any]] = None
        self.failure: t.Optional[Exception] = None
        self.outcome: t.Dict[str, t.Any] = {**begun(), "state": "verified", "written": [A]}
        self.started: t.List[t.Any] = []
        self.warnings: t.List[str] = []
        self.armed = ""
        """The trial that waits to be confirmed."""
        self.confirmed: t.List[str] = []

    def refuse_second(self) -> None:
        if isinstance(self.failure, Held):
            raise self.failure  # pylint: disable=raising-bad-type

    def take_earlier(self) -> t.Any:
        return self.earlier

    def start(self, assignment: t.Any) -> str:
        if self.failure and not isinstance(self.failure, NoOutcome):
            raise self.failure  # pylint: disable=raising-bad-type
        self.started.append(assignment)
        return "name"

    def wait(self, name: str, limit: float, confirmed: str = "") -> t.Dict[str, t.Any]:
        assert (name, limit > 100) == ("name", True)
        if self.failure:
            raise self.failure  # pylint: disable=raising-bad-type
        self.confirmed.append(confirmed)
        if self.armed not in ("", confirmed):
            return {"id": name, "armed": self.armed}
        return {"outcome": self.outcome, "warnings": ["it is slow"]}


@pytest.fixture(name="world")
def world_fixture(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(rollout, "Detached", lambda: world)
    monkeypatch.setattr(rollout, "foreseen", lambda _assignment, looking: looking.diffs.append({}) or world.foreseen)
    real = rollout.RealHost
    monkeypatch.setattr(
        rollout, "RealHost", lambda *given, **named: real(*given, **named) if named.get("check") else world.host
    )
    monkeypatch.setattr(rollout.Module, "warn", lambda _self, text: world.warnings.append(text))
    return world


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **more: t.Any) -> t.Dict[str, t.Any]:
        arguments = {"assignment": ASSIGNMENT, "host": "h1", "run": RUN, "_ansible_check_mode": check, **more}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            rollout.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return run


def test_what_is_due_is_done_by_the_transaction(world: World, run: Run) -> None:
    answer = run()
    assert (answer["changed"], answer["state"], answer["diff"], answer["remarks"]) == (True, "verified", [{}], [])
    (assignment,) = world.started
    assert ({**assignment["run"], **RUN}, assignment["dropins"]) == (assignment["run"], ASSIGNMENT["dropins"])
    assert os.getpid() in assignment["run"]["connection"], "its own way to this host is no user of the libraries"
    assert world.warnings == ["it is slow"]
    assert world.host.steps == []


def test_check_mode_starts_nothing(world: World, run: Run) -> None:
    answer = run(check=True)
    assert (answer["changed"], answer["state"], answer["written"]) == (True, "foreseen", [A])
    assert (world.started, world.host.steps) == ([], [])


def test_a_quiet_host_is_only_read(world: World, run: Run) -> None:
    world.foreseen = {**begun(), "changed": False}
    world.host = FakeHost(A)
    world.host.disk[A] = world.host.runs[A] = "new"
    answer = run()
    assert (answer["state"], answer["sockets"]["compliant"]) == ("verified", True)
    assert world.started == []


def test_one_that_ended_when_nobody_waited_is_told_of(world: World, run: Run) -> None:
    seen = "a.service: it is down"
    world.earlier = {"owner": "eve", "since": 0.0, "outcome": {"state": "as_before", "seen": seen}}
    world.foreseen = {**begun(), "changed": False}
    run()
    (warning,) = world.warnings
    assert warning.startswith("an earlier rollout on this host (eve, begun ")
    assert warning.endswith(f"came to its end when nobody waited for it any more: everything was taken back ({seen})")


def test_a_failed_one_says_what_was_undone(world: World, run: Run) -> None:
    world.outcome = {**begun(), "state": "as_before", "step": "Set the open sockets", "seen": "no", "written": [A]}
    world.outcome["back"].update(taken=True, written=[A])
    answer = run()
    assert (answer["failed"], answer["state"]) == (True, "as_before")
    assert answer["msg"].splitlines()[:3] == [
        "keepalive was not rolled out on h1; its services have what they had before",
        "step that failed: Set the open sockets",
        "what was seen: no",
    ]


HELD = Held({"id": "eve", "owner": "eve", "since": 0.0, "last": 0.0, "unit": "keepalive-rollout.service"})


@pytest.mark.parametrize(
    ("failure", "state", "says"),
    [
        (
            HELD,
            "locked",
            "h1; nothing was changed by this run\nstep that failed: Begin the ro",
        ),
        (NotStarted("no systemd-run"), "refused", "h1; nothing was changed by this run\n"),
        (NoOutcome("it goes on"), "unknown", "it goes on"),
    ],
)
def test_what_was_not_started_or_has_no_answer_fails(
    world: World, run: Run, failure: Exception, state: str, says: str
) -> None:
    world.failure = failure
    answer = run()
    assert (answer["failed"], answer["state"]) == (True, state)
    assert says in answer["msg"]
    assert answer.get("lock_holder", {}).get("id") == ("eve" if state == "locked" else None)
    assert answer["changed"] is False


def test_by_hand_it_says_who_makes_its_assignment(run: Run) -> None:
    assert run(assignment=None)["msg"].startswith("assignment: missing: the task's action makes it; call the role ")


def test_what_is_no_unit_is_refused_before_anything_is_looked_at(world: World, run: Run) -> None:
    answer = run(assignment={**ASSIGNMENT, "dropins": [{"unit": "../x", "content": "new"}]})
    assert answer["msg"].startswith("nothing was done: dropins[0].unit: '../x' is not the name of a ")


ASKED = {"scope": {"services": [{"name": A}], "mode": "services"}, "ld_preload": {A: ["/usr/lib/other.so"]}}


class Seen(t.NamedTuple):
    """As much as is looked at of what a second look has seen."""

    problems: t.List[str]
    units: t.Dict[str, t.Any]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("seen", "lines"),
    [
        (Seen([], {A: {"ld_preload": ["/usr/lib/other.so"]}}), []),
        (Seen([], {"unasked.service": {"ld_preload": ["x"]}}), []),
        (Seen(["a.service: is masked"], {}), ["a.service: is masked"]),
        (
            Seen(["b.service: is masked"], {A: {"ld_preload": []}}),
            ["b.service: is masked", "a.service: its own LD_PRELOAD was changed since the run looked at it; run again"],
        ),
    ],
)
def test_what_was_looked_at_long_ago_is_looked_at_again(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, seen: Seen, lines: t.List[str], check: bool
) -> None:
    looked: t.List[t.Any] = []
    monkeypatch.setattr(rollout, "look_at_units", lambda scope, _run: looked.append(scope) or seen)
    answer = run(check=check, assignment={**ASSIGNMENT, "look_again": ASKED})
    (scope,) = looked
    assert (scope.services, scope.mode) == ([{"name": A}], "services")
    if not lines:
        assert answer["state"] == ("foreseen" if check else "verified")
        return
    assert (answer["failed"], answer["state"], answer["changed"], world.started) == (True, "refused", False, [])
    assert answer["seen"] == "; ".join(lines)


def test_where_nobody_asks_for_it_it_is_not(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "look_at_units", None)
    assert run()["state"] == "verified"
    assert world.confirmed == [""]


def test_a_trial_that_waits_to_be_confirmed_is_handed_on(world: World, run: Run) -> None:
    world.armed = "token"
    answer = run()
    assert (answer["changed"], answer["armed"]) == (True, {"transaction": "name", "token": "token"})
    assert (answer["diff"], "state" in answer) == ([{}], False)


@pytest.fixture(name="ended")
def ended_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[t.Tuple[str, str, str]]:
    """What was said of the trial: by whom, of which file, with which name."""
    ended: t.List[t.Tuple[str, str, str]] = []
    for name in ("confirm", "abort_trial"):
        monkeypatch.setattr(rollout, name, lambda path, token, name=name: ended.append((name, path, token)))
    return ended


@pytest.mark.parametrize(("confirm", "said"), [(True, "confirm"), (False, "abort_trial")])
def test_who_comes_in_again_ends_the_trial_and_waits_for_the_rest(
    world: World, run: Run, ended: t.List[t.Tuple[str, str, str]], confirm: bool, said: str
) -> None:
    world.armed = "token"
    answer = run(trial={"transaction": "name", "token": "token", "confirm": confirm})
    assert ended == [(said, "/etc/ld.so.preload", "token")]
    assert (world.confirmed, world.started, world.host.steps) == (["token"], [], [])
    assert (answer["state"], answer["seen"]) == ("verified", "")


def test_why_the_new_file_did_not_stay_stands_before_what_became_of_the_host(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str, _token: str) -> t.NoReturn:
        raise TrialFailed("no", seen="true: does not start", healed=True)

    monkeypatch.setattr(rollout, "confirm", refuse)
    world.outcome = {**begun(), "state": "as_before", "step": "Have every program load the libraries", "seen": "back"}
    trial = {"transaction": "name", "token": "token", "confirm": True}
    answer = run(trial=trial)
    assert (answer["failed"], answer["seen"]) == (True, "true: does not start; back")
    assert "what was seen: true: does not start; back" in answer["msg"].splitlines()


def test_a_removal_says_what_went_and_where_it_is_incomplete_that_it_is(world: World, run: Run) -> None:
    removal = {"removal": True, "host_wide": {"settings": None, "use": []}, "verify": False}
    libraries = {"removed": ["/usr/lib/libkeepalive/libkeepalive.so"], "used_by": []}
    world.outcome = {**begun(), "state": "verified", "libraries": libraries}
    answer = run(assignment=removal)
    assert (answer["changed"], answer["report"]) == (
        True, {"removed": ["the libraries"], "restarted": [], "stays": []}
    )  # fmt: skip
    world.outcome = {**begun(), "state": "incomplete", "step": "Remove the libraries", "seen": "no"}
    answer = run(assignment=removal)
    assert (answer["failed"], answer["state"]) == (True, "incomplete")
    assert answer["msg"].startswith("keepalive was taken away from h1, but for what is said here\n")


@pytest.mark.parametrize("what", ["settings", "line"])
def test_what_every_process_is_told_counts_as_changed(world: World, run: Run, what: str) -> None:
    world.outcome = {**begun(), "state": "verified"}
    assert run()["changed"] is False
    world.outcome["host_wide"][what] = True
    assert run()["changed"] is True
