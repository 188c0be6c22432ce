# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own templates are compiled once for all hosts, which changes no byte."""

from __future__ import annotations

import pathlib
import shutil
import types
import typing as t

import jinja2
import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.plugin_utils import _dropins, _templates
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

OWN = pathlib.Path(_templates.own_folder("keepalive_services"))
SERVICES = resolve(
    [
        {"name": "a.service", "libraries": ["listen"], "tcp": {"keepidle": 1}, "debug": True},
        {"name": "b.socket", "tcp": {"keepidle": 90}},
        {"name": "c.service", "profile": "p", "respect": True},
        {"name": "d.socket", "tcp": {"keepidle": 80, "defer_accept": 5}},
        {"name": "e@.service"},
    ],
    profiles=[{"name": "p", "tcp": {"user_timeout": 50000}}],
)
UNITS = {service["name"]: {"ld_preload": []} for service in SERVICES}
UNITS["c.service"]["ld_preload"] = ["/opt/%p.so", "{{ marker }}", "back\\slash"]


def rendered(find: t.Callable[[str, str], str], services: t.Any = SERVICES) -> t.List[t.Dict[str, str]]:
    loader = DataLoader()
    action: t.Any = types.SimpleNamespace(
        _find_needle=find, _loader=loader, _templar=Templar(loader=loader, variables={})
    )
    templates = {kind: f"{kind}.conf.j2" for kind in ("service", "socket")}
    return _dropins.rendered(action, services, UNITS, templates, {"inventory_hostname": "h"})


def own(_folder: str, name: str) -> str:
    return str(OWN / name)


def nowhere(_folder: str, name: str) -> str:
    raise AnsibleError(f"no {name}")


def test_compiled_before_they_give_what_ansible_makes_of_them(tmp_path: pathlib.Path) -> None:
    for path in OWN.glob("*.j2"):
        shutil.copy(path, tmp_path)
    each = rendered(lambda _folder, name: str(tmp_path / name))
    assert [dropin["unit"] for dropin in each] == [service["name"] for service in SERVICES]
    assert rendered(own) == rendered(nowhere) == each
    assert "back" in each[2]["content"]


def test_no_host_compiles_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes many times as long as to render them."""
    before = rendered(own)

    def compile_again(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise AssertionError("a template is compiled")

    monkeypatch.setattr(Templar, "template", compile_again)
    monkeypatch.setattr(jinja2.Environment, "compile", compile_again)
    assert rendered(own) == before


def test_a_template_of_the_plays_own_sees_the_hosts_variables(tmp_path: pathlib.Path) -> None:
    (tmp_path / "service.conf.j2").write_text("{{ inventory_hostname }}: {{ service.name }}\n\n")
    (tmp_path / "socket.conf.j2").write_text("{{ nowhere }}")
    assert rendered(lambda _folder, name: str(tmp_path / name), SERVICES[:1]) == [
        {"unit": "a.service", "content": "h: a.service\n"}
    ]
    with pytest.raises(AnsibleError, match="nowhere"):
        rendered(lambda _folder, name: str(tmp_path / name))


@pytest.mark.parametrize("services", [[], SERVICES[:1], SERVICES[1:2]])
def test_any_number_of_each_kind(services: t.Any) -> None:
    assert rendered(own, services) == [dropin for dropin in rendered(own) if dropin["unit"] in str(services)]


def test_what_did_not_come_from_the_filter_is_named() -> None:
    with pytest.raises(AnsibleActionFail, match=r"^services: 'x.service' has no type, libraries, tcp; pass the list"):
        rendered(own, [{"name": "x.service"}])
    with pytest.raises(AnsibleActionFail, match=r"^units: 'x.service' is missing; ask service_units_info"):
        rendered(own, resolve([{"name": "x.service"}]))
