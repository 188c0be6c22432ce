# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings file as the real template renders it, to the letter."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.action import host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.plugins.plugin_utils import _locked

EXPECTED = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# The libraries in /etc/ld.so.preload read it when a program starts. The names are those of tcp(7): seconds, but
# TCP_USER_TIMEOUT in ms; 0 = the system's default, -1 = derived. Of the lines that fit a process the last one counts.

# Every process of this host.
TCP_KEEPIDLE=60
TCP_KEEPCNT=9
TCP_KEEPINTVL=15
TCP_USER_TIMEOUT=0
LIBKEEPALIVE_RESPECT=1

# The way in.
[program */sshd]
LIBKEEPALIVE_DISABLE=1

# nginx.service, profile aws_nlb
[unit nginx.service]
TCP_KEEPIDLE=120
TCP_KEEPCNT=9
TCP_KEEPINTVL=15
TCP_USER_TIMEOUT=-1
LIBKEEPALIVE_RESPECT=0
LIBKEEPALIVE_DISABLE=0
LIBKEEPALIVE_DEBUG=1
"""

Call = t.Callable[..., t.Dict[str, t.Any]]


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


@pytest.fixture(name="call")
def call_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the action as a task of a play in tmp_path; returns what the module got."""
    monkeypatch.setattr(host_settings.ActionBase, "run", lambda self, tmp, task_vars: {})

    def call(task_vars: t.Optional[t.Dict[str, t.Any]] = None, **args: t.Any) -> t.Dict[str, t.Any]:
        calls: t.List[t.Dict[str, t.Any]] = []
        given: t.List[t.Any] = []

        def execute(self: t.Any, module_name: str, module_args: t.Dict[str, t.Any], task_vars: t.Any) -> t.Any:
            assert module_name == "netops.keepalive.host_settings"
            run = module_args.pop("run")
            assert run["id"] == _locked.identity()["id"]  # whose lock the host takes
            calls.append(module_args)
            given.append(task_vars)
            return {"of": "the module"}

        monkeypatch.setattr(host_settings.ActionBase, "_execute_module", execute)
        loader = DataLoader()
        action = host_settings.ActionModule(
            task=Task(tmp_path, args),
            connection=None,
            play_context=None,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        assert action.run(task_vars=task_vars) == {"of": "the module"}
        (arguments,) = calls
        assert given == [task_vars]
        return arguments

    return call


def sections() -> t.Any:
    found = resolution(
        [{"name": "nginx.service", "profile": "aws_nlb", "debug": True}],
        profiles=[{"name": "aws_nlb", "tcp": {"keepidle": 120}}],
    )
    opt_outs = [{"path": "*/sshd", "why": "The way in."}]
    return resolve_host_settings(found.services, {"tcp": {"keepidle": 60}}, opt_outs=opt_outs)["sections"]


def test_the_file_to_the_letter(call: Call) -> None:
    assert call(sections=sections(), path="/x") == {"content": EXPECTED, "path": "/x"}


def test_a_template_of_the_play_comes_first(call: Call, tmp_path: pathlib.Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text(
        "{{ marker }}\n{% for s in sections %}{{ s.heading }};{% endfor %}\n\n"
    )
    content = call(sections=sections(), template="mine.j2")["content"]
    assert content == "# Managed by netops.keepalive\n;[program */sshd];[unit nginx.service];\n"
    with pytest.raises(AnsibleActionFail, match=r"the template 'missing\.j2' cannot be read"):
        call(sections=sections(), template="missing.j2")


def test_a_template_of_which_a_number_comes_is_a_text_all_the_same(call: Call, tmp_path: pathlib.Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("{{ sections | length }}")
    assert call(sections=sections(), template="mine.j2")["content"] == "3\n"


def test_without_sections_the_arguments_go_through(call: Call) -> None:
    assert call(state="absent") == {"state": "absent"}
    with pytest.raises(AnsibleActionFail, match="sections, content: one of the two"):
        call(sections=[], content="x")


def test_a_template_is_rendered_as_those_of_ansible_are(call: Call, tmp_path: pathlib.Path) -> None:
    """With the play's variables, what it includes beside it, and its escapes."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("{% include 'part.j2' %}{{ ['a', 'b'] | join('\\n') }}\n\n")
    (tmp_path / "templates" / "part.j2").write_text("{{ marker }}: {{ inventory_hostname }} {{ sections }}, ")
    content = call({"inventory_hostname": "h1", "sections": "hidden"}, sections=[], template="mine.j2")["content"]
    assert content == "# Managed by netops.keepalive: h1 [], a\nb\n"


def test_sections_and_content_are_one_of_the_two(call: Call) -> None:
    with pytest.raises(AnsibleActionFail) as error:
        call(sections=[], content="x")
    assert str(error.value) == "sections, content: one of the two; content is made of sections"
    assert call(content="x", template="mine.j2") == {"content": "x"}, "which is for the controller"
    assert call(sections=None, content="x") == {"content": "x"}
