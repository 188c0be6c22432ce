# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role prints at the end speaks of each host that should have answered, whatever became of it."""

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
      keepalive_services_resolved: [{name: nginx.service, expected: {libraries: [connect], tcp: {keepidle: 60}}}]
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


def printed(tmp_path: pathlib.Path, *options: str) -> str:
    (tmp_path / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    done = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", "play.yml", *options],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".ansible" / "collections"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.partition("PLAY RECAP")[0]


def test_hosts_without_an_answer_are_in_the_table(tmp_path: pathlib.Path) -> None:
    _before, _title, table = printed(tmp_path, "-e", "keepalive_report_table=true").partition("HOST  ")
    rows = [" ".join(line.split()) for line in table.splitlines() if line.startswith(HOSTS)]
    assert rows == [
        "answered nginx.service 7 7 0",
        "failed - - - - no data: not read: it failed, or could not be reached",
        "failed nginx.service - - - not read",
        "unreachable - - - - no data: not read: it failed, or could not be reached",
        "unlisted - - - - nothing is listed",
    ]


def test_what_it_comes_to_stands_on_the_last_screen(tmp_path: pathlib.Path) -> None:
    screen = printed(tmp_path)
    assert "HOST  " not in screen
    assert "\n1 of 2 unit x host right: 1 without data\n2 of 4 hosts done: 2 without data\n" in screen
    assert "\nNO DATA   2 hosts\n          failed, unreachable\n          not read: it failed" in screen
    assert "\nRIGHT     1: nginx.service 1\n" in screen
