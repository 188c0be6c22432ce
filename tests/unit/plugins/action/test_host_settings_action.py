# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action gives the module a text in place of what the text is made of."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.netops.keepalive.plugins.action import host_settings

Arguments = t.Dict[str, t.Any]
VARIABLES = {"x": 1}


def call(monkeypatch: pytest.MonkeyPatch, arguments: Arguments) -> Arguments:
    """Return what the module gets."""
    given: t.List[Arguments] = []

    def execute(_action: t.Any, module: str, arguments: Arguments, task_vars: Arguments) -> Arguments:
        assert (module, task_vars) == ("host_settings", VARIABLES)
        given.append(arguments)
        return {"of": "the module"}

    monkeypatch.setattr(host_settings.ActionBase, "run", lambda _self, _tmp, _task_vars: {})
    monkeypatch.setattr(host_settings._locked, "execute", execute)
    monkeypatch.setattr(host_settings._settings_file, "rendered", lambda _action, *what: repr(what))
    action = object.__new__(host_settings.ActionModule)
    action._task = types.SimpleNamespace(args=arguments)
    assert action.run(task_vars=VARIABLES) == {"of": "the module"}
    (got,) = given
    return got


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ({"sections": [], "path": "/x"}, {"content": repr(([], VARIABLES, "libkeepalive.conf.j2")), "path": "/x"}),
        ({"sections": [], "template": "m.j2"}, {"content": repr(([], VARIABLES, "m.j2"))}),
        ({"state": "absent"}, {"state": "absent"}),
        ({"content": "x", "sections": None, "template": "m.j2"}, {"content": "x"}),
    ],
)
def test_the_module_gets_a_text(monkeypatch: pytest.MonkeyPatch, arguments: Arguments, got: Arguments) -> None:
    assert call(monkeypatch, arguments) == got


def test_sections_and_content_are_one_of_the_two(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnsibleActionFail) as error:
        call(monkeypatch, {"sections": [], "content": "x"})
    assert str(error.value) == "sections, content: one of the two; content is made of sections"
