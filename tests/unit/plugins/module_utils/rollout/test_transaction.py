# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever fails, and wherever it is killed: a host ends verified or as it was, and the outcome says what it shows."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun, transact
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import StepFailed
from ansible_collections.netops.keepalive.tests.unit.support.fake_host import FakeHost, Killed

A, B = "a.service", "b.service"
ASSIGNMENT: t.Dict[str, t.Any] = {
    "dropins": [{"unit": A, "content": "new"}, {"unit": B, "content": "new"}],
    "services": [
        {"name": A, "restart": "if_running", "live": True, "expected": {"name": A}},
        {"name": B, "restart": "if_running", "live": False, "expected": {"name": B}},
    ],
    "listed": [A, B],
}
OLD, NEW = {A: "old", B: "old"}, {A: "new", B: "new"}
STEPS = ["write", "restart", f"restart {A}", f"restart {B}", "set_open", "verify", "confirm"]
STEP_NAMES = {
    "write": "Write the drop-ins", "restart": "Restart what runs without them", "set_open": "Set the open sockets",
    "verify": "Stop where sockets are wrong", "confirm": "End the rollout on this host",
}  # fmt: skip


def go(host: FakeHost, attempt: int = 1, **more: t.Any) -> t.Dict[str, t.Any]:
    return transact({**ASSIGNMENT, **more}, host, lambda _text: None, attempt)


def test_all_of_it_is_done_and_said() -> None:
    host = FakeHost(A, B)
    assert go(host) == {
        **begun(), "state": "verified", "written": [A, B], "reloaded": True,
        "restarted": {A: {"before": 1, "after": 0}, B: {"before": 1, "after": 0}},
        "counts": {A: {"changed": 2, "right": 0}},
        "sockets": {"compliant": True, "units": {
            name: {"ok": True, "reasons": {"overridden_by_application": 1}} for name in (A, B)}},
    }  # fmt: skip
    assert host.steps == ["lock", *STEPS]
    assert (host.disk, host.runs, host.record, host.locked) == (NEW, NEW, {}, False)


