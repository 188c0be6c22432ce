# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible relies on in every action: that its own part comes first, and for which of them it connects."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.netops.keepalive.plugins import action, modules
from ansible_collections.netops.keepalive.plugins.plugin_utils import _core

ACTIONS = sorted(path.stem for path in pathlib.Path(next(iter(action.__path__))).glob("[!_]*.py"))


def action_of(name: str) -> t.Any:
    return importlib.import_module(f"ansible_collections.netops.keepalive.plugins.action.{name}").ActionModule


def test_each_action_has_a_module_of_its_name() -> None:
    there = {path.stem for path in pathlib.Path(next(iter(modules.__path__))).glob("*.py")}
    assert ACTIONS != [] and set(ACTIONS) <= there


class Begun(Exception):
    """Ansible's own part was called."""


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize(
    ("given", "passed_on"),
    [({}, (None, None)), ({"tmp": "/t", "task_vars": {"a": 1}}, ("/t", {"a": 1}))],
    ids=["nothing", "all"],
)
def test_ansibles_own_part_comes_first_and_gets_what_was_given(
    name: str, given: t.Dict[str, t.Any], passed_on: t.Tuple[t.Any, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses what a task may not ask for, such as to be asynchronous. What only prints needs no connection."""

    def begin(_self: t.Any, *arguments: t.Any) -> None:
        raise Begun(*arguments)

    monkeypatch.setattr(ActionBase, "run", begin)
    with pytest.raises(Begun) as begun:
        ActionBase.__new__(action_of(name)).run(**given)
    assert begun.value.args == passed_on
    assert action_of(name)._requires_connection is (name not in ("report", "inputs"))


@pytest.mark.parametrize("name", ACTIONS)
def test_too_old_a_version_of_ansible_core_is_refused_before_anything_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first: of a playbook, of a role that is used alone, or as a module in a play of one's own."""
    monkeypatch.setattr(_core, "too_old", lambda: "it is too old")
    with pytest.raises(_core.AnsibleActionFail, match="it is too old"):
        ActionBase.__new__(action_of(name)).run()


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_runs_in_check_mode(name: str) -> None:
    assert action_of(name)._supports_check_mode is True
