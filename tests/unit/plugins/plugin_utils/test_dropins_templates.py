# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drop-ins as the real templates render them, to the letter, and as the templates of a play do."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import environment_in
from ansible_collections.netops.keepalive.plugins.plugin_utils import _dropins
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

SERVICE = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# nginx.service: connect, listen, profile aws_nlb
# The names are those of tcp(7). Seconds, but TCP_USER_TIMEOUT in ms; 0 = the system's default, -1 = derived.
[Service]
Environment="LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so:/usr/lib/libkeepalive/libkeepalive_listen.so:libjemalloc.so.2"
Environment="TCP_KEEPIDLE=120"
Environment="TCP_KEEPCNT=4"
Environment="TCP_KEEPINTVL=15"
Environment="TCP_USER_TIMEOUT=-1"
Environment="TCP_SYNCNT=3"
Environment="LIBKEEPALIVE_DEBUG=1"
"""

SOCKET = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# relay.socket: systemd listens here itself and has directives of its own, see systemd.socket(5).
[Socket]
KeepAlive=true
KeepAliveTimeSec=90
KeepAliveIntervalSec=15
KeepAliveProbes=3
DeferAcceptSec=5
"""

SOCKET_BY_DEFAULT = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# relay.socket: systemd listens here itself and has directives of its own, see systemd.socket(5).
[Socket]
KeepAlive=true
"""


class Task:
    """As much of a task as is asked of it to find a file."""

    async_val = 0
    check_mode = False
    diff = False

    def __init__(self, play: pathlib.Path) -> None:
        self.args: t.Dict[str, t.Any] = {}
        self._play = play

    def get_search_path(self) -> t.List[str]:
        return [str(self._play)]


class Action(ActionBase):
    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None) -> t.Dict[str, t.Any]:
        raise NotImplementedError


Render = t.Callable[..., t.Dict[str, str]]


@pytest.fixture(name="render")
def render_fixture(tmp_path: pathlib.Path) -> Render:
    """A function that renders the drop-ins in an action of a play in tmp_path, and returns each unit's."""

    def render(
        services: t.Any,
        units: t.Dict[str, t.Any],
        variables: t.Optional[t.Dict[str, t.Any]] = None,
        by_flags: bool = False,
        **templates: str,
    ) -> t.Dict[str, str]:
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        action = Action(Task(tmp_path), None, None, loader, Templar(loader=loader, variables=variables or {}), None)
        names = {"service": "service.conf.j2", "socket": "socket.conf.j2", **templates}
        dropins = _dropins.rendered(action, services, units, names, variables, by_flags)
        assert [dropin["unit"] for dropin in dropins] == [service["name"] for service in services]
        assert all(set(dropin) == {"unit", "content"} for dropin in dropins)
        return {dropin["unit"]: dropin["content"] for dropin in dropins}

    return render


@pytest.fixture(name="templates")
def templates_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder of the play's own templates."""
    (tmp_path / "templates").mkdir()
    return tmp_path / "templates"


def units(*names: str, **preload: t.List[str]) -> t.Dict[str, t.Any]:
    return {name: {"ld_preload": preload.get(name.split(".")[0], [])} for name in names}


SERVICES: t.Any = [
    {"name": "nginx.service", "profile": "aws_nlb", "libraries": ["listen", "connect"], "debug": True,
     "tcp": {"keepcnt": 4, "syncnt": 3}},
    {"name": "relay.socket", "tcp": {"keepidle": 90, "keepcnt": 3, "defer_accept": 5}},
]  # fmt: skip
PROFILES = [{"name": "aws_nlb", "tcp": {"keepidle": 120}}]


def test_the_text_of_both_kinds(render: Render) -> None:
    found = units("nginx.service", "relay.socket", nginx=["libjemalloc.so.2"])
    assert render(resolve(SERVICES, profiles=PROFILES), found) == {"nginx.service": SERVICE, "relay.socket": SOCKET}


def test_a_socket_with_the_systems_values(render: Render) -> None:
    services = resolve([{"name": "relay.socket", "tcp": dict.fromkeys(("keepidle", "keepcnt", "keepintvl"), 0)}])
    assert render(services, units("relay.socket")) == {"relay.socket": SOCKET_BY_DEFAULT}


def test_systemd_reads_what_the_template_writes(render: Render) -> None:
    """With specifiers and dollars in an LD_PRELOAD that was there before: nothing is expanded or lost on the way."""
    preload = ["/opt/$LIB/%p.so", "{{ lookup('pipe', 'touch /nonexistent/x') }}"]
    content = render(resolve([{"name": "a.service"}]), units("a.service", a=preload))["a.service"]
    assert environment_in(content)["LD_PRELOAD"] == ":".join(["/usr/lib/libkeepalive/libkeepalive.so", *preload])


def test_a_service_without_libraries_leaves_what_the_unit_preloads(render: Render) -> None:
    (service,) = resolve([{"name": "a.service"}])
    assert "LD_PRELOAD" not in render([{**service, "libraries": []}], units("a.service", a=["/x.so"]))["a.service"]


