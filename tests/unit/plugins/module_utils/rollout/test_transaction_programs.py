# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of units within a transaction: after the restarts, before the open sockets, and back with the drop-ins."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import transact
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import StepFailed
from ansible_collections.netops.keepalive.tests.unit.support.fake_host import FakeHost, Killed

A, B = "a.service", "b.service"
TASK: t.Dict[str, t.Any] = {
    "dropins": [{"unit": A, "content": "new"}, {"unit": B, "content": "new"}],
    "programs": [A, B],
    "services": [{"name": A, "live": True, "expected": {"name": A}}, {"name": B, "expected": {"name": B}}],
    "listed": [A, B],
}
OLD, NEW = {A: "old", B: "old"}, {A: "new", B: "new"}
REPLACED = {"done": "replaced", "library": []}


def go(host: FakeHost, attempt: int = 1, **more: t.Any) -> t.Dict[str, t.Any]:
    return transact({**TASK, **more}, host, lambda _text: None, attempt)


def unrestarted() -> FakeHost:
    """Return a host whose units have programs, so that no restart is due."""
    host = FakeHost(A, B)
    host.due = {A: [], B: []}
    return host


def test_they_are_attached_before_the_open_sockets_are_set() -> None:
    host = unrestarted()
    outcome = go(host)
    assert outcome["state"] == "verified"
    assert (host.programs, outcome["programs"]) == (NEW, {A: REPLACED, B: REPLACED})
    assert host.steps == [
        "lock", "write", "restart", f"program {A}", f"program {B}", "set_open", "verify", "confirm"
    ]  # fmt: skip


@pytest.mark.parametrize("step", [f"program {A}", f"program {B}", "set_open", "verify", "confirm"])
def test_what_fails_takes_them_back_with_the_drop_ins(step: str) -> None:
    """Before the open sockets: a program that enforces its values would not let them have their own again."""
    host = unrestarted()
    host.fails[step] = StepFailed("it is broken")
    outcome = go(host)
    assert (host.disk, host.programs, host.sockets) == (OLD, OLD, OLD)
    back = host.steps[host.steps.index("put_back") + 1 :]
    assert back[:2] == [f"program back {A}", f"program back {B}"]
    assert outcome["back"]["restarted"] == []
    changed = [unit for unit in (A, B) if step != f"program {A}" and (unit == A or step != f"program {B}")]
    assert outcome["back"]["programs"] == dict.fromkeys(changed, REPLACED)
    if step == f"program {B}":
        assert outcome["step"] == "Attach the programs of the units"


def test_what_does_not_go_back_is_said() -> None:
    host = unrestarted()
    host.fails.update({"verify": StepFailed("wrong"), f"program back {A}": StepFailed("no room")})
    outcome = go(host)
    assert (outcome["state"], outcome["back"]["programs_failed"]) == ("not_as_before", "no room")
    assert host.disk == OLD, "the rest goes back all the same"


def test_without_the_old_drop_ins_programs_do_not_follow() -> None:
    host = unrestarted()
    host.fails.update({"verify": StepFailed("wrong"), "put_back": StepFailed("the disk is full")})
    outcome = go(host)
    assert (outcome["state"], host.disk, host.programs) == ("not_as_before", NEW, NEW)


@pytest.mark.parametrize("step", ["write", f"program {A}", f"program {B}", "set_open"])
@pytest.mark.parametrize("fails", [False, True])
def test_killed_anywhere_the_next_one_ends_with_the_drop_ins(step: str, fails: bool) -> None:
    host = unrestarted()
    host.after[step] = Killed()
    with contextlib.suppress(Killed):
        go(host)
    host.after.clear()
    host.locked = False
    host.fails.update({"verify": StepFailed("wrong")} if fails else {})
    assert go(host, 2)["state"] == ("as_before" if fails else "verified")
    assert host.programs == host.disk == (OLD if fails else NEW)


def test_a_run_that_has_none_asks_for_none() -> None:
    host = FakeHost(A, B)
    go(host, programs=[])
    assert not [step for step in host.steps if step.startswith("program")]


def removal(host: FakeHost) -> t.Dict[str, t.Any]:
    task = {
        "removal": True, "open_sockets_too": True, "libraries_too": True, "programs": ["*"], "verify": False,
        "dropins": [{"unit": A, "content": "none"}], "services": [{"name": A}], "without": ["*"],
    }  # fmt: skip
    return transact(task, host, lambda _text: None)


def test_a_removal_takes_them_before_it_restores_open_sockets() -> None:
    host = FakeHost(A)
    outcome = removal(host)
    assert (outcome["state"], outcome["programs"]) == ("verified", {A: {"done": "detached", "library": []}})
    assert host.steps[-3:] == ["programs away", "restore_open", "libraries"]


def test_a_program_that_stays_is_said_and_the_rest_goes() -> None:
    host = FakeHost(A)
    host.fails["programs away"] = StepFailed("not permitted")
    outcome = removal(host)
    assert (outcome["state"], outcome["step"]) == ("incomplete", "Detach the programs of the units")
    assert (outcome["seen"], host.libraries) == ("not permitted", False)
