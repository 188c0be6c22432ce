# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look of the host-wide mode, and before a removal: what is asked, and what is made of the host's one answer."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.action.rollout_look import ActionModule
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.plugin_utils import _settings_file
from ansible_collections.netops.keepalive.plugins.plugin_utils._look import CODE
from ansible_collections.netops.keepalive.tests.unit.support.looked import (
    LIBRARIES,
    SERVICE,
    UNIT,
    Looked,
    Result,
    Task,
)


@pytest.fixture(name="serves")
def serves_fixture(look: Looked) -> Looked:
    """The host has a service with a library, which is installed."""
    look.told["found"]["units"]["web.service"] = UNIT
    look.told["found"]["build"] = {"missing": [], "families": [], "obstacle": ""}
    look.told["libraries"] = copy.deepcopy(LIBRARIES)
    return look


EVERYTHING_RIGHT = {"settings_sha256": "", "line_is_right": True, "left": False}
LINE_DUE = "line in /etc/ld.so.preload: connect, listen"
RESTART_DUE = {"unit": "x.service", "pid": 7, "program": "/bin/x", "why": "it is old"}


@pytest.fixture(name="everywhere")
def everywhere_fixture(serves: Looked) -> Looked:
    """The host tells every process what it is to be told."""
    serves.told["every_process"] = dict(EVERYTHING_RIGHT)
    told = serves({"fail": True}, keepalive_mode="host")
    serves.told["every_process"]["settings_sha256"] = settings_sha256(told["host_wide"]["sections"])
    serves.asked.clear()
    return serves


def settings_sha256(sections: t.Any) -> str:
    loader = DataLoader()
    templar = Templar(loader=loader, variables={})
    action = ActionModule(Task(pathlib.Path("/"), {}), None, None, loader, templar, None)
    return sha256_of_text(_settings_file.rendered(action, sections, {}, "libkeepalive.conf.j2"))


def test_in_the_host_wide_mode_a_host_that_is_right_is_finished_too(everywhere: Looked) -> None:
    everywhere.told["found"]["host_wide"]["restart_due"] = [RESTART_DUE]
    result = everywhere(keepalive_mode="host")
    assert (result["due"], result["outcome"]["state"], "found" in result) == ([], "done", False)
    assert result["outcome"]["remarks"] == [
        "x.service: it is old; until it is started again, by you or by 'restart: if_running' in an entry, it runs as "
        "before"
    ]
    (asked,) = everywhere.asked
    assert (asked["scope"]["mode"], asked["use"], asked["removal"]) == ("host", ["connect", "listen"], False)
    assert (asked["scope"]["units"], bool(asked["libraries"])) == ([], True)


@pytest.mark.parametrize(
    ("every_process", "due"),
    [
        ({"settings_sha256": "x"}, ["settings file: /etc/libkeepalive.conf"]),
        ({"line_is_right": False}, [LINE_DUE]),
        ({"left": True}, ["left by a run that did not come to its end: the host-wide mode"]),
    ],
)
def test_in_the_host_wide_mode_it_is_said_what_is_due(
    everywhere: Looked, every_process: Result, due: t.List[str]
) -> None:
    everywhere.told["every_process"].update(every_process)
    result = everywhere(keepalive_mode="host")
    assert (result["due"], result["outcome"]) == (due, {"state": "not begun", "seen": "", "remarks": []})
    assert {name: result["host_wide"][name] for name in ("template", "use", "validate", "watchdog", "backup")} == {
        "template": "libkeepalive.conf.j2", "use": ["connect", "listen"], "validate": True, "watchdog": 60,
        "backup": False,
    }  # fmt: skip
    assert "extra_programs" in result["host_wide"] and result["host_wide"]["sections"]


def test_other_settings_are_another_file(everywhere: Looked) -> None:
    result = everywhere(keepalive_mode="host", keepalive_host_defaults={"tcp": {"keepidle": 77}})
    assert result["due"] == ["settings file: /etc/libkeepalive.conf"]


def test_the_mode_of_a_task_counts_before_that_of_the_host(everywhere: Looked) -> None:
    everywhere({"mode": "host"}, keepalive_mode="services")
    everywhere({"mode": "services"}, keepalive_mode="host")
    assert [asked["scope"]["mode"] for asked in everywhere.asked] == ["host", "services"]


def test_mistakes_of_the_host_wide_mode_are_refused(everywhere: Looked) -> None:
    wrong = everywhere(keepalive_mode="host", keepalive_host_programs=[{"path": ""}])
    (line,) = wrong["outcome"]["seen"].split("\n")
    assert line.startswith("keepalive_host_programs[0]")
    none = everywhere(keepalive_mode="host", keepalive_host_libraries=[])
    assert none["outcome"]["seen"].startswith("keepalive_host_libraries: [] is not a list of ")


def test_a_settings_template_that_is_not_there_is_refused(everywhere: Looked) -> None:
    wrong = everywhere(keepalive_mode="host", keepalive_host_template="gone.j2")
    assert wrong["outcome"]["seen"].startswith("the template 'gone.j2' cannot be read: ")


