# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings file as the real template renders it, to the letter."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import HostWide
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.sections import unit_sections
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.plugins.plugin_utils import _settings_file

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
# Its entry also says: {"accept": ["overridden_by_application"], "min_sockets": 2}
TCP_KEEPIDLE=120
TCP_KEEPCNT=9
TCP_KEEPINTVL=15
TCP_USER_TIMEOUT=-1
LIBKEEPALIVE_RESPECT=0
LIBKEEPALIVE_DISABLE=0
LIBKEEPALIVE_DEBUG=1
"""

Render = t.Callable[..., str]


@pytest.fixture(name="render")
def render_fixture(tmp_path: pathlib.Path) -> Render:
    """Render as a task of a play in tmp_path."""

    def find(folder: str, name: str) -> str:
        if not (tmp_path / folder / name).exists():
            raise AnsibleError(f"no {name}")
        return str(tmp_path / folder / name)

    def render(of: t.Any, task_vars: t.Optional[t.Dict[str, t.Any]] = None, **named: str) -> str:
        loader = DataLoader()
        action: t.Any = types.SimpleNamespace(_find_needle=find, _loader=loader, _templar=Templar(loader=loader))
        return _settings_file.rendered(action, of, task_vars, **named)

    return render


def sections() -> t.Any:
    found = resolution(
        [
            {
                "name": "nginx.service",
                "profile": "aws_nlb",
                "debug": True,
                "accept": ["overridden_by_application"],
                "min_sockets": 2,
            }
        ],
        profiles=[{"name": "aws_nlb", "tcp": {"keepidle": 120}}],
    )
    opt_outs = [{"path": "*/sshd", "why": "The way in."}]
    return resolve_host_settings(found.services, {"tcp": {"keepidle": 60}}, opt_outs=opt_outs)["sections"]


def test_the_file_to_the_letter(render: Render) -> None:
    assert render(sections()) == EXPECTED


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"accept": ["overridden_by_application"], "min_sockets": 2, "if_present": True},
        {"respect": True, "tcp": {"keepidle": 9, "user_timeout": 5000, "keepcnt": 3}, "short_user_timeout": True},
        {"name": "worker@.service", "libraries": ["connect", "listen"]},
    ],
)
def test_what_the_file_says_of_a_unit_is_read_on_the_host_as_it_was_meant(
    render: Render, entry: t.Dict[str, t.Any]
) -> None:
    (service,) = resolution([{"name": "a.service", **entry}]).services
    text = render(resolve_host_settings([service], opt_outs=[{"path": "*/sshd"}])["sections"])
    preload = "".join(f"/usr/lib/libkeepalive/{LIBRARIES[name]}\n" for name in service.libraries)
    asked = unit_sections(HostWide(preload, text))
    assert (asked.unclear, list(asked.expected)) == ({}, [service.name])
    read, meant = asked.expected[service.name], service.expected
    assert read._replace(tcp={}) == meant._replace(tcp={})
    # What nobody has said anything about, and has a value of the collection's own, is compared as well.
    assert {name: value for name, value in meant.tcp.items() if value} == {
        name: value for name, value in read.tcp.items() if name in meant.tcp
    }


def test_a_template_of_the_play_comes_first(render: Render, tmp_path: pathlib.Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text(
        "{{ marker }}\n{% for s in sections %}{{ s.heading }};{% endfor %}\n\n"
    )
    content = render(sections(), template="mine.j2")
    assert content == "# Managed by netops.keepalive\n;[program */sshd];[unit nginx.service];\n"
    with pytest.raises(AnsibleActionFail, match=r"the template 'missing\.j2' cannot be read"):
        render(sections(), template="missing.j2")


def test_a_template_of_which_a_number_comes_is_a_text_all_the_same(render: Render, tmp_path: pathlib.Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("{{ sections | length }}")
    assert render(sections(), template="mine.j2") == "3\n"


def test_a_template_is_rendered_as_those_of_ansible_are(render: Render, tmp_path: pathlib.Path) -> None:
    """With the play's variables, what it includes beside it, and its escapes."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("{% include 'part.j2' %}{{ ['a', 'b'] | join('\\n') }}\n\n")
    (tmp_path / "templates" / "part.j2").write_text("{{ marker }}: {{ inventory_hostname }} {{ sections }}, ")
    content = render([], {"inventory_hostname": "h1", "sections": "hidden"}, template="mine.j2")
    assert content == "# Managed by netops.keepalive: h1 [], a\nb\n"
