# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second connection has nothing of the first, and whatever goes wrong with it is a result."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.netops.keepalive.plugins.plugin_utils._second_connection import (
    over_a_new_connection,
    rescue_advice,
    words_of,
)

Result = t.Dict[str, t.Any]


class Action:
    """An action with a connection, and what was done with both in which order."""

    def __init__(self, answer: t.Any, reset: t.Optional[Exception] = None) -> None:
        self.done: t.List[t.Any] = []
        self._answer = answer
        self._reset = reset
        self._connection = self

    def reset(self) -> None:
        self.done.append("reset")
        if self._reset:
            raise self._reset

    def _execute_module(self, **asked: t.Any) -> Result:
        self.done.append(asked)
        if isinstance(self._answer, Exception):
            raise self._answer
        answer: Result = self._answer
        return answer


def second(action: Action) -> Result:
    return over_a_new_connection(action, "a.b.c", {"x": 1}, {"y": 2})  # type: ignore[arg-type]


@pytest.mark.parametrize("reset", [None, AnsibleError("there is no connection")])
def test_the_first_connection_is_cut_before_the_module_runs(reset: t.Optional[Exception]) -> None:
    action = Action({"state": "verified"}, reset)
    assert second(action) == {"state": "verified"}
    assert action.done == ["reset", {"module_name": "a.b.c", "module_args": {"x": 1}, "task_vars": {"y": 2}}]


def test_what_goes_wrong_is_a_result() -> None:
    result = second(Action(AnsibleConnectionFailure("no route to host")))
    assert (result["failed"], words_of(result)) == (True, "no route to host")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"module_stderr": "Warning: x\n\nld.so: no\n", "msg": "MODULE FAILURE"}, "ld.so: no"),
        ({"module_stderr": " \n", "module_stdout": "out\n", "msg": "MODULE FAILURE"}, "out"),
        ({"module_stderr": None, "msg": "it is down"}, "it is down"),
        ({"msg": "\x1b[2Jx"}, "\\x1b[2Jx"),
        ({"msg": "x" * 900}, "x" * 500),
        ({}, "nothing was said"),
    ],
)
def test_the_line_that_tells_most_is_shown_and_only_what_can_be_seen(result: Result, words: str) -> None:
    assert words_of(result)[:500] == words


def test_what_to_do_about_a_host_that_does_not_come_back_is_said() -> None:
    advice = rescue_advice("/etc/ld.so.preload", 91.4, 60)
    assert "(91 s have passed, the watchdog had 60)" in advice
    assert "take the lines of libkeepalive out of /etc/ld.so.preload" in advice
