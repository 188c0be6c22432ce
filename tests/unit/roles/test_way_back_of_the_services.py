# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back of a removal: what it says is what was done, and not what was meant."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.played_role import LOCKED, Host

PLAY = """\
- hosts: all
  gather_facts: false
  vars:
    keepalive_services_found: {units: {}, dropins: [], build: {}}
    keepalive_services_resolved: [{name: a.service, live: true, expected: {}}, {name: b.service, live: false}]
    keepalive_services_absent: []
  tasks:
    - ansible.builtin.include_role: {name: netops.keepalive.keepalive_services, tasks_from: remove}
"""
RESTARTED: t.Dict[str, t.Any] = {
    "service_dropins": {
        "changed": True, "changed_units": ["a.service"], "previous": [{"unit": "a.service", "content": None}],
        "unfinished": {}, "in_force": [], "lock_held": True,
    },
    "service_units_info": {"units": {}, "dropins": ["a.service"], "library_users": []},
    "service_restart": {
        "failed": True, "msg": "b.service: did not stay up", "failed_unit": "b.service",
        "restarted": {"a.service": {}, "b.service": {}}, "restart_due": {}, "left": [], "lock_held": True,
    },
}  # fmt: skip
"""Answers of a removal that fails in its restarts."""


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path, "keepalive_services", PLAY)


def test_all_that_was_done_is_undone_and_said(host: Host) -> None:
    back = {"service_restart back": {"restarted": {"b.service": {}, "a.service": {}}}}
    assert host.roll_out({**RESTARTED, **back}).splitlines() == [
        "keepalive was not taken away from h1; its services have what they had before",
        "step that failed: Restart what still runs with them",
        "what was seen: b.service: did not stay up",
        "drop-ins put back: a.service",
        "restarted with the old settings: a.service, b.service",
        "open sockets put back: none were changed",
        "next: fix the unit or take its entry out, then run the playbook again",
    ]
    assert host.asked()["service_restart back"]["force"] == ["a.service", "b.service"]


def test_a_unit_that_does_not_come_back_is_not_said_to_be_restarted(host: Host) -> None:
    failed = {"failed": True, "msg": "b.service: it does not start", "failed_unit": "b.service"}
    said = host.roll_out(
        {**RESTARTED, "service_restart back": {**failed, "restarted": {"a.service": {}, "b.service": {}}}}
    )
    assert "restarted with the old settings: a.service\nstill with the new ones: b.service\n" in said
    assert "but with them too b.service: it does not start\n" in said


def test_where_the_drop_ins_cannot_be_put_back_nothing_is_restarted_or_said_to_be(host: Host) -> None:
    said = host.roll_out({**RESTARTED, "service_dropins back": {"failed": True, "msg": "the disk is full"}})
    assert "service_restart" not in host.way_back()
    assert "h1; THE HOST STILL HAS THE NEW DROP-INS, they could not be put back: the disk is full\n" in said
    assert (
        "drop-ins put back: none were changed\nrestarted with the old settings: none were restarted\n"
        "still with the new ones: a.service, b.service\n"
    ) in said


def test_a_host_that_another_run_has_is_left_alone(host: Host) -> None:
    said = host.roll_out({**RESTARTED, "service_dropins": LOCKED})
    assert host.way_back() == []
    assert said.startswith("keepalive was not taken away from h1; nothing was changed by this run\n")
    assert "restarted with the old settings: none were restarted\n" in said