@pytest.mark.parametrize("unexpected", [False, True], ids=["foreseen", "not foreseen"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [step for step in STEPS if step != "confirm"])
def test_what_fails_takes_everything_back_and_says_so(step: str, after: bool, unexpected: bool) -> None:
    """Where the step fails before its work, and where after it."""
    host = FakeHost(A, B)
    failure = ZeroDivisionError("by zero") if unexpected else StepFailed("it is broken")
    (host.after if after else host.fails)[step] = failure
    outcome = go(host)
    if after and step in (f"restart {A}", f"restart {B}", "verify"):
        assert outcome["state"] == "verified", "the fake host knows no such moment"
        return
    assert (host.disk, host.runs, host.record, host.locked) == (OLD, OLD, {}, False)
    assert host.sockets == OLD
    assert outcome["state"] == "as_before"
    assert outcome["step"] == STEP_NAMES[step.split(" ")[0]]
    assert outcome["seen"] == ("ZeroDivisionError: by zero" if unexpected else "it is broken")
    back = outcome["back"]
    assert back["written"] == ([] if step == "write" and not after else [A, B])
    assert set(back["restarted"]) == {name.split(" ")[2] for name in host.steps if name.startswith("restart back ")}
    assert back["still_new"] == []
    assert back["counts"] == ({A: {"changed": 2}} if "restore_open" in host.steps else {})


def test_what_cannot_be_confirmed_goes_back_and_stays_noted() -> None:
    host = FakeHost(A, B)
    host.fails["confirm"] = StepFailed("the disk is full")
    outcome = go(host)
    assert (host.disk, host.runs, host.sockets, host.record) == (OLD, OLD, OLD, OLD)
    assert (outcome["state"], outcome["step"]) == ("not_as_before", "End the rollout on this host")
    assert outcome["back"]["noted_failed"] == "the disk is full"


def test_a_write_that_is_known_to_have_done_nothing_is_refused() -> None:
    """What an earlier run has left stays for the next one."""
    host = FakeHost(A, B)
    host.record = {A: "older"}
    host.fails["write"] = StepFailed("the disk is full", nothing_done=True)
    assert go(host) == {**begun(), "state": "refused", "step": "Write the drop-ins", "seen": "the disk is full"}
    assert host.steps == ["lock", "write"]
    assert (host.disk, host.runs, host.record, host.locked) == (OLD, OLD, {A: "older"}, False)


def test_a_host_that_another_run_has_is_left_alone() -> None:
    host = FakeHost(A, B)
    host.locked = True
    outcome = go(host)
    seen = "another run is changing this host: eve"
    step = "Begin the rollout on this host"
    assert outcome == {**begun(), "state": "locked", "step": step, "seen": seen, "lock_holder": {}}
    assert (host.steps, host.locked) == (["lock"], True)


BACK: t.Dict[str, t.Tuple[t.Dict[str, str], t.Dict[str, str], t.Dict[str, t.Any]]] = {
    "put_back": (NEW, NEW, {
        "written_failed": "the disk is full", "still_new": [A, B], "counts": {A: {"changed": 2}}}),
    "restore_open": (OLD, OLD, {
        "sockets_failed": "the disk is full", "written": [A, B], "restarted": [A, B]}),
    f"restart back {A}": (OLD, {A: "down", B: "old"}, {
        "restarted_failed": "the disk is full", "written": [A, B], "restarted": [B], "still_new": [A],
        "counts": {A: {"changed": 2}}}),
    "restart back": (OLD, NEW, {
        "restarted_failed": "the disk is full", "written": [A, B], "still_new": [A, B],
        "counts": {A: {"changed": 2}}}),
}  # fmt: skip
"""What fails on the way back: what the disk says then, what runs, and what is said."""


@pytest.mark.parametrize("step", BACK)
def test_what_does_not_go_back_is_said_and_the_rest_goes_back(step: str) -> None:
    disk, runs, said = BACK[step]
    host = FakeHost(A, B)
    host.compliant = False
    host.fails[step] = StepFailed("the disk is full", A)
    outcome = go(host)
    assert (host.disk, host.runs) == (disk, runs)
    assert host.record == (OLD if step == "put_back" else {}), "it is kept where the next run has to put it back"
    assert outcome["state"] == "not_as_before"
    assert outcome["back"] == {**begun()["back"], "taken": True, **said}
    assert outcome["seen"] == (
        "live sockets are wrong: a.service (overridden_by_application), b.service (overridden_by_application); "
        "fix what the table above says, or 'accept' the reason in the unit's entry"
    )


@pytest.mark.parametrize("attempt", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_where_it_is_killed_it_is_begun_again_and_ends(step: str, after: bool, attempt: int) -> None:
    """Killed once it comes to its end, killed for ever it goes back."""
    host = FakeHost(A, B)
    (host.after if after else host.fails)[step] = Killed()
    for number in range(1, attempt + 1):
        host.locked = False  # the kernel's, it ends with the process
        with contextlib.suppress(Killed):
            go(host, number)
    host.locked = False
    host.fails.clear()
    host.after.clear()
    outcome = go(host, attempt + 1)
    assert outcome["state"] == ("verified" if attempt == 1 else "as_before")
    ended = NEW if attempt == 1 else OLD
    if (after and step == "confirm") or (after and step in (f"restart {A}", f"restart {B}", "verify")):
        ended = NEW  # nothing killed it, or it had come to its end
    assert (host.disk, host.runs, host.record) == (ended, ended, {})


def test_what_an_earlier_run_has_left_is_finished() -> None:
    host = FakeHost(A, B)
    host.fails[f"restart {B}"] = Killed()
    with pytest.raises(Killed):
        go(host)
    host.locked = False
    host.runs[B] = "old"  # systemd has brought it back
    host.fails.clear()
    host.compliant = False
    outcome = go(host)
    assert (outcome["unfinished"], outcome["in_force"]) == ({A: True, B: True}, [A])
    assert (host.disk, host.runs) == (OLD, OLD)
    assert outcome["back"]["restarted"] == [A, B]


@pytest.mark.parametrize(("window", "kept"), [(True, {B: "old"}), (False, {})])
def test_only_in_a_window_what_is_due_can_still_go_back(window: bool, kept: t.Dict[str, str]) -> None:
    """What its entry says is never to be restarted is as right as it can be: no later run may take it away."""
    host = FakeHost(A, B)
    host.due = {B: ["it runs with old settings"]}
    outcome = go(host, window=window)
    assert (outcome["state"], outcome["restart_due"]) == ("verified", host.due)
    assert host.record == kept


def test_what_is_left_in_processes_stops_it_before_anything_is_set() -> None:
    host = FakeHost(A, B)
    row = {"unit": A, "pid": 7, "program": "/bin/x", "has": "maps y", "by": "environment"}
    host.left = [{**row, "blocks": True}, {**row, "blocks": False}]
    outcome = go(host, without=[A])
    assert outcome["step"] == "Stop where something is left of what was taken away"
    assert outcome["seen"] == (
        "a.service: process 7 (/bin/x) maps y after the restart; end these processes, or set 'restart: never' for the "
        "unit to leave them alone"
    )
    assert "set_open" not in host.steps
    assert (host.disk, outcome["left"]) == (OLD, host.left)


@pytest.mark.parametrize(
    ("more", "skipped"),
    [({"verify": False}, "verify"), ({"services": [{**ASSIGNMENT["services"][0], "live": False}]}, "set_open")],
)
def test_what_nobody_asked_for_is_left_out(more: t.Dict[str, t.Any], skipped: str) -> None:
    host = FakeHost(A, B)
    assert go(host, **more)["state"] == "verified"
    assert skipped not in host.steps


def test_wrong_sockets_are_no_failure_where_that_is_said() -> None:
    host = FakeHost(A, B)
    host.compliant = False
    outcome = go(host, verify_fail=False)
    assert (outcome["state"], outcome["sockets"]["compliant"], host.runs) == ("verified", False, NEW)
