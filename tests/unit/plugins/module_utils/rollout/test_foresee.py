# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A foresight tells what a transaction would do, and changes nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.foresee import foreseen, is_quiet
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import RestartRequest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import (
    Changed,
    LibrariesGone,
    Written,
)

TASK: t.Dict[str, t.Any] = {
    "dropins": [{"unit": "a.service", "content": "new"}],
    "services": [
        {"name": "a.service", "live": True, "expected": {"name": "a.service"}},
        {"name": "b.service", "restart": "never"},
    ],
    "units": ["c.service"],
    "without": ["c.service"],
    "listed": ["a.service"],
}


class Looking:
    """A host in check mode, which answers as told."""

    def __init__(self, written: Written, changed: bool = False, counts: t.Any = None) -> None:
        self.written, self.changed, self.counts = written, changed, counts or {}
        self.asked: t.List[t.Any] = []

    settings = line = Changed(False)
    left = False

    def write_settings(self, _wanted: t.Any) -> Changed:
        return self.settings

    def write_line(self, _wanted: t.Any) -> Changed:
        return self.line

    def host_wide_left(self) -> bool:
        return self.left

    def remove_libraries(self) -> LibrariesGone:
        return LibrariesGone(["/lib/x"])

    def restore_open(self, previous: t.Any) -> t.Dict[str, t.Any]:
        self.asked.append(("restore", previous))
        return {"a.service": {"changed": 1}}

    def write(self, dropins: t.Any, listed: t.Any, purge: bool = False) -> Written:
        self.asked.append((dropins, listed))
        return self.written

    def restart(self, request: RestartRequest, done: t.Dict[str, t.Any]) -> None:
        self.asked.append(request)
        done.update(changed=self.changed, restart_due={"b.service": ["old"]}, would_restart=["a.service"])

    def set_programs(self, names: t.Any, done: t.Dict[str, t.Any], texts: t.Any = None, back: bool = False) -> None:
        self.asked.append(("programs", names, texts, back))
        done.update({name: {"done": "attached", "library": []} for name in names})

    def remove_programs(self, done: t.Dict[str, t.Any]) -> None:
        done.update({"a.service": {"done": "detached", "library": []}})

    def set_open(self, expected: t.Any, done: t.Dict[str, t.Any]) -> None:
        self.asked.append(expected)
        done["counts"] = self.counts


def see(host: Looking) -> t.Dict[str, t.Any]:
    return foreseen(TASK, host)  # type: ignore[arg-type]


def test_the_whole_foresight() -> None:
    host = Looking(Written(["a.service"], {"u.service": True, "v.service": False}, ["u.service"]), True)
    assert see(host) == {
        **begun(), "changed": True, "written": ["a.service"], "in_force": ["u.service"],
        "unfinished": {"u.service": True, "v.service": False}, "restart_due": {"b.service": ["old"]},
        "would_restart": ["a.service"],
    }  # fmt: skip
    assert host.asked == [
        (TASK["dropins"], ["a.service"]),
        RestartRequest(
            {"a.service": "if_running", "b.service": "never"}, units=["c.service", "u.service", "v.service"],
            assumed=["a.service"], ran=["u.service"],
        ),
        [{"name": "a.service"}],
    ]  # fmt: skip


def test_a_drop_in_of_which_only_comments_change_restarts_nothing() -> None:
    """What an entry says beside its values (accept, min_sockets) is a comment."""
    host = Looking(Written(["a.service", "b.service"], {}, [], remarked=["b.service"]))
    outcome = see(host)
    assert (outcome["written"], host.asked[1].assumed) == (["a.service", "b.service"], ["a.service"])


def test_libraries_that_would_be_replaced_restart_who_maps_them() -> None:
    host = Looking(NOTHING)
    foreseen({**TASK, "replaced": ["/l.so"]}, host)  # type: ignore[arg-type]
    assert host.asked[1].replaced == ("/l.so",)


NOTHING = Written([], {}, [])


