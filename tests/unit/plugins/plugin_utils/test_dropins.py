# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own templates are compiled once for all services of a host, which changes no byte."""

from __future__ import annotations

import pathlib
import shutil
import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.plugin_utils import _dropins
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

OWN = pathlib.Path(_dropins._OWN)
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


def test_all_at_once_gives_what_each_gives(tmp_path: pathlib.Path) -> None:
    for path in OWN.glob("*.j2"):
        shutil.copy(path, tmp_path)
    each = rendered(lambda _folder, name: str(tmp_path / name))
    assert [dropin["unit"] for dropin in each] == [service["name"] for service in SERVICES]
    assert rendered(own) == rendered(nowhere) == each
    assert "back" in each[2]["content"] and "\0" not in str(each)


def test_the_template_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: t.List[str] = []
    template = Templar.template

    def count(self: Templar, text: t.Any, **named: t.Any) -> t.Any:
        compiled.append(text)
        return template(self, text, **named)

    monkeypatch.setattr(Templar, "template", count)
    rendered(own)
    assert len(compiled) == 2, "one for each kind of unit"


@pytest.mark.parametrize("services", [[], SERVICES[:1], SERVICES[1:2]])
def test_any_number_of_each_kind(services: t.Any) -> None:
    assert rendered(own, services) == [dropin for dropin in rendered(own) if dropin["unit"] in str(services)]


def test_what_did_not_come_from_the_filter_is_named() -> None:
    with pytest.raises(AnsibleActionFail, match=r"^services: 'x.service' has no type, libraries, tcp; pass the list"):
        rendered(own, [{"name": "x.service"}])
    with pytest.raises(AnsibleActionFail, match=r"^units: 'x.service' is missing; ask service_units_info"):
        rendered(own, resolve([{"name": "x.service"}]))
