# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook enable_keepalive over a fleet: who is touched, where it stops, and what its last screen says.

The playbook and the report are the real ones; the roles are stand-ins that fail, or cannot reach their host, as told.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import pytest

TOP = pathlib.Path(__file__).parents[3]
HOSTS = [f"h{number}" for number in range(1, 7)]

ROLE = """\
- ansible.builtin.set_fact:
    keepalive_services_resolved: []
    keepalive_services_found: {host_wide: {settings: false, entries: []}}
    keepalive_services_resolved_at: >-
      {{ (lookup('ansible.builtin.file', '/proc/uptime').split() | first | float) - age | default(0) | float }}
- ansible.builtin.fail: {msg: "PHASE: first line\\nwhat was seen: HOST"}
  when: inventory_hostname in fail_in_PHASE | default([])
- ansible.builtin.ping:
  when: inventory_hostname in gone_in_PHASE | default([])
  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
- ansible.builtin.debug: {msg: "PHASE of {{ inventory_hostname }} is through"}
- ansible.builtin.debug: {msg: "HOST was checked: {{ keepalive_services_checked | default('not said') }}"}
""".replace("HOST", "{{ inventory_hostname }}")


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> t.Callable[..., t.Tuple[int, str]]:
    collection = tmp_path / "ansible_collections" / "netops" / "keepalive"
    tasks = collection / "roles" / "keepalive_services" / "tasks"
    tasks.mkdir(parents=True)
    for name in ("playbooks", "plugins", "meta", "galaxy.yml"):
        (collection / name).symlink_to(TOP / name)
    (tasks / "preflight.yml").write_text(ROLE.replace("PHASE", "preflight"))
    (tasks / "main.yml").write_text(ROLE.replace("PHASE", "rollout"))
    (tmp_path / "hosts").write_text("\n".join([*HOSTS, "[all:vars]", "ansible_connection=local"]))

    def run(*options: str) -> t.Tuple[int, str]:
        done = subprocess.run(
            ["ansible-playbook", "-i", "hosts", "netops.keepalive.enable_keepalive", "-e", "ansible_become=false",
             "-e", '{"keepalive_serial": [1, 3]}', *options],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def through(phase: str, output: str) -> t.List[str]:
    return sorted(set(re.findall(rf"{phase} of (h\d) is through", output)))


def recap(output: str, what: str) -> t.List[str]:
    return re.findall(rf"(?m)^(h\d) .* {what}=[1-9]", output.partition("PLAY RECAP")[2])


def test_every_host_that_is_not_ready_is_told_and_none_is_touched(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"fail_in_preflight": ["h2", "h5"], "gone_in_preflight": ["h3"]}')
    assert status != 0
    assert through("preflight", output) == ["h1", "h4", "h6"], (
        "one that fails does not keep the others from being looked at"
    )
    assert through("rollout", output) == []
    report = output.partition("REFUSED h2")[2]
    assert "    what was seen: h2\n\nREFUSED h5\n    preflight: first line\n    what was seen: h5\n" in report
    assert "UNREACHABLE h3\n    could not be reached\n\nNothing was changed on any of the 6 hosts.\n" in report


def test_a_host_that_fails_ends_the_rollout_with_its_batch(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"fail_in_rollout": ["h3"]}')
    assert status == 2
    assert through("rollout", output) == ["h1", "h2", "h4"], "the others of its batch come to their end"
    assert recap(output, "failed") == ["h3"]
    assert (
        "\nFAILED h3\n    rollout: first line\n    what was seen: h3\n\n"
        "Done: h1, h2, h4. Not begun, and as before: h5, h6.\n"
        "Next: fix what is named above, then run the same again; what is done already is left as it is.\n"
    ) in output


def test_a_host_that_goes_away_ends_the_rollout_with_its_batch(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"gone_in_rollout": ["h3"]}')
    assert status == 4
    assert through("rollout", output) == ["h1", "h2", "h4"]
    assert (recap(output, "unreachable"), recap(output, "failed")) == (["h3"], [])
    assert "\nUNREACHABLE h3\n    went away in the middle: " in output
    assert "\nDone: h1, h2, h4. Not begun, and as before: h5, h6.\n" in output


def test_a_rollout_in_which_all_is_well_comes_to_its_end(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run()
    assert (status, through("rollout", output)) == (0, HOSTS)
    assert "Next:" not in output


@pytest.mark.parametrize("age, checked", [(0, "True"), (200, "True"), (301, "False")])
def test_a_host_is_looked_at_again_where_the_first_look_is_old(
    run: t.Callable[..., t.Tuple[int, str]], age: int, checked: str
) -> None:
    status, output = run("-e", f"age={age}")
    assert status == 0
    assert sorted(re.findall(r"(h\d) was checked: (\w+)\"", output)) == [(host, checked) for host in HOSTS]
