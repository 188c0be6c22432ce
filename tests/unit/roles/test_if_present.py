# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight leaves out, and names, the units with C(if_present) that a host does not have.

The roles are the real ones; the look at the host is a stand-in that says which are not there.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest

TOP = pathlib.Path(__file__).parents[3]

LOOK = """\
#!/usr/bin/python
# WANT_JSON
import json, sys

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
given = given.get("scope", given)
names = [service["name"] for service in given["services"] if service["if_present"]]
gone = [name for name in names if name.startswith("gone")]
units = {service["name"]: {"ld_preload": [], "stale": {}} for service in given["services"]}
found = {
    "absent_here": gone, "problems": [], "units": units, "unfinished": [], "library_users": [],
    "backends": {"chosen": {}, "by_flags": False},
    "dropins": json.loads(r'''DROPINS'''),
    "build": {}, "unwritable": {}, "host_wide": {"entries": [], "settings": False, "restart_due": [], "filtered": []},
}
libraries = {
    "platform": {"machine": "m", "libc": "glibc 2"}, "layout": None, "compiler": None, "no_compiler": "", "unable": {},
    "installed": None, "doubt": "", "damage": "", "files": {}, "repairs": [], "command": [],
}
every_process = {"settings_sha256": "", "line_is_right": False, "left": False}
told = {"found": found, "libraries": libraries, "sockets": None, "every_process": every_process}
print(json.dumps({"changed": False, **told, **found}))
"""

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: netops.keepalive.ROLE, tasks_from: preflight}
    - ansible.builtin.debug: {msg: "LEFT {{ keepalive_services_resolved | map(attribute='name') | join(' ') }} END"}
    - ansible.builtin.debug:
        msg: "HEADINGS {{ keepalive_host_look.host_wide.sections | map(attribute='heading') | join(' ') }} END"
      when: keepalive_host_look is defined
"""

SERVICES = [
    {"name": "there.service", "after": ["gone.service"]},
    {"name": "gone.service", "if_present": True},
    {"name": "gone@.service", "if_present": True},
]


@pytest.fixture(name="preflight")
def preflight_fixture(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    collection = tmp_path / "ansible_collections" / "netops" / "keepalive"
    (collection / "plugins" / "modules").mkdir(parents=True)
    for name in (
        "meta",
        "galaxy.yml",
        "roles",
        "plugins/filter",
        "plugins/module_utils",
        "plugins/plugin_utils",
        "plugins/action",
        "csrc",
    ):
        (collection / name).symlink_to(TOP / name)

    def preflight(
        role: str, services: t.Sequence[t.Mapping[str, t.Any]], dropins: t.Sequence[str] = (), **variables: t.Any
    ) -> str:
        look = LOOK.replace("DROPINS", json.dumps(dropins))
        (collection / "plugins" / "modules" / "rollout_look.py").write_text(look)
        (tmp_path / "play.yml").write_text(PLAY.replace("ROLE", role))
        done = subprocess.run(
            ["ansible-playbook", "-i", "h1,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}",
             "-e", json.dumps({"keepalive_services": services, **variables}), "play.yml"],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return preflight


LEFT_OUT = "gone.service, gone@.service: left out, because this host has no such unit (if_present)"


@pytest.mark.parametrize("role", ["keepalive_services", "keepalive_host"])
def test_they_are_left_out_and_named_in_both_modes(preflight: t.Callable[..., str], role: str) -> None:
    said = preflight(role, SERVICES)
    assert LEFT_OUT in said
    assert "LEFT there.service END" in said
    if role == "keepalive_host":
        assert "[unit there.service]" in said and "[unit gone" not in said


@pytest.mark.parametrize("role", ["keepalive_services", "keepalive_host"])
def test_where_all_are_there_nothing_is_said(preflight: t.Callable[..., str], role: str) -> None:
    said = preflight(role, [{"name": "there.service", "if_present": True}])
    assert "left out" not in said and "LEFT there.service END" in said


@pytest.mark.parametrize("purge, what", [(False, "keepalive_services_purge to take"), (True, "it is taken away")])
def test_a_drop_in_of_one_that_is_not_there_any_more_is_treated_as_that_of_one_without_an_entry(
    preflight: t.Callable[..., str], purge: bool, what: str
) -> None:
    said = preflight("keepalive_services", SERVICES, ["gone.service"], keepalive_services_purge=purge)
    assert "gone.service: no entry on this host any more, and still with a drop-in from an earlier run" in said
    assert what in said
