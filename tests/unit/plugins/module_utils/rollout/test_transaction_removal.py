# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A removal: until the services run without their settings everything goes back, from there on it goes forward only."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import transact
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import StepFailed
from ansible_collections.netops.keepalive.tests.unit.support.fake_host import FakeHost, Killed

A = "a.service"
ON: t.Dict[str, t.Any] = {"settings": "text", "use": ["connect"]}
OFF: t.Dict[str, t.Any] = {"settings": None, "use": []}
TASK: t.Dict[str, t.Any] = {
    "removal": True, "libraries_too": True, "open_sockets_too": True, "host_wide": OFF,
    "dropins": [{"unit": A, "content": "none"}], "purge": True, "verify": False,
    "services": [{"name": A, "restart": "if_running"}], "units": [A], "without": ["*"],
}  # fmt: skip
ROW = {"unit": A, "pid": 7, "program": "/bin/x", "has": "maps y", "by": "environment"}


def installed() -> FakeHost:
    host = FakeHost(A)
    host.told = dict(ON)
    return host


def go(host: FakeHost, attempt: int = 1) -> t.Dict[str, t.Any]:
    return transact(TASK, host, lambda _text: None, attempt)


def test_all_of_it_goes() -> None:
    host = installed()
    outcome = go(host)
    assert outcome["state"] == "verified"
    assert (host.told, host.disk, host.runs, host.libraries) == (OFF, {A: "none"}, {A: "none"}, False)
    assert (host.told_before, host.record, host.sockets) == (None, {}, {A: "restored"})
    assert outcome["libraries"] == {"removed": ["/lib/x"], "used_by": []}
    assert host.steps == [
        "lock", "line", "settings", "write", "restart", f"restart {A}", "confirm", "restore_open", "libraries",
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["line", "settings", "write", "restart", f"restart {A}", "confirm"])
def test_before_its_end_a_failure_takes_everything_back(step: str) -> None:
    host = installed()
    host.fails[step] = StepFailed("it is broken")
    outcome = go(host)
    assert outcome["state"] == ("not_as_before" if step == "confirm" else "as_before")
    assert (host.told, host.disk, host.runs, host.libraries) == (ON, {A: "old"}, {A: "old"}, True)


@pytest.mark.parametrize(
    ("step", "name"), [("restore_open", "Put back what was set on open sockets"), ("libraries", "Remove the libraries")]
)
def test_behind_it_what_fails_is_said_and_the_rest_is_done(step: str, name: str) -> None:
    host = installed()
    host.fails[step] = StepFailed("it is broken")
    outcome = go(host)
    assert (outcome["state"], outcome["step"], outcome["seen"]) == ("incomplete", name, "it is broken")
    assert (host.told, host.disk, host.runs) == (OFF, {A: "none"}, {A: "none"})
    assert host.steps[-2:] == ["restore_open", "libraries"]
    assert outcome["back"]["taken"] is False


def test_where_a_service_still_has_something_the_libraries_stay() -> None:
    host = installed()
    host.left = [{**ROW, "blocks": True}]
    outcome = go(host)
    assert (outcome["state"], outcome["step"]) == ("incomplete", "Stop where something is left of what was taken away")
    assert outcome["seen"] == (
        "a.service: process 7 (/bin/x) maps y after the restart; end these processes, or set 'restart: never' for the "
        "unit to leave them alone; the libraries stay until then"
    )
    assert (host.disk, host.libraries) == ({A: "none"}, True)


def test_where_the_host_told_a_process_to_load_them_they_stay_and_that_is_no_failure() -> None:
    host = installed()
    host.users = [ROW]
    outcome = go(host)
    assert (outcome["state"], outcome["libraries"]) == ("verified", {"removed": [], "used_by": [ROW]})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["line", "settings", "write", "restart", "confirm", "restore_open", "libraries"])
def test_killed_once_it_comes_to_its_end(step: str, after: bool) -> None:
    host = installed()
    (host.after if after else host.fails)[step] = Killed()
    with contextlib.suppress(Killed):
        go(host)
    host.locked = False
    host.fails.clear()
    host.after.clear()
    assert go(host, 2)["state"] == "verified"
    assert (host.told, host.disk, host.runs, host.libraries) == (OFF, {A: "none"}, {A: "none"}, False)


def test_killed_again_behind_its_end_it_says_that_something_may_be_left() -> None:
    host = installed()
    host.fails["libraries"] = Killed()
    for attempt in (1, 2):
        with pytest.raises(Killed):
            go(host, attempt)
        host.locked = False
    outcome = go(host, 3)
    assert (outcome["state"], outcome["seen"]) == (
        "incomplete", "it was killed 2 times; run again to take away what is left",
    )  # fmt: skip
    assert host.disk == {A: "none"}
