# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is wrong with one host's variables, all at once, each with its place and what would be right."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.variables import (
    problem_with_compiler,
)
from ansible_collections.netops.keepalive.plugins.plugin_utils._inputs import all_of_a_host, mistakes, templated

SECONDS = "a number of seconds from 0 to 3600"
BATCH = "is not the size of a batch: expected a number such as 5, a share such as '10%', or a list"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("keepalive_verify_wait", "ten", f"'ten' is not {SECONDS}"),
        ("keepalive_services_settle", "soon", f"'soon' is not {SECONDS}"),
        ("keepalive_services_settle", -1, f"-1 is out of range: expected {SECONDS}"),
        ("keepalive_services_settle", 100000, f"100000 is out of range: expected {SECONDS}"),
        ("keepalive_services_settle", True, f"True is not {SECONDS}"),
        ("keepalive_services_one_at_a_time", "maybe", "'maybe' is not true or false"),
        ("keepalive_services_job_timeout", 0, "0 is out of range: expected a whole number of seconds from 1 to 86400"),
        ("keepalive_mode", "hosst", "'hosst' is not one of services, host"),
        ("keepalive_unreachable", "ignore", "'ignore' is not one of stop, skip"),
        ("keepalive_serial", "abc", f"'abc' {BATCH}"),
        ("keepalive_serial", [1, "500%"], f"'500%' {BATCH}"),
        ("keepalive_serial", [], "the list is empty; expected sizes of batches such as [1, '10%', '100%']"),
        ("keepalive_hosts", "", "'' is not a pattern of hosts such as web or 'web:!web7'"),
        ("keepalive_services", "billing.service", "'billing.service' is not a list of dictionaries with a 'name'"),
        ("keepalive_services", 5, "5 is not a list of dictionaries with a 'name'"),
        ("keepalive_build_packages", "gcc", "'gcc' is not a list of names"),
        ("audit_idle_timeout", 3, "3 is out of range: expected a whole number of seconds from 4 to 864000"),
        ("audit_min_idle", None, "None is not a whole number of seconds from 0 to 864000"),
        ("keepalive_build_delegate", "nowhere",
         "'nowhere' is not in the inventory; expected one of its hosts, or localhost"),
        ("keepalive_build_delegate", "web", "'web' is a group; name one host of it: w1, w2"),
    ],
)  # fmt: skip
def test_each_value_is_checked(name: str, value: t.Any, problem: str) -> None:
    assert mistakes({name: value}, groups={"all": ["w1", "w2"], "web": ["w1", "w2"]}) == [f"{name}: {problem}"]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "keepalive_serial": [1, "10%", "100%"],
            "keepalive_services_settle": "0.5",
            "keepalive_services_purge": "false",
        },
        {"keepalive_build_prebuilt": "", "keepalive_build_delegate": None, "keepalive_services_restart": ""},
        {"keepalive_services": [], "keepalive_services__web": [{"name": "a.service"}], "keepalive_mode": "host"},
        {
            "keepalive_mode": "host",
            "keepalive_services_profiles": [{"name": "ours", "tcp": {"keepidle": 60}}],
            "keepalive_host_defaults": {"profile": "ours", "jitter": 10},
        },
        {"keepalive_services": [{"name": "a.service", "profile": "aws_nlb", "jitter": 10}]},
    ],
)
def test_what_is_right(variables: t.Dict[str, t.Any]) -> None:
    assert mistakes(variables, of_plays={"keepalive_serial"}) == []


def test_a_list_of_strings() -> None:
    assert mistakes({"keepalive_services": ["a.service", "b.service"]}) == [
        "keepalive_services[0]: 'a.service' is not a dictionary with a 'name'",
        "keepalive_services[1]: 'b.service' is not a dictionary with a 'name'",
    ]


def test_all_at_once() -> None:
    found = mistakes(
        {"keepalive_service": [], "keepalive_services_settle": "soon", "keepalive_serial": 1,
         "keepalive_services": [{"name": "a.service", "tcp": {"keepidle": 0}, "restarts": 1}],
         "keepalive_build_prebuilt": "/nonexistent"},
        skip_tags=["restarts"],
        of_plays=(),
        find=lambda kind, name: f"is no {kind}",
    )  # fmt: skip
    assert [line.partition(":")[0] for line in found] == [
        "--skip-tags restarts", "keepalive_service", "keepalive_services_settle", "keepalive_serial",
        "keepalive_build_prebuilt", "keepalive_services[0] 'a.service'",
    ]  # fmt: skip
    assert (
        found[3]
        == "keepalive_serial: 1 stands where no play reads it; say it on the command line, -e keepalive_serial=..."
    )
    assert found[4] == "keepalive_build_prebuilt: '/nonexistent' is no folder"


def fill_in(value: t.Any) -> t.Any:
    if isinstance(value, str) and "nowhere" in value:
        raise AnsibleUndefinedVariable("'nowhere' is undefined")
    return value


def test_what_is_not_defined_is_named_with_its_place() -> None:
    raw = {
        "keepalive_services": [
            {"name": "a.service", "tcp": {"keepidle": "{{ nowhere }}", "keepcnt": 3}},
            {"name": "b.service", "after": ["a.service", "{{ nowhere }}"]},
        ],
        "keepalive_serial": "{{ nowhere }}",
    }
    filled, problems = templated(raw, fill_in)
    assert filled == {
        "keepalive_services": [
            {"name": "a.service", "tcp": {"keepcnt": 3}},
            {"name": "b.service", "after": ["a.service"]},
        ]
    }
    why = "'nowhere' is undefined; define it for this host, or correct '{{ nowhere }}'"
    assert problems == [
        f"keepalive_services[0] 'a.service': tcp.keepidle: {why}",
        f"keepalive_services[1] 'b.service': after[1]: {why}",
        f"keepalive_serial: {why}",
    ]
    assert all_of_a_host({**raw, "other": "{{ nowhere }}"}, fill_in) == problems


def test_a_compiler_that_no_package_brings() -> None:
    assert problem_with_compiler("cc", False) == problem_with_compiler("gcc -m64", False) == ""
    assert problem_with_compiler("gcc-99", True) == ""
    assert problem_with_compiler("gcc-99", False).startswith(
        "keepalive_build_cc: 'gcc-99' is not there, and the packages "
    )


def test_what_the_host_wide_mode_stands_for_contradicts_as_if_it_had_been_said() -> None:
    entry = [{"name": "a.service", "tcp": {"keepidle": 60}, "overwrite": True, "live": True}]
    assert mistakes({"keepalive_services": entry}) == []
    assert mistakes({"keepalive_services": entry, "keepalive_mode": "host"}) == [
        "keepalive_services[0] 'a.service': overwrite: contradicts 'respect: true'; leave one of them out"
    ]
