# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a newcomer copies works: the example inventory loads, and each host's settings are what its comments say.

So do the variables in the documentation: every YAML block of docs/*.md and README.md that sets keepalive_services is
merged and checked as a run would.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import recommend
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

TOP = pathlib.Path(__file__).parents[3]
PAGES = sorted([TOP / "README.md", *TOP.glob("docs/*.md")])


def resolved(variables: t.Mapping[str, t.Any]) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Merge as the role does; returns the units by name."""
    services = resolve(
        variables.get("keepalive_services"),
        variables.get("keepalive_services_defaults"),
        variables.get("keepalive_services_profiles"),
        {name: value for name, value in variables.items() if name.startswith("keepalive_services__")},
    )
    return {service["name"]: service for service in services}


@pytest.fixture(scope="module")
def hosts() -> t.Dict[str, t.Dict[str, t.Any]]:
    done = subprocess.run(
        ["ansible-inventory", "-i", str(TOP / "examples" / "inventory"), "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return t.cast("t.Dict[str, t.Dict[str, t.Any]]", json.loads(done.stdout)["_meta"]["hostvars"])


def test_the_example_inventory_says_what_its_comments_say(hosts: t.Dict[str, t.Dict[str, t.Any]]) -> None:
    units = {host: resolved(variables) for host, variables in hosts.items()}
    assert {host: list(found) for host, found in units.items()} == {
        "web1.example.com": ["nginx.service"],
        "web2.example.com": ["nginx.service"],
        "worker1.example.com": ["billing.service"],
    }
    nginx, busy = (units[f"web{number}.example.com"]["nginx.service"] for number in (1, 2))
    assert (nginx["tcp"]["keepidle"], nginx["libraries"], nginx["restart"]) == (120, ["listen"], "if_running")
    assert busy["restart"] == "never"
    assert busy["tcp"] == nginx["tcp"]
    billing = units["worker1.example.com"]["billing.service"]["tcp"]
    assert [billing[name] for name in ("keepidle", "keepintvl", "keepcnt", "user_timeout")] == [30, 15, 4, -1]


def blocks() -> t.List[t.Any]:
    found = []
    for page in PAGES:
        for block in re.findall(r"(?ms)^```yaml\n(.*?)^```", page.read_text(encoding="utf-8")):
            variables = yaml.safe_load(block)
            if isinstance(variables, dict) and any(name.startswith("keepalive_services") for name in variables):
                found.append(pytest.param(variables, id=f"{page.name}-{len(found)}"))
    return found


@pytest.mark.parametrize("variables", blocks())
def test_the_settings_in_the_documentation_are_right(variables: t.Dict[str, t.Any]) -> None:
    resolved(variables)


@pytest.mark.parametrize("path", ["docs/recipes.md", "examples/inventory/group_vars/all.yml"])
def test_a_profile_of_ones_own_probes_twice_before_the_connection_is_forgotten(path: str) -> None:
    """It says its timeout in a comment."""
    text = (TOP / path).read_text(encoding="utf-8").partition("keepalive_services_profiles:")[2]
    timeout, tcp = re.findall(r"(?s)(\d+) s\b.*?tcp: (\{.*?\})", text)[0]
    times = [yaml.safe_load(tcp)[name] for name in ("keepidle", "keepintvl", "keepcnt")]
    assert times[0] + 2 * times[1] < int(timeout)
    assert tuple(times) == recommend(int(timeout))
