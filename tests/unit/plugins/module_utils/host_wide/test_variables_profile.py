# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole host, and single programs, take profiles as units do."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils.settings.jitter import earlier

OWN: t.List[t.Any] = [
    {"name": "ours", "respect": False, "restart": "never", "libraries": ["socket"],
     "tcp": {"keepidle": 50, "syncnt": 3, "defer_accept": 2}},
    {"name": "azure_lb", "jitter": 50, "tcp": {"keepcnt": 7}},
    {"name": "slow", "short_user_timeout": True, "tcp": {"keepidle": 90, "user_timeout": 1000}},
]  # fmt: skip


def variables(libraries: t.Sequence[str] = ("connect", "listen"), **said: t.Any) -> t.List[t.Dict[str, str]]:
    found = resolve_host_settings([], **said, libraries=list(libraries), profiles=OWN, host="web3")
    return [section["variables"] for section in found["sections"]]


def test_every_process_takes_one_below_what_is_said_beside_it() -> None:
    plain = {"TCP_USER_TIMEOUT": "0", "LIBKEEPALIVE_RESPECT": "1"}
    assert variables(defaults={"profile": "gcp_vpc"}) == [
        {"TCP_KEEPIDLE": "240", "TCP_KEEPINTVL": "60", "TCP_KEEPCNT": "4", **plain}
    ]
    assert variables(defaults={"tcp": {"keepidle": 100}, "profile": "gcp_vpc", "respect": False}) == [
        {"TCP_KEEPIDLE": "100", "TCP_KEEPINTVL": "60", "TCP_KEEPCNT": "4", **plain, "LIBKEEPALIVE_RESPECT": "0"}
    ]


def test_of_ones_own_counts_what_may_be_said_there_and_has_an_effect() -> None:
    assert variables(defaults={"profile": "ours"}, libraries=["connect"]) == [
        {"TCP_KEEPIDLE": "50", "TCP_KEEPCNT": "9", "TCP_KEEPINTVL": "15", "TCP_USER_TIMEOUT": "0", "TCP_SYNCNT": "3",
         "LIBKEEPALIVE_RESPECT": "0"}
    ]  # fmt: skip
    assert variables(defaults={"profile": "slow"})[0]["TCP_USER_TIMEOUT"] == "1000", "meant so, as the profile says"


def test_a_program_takes_one_and_ones_own_wins_here_too() -> None:
    _every, built_in, own = variables(
        programs=[
            {"path": "/a", "profile": "aws_nlb", "tcp": {"keepcnt": 2}},
            {"path": "/b", "profile": "azure_lb", "tcp": {"keepidle": 100}},
        ]
    )
    assert built_in == {"TCP_KEEPIDLE": "120", "TCP_KEEPINTVL": "30", "TCP_KEEPCNT": "2"}
    assert own == {"TCP_KEEPIDLE": str(earlier(100, 50, "web3", "/b")), "TCP_KEEPCNT": "7"}


def test_people_see_which() -> None:
    found = resolve_host_settings(
        [], {"profile": "gcp_vpc"}, [{"path": "/a", "profile": "aws_nlb", "why": "goes out"}], [{"path": "/b"}]
    )
    assert [section["comment"] for section in found["sections"]] == [
        "Every process of this host. Profile gcp_vpc.", "/b", "goes out, profile aws_nlb",
    ]  # fmt: skip


def test_what_is_wrong_is_told_with_its_place_and_once() -> None:
    with pytest.raises(ResolveError) as error:
        resolve_host_settings(
            [],
            defaults={"profile": "aws_nbl"},
            programs=[{"path": "/a", "profile": 5}, {"path": "/b", "profile": "haproxy"}],
            opt_outs=[{"path": "/c", "profile": "aws_nlb"}],
            profiles=[{"name": "x", "tcp": {"keepidle": "wrong"}}],
        )
    assert error.value.problems == [
        "keepalive_host_defaults: profile: 'aws_nbl' is not known; did you mean aws_nlb? docs/profiles.md has those "
        "that are built in",
        "keepalive_host_opt_outs[0] '/c': profile: unknown key; known: path, why",
        "keepalive_host_programs[0] '/a': profile: 5 is not a name",
        "keepalive_host_programs[1] '/b': profile: 'haproxy' is no profile: it ends connections itself and counts "
        "bytes, of which a keepalive probe carries none; raise its 'timeout client', 'timeout server' and "
        "'timeout tunnel', or have the application send something",
    ]


def test_a_jitter_that_is_inherited_and_in_vain_is_left_out() -> None:
    profiles = [{"name": "p", "jitter": 10, "tcp": {"keepidle": 5}}, {"name": "q", "jitter": 10}]
    programs = [{"path": "/a", "profile": "p"}, {"path": "/b", "profile": "q"}]
    found = resolve_host_settings([], {"profile": "p"}, programs, profiles=profiles, host="web3")
    assert [section["variables"].get("TCP_KEEPIDLE") for section in found["sections"]] == ["5", "5", None]
