# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction is to do, as it follows from the settings of a host and from what was seen there."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.assigned import ARGUMENTS, assigned, gone_units

A = {"name": "a.service", "restart": "never", "live": True, "expected": {"name": "a.service"}, "tcp": {}}
GONE = {"name": "gone.service", "restart": "if_running"}
TEXT = {"unit": "a.service", "content": "text"}


def given(**more: t.Any) -> t.Dict[str, t.Any]:
    defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    found = {"dropins": ["a.service", "other.service", "gone.service"]}
    return {**defaults, "services": [A], "absent": [GONE], "found": found, **more}


def test_the_whole_assignment() -> None:
    assert assigned(given(window=True, settle=3.0, verify=False), [TEXT]) == {
        "host_wide": None,
        "dropins": [TEXT, {"unit": "gone.service"}],
        "services": [
            {"name": "a.service", "restart": "never", "live": True, "expected": {"name": "a.service"}},
            {"name": "gone.service", "restart": "if_running"},
        ],
        "units": ["gone.service"],
        "without": ["gone.service"],
        "listed": ["a.service", "gone.service"],
        "look_again": None,
        "programs": ["gone.service"], "window": True, "settle": 3.0, "job_timeout": 300, "one_at_a_time": False,
        "verify": False, "verify_wait": 10.0, "verify_fail": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("purge", "gone"), [(False, ["gone.service"]), (True, ["gone.service", "other.service"])], ids=["", "purge"]
)
def test_who_is_not_listed_loses_settings_only_where_that_is_said(purge: bool, gone: t.List[str]) -> None:
    assert gone_units(given(purge=purge)) == gone
    task = assigned(given(purge=purge), [])
    assert (task["without"], task["listed"]) == (gone, ["a.service", *gone])
    assert task["dropins"] == [{"unit": name} for name in gone]


def test_without_deploying_nothing_is_written_and_what_is_gone_is_still_seen_to() -> None:
    task = assigned(given(deploy=False), [])
    assert (task["dropins"], task["without"]) == ([], ["gone.service"])


def test_the_drop_ins_take_the_place_of_the_host_wide_mode_where_that_is_said() -> None:
    assert assigned(given(replace_host_wide=True), [])["host_wide"] == {"settings": None, "use": []}


def test_the_whole_assignment_of_the_host_wide_mode() -> None:
    socket = {"name": "s.socket", "type": "socket", "restart": "never"}
    services = [{**A, "type": "service"}, {"name": "w@.service", "type": "service"}, socket]
    found = {"units": {"a.service": {"instances": []}, "w@.service": {"instances": ["w@1.service"]}}}
    wanted = {"sections": [], "template": "x.j2", "use": ["connect"], "watchdog": 60}
    task = assigned(given(services=services, absent=[], found=found, host_wide=wanted), [TEXT], "settings")
    assert task == {
        "host_wide": {
            "use": ["connect"], "watchdog": 60, "settings": "settings", "units": ["a.service", "w@1.service"],
        },
        "dropins": [TEXT], "purge": True,
        "services": [
            {"name": "a.service", "restart": "never", "live": True, "expected": {"name": "a.service"}},
            {"name": "w@.service"}, {"name": "s.socket", "restart": "never"},
        ],
        "programs": [], "window": False, "settle": 2.0, "job_timeout": 300, "one_at_a_time": False,
        "verify": True, "verify_wait": 10.0, "verify_fail": True, "look_again": None,
    }  # fmt: skip


def test_what_was_seen_long_ago_is_looked_at_once_more() -> None:
    found = {"units": {"a.service": {"ld_preload": ["/x.so"]}}, "dropins": []}
    assert assigned(given(look_again=True, absent=[], found=found), [])["look_again"] == {
        "scope": {"services": [A], "mode": "services"}, "ld_preload": {"a.service": ["/x.so"]},
    }  # fmt: skip


def test_of_a_removal_only_the_parts_that_are_asked_for_go() -> None:
    task = assigned(given(state="absent", parts=["host_wide"], found={}), [])
    assert (task["host_wide"], task["libraries_too"], task["listed"]) == ({"settings": None, "use": []}, False, [])
    assert not {"dropins", "purge", "without", "open_sockets_too"} & task.keys()
    task = assigned(given(state="absent", parts=["services"], found={"dropins": [], "library_users": []}), [])
    assert (task["host_wide"], task["libraries_too"], task["purge"]) == (None, False, True)


def test_the_whole_assignment_of_a_removal() -> None:
    users = [
        {"unit": "user.service", "loaded_by": "environment"}, {"unit": "host.service", "loaded_by": "host"},
        {"unit": "user@0.slice", "loaded_by": "environment"},
    ]  # fmt: skip
    found = {"dropins": ["a.service", "old.socket"], "library_users": users}
    assert assigned(given(state="absent", found=found, window=True), []) == {
        "removal": True, "libraries_too": True, "open_sockets_too": True, "host_wide": {"settings": None, "use": []},
        "dropins": [{"unit": "a.service"}, {"unit": "old.socket"}], "purge": True,
        "services": [
            {"name": "a.service", "restart": "never"},
            {"name": "gone.service", "restart": "if_running"},
        ],
        "units": ["a.service", "old.socket", "user.service"], "without": ["*"], "programs": ["*"],
        "window": False, "settle": 2.0, "job_timeout": 300, "one_at_a_time": False,
        "verify": False, "verify_wait": 10.0, "verify_fail": True,
    }  # fmt: skip


def test_whose_programs_are_seen_to() -> None:
    """Of those that are to have one, of those whose drop-in had one attached until now, and where that is not known."""
    services = [A, {**A, "name": "b.service", "backend": "bpf"}, {**A, "name": "was.service", "backend": "preload"}]
    found = {
        "units": {"a.service": {"by_program": False}, "was.service": {"by_program": True},
                  "gone.service": {"by_program": True}},
        "dropins": ["old.service", "a.service"],
    }  # fmt: skip
    seen_to = assigned(given(services=services, found=found, purge=True), [])["programs"]
    assert seen_to == ["b.service", "was.service", "gone.service", "old.service"]
