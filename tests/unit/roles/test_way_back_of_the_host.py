# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back of the host-wide mode: each step is tried whatever became of the others, and what failed is told.

The role is the real one; its modules are stand-ins that note what they are asked for, and fail as told.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.played_role import LOCKED, Host

STEPS = ("ld_so_preload", "host_settings", "service_dropins", "socket_options", "service_restart")

ALL_BUT_THE_LAST: t.Dict[str, t.Any] = {
    "host_settings": {"changed": True, "previous": {"base64": "eA=="}, "changed_headings": [], "lock_held": True},
    "ld_so_preload": {"changed": True, "lock_held": True, "notes": []},
    "service_dropins": {
        "changed": True, "changed_units": ["relay.socket"], "previous": [{"unit": "relay.socket", "content": "x"}],
        "unfinished": {}, "lock_held": True,
    },
    "service_restart": {"changed": True, "restarted": {"relay.socket": {}}, "lock_held": True},
    "socket_options": {"failed": True, "msg": "the sockets were not set", "previous": [{"unit": "relay.socket"}]},
}  # fmt: skip
"""Answers of a rollout that fails at its last step: everything is to be put back."""
PLAY = """\
- hosts: all
  gather_facts: false
  vars:
    keepalive_host_found: {host_wide: {entries: [/usr/lib/libkeepalive/old.so]}, units: {}}
    keepalive_services_resolved: [{name: relay.socket, type: socket, live: true, expected: {}}]
    keepalive_host_settings: {sections: []}
  tasks:
    - ansible.builtin.include_role: {name: netops.keepalive.keepalive_host}
"""


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path, "keepalive_host", PLAY)


def test_all_is_put_back_and_the_lock_with_it(host: Host) -> None:
    said = host.roll_out({**ALL_BUT_THE_LAST, "service_restart back": {"restarted": {"relay.socket": {}}}})
    assert host.way_back() == [*STEPS, "rollout_end"]
    asked = host.asked()
    assert asked["ld_so_preload back"]["libraries"] == ["/usr/lib/libkeepalive/old.so"]
    assert asked["host_settings back"]["restore"] == {"base64": "eA=="}
    assert asked["service_dropins back"]["dropins"] == ALL_BUT_THE_LAST["service_dropins"]["previous"]
    assert asked["service_restart back"]["force"] == ["relay.socket"]
    assert asked["rollout_end back"] == {"confirmed": True}
    own = [name for name, given in asked.items() if not name.startswith(("socket_options", "rollout_end"))]
    assert all(asked[name]["rollout"] is True for name in own), "each takes the lock, or keeps it"
    assert said.splitlines() == [
        "keepalive was not rolled out on h1; the host has what it had before",
        "step that failed: Set the open sockets",
        "what was seen: the sockets were not set",
        "/etc/ld.so.preload: put back",
        "/etc/libkeepalive.conf: put back",
        "drop-ins put back: relay.socket",
        "restarted with the old settings: relay.socket",
        "next: fix what was seen, then run the playbook again",
    ]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_is_told_and_keeps_no_other_from_being_taken(host: Host, step: str) -> None:
    said = host.roll_out({**ALL_BUT_THE_LAST, f"{step} back": {"failed": True, "msg": f"{step} does not go"}})
    assert host.way_back() == [*STEPS, "rollout_end"]
    assert f"h1; THE HOST DOES NOT HAVE ALL THAT IT HAD BEFORE: {step} does not go\n" in said
    assert ("drop-ins put back: COULD NOT BE PUT BACK" in said) is (step == "service_dropins")
    assert ("/etc/ld.so.preload: COULD NOT BE PUT BACK" in said) is (step == "ld_so_preload")
    assert ("/etc/libkeepalive.conf: COULD NOT BE PUT BACK" in said) is (step == "host_settings")
    assert host.asked()["rollout_end back"] == {"confirmed": step != "service_dropins"}
    assert said.endswith("next: fix what keeps the host from going back, then run the playbook again")


def test_what_the_way_back_did_not_restart_is_not_said_to_be_restarted(host: Host) -> None:
    failed = {
        "failed": True,
        "msg": "it does not start",
        "failed_unit": "relay.socket",
        "restarted": {"relay.socket": {}},
    }
    said = host.roll_out({**ALL_BUT_THE_LAST, "service_restart back": failed})
    assert "restarted with the old settings: none were restarted\nstill with the new ones: relay.socket\n" in said


def test_all_that_failed_on_the_way_back_is_told(host: Host) -> None:
    said = host.roll_out({**ALL_BUT_THE_LAST, **{f"{step} back": {"failed": True, "msg": step} for step in STEPS}})
    assert host.way_back() == [*STEPS, "rollout_end"]
    assert f"BEFORE: {'; '.join(STEPS)}\n" in said


def test_a_host_that_another_run_has_is_left_alone(host: Host) -> None:
    said = host.roll_out({"host_settings": LOCKED})
    assert host.way_back() == []
    assert said.startswith("keepalive was not rolled out on h1; nothing was changed by this run\n")
    assert said.endswith("next: wait until that run has ended, then run the playbook again")


def test_what_was_done_before_the_lock_was_taken_away_is_undone(host: Host) -> None:
    host.roll_out({**ALL_BUT_THE_LAST, "ld_so_preload": LOCKED})
    assert host.way_back() == ["host_settings", "service_dropins", "service_restart", "rollout_end"]
