# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a dead peer is noticed, asked in a template: of an entry, a profile, or values alone."""

from __future__ import annotations

import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.netops.keepalive.plugins.filter import detection_time as filter_file
from ansible_collections.netops.keepalive.plugins.filter.detection_time import FilterModule, detection_time
from ansible_collections.netops.keepalive.plugins.module_utils.report.noticed import NoticedAfter, noticed_after
from ansible_collections.netops.keepalive.tests.unit.support.resolved import only


def noticed(
    idle: float, given_up: t.Optional[float], times: t.Tuple[int, int, int], survives: t.Optional[int]
) -> t.Any:
    keepidle, keepintvl, probes = times
    return NoticedAfter(keepidle, keepintvl, probes, idle, given_up, given_up, survives)._asdict()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("aws_nlb", noticed(240, 240, (120, 30, 4), 180)),
        ({"profile": "aws_nlb"}, noticed(240, 240, (120, 30, 4), 180)),
        ({"profile": "aws_nlb", "tcp": {"keepcnt": 3}}, noticed(210, 210, (120, 30, 3), 180)),
        ({"name": "a.service"}, noticed(150, 150, (15, 15, 9), 45)),
        ({}, noticed(150, 150, (15, 15, 9), 45)),
        ({"name": "a.service", "tcp": {"keepidle": 60, "keepintvl": 15, "keepcnt": 4}},
         noticed(120, 120, (60, 15, 4), 90)),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4}, noticed(120, 120, (60, 15, 4), 90)),
        ({"keepidle": "60", "keepintvl": "15", "keepcnt": "4"}, noticed(120, 120, (60, 15, 4), 90)),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 0}, noticed(120, None, (60, 15, 4), 90)),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 10000}, noticed(75, 10, (60, 15, 1), None)),
        ({"keepidle": 0, "keepintvl": 0, "keepcnt": 0, "user_timeout": 0}, noticed(7875, None, (7200, 75, 9), 7350)),
        ({"keepidle": 60, "defer_accept": 3, "syncnt": 2}, noticed(195, 195, (60, 15, 9), 90)),
        # systemd has no directive for a user timeout; a program sets it.
        ({"name": "a.socket", "tcp": {"keepidle": 90, "keepintvl": 9, "keepcnt": 3}},
         noticed(117, None, (90, 9, 3), 108)),
        ({"name": "a.socket", "backend": "bpf", "tcp": {"keepidle": 90, "keepintvl": 9, "keepcnt": 3}},
         noticed(117, 117, (90, 9, 3), 108)),
    ],
)  # fmt: skip
def test_what_is_noticed_when(said: t.Any, expected: t.Dict[str, t.Any]) -> None:
    assert detection_time(said) == expected


def test_what_an_entry_does_not_say_is_asked_of_the_defaults_and_ones_own_profiles() -> None:
    own = [{"name": "aws_nlb", "tcp": {"keepidle": 10}}]
    defaults = {"profile": "aws_nlb", "tcp": {"keepintvl": 5, "keepcnt": 2}}
    assert detection_time({"name": "a.service"}, defaults, own) == noticed(20, 20, (10, 5, 2), 20)
    assert detection_time("aws_nlb", profiles=own) == noticed(145, 145, (10, 15, 9), 40)


def test_a_resolved_service_is_told_of_as_the_report_does() -> None:
    service = only(
        [{"name": "a.service", "tcp": {"keepidle": 5, "keepintvl": 2, "keepcnt": 3, "user_timeout": 150000}}]
    )
    assert detection_time(service) == noticed_after(service["expected"]["tcp"])._asdict()
    assert detection_time(service) == noticed(151, 150, (5, 2, 73), 9)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("aws_nbl", "detection_time[0] 'values.service': profile: 'aws_nbl' is not known; did you mean aws_nlb? "
                    "docs/profiles.md has those that are built in"),
        ({"name": "a.service", "tcp": {"keepidle": "1m"}},
         "detection_time[0] 'a.service': tcp.keepidle: '1m' is not an integer of seconds from 1 to 32767, 0 (the "
         "system's default)"),
        ({"keepidle": 99999},
         "detection_time[0] 'values.service': tcp.keepidle: 99999 is out of range: expected an integer of seconds from "
         "1 to 32767, 0 (the system's default)"),
        ({"name": "a.service", "state": "absent"},
         "detection_time: {'name': 'a.service', 'state': 'absent'} has 'state: absent', so there is nothing that would "
         "notice"),
        ([{"name": "a.service"}],
         "detection_time: [{'name': 'a.service'}] is not an entry such as {tcp: {keepidle: 60}}, nor the name of a "
         "profile; of a list take map('netops.keepalive.detection_time')"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_as_in_a_run(said: t.Any, problem: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        detection_time(said)
    assert error.value.message.splitlines()[0] == problem


def test_the_examples_do_what_they_say(tmp_path: pathlib.Path) -> None:
    play = {"hosts": "localhost", "gather_facts": False, "tasks": yaml.safe_load(filter_file.EXAMPLES)}
    play["vars"] = {"keepalive_services_defaults": {"tcp": {"keepcnt": 2}}}
    for keepidle, status in ((30, 0), (31, 2)):
        play["vars"]["keepalive_services"] = [{"name": "a.service", "tcp": {"keepidle": keepidle}}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        run = subprocess.run(
            ["ansible-playbook", "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == status, run.stdout
        assert "210.0 s" in run.stdout


def test_the_documentation_shows_what_comes_out() -> None:
    assert FilterModule().filters() == {"detection_time": detection_time}
    assert yaml.safe_load(filter_file.DOCUMENTATION)["positional"] == "_input"
    assert yaml.safe_load(filter_file.RETURN)["_value"]["sample"] == detection_time("aws_nlb")
    assert set(detection_time({})) == set(re.findall(r"C\((\w+)\)", filter_file.RETURN))
