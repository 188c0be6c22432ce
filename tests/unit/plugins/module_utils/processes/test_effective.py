# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a library takes in a process, and where that is not what is expected of a socket."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.settings_file import Settings
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import printable
from ansible_collections.netops.keepalive.plugins.module_utils.processes.effective import (
    Effective,
    differing,
    effective,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS

DEFAULTS = {name: option.default for name, option in OPTIONS.items()}


@pytest.mark.parametrize(
    ("libraries", "direction", "differ"),
    [
        ({"connect"}, "outgoing", ["keepidle", "syncnt"]),
        ({"listen"}, "accepted", ["keepidle", "defer_accept"]),
        ({"connect"}, "accepted", []),
    ],
)
def test_an_option_that_no_acting_library_sets_does_not_differ(
    libraries: set[str], direction: str, differ: list[str]
) -> None:
    wanted = {**DEFAULTS, "keepidle": 77, "syncnt": 5, "defer_accept": 9}
    expectation = Expectation("a.service", frozenset(libraries), wanted, frozenset(), 0)
    assert sorted(differing(effective({}), expectation, direction)) == sorted(differ)


@pytest.mark.parametrize(("secure", "keepidle"), [(False, 77), (True, DEFAULTS["keepidle"])])
def test_the_environment_counts_but_for_a_program_with_rights_of_its_own(secure: bool, keepidle: int) -> None:
    assert effective({"TCP_KEEPIDLE": "77"}, None, secure).tcp["keepidle"] == keepidle
    assert effective({"TCP_KEEPIDLE": "77"}).tcp["keepidle"] == 77


def in_file(**values: int) -> Settings:
    return Settings(values, values)


@pytest.mark.parametrize(
    ("environment", "settings", "secure", "expected"),
    [
        ({}, None, False, Effective(DEFAULTS, False, False, {}, {})),
        ({"TCP_KEEPIDLE_X": "7", "PATH": "/bin"}, None, False, Effective(DEFAULTS, False, False, {}, {})),
        (
            {"TCP_KEEPIDLE": "7", "LIBKEEPALIVE_RESPECT": "1"},
            in_file(TCP_KEEPIDLE=9, TCP_KEEPCNT=3, LIBKEEPALIVE_DISABLE=1),
            False,
            Effective(
                {**DEFAULTS, "keepidle": 7, "keepcnt": 3},
                True,
                True,
                {
                    "TCP_KEEPIDLE": "environment",
                    "TCP_KEEPCNT": "file",
                    "LIBKEEPALIVE_DISABLE": "file",
                    "LIBKEEPALIVE_RESPECT": "environment",
                },
                {"TCP_KEEPIDLE": "7", "LIBKEEPALIVE_RESPECT": "1"},
            ),
        ),
        # a program with rights of its own is not given the environment
        (
            {"TCP_KEEPIDLE": "7", "LIBKEEPALIVE_DISABLE": "1"},
            in_file(TCP_KEEPIDLE=9, LIBKEEPALIVE_RESPECT=1),
            True,
            Effective(
                {**DEFAULTS, "keepidle": 9},
                False,
                True,
                {"TCP_KEEPIDLE": "file", "LIBKEEPALIVE_RESPECT": "file"},
                {},
            ),
        ),
        # the libraries ignore what is out of range, and the switch that says 0 is off
        (
            {"TCP_KEEPIDLE": "99999", "TCP_KEEPCNT": "0", "LIBKEEPALIVE_DISABLE": "0"},
            in_file(TCP_KEEPIDLE=9, TCP_KEEPCNT=3, LIBKEEPALIVE_DISABLE=1),
            False,
            Effective(
                {**DEFAULTS, "keepidle": 9, "keepcnt": 0},
                False,
                False,
                {"TCP_KEEPIDLE": "file", "TCP_KEEPCNT": "environment", "LIBKEEPALIVE_DISABLE": "environment"},
                {"TCP_KEEPIDLE": "99999", "TCP_KEEPCNT": "0", "LIBKEEPALIVE_DISABLE": "0"},
            ),
        ),
    ],
)
def test_what_a_library_takes_and_whence(
    environment: t.Dict[str, str], settings: t.Optional[Settings], secure: bool, expected: Effective
) -> None:
    assert effective(environment, settings, secure) == expected


def test_how_it_is_said_what_a_process_has_and_whence() -> None:
    environment = {"TCP_KEEPIDLE": "7\x1b[2J", "TCP_KEEPCNT": "4", "TCP_MAXSEG": "9" * 61}
    has = effective(environment, in_file(TCP_KEEPCNT=3, TCP_KEEPINTVL=2, LIBKEEPALIVE_DISABLE=1, LIBKEEPALIVE_DEBUG=1))
    variables = (
        "TCP_KEEPIDLE", "TCP_KEEPCNT", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT", "LIBKEEPALIVE_DISABLE", "LIBKEEPALIVE_DEBUG"
    )  # fmt: skip
    assert [has.source(variable) for variable in variables] == [
        "default", "environment", "file", "default", "file", "file"
    ]  # fmt: skip
    assert [has.described(variable) for variable in variables] == [
        "TCP_KEEPIDLE=7\\x1b[2J",
        "TCP_KEEPCNT=4",
        "TCP_KEEPINTVL=2 from /etc/libkeepalive.conf",
        "no TCP_USER_TIMEOUT",
        "LIBKEEPALIVE_DISABLE=1 from /etc/libkeepalive.conf",
        "LIBKEEPALIVE_DEBUG=1 from /etc/libkeepalive.conf",
    ]
    assert has.described("TCP_MAXSEG") == f"TCP_MAXSEG={printable('9' * 61, 60)}" != f"TCP_MAXSEG={'9' * 61}"