@pytest.mark.parametrize(
    ("host", "changed", "quiet"),
    [
        (Looking(NOTHING), False, True),
        (Looking(Written(["a.service"], {}, [])), True, False),
        (Looking(NOTHING, changed=True), True, False),
        (Looking(NOTHING, counts={"a.service": {"changed": 1}}), True, False),
        (Looking(NOTHING, counts={"a.service": {"changed": 0, "right": 3}}), False, True),
        (Looking(Written([], {"a.service": True}, [])), False, False),
    ],
    ids=["nothing", "a drop-in", "a restart", "an open socket", "right sockets", "an earlier run"],
)
def test_what_makes_a_host_quiet(host: Looking, changed: bool, quiet: bool) -> None:
    outcome = see(host)
    assert (outcome["changed"], is_quiet(outcome)) == (changed, quiet)


@pytest.mark.parametrize(
    ("settings", "line", "assumed"),
    [
        (Changed(True, concerns_all=True), Changed(False), ["a.service", "b.service"]),
        (Changed(True), Changed(False), []),
        (Changed(False), Changed(True), ["a.service", "b.service"]),
    ],
    ids=["all of the settings", "some settings", "the line"],
)
def test_what_is_new_to_every_process_would_restart_every_listed_one(
    settings: Changed, line: Changed, assumed: t.List[str]
) -> None:
    host = Looking(NOTHING)
    host.settings, host.line, host.left = settings, line, True
    task = {**TASK, "host_wide": {"settings": "text", "use": ["connect"]}}
    outcome = foreseen(task, host)  # type: ignore[arg-type]
    assert outcome["host_wide"] == {
        **begun()["host_wide"], "settings": settings.changed, "line": line.changed, "left": True,
    }  # fmt: skip
    assert (outcome["changed"], list(host.asked[1].assumed)) == (True, assumed)


def test_a_run_that_left_the_host_wide_mode_half_done_is_no_quiet_host() -> None:
    host = Looking(NOTHING)
    host.left = True
    outcome = foreseen({**TASK, "host_wide": {"settings": None, "use": []}}, host)  # type: ignore[arg-type]
    assert (outcome["changed"], is_quiet(outcome)) == (False, False)


def test_a_removal_foresees_the_libraries_and_the_open_sockets() -> None:
    host = Looking(NOTHING)
    task = {
        **TASK,
        "services": [],
        "libraries_too": True,
        "open_sockets_too": True,
        "host_wide": {"settings": None, "use": []},
    }
    outcome = foreseen(task, host)  # type: ignore[arg-type]
    assert host.asked[-1] == ("restore", None)
    assert (outcome["changed"], outcome["counts"]) == (True, {"a.service": {"changed": 1}})
    assert outcome["libraries"] == {"removed": ["/lib/x"], "used_by": []}


LINE = "[Service]\nExecStartPre=/usr/lib/libkeepalive/keepalive-bpf attach connect -\n"


def test_a_program_is_foreseen_by_the_drop_in_to_come_and_takes_no_restart() -> None:
    host = Looking(NOTHING)
    dropins = [{"unit": "a.service", "content": LINE}, {"unit": "b.service", "content": "old"}, {"unit": "c.service"}]
    outcome = foreseen({**TASK, "dropins": dropins, "programs": ["a.service"]}, host)  # type: ignore[arg-type]
    assert (outcome["programs"], outcome["changed"]) == ({"a.service": {"done": "attached", "library": []}}, True)
    (request,) = [one for one in host.asked if isinstance(one, RestartRequest)]
    assert request.spared == ("a.service",)
    assert request.going == ()
    texts = {"a.service": LINE, "b.service": "old", "c.service": None}
    assert ("programs", ["a.service"], texts, False) in host.asked


def test_a_drop_in_that_goes_is_one_that_nobody_asks_for_any_more() -> None:
    host = Looking(Written(["a.service", "gone.service", "purged.service"], {}, []))
    dropins = [{"unit": "a.service", "content": "new"}, {"unit": "gone.service"}]
    foreseen({**TASK, "dropins": dropins}, host)  # type: ignore[arg-type]
    (request,) = [one for one in host.asked if isinstance(one, RestartRequest)]
    assert request.going == ("gone.service", "purged.service")


def test_a_removal_foresees_the_programs() -> None:
    task = {"removal": True, "programs": ["*"], "dropins": [], "services": []}
    outcome = foreseen(task, Looking(NOTHING))  # type: ignore[arg-type]
    assert (outcome["programs"], outcome["changed"]) == ({"a.service": {"done": "detached", "library": []}}, True)
