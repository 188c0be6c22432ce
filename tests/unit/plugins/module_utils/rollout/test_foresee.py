# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A foresight tells what a transaction would do, and changes nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.foresee import foreseen, is_quiet
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import RestartRequest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import Written, begun

TASK: t.Dict[str, t.Any] = {
    "dropins": [{"unit": "a.service", "content": "new"}],
    "services": [
        {"name": "a.service", "live": True, "expected": {"name": "a.service"}},
        {"name": "b.service", "restart": "never"},
    ],
    "without": ["c.service"],
    "listed": ["a.service"],
}


class Looking:
    """A host in check mode, which answers as told."""

    def __init__(self, written: Written, changed: bool = False, counts: t.Any = None) -> None:
        self.written, self.changed, self.counts = written, changed, counts or {}
        self.asked: t.List[t.Any] = []

    def write(self, dropins: t.Any, listed: t.Any) -> Written:
        self.asked.append((dropins, listed))
        return self.written

    def restart(self, request: RestartRequest, done: t.Dict[str, t.Any]) -> None:
        self.asked.append(request)
        done.update(changed=self.changed, restart_due={"b.service": ["old"]}, would_restart=["a.service"])

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
