# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host is asked, with the run's identity, unless what was seen says that nothing is due."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.action import service_restart
from ansible_collections.netops.keepalive.plugins.action.service_restart import ActionModule

SEEN = {"unfinished": [], "units": {"a.service": {"stale": {}, "overruled": [], "need_daemon_reload": False}}}
SERVICES = [{"name": "a.service"}]


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    check_mode = False
    diff = False

    def __init__(self, args: t.Dict[str, t.Any]) -> None:
        self.args = args


@pytest.fixture(name="run")
def run_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """A function that runs the action and returns its result and what the module got, None where it was not called."""
    monkeypatch.setattr(service_restart.ActionBase, "run", lambda self, tmp, task_vars: {})

    def run(check: bool = False, **args: t.Any) -> t.Any:
        calls: t.List[t.Any] = [None]

        class Action(ActionModule):
            def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
                assert module_name == "netops.keepalive.service_restart"
                assert {"id", "owner"} <= set(module_args.pop("run"))
                calls.append(module_args)
                assert task_vars == {"a": 1}
                return {"changed": True}

        task = Task(args)
        task.check_mode = check
        return Action(task, None, None, None, None, None).run(task_vars={"a": 1}), calls[-1]

    return run


def test_nothing_due_by_what_was_seen_asks_nothing(run: t.Callable[..., t.Any]) -> None:
    result, call = run(services=SERVICES, seen=SEEN, rollout=True)
    assert call is None
    documented = {"restarted": {}, "restart_due": {}, "reloaded": False, "left": [], "lock_held": False}
    assert result == {"changed": False, "diff": {"before": "", "after": ""}, **documented}


@pytest.mark.parametrize("seen", [None, {}, {**SEEN, "units": {}}])
def test_otherwise_the_host_is_asked_and_not_told_what_was_seen(run: t.Callable[..., t.Any], seen: t.Any) -> None:
    assert run(services=SERVICES, seen=seen) == ({"changed": True}, {"services": SERVICES})


@pytest.mark.parametrize("check", [False, True])
def test_what_would_change_counts_where_it_is_only_foretold(run: t.Callable[..., t.Any], check: bool) -> None:
    _result, call = run(check, services=SERVICES, seen=SEEN, assume_changed=["a.service"])
    assert (call is not None) is check
