# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table at the end of a run has a line for each host that should have answered, whatever became of it."""

from __future__ import annotations

import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).parents[3]

HOSTS = ("answered  ", "failed  ", "unreachable  ", "unlisted  ")

INVENTORY = """\
all:
  hosts:
    answered:
      keepalive_services_resolved: [{name: nginx.service}]
      keepalive_verify_sockets:
        sockets: []
        units:
          nginx.service:
            {state: running, elsewhere: [], ok: true, reasons: {}, relevant: 7, compliant: 7, noncompliant: 0,
             unknown: 0}
    failed:
      keepalive_services_resolved: [{name: nginx.service}]
    unreachable: {}
    unlisted:
      keepalive_services_resolved: []
"""

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: netops.keepalive.keepalive_verify, tasks_from: report}
"""


def test_hosts_without_an_answer_are_in_the_table(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    done = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".ansible" / "collections"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    table = done.stdout.partition("HOST  ")[2].partition("PLAY RECAP")[0]
    rows = [" ".join(line.split()) for line in table.splitlines() if line.startswith(HOSTS)]
    assert rows == [
        "answered nginx.service 7 7 0",
        "failed - - - - not verified: failed or not reached, see above",
        "unreachable - - - - not verified: failed or not reached, see above",
    ]
