# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says is never a template on the controller: it is shown as it is, and executed by nobody."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

from ansible_collections.netops.keepalive.plugins.module_utils.audit.overview import COUNTS
from ansible_collections.netops.keepalive.tests.unit.support.hostile import TEMPLATE

TOP = pathlib.Path(__file__).parents[3]
INTERPRETER = f"ansible_python_interpreter={sys.executable}"
ARGUMENTS = ["-i", "localhost,", "-c", "local", "-e", "ansible_become=false", "-e", INTERPRETER]

AUDIT = """\
- hosts: all
  gather_facts: false
  tasks:
    - answer:
      register: audit_answer
    - netops.keepalive.report:
        of: audit
        answers: "{{ {inventory_hostname: audit_answer} }}"
        output: "{{ playbook_dir }}/audit.json"
    - ansible.builtin.debug:
        msg: "{{ audit_answer.groups | map(attribute='program') | join }}"
"""

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
    - netops.keepalive.report:
        of: rollout
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


def test_the_name_of_a_program_in_the_audit_and_in_its_file(tmp_path: pathlib.Path) -> None:
    group = {
        "unit": TEMPLATE, "units": 1, "program": f"/x/{TEMPLATE}", "script": TEMPLATE, "direction": "outgoing",
        "user": None, "found_values_total": 0, "listeners_total": 0,
        "connections": 1, "without": 1, **dict.fromkeys(("right", "slow", "tight", "unknown", "overdue"), 0),
        "longest_silence": 1.0, "found_values": [], "peers": [], "peers_total": 0, "listeners": [],
        "advice": {"kind": "nothing", "native": [], "entry": None, "obstacle": TEMPLATE, "notes": [TEMPLATE],
                   "way": TEMPLATE},
    }  # fmt: skip
    answer = {
        "idle_timeout": 350, "totals": dict.fromkeys(COUNTS, 1), "left_out": {"local": 0, "recent": 0, "ansible": 0},
        "groups": [group], "groups_total": 1, "groups_cut": {"groups": 0, "whose": []},
        "unowned": {"sockets": 0}, "unreadable": {"processes": 1, "why": TEMPLATE},
    }  # fmt: skip
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "answer.py").write_text(
        f"#!/usr/bin/python\nimport json\n# WANT_JSON\nprint(json.dumps({answer!r}))\n"
    )
    (tmp_path / "audit.yml").write_text(AUDIT)
    said = " ".join(ended(tmp_path, "audit.yml").split())
    assert f'"{TEMPLATE}": "{TEMPLATE[:40]}' in said and f'"msg": "/x/{TEMPLATE}"' in said
    assert TEMPLATE in (tmp_path / "audit.json").read_text()
    assert list(tmp_path.rglob("executed")) == []


def test_what_a_failed_module_said_on_its_way_through_a_rollout(tmp_path: pathlib.Path) -> None:
    (tmp_path / "rollout.yml").write_text(ROLLOUT.replace("TEMPLATE", TEMPLATE))
    said = ended(tmp_path, "rollout.yml")
    assert said.count("{{ lookup('pipe', 'touch executed') }}") >= 5
    assert "FAILED localhost\n    nothing was done: units[0]: '{{ lookup(" in said
    assert "; the whole report stands above" in said
    assert list(tmp_path.rglob("executed")) == []
