# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the role keepalive_services still believes the look at the host: not after something has changed on it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TASKS = pathlib.Path(__file__).parents[3] / "roles" / "keepalive_services" / "tasks" / "main.yml"
FOUND = {"units": {"a.service": {}}, "unfinished": []}
UNCHANGED = {"changed": False}
CHANGED = {"changed": True}


def believed(**variables: t.Any) -> t.Dict[str, t.Any]:
    """Return what each module is told was seen, by the module's name, as the real tasks template it."""
    (block,) = [task for task in yaml.safe_load(TASKS.read_text()) if "block" in task]
    variables = {"keepalive_services_found": FOUND, **variables}
    seen = trust_as_template(block["vars"]["keepalive_services_seen"])
    variables["keepalive_services_seen"] = Templar(loader=DataLoader(), variables=variables).template(seen)
    templar = Templar(loader=DataLoader(), variables=variables)
    given = {}
    for module in ("service_dropins", "service_restart"):
        (task,) = [task for task in block["block"] if f"netops.keepalive.{module}" in task]
        given[module] = templar.template(trust_as_template(task[f"netops.keepalive.{module}"]["seen"]))
    return given


@pytest.mark.parametrize("build", [{}, {"keepalive_build_installed": UNCHANGED}], ids=["no build", "nothing built"])
def test_it_is_believed_where_nothing_has_changed_since(build: t.Dict[str, t.Any]) -> None:
    assert believed(keepalive_services_written=UNCHANGED, **build) == {
        "service_dropins": FOUND,
        "service_restart": FOUND,
    }


def test_new_libraries_make_it_worthless() -> None:
    """Who runs with the old ones is stale since."""
    given = believed(keepalive_services_written=UNCHANGED, keepalive_build_installed=CHANGED)
    assert given == {"service_dropins": {}, "service_restart": {}}


def test_new_drop_ins_make_it_worthless_for_restarts() -> None:
    given = believed(keepalive_services_written=CHANGED)
    assert given == {"service_dropins": FOUND, "service_restart": {}}
