# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""First probes of a whole host are spread as those of units are."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils.settings.jitter import earlier
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution

NO_KEEPIDLE = "has no effect without a keepidle of its own; say one, or leave it out"
HOST = "web3"


def keepidle_of(services: t.Sequence[t.Any] = (), host: t.Optional[str] = HOST, **said: t.Any) -> t.Dict[str, str]:
    resolved = resolution(services, host=host).services
    sections = resolve_host_settings(resolved, **said, host=host)["sections"]
    return {section["heading"]: section["variables"].get("TCP_KEEPIDLE") for section in sections}


def test_every_process_programs_and_units_have_their_own() -> None:
    found = keepidle_of(
        [{"name": "a.service", "jitter": 10, "tcp": {"keepidle": 120}}],
        defaults={"jitter": 20, "tcp": {"keepidle": 200}},
        programs=[
            {"path": "/inherits", "tcp": {"keepidle": 300}},
            {"path": "/own", "jitter": 50, "tcp": {"keepidle": 300}},
            {"path": "/none", "jitter": 0, "tcp": {"keepidle": 300}},
            {"path": "/says/no/keepidle", "tcp": {"keepcnt": 3}},
        ],
        opt_outs=[{"path": "/out"}],
    )
    assert found == {
        "": str(earlier(200, 20, HOST, "")),
        "[program /out]": None,
        "[program /inherits]": str(earlier(300, 20, HOST, "/inherits")),
        "[program /own]": str(earlier(300, 50, HOST, "/own")),
        "[program /none]": "300",
        "[program /says/no/keepidle]": None,
        "[unit a.service]": str(earlier(120, 10, HOST, "a.service")),
    }
    assert found[""] != "200" and found["[program /inherits]"] != "300" and found["[unit a.service]"] != "120"


def test_what_people_read_above_a_unit_says_why_it_is_less() -> None:
    services = resolution([{"name": "a.service", "jitter": 10, "profile": "aws_nlb"}], host=HOST).services
    section = resolve_host_settings(services, host=HOST)["sections"][1]
    assert (section["comment"], section["variables"]["TCP_KEEPIDLE"]) == (
        "a.service, profile aws_nlb, jitter 10 % of 120 s", "110",
    )  # fmt: skip


def test_where_the_host_is_not_known_or_nothing_is_said_nothing_is_earlier() -> None:
    said = {"tcp": {"keepidle": 200}}
    assert keepidle_of(defaults={**said, "jitter": 20}, host=None) == {"": "200"}
    assert keepidle_of(defaults=said) == keepidle_of(defaults={**said, "jitter": 0}) == {"": "200"}


def test_what_is_wrong_is_told_with_its_place() -> None:
    with pytest.raises(ResolveError) as error:
        resolve_host_settings(
            [],
            defaults={"jitter": "10%"},
            programs=[
                {"path": "/a", "jitter": 60, "tcp": {"keepidle": 60}},
                {"path": "/b", "jitter": 10},
                {"path": "/c", "jitter": 10, "tcp": {"keepcnt": 3}},
                {"path": "/d", "jitter": 10, "tcp": {"keepidle": 9}},
            ],
            spelling=lambda value: None,
        )
    percent = "is not a whole number of percent from 1 to 50, or 0 for none"
    assert error.value.problems == [
        f"keepalive_host_defaults: jitter: '10%' {percent}",
        f"keepalive_host_programs[0] '/a': jitter: 60 {percent}",
        f"keepalive_host_programs[1] '/b': jitter: {NO_KEEPIDLE}",
        "keepalive_host_programs[1] '/b': says nothing: give it tcp, respect or disable",
        f"keepalive_host_programs[2] '/c': jitter: {NO_KEEPIDLE}",
        "keepalive_host_programs[3] '/d': jitter: 10 % of a keepidle of 9 s is less than a second, and changes "
        "nothing; leave it out",
    ]
    with pytest.raises(ResolveError) as error:
        resolve_host_settings([], defaults={"jitter": 10}, spelling=lambda value: "0xa" if value == 10 else None)
    assert error.value.problems == [f"keepalive_host_defaults: jitter: '0xa' {percent}"]