REMOVAL: Result = {"state": "absent"}
NOTHING_THERE = {"libraries": False, "open_sockets": [], "left": False, "programs": []}


@pytest.fixture(name="removes")
def removes_fixture(look: Looked) -> Looked:
    """The host has something of ours, everything to be taken away."""
    look.told.update(removal={**NOTHING_THERE, "libraries": True}, sockets=None)
    look.told["found"]["units"] = {}
    return look


def test_where_nothing_is_to_be_taken_away_a_host_is_finished(removes: Looked) -> None:
    removes.told["found"]["dropins"] = []
    removes.told["removal"]["libraries"] = False
    result = removes(REMOVAL)
    done = {"state": "done", "seen": "", "remarks": [], "removed": [], "restarted": [], "stays": []}
    assert (result["outcome"], result["due"], "found" in result) == (done, [], False)
    assert removes.asked == [
        {"scope": {}, "libraries": None, "sockets": False, "use": [], "removal": True, "code": CODE}
    ]


def test_in_check_mode_such_a_host_says_what_it_would_not_do(removes: Looked) -> None:
    removes.told["found"]["dropins"] = []
    removes.told["removal"]["libraries"] = False
    removes.check_mode = True
    assert removes(REMOVAL)["outcome"] == {
        "state": "done", "seen": "", "remarks": [], "would_change": [], "would_restart": []
    }  # fmt: skip


def test_what_is_to_be_taken_away_is_due(removes: Looked) -> None:
    result = removes(REMOVAL)
    assert result["due"] == ["drop-ins: relay.socket", "libraries: installed"]
    assert (result["outcome"]["state"], result["found"]) == ("not begun", removes.told["found"])
    assert [service["name"] for service in result["resolved"]] == ["relay.socket"]
    assert "host_wide" not in result


def test_mistakes_stop_a_removal_too(removes: Looked) -> None:
    result = removes(REMOVAL, keepalive_services=[{"name": "relay.socket", "tcp": {"keepidle": -5}}])
    assert result["outcome"]["state"] == "refused"


@pytest.mark.parametrize(
    ("variables", "host_wide", "restart"),
    [
        ({}, {}, "if_running"),
        ({"keepalive_mode": "host"}, {}, "never"),
        ({}, {"settings": True}, "never"),
        ({}, {"entries": ["/usr/lib/libkeepalive/libkeepalive.so"]}, "never"),
        ({"keepalive_host_restart": "if_running"}, {"settings": True}, "if_running"),
    ],
)
def test_a_host_in_the_host_wide_mode_restarts_nothing_unasked(
    removes: Looked, variables: Result, host_wide: Result, restart: str
) -> None:
    removes.told["found"]["host_wide"].update(host_wide)
    (service,) = removes(REMOVAL, **variables)["resolved"]
    assert service["restart"] == restart


@pytest.mark.parametrize(("base", "left"), [({}, True), ({"restart": "if_running"}, False)])
def test_who_has_a_library_from_that_mode_only_is_left_alone(removes: Looked, base: Result, left: bool) -> None:
    user = {"unit": "web.service", "loaded_by": "host", "program": "/bin/web", "pid": 7}
    removes.told["found"]["library_users"] = [user]
    result = removes(REMOVAL, keepalive_services=[SERVICE], keepalive_services_base=base)
    assert result["absent"] == ([{"name": "web.service", "restart": "never"}] if left else [])


def test_programs_with_a_list_of_system_calls_of_their_own_are_named_before(everywhere: Looked) -> None:
    process = {"unit": "own.service", "program": "/opt/own", "pid": 7}
    everywhere.told["found"]["host_wide"]["filtered"] = [process]
    (remark,) = everywhere(keepalive_mode="host")["outcome"]["remarks"]
    assert remark.startswith("own.service: /opt/own (process 7) has a list of system calls of its own: ")


def test_host_wide_first_probes_are_spread_by_the_hosts_name(everywhere: Looked) -> None:
    defaults = {"jitter": 50, "tcp": {"keepidle": 100}}
    told = [
        everywhere({"fail": True}, keepalive_mode="host", keepalive_host_defaults=defaults, inventory_hostname=host)
        for host in ("h1", "h1", "h2")
    ]
    first, again, other = (one["host_wide"]["sections"][0]["variables"]["TCP_KEEPIDLE"] for one in told)
    assert first == again != other
    assert 50 <= int(first) < 100


def test_host_wide_a_profile_of_ones_own_is_found(everywhere: Looked) -> None:
    profiles = [{"name": "ours", "tcp": {"keepidle": 77}}]
    told = everywhere(
        {"fail": True}, keepalive_mode="host", keepalive_host_defaults={"profile": "ours"},
        keepalive_services_profiles=profiles,
    )  # fmt: skip
    assert told["host_wide"]["sections"][0]["variables"]["TCP_KEEPIDLE"] == "77"
