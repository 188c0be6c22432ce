# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says is never a template on the controller: it is shown as it is, and executed by nobody."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.hostile import TEMPLATE, process, visible

TOP = pathlib.Path(__file__).parents[3]
INTERPRETER = f"ansible_python_interpreter={sys.executable}"
ARGUMENTS = ["-i", "localhost,", "-c", "local", "-e", "ansible_become=false", "-e", INTERPRETER]

ROLLOUT = """\
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - netops.keepalive.service_units_info:
            units: [!unsafe "TEMPLATE.service"]
      rescue:
        - ansible.builtin.set_fact: &note
            keepalive_rollout: {state: failed, seen: "{{ ansible_failed_result.msg | default('no reason was given') }}"}
    - ansible.builtin.debug:
        msg: "{{ ['what was seen: ' ~ keepalive_rollout.seen] }}"
    - netops.keepalive.rollout_report:
        outcomes: "{{ {inventory_hostname: keepalive_rollout} }}"
    - block:
        - ansible.builtin.fail:
            msg: "{{ ['what was seen: ' ~ keepalive_rollout.seen, 'next'] | join('\\n') }}"
      rescue:
        - ansible.builtin.set_fact: *note
    - ansible.builtin.fail:
        msg: "{{ keepalive_rollout.seen.splitlines() | first }}; the whole report stands above"
"""


def ended(folder: pathlib.Path, *arguments: str) -> str:
    done = subprocess.run(
        ["ansible-playbook", *ARGUMENTS, *arguments],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".ansible" / "collections"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("playbook", ["audit_keepalive"])
def test_the_name_of_a_program_in_the_audit(tmp_path: pathlib.Path, playbook: str) -> None:
    with process(TEMPLATE) as (_pid, port):
        output = tmp_path / "audit.json"
        said = ended(
            tmp_path, f"netops.keepalive.{playbook}", "-e", "audit_include_local=true", "-e", f"audit_output={output}"
        )
    assert f': "{TEMPLATE[:40]}' in said and f"127.0.0.1:{port}" in said
    assert TEMPLATE in output.read_text()
    assert list(tmp_path.rglob("executed")) == []
    assert visible(said)


def test_what_a_failed_module_said_on_its_way_through_a_rollout(tmp_path: pathlib.Path) -> None:
    (tmp_path / "rollout.yml").write_text(ROLLOUT.replace("TEMPLATE", TEMPLATE))
    said = ended(tmp_path, "rollout.yml")
    assert said.count("{{ lookup('pipe', 'touch executed') }}") >= 5
    assert "FAILED localhost\n    nothing was done: units[0]: '{{ lookup(" in said
    assert "; the whole report stands above" in said
    assert list(tmp_path.rglob("executed")) == []
