# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process is told goes the way of the drop-ins: written first, and back with all the rest."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun, transact
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import StepFailed
from ansible_collections.netops.keepalive.tests.unit.support.fake_host import FakeHost, Killed

A = "a.service"
ON: t.Dict[str, t.Any] = {"settings": "new", "use": ["connect"]}
OFF: t.Dict[str, t.Any] = {"settings": None, "use": []}
SERVICE = {"name": A, "restart": "if_running", "expected": {"name": A}}
TASK: t.Dict[str, t.Any] = {"host_wide": ON, "dropins": [{"unit": A, "content": "new"}], "services": [SERVICE]}
BACK: t.Dict[str, t.Any] = {"host_wide": OFF, "dropins": TASK["dropins"], "services": [SERVICE]}
STEP_NAMES = {
    "settings": "Write the settings file", "line": "Have every program load the libraries",
    "write": "Write the drop-ins",
    "restart": "Restart what runs without them", "verify": "Stop where sockets are wrong",
}  # fmt: skip


def go(host: FakeHost, task: t.Dict[str, t.Any], attempt: int = 1) -> t.Dict[str, t.Any]:
    return transact(task, host, lambda _text: None, attempt)


def told(host: FakeHost, **said: t.Any) -> FakeHost:
    host.told = {**host.told, **said}
    return host


def test_the_settings_are_there_before_a_program_loads_the_libraries() -> None:
    host = FakeHost(A)
    outcome = go(host, TASK)
    assert (outcome["state"], host.told, host.told_before) == ("verified", ON, None)
    assert host.steps[:4] == ["lock", "settings", "line", "write"]
    assert outcome["host_wide"] == {
        "settings": True, "line": True, "left": False, "notes": ["settings was tried", "line was tried"],
        "restart_due": [{"unit": "", "pid": 9, "program": "/bin/y", "why": "it is old"}],
    }  # fmt: skip


def test_no_program_loads_them_any_more_before_the_settings_go() -> None:
    host = told(FakeHost(A), **ON)
    outcome = go(host, BACK)
    assert (outcome["state"], host.told, host.steps[:4]) == ("verified", OFF, ["lock", "line", "settings", "write"])
    assert outcome["host_wide"]["restart_due"] == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEP_NAMES)
def test_what_fails_takes_it_back(step: str, after: bool) -> None:
    host = FakeHost(A)
    (host.after if after else host.fails)[step] = StepFailed("it is broken")
    outcome = go(host, TASK)
    if after and step == "verify":
        assert outcome["state"] == "verified", "the fake host knows no such moment"
        return
    assert (host.told, host.told_before, host.disk, host.runs) == (OFF, None, {A: "old"}, {A: "old"})
    assert (outcome["state"], outcome["step"], outcome["seen"]) == ("as_before", STEP_NAMES[step], "it is broken")
    wrote = {"settings": after, "line": True}.get(step, True)
    changed = ["settings"] if wrote and not (step == "line" and after) and step in ("settings", "line") else None
    assert outcome["back"]["host_wide"] == (
        changed if changed is not None else [] if not wrote else ["settings", "use"]
    )


@pytest.mark.parametrize(("step", "state"), [("settings", "refused"), ("line", "as_before"), ("write", "as_before")])
def test_a_refusal_is_one_only_where_nothing_was_changed_before(step: str, state: str) -> None:
    host = FakeHost(A)
    host.fails[step] = StepFailed("it is full", nothing_done=True)
    assert go(host, TASK)["state"] == state
    assert (host.told, host.told_before) == (OFF, None)


def test_what_does_not_go_back_is_said_and_kept_and_the_rest_goes_back() -> None:
    host = FakeHost(A)
    host.compliant = False
    host.fails["put_back_host_wide"] = StepFailed("the disk is full")
    outcome = go(host, TASK)
    assert outcome["state"] == "not_as_before"
    assert (host.told, host.told_before, host.disk, host.runs) == (ON, OFF, {A: "old"}, {A: "old"})
    assert outcome["back"] == {
        **begun()["back"], "taken": True, "written": [A], "restarted": [A], "host_wide_failed": "the disk is full",
    }  # fmt: skip


def test_whatever_fails_on_the_way_back_everything_is_tried_and_said() -> None:
    host = FakeHost(A)
    host.compliant = False
    steps = {"put_back_host_wide": "host_wide", "restore_open": "sockets", "restart back": "restarted",
             "confirm": "noted"}  # fmt: skip
    host.fails.update({step: StepFailed(step) for step in steps})
    outcome = go(host, {**TASK, "services": [{**SERVICE, "live": True}]})
    failed = {f"{part}_failed": step for step, part in steps.items()}
    assert outcome["back"] == {**begun()["back"], "taken": True, "written": [A], "still_new": [A], **failed}
    assert (outcome["state"], host.steps[-5:]) == (
        "not_as_before", ["put_back_host_wide", "put_back", "restore_open", "restart back", "confirm"],
    )  # fmt: skip


@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["settings", "line", "write", "restart"])
def test_where_it_is_killed_it_is_begun_again_and_ends(step: str, after: bool, attempts: int) -> None:
    host = FakeHost(A)
    (host.after if after else host.fails)[step] = Killed()
    for number in range(1, attempts + 1):
        with contextlib.suppress(Killed):
            go(host, TASK, number)
        host.locked = False
    host.fails.clear()
    host.after.clear()
    outcome = go(host, TASK, attempts + 1)
    assert outcome["state"] == ("verified" if attempts == 1 else "as_before")
    assert (host.told, host.told_before) == (ON if attempts == 1 else OFF, None)


def test_what_a_killed_run_has_changed_goes_back_to_what_was_before_that_run() -> None:
    host = FakeHost(A)
    host.after["line"] = Killed()
    with pytest.raises(Killed):
        go(host, TASK)
    host.locked = False
    host.after.clear()
    host.compliant = False
    outcome = go(host, {**TASK, "host_wide": {**ON, "settings": "newer"}})
    assert (outcome["host_wide"]["left"], outcome["state"], host.told) == (True, "as_before", OFF)


def test_a_run_that_does_not_speak_of_it_leaves_it_alone() -> None:
    host = told(FakeHost(A), **ON)
    host.told_before = OFF
    host.compliant = False
    assert go(host, {**TASK, "host_wide": None})["state"] == "as_before"
    assert (host.told, host.told_before) == (ON, OFF)
    assert not {"settings", "line", "put_back_host_wide"} & set(host.steps)
