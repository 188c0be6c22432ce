# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module is given, in one execution for all units, and when it is not asked."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.action import service_dropins
from ansible_collections.netops.keepalive.plugins.action.service_dropins import NOTHING_TO_DO, ActionModule, in_force
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    check_mode = False
    diff = False

    def __init__(self, play: pathlib.Path, args: t.Dict[str, t.Any]) -> None:
        self.args = args
        self._play = play

    def get_search_path(self) -> t.List[str]:
        return [str(self._play)]


Calls = t.List[t.Dict[str, t.Any]]
Render = t.Callable[..., Calls]


@pytest.fixture(name="calls_of")
def calls_of_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Render:
    """A function that runs the action as a task of a play in tmp_path, and returns what the module got each time."""
    monkeypatch.setattr(service_dropins.ActionBase, "run", lambda self, tmp, task_vars: {})

    def calls_of(task_vars: t.Optional[t.Dict[str, t.Any]] = None, **args: t.Any) -> Calls:
        calls: Calls = []

        class Action(ActionModule):
            def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
                assert module_name == "netops.keepalive.service_dropins"
                assert {"id", "owner"} <= set(module_args.pop("run"))
                calls.append(module_args)
                return {"changed": True}

        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        templar = Templar(loader=loader, variables=task_vars or {})
        action = Action(Task(tmp_path, args), None, None, loader, templar, None)
        assert action.run(task_vars=task_vars) == {"changed": True, "in_force": []}
        return calls

    return calls_of


def units(*names: str, **preload: t.List[str]) -> t.Dict[str, t.Any]:
    return {name: {"ld_preload": preload.get(name.split(".")[0], [])} for name in names}


def test_what_an_unfinished_rollout_has_restarted_is_to_be_restarted_on_the_way_back() -> None:
    found: t.Dict[str, t.Any] = {
        "a.service": {"active_state": "active", "stale": {}},
        "b.service": {"active_state": "active", "stale": {"b.service": ["why"]}},
        "c.service": {"active_state": "inactive", "stale": {}},
        "d.service": {"active_state": "active", "stale": {}},
        "w@.service": {"active_state": "active", "stale": {"w@1.service": ["why"]},
                       "instances": ["w@1.service", "w@2.service"]},
    }  # fmt: skip
    services = [{"name": "a.service", "restart": "if_running"}, {"name": "d.service", "restart": "never"}]
    names = [*found, "gone.service"]
    assert in_force(names, {"units": found, "services": services}) == ["a.service", "w@2.service"]


def test_looking_only_sends_nothing_to_write(calls_of: Render) -> None:
    services = resolve([{"name": "a.service"}])
    assert calls_of(services=services, units=units("a.service"), look_only=True, rollout=True) == [
        {"rollout": True, "dropins": []}
    ]
    assert calls_of(services=services, look_only=True, listed=["a.service"], state_folder="/x") == [
        {"listed": ["a.service"], "dropins": []}
    ]
    assert len(calls_of(dropins=[], look_only=False, seen=None)) == 1


def test_twenty_units_are_one_execution(calls_of: Render) -> None:
    names = [f"{number}.service" for number in range(20)]
    (call,) = calls_of(services=resolve([{"name": name} for name in names]), units=units(*names))
    assert [dropin["unit"] for dropin in call["dropins"]] == names


def test_what_is_there_by_what_was_seen_is_no_execution(calls_of: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    services, found = resolve([{"name": "a.service"}]), units("a.service")
    ((dropin,),) = [call["dropins"] for call in calls_of(services=services, units=found)]
    found["a.service"]["drop_in_sha256"] = sha256_of_text(dropin["content"])
    seen = {"unfinished": [], "units": found}
    changed = {"services": resolve([{"name": "a.service", "tcp": {"keepidle": 61}}]), "units": found, "seen": seen}
    assert len(calls_of(**changed)) == 1
    assert len(calls_of(services=services, units=found, seen=seen, purge=True)) == 1
    assert len(calls_of(services=services, units=found, seen=seen, absent=["b.service"])) == 1

    monkeypatch.setattr(service_dropins.ActionBase, "_execute_module", lambda *_all, **_named: pytest.fail("asked"))
    loader = DataLoader()
    arguments = {"services": services, "units": found, "seen": seen, "rollout": True}
    action = ActionModule(Task(pathlib.Path("/"), arguments), None, None, loader, Templar(loader=loader), None)
    assert action.run(task_vars={}) == {**NOTHING_TO_DO, "in_force": []}


def test_no_services_are_still_an_execution(calls_of: Render) -> None:
    assert calls_of(services=[], units={}, purge=True) == [{"dropins": [], "purge": True, "running": [], "fresh": []}]


def test_who_runs_and_with_what_is_sent_along_and_who_is_to_have_none(calls_of: Render) -> None:
    found = units("a.service", "b.service", "c.service")
    found["a.service"].update(active_state="active", stale={})
    found["b.service"].update(active_state="active", stale={"b.service": ["why"]})
    found["c.service"].update(active_state="inactive", stale={})
    (call,) = calls_of(services=resolve([{"name": name} for name in found]), units=found, absent=["x.service"])
    assert (call["running"], call["fresh"]) == (["a.service", "b.service"], ["a.service"])
    assert call["dropins"][3:] == [{"unit": "x.service"}]


def test_dropins_pass_as_they_are(calls_of: Render) -> None:
    dropins = [{"unit": "a.service", "content": "{{ not a template }}", "mtime_ns": 5}]
    assert calls_of(dropins=dropins) == [{"dropins": dropins}]
    both = {"dropins": dropins, "services": resolve([{"name": "a.service"}])}
    assert calls_of(**both) == [both], "the module says that it takes one of the two"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "units: 'a.service' is missing; ask service_units_info for every unit of services"),
        (None, "units: with services, give what service_units_info returned as 'units'"),
    ],
)
def test_units_that_are_missing(calls_of: Render, given: t.Any, message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=f"^{message}$"):
        calls_of(services=resolve([{"name": "a.service"}]), units=given)


@pytest.mark.parametrize("arguments", [{}, {"units": None, "services": None}, {"units": {}, "services": []}])
def test_what_nobody_has_seen_is_in_force_nowhere(arguments: t.Dict[str, t.Any]) -> None:
    assert in_force(["a.service"], arguments) == []


def test_a_unit_whose_processes_nobody_judged_is_in_force() -> None:
    assert in_force(["a.service"], {"units": {"a.service": {"active_state": "active"}}}) == ["a.service"]
    no_instances = {"active_state": "active", "instances": []}
    assert in_force(["w@.service"], {"units": {"w@.service": no_instances}}) == ["w@.service"]


def test_what_an_unfinished_rollout_has_restarted_is_answered_with_the_variables_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: t.List[t.Any] = []

    class Action(ActionModule):
        def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
            given.append(task_vars)
            return {"unfinished": {"a.service": True, "b.service": False}}

    monkeypatch.setattr(service_dropins.ActionBase, "run", lambda self, tmp, task_vars: {"of": "Ansible"})
    args = {"dropins": [], "units": {"a.service": {"active_state": "active"}}}
    result = Action(Task(pathlib.Path("/"), args), None, None, None, None, None).run(task_vars={"a": 1})
    unfinished = {"a.service": True, "b.service": False}
    assert result == {"of": "Ansible", "unfinished": unfinished, "in_force": ["a.service"]}
    assert given == [{"a": 1}]