def test_the_plays_own_template_is_found_first(render: Render, templates: pathlib.Path) -> None:
    (templates / "service.conf.j2").write_text(
        "{{ marker }}: {{ service.name }} on {{ inventory_hostname }}\n{% include 'part.j2' %}\n\n\n"
    )
    (templates / "part.j2").write_text("{{ unit.ld_preload | length }} {{ environment.TCP_KEEPIDLE }}")
    names = ("a.service", "relay.socket")
    own, socket = render(
        resolve([{"name": name} for name in names]), units(*names), {"inventory_hostname": "h1"}
    ).values()
    assert own == "# Managed by netops.keepalive: a.service on h1\n0 15\n"
    assert socket.startswith("# Managed by netops.keepalive: the next run"), "the other is still the collection's"


def test_a_template_by_another_name(render: Render, templates: pathlib.Path) -> None:
    (templates / "mine.j2").write_text("{{ marker }}: mine")
    given = resolve([{"name": "a.service"}]), units("a.service")
    assert render(*given, service="mine.j2") == {"a.service": "# Managed by netops.keepalive: mine\n"}
    with pytest.raises(AnsibleActionFail, match=r"^the template 'none\.j2' cannot be read: "):
        render(*given, service="none.j2")


def test_a_template_is_rendered_as_those_of_ansible_are(render: Render, templates: pathlib.Path) -> None:
    """Its escapes count, and of a socket nothing is set in the environment."""
    (templates / "mine.j2").write_text(
        "{{ marker }}\n{{ ['a', 'b'] | join('\\n') }}\n{{ environment }} {{ service.name }} {{ mine }}"
    )
    services = resolve([{"name": "b.socket"}])
    content = render(services, units("b.socket"), {"mine": "of the play"}, socket="mine.j2")["b.socket"]
    assert content == "# Managed by netops.keepalive\na\nb\n{} b.socket of the play\n"


@pytest.mark.parametrize(
    ("missing", "said"),
    [("type", "'a.service' has no type"), ("libraries", "'a.service' has no libraries"),
     ("tcp", "'a.service' has no tcp"), ("name", "None has no name")],
)  # fmt: skip
def test_what_a_service_lacks_is_named(render: Render, missing: str, said: str) -> None:
    (service,) = resolve([{"name": "a.service"}])
    del service[missing]
    with pytest.raises(AnsibleActionFail) as error:
        render([service], units("a.service"))
    assert str(error.value) == f"services: {said}; pass the list through netops.keepalive.resolve_services first"


BY_PROGRAM = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# nginx.service: listen, by a BPF program of the unit's cgroup
# The names are those of tcp(7). Seconds, but TCP_USER_TIMEOUT in ms; 0 = the system's default, -1 = derived.
[Service]
Environment="TCP_KEEPIDLE=60"
Environment="TCP_KEEPCNT=9"
Environment="TCP_KEEPINTVL=15"
Environment="TCP_USER_TIMEOUT=-1"
Environment="LIBKEEPALIVE_RESPECT=1"
ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach by-flags listen -
"""
SOCKET_BY_PROGRAM = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# relay.socket: listen, by a BPF program of the unit's cgroup.
# The names are those of tcp(7). Seconds, but TCP_USER_TIMEOUT in ms; 0 = the system's default, -1 = derived.
[Socket]
Environment="TCP_KEEPIDLE=90"
Environment="TCP_KEEPCNT=9"
Environment="TCP_KEEPINTVL=15"
Environment="TCP_USER_TIMEOUT=-1"
ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach listen -
"""


def test_a_program_has_the_same_variables_and_no_library(render: Render) -> None:
    """What the unit preloads itself stays in its own file."""
    services = [
        {"name": "nginx.service", "backend": "bpf", "libraries": ["listen"], "respect": True, "tcp": {"keepidle": 60}},
        {"name": "relay.socket", "backend": "bpf", "tcp": {"keepidle": 90}},
    ]
    found = units("nginx.service", "relay.socket", nginx=["libjemalloc.so.2"])
    assert render(resolve(services), found, by_flags=True) == {
        "nginx.service": BY_PROGRAM, "relay.socket": SOCKET_BY_PROGRAM,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "text", "wrong"),
    [
        ("bpf", "[Service]", "lacks 'ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach connect -', and its "
         "backend is bpf"),
        ("preload", "[Service]\nExecStartPre=/usr/lib/libkeepalive/keepalive-bpf attach connect -",
         "has an ExecStartPre= of keepalive-bpf, and its backend is preload"),
    ],
)  # fmt: skip
def test_a_template_of_the_play_has_to_know_of_programs(
    render: Render, templates: pathlib.Path, backend: str, text: str, wrong: str
) -> None:
    (templates / "service.conf.j2").write_text(f"{{{{ marker }}}}\n{text}\n")
    with pytest.raises(AnsibleActionFail) as error:
        render(resolve([{"name": "a.service", "backend": backend}]), units("a.service"))
    assert str(error.value) == (
        f"a.service: its drop-in as the template gives it {wrong}; write 'ExecStartPre={{{{ attach }}}}' where that is "
        "not empty"
    )
