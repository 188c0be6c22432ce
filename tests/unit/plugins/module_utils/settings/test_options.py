# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a number in a variable stands for, and the user timeout that derives from the others."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import (
    OPTIONS,
    as_integer,
    derived_user_timeout,
    problem_with_user_timeout,
    problem_with_value,
    user_timeout_from,
)


class Tagged(int):
    """A number that carries something, as Ansible's do."""


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (60, 60),
        (-1, -1),
        ("60", 60),
        ("0", 0),
        ("-1", -1),
        ("-10", -10),
        ("9" * 19, int("9" * 19)),
        ("9" * 20, None),
        ("", None),
        ("-", None),
        ("00", None),
        ("-0", None),
        ("1.0", None),
        ("1 ", None),
        (True, None),
        (False, None),
        (1.0, None),
        (None, None),
        ([1], None),
    ],
)
def test_the_integer_that_a_value_stands_for(value: t.Any, number: t.Optional[int]) -> None:
    assert as_integer(value) == number
    assert type(as_integer(value)) in (int, type(None))


def test_what_a_number_carries_is_left_behind() -> None:
    """A value of YAML goes into files and over the wire as nothing but a number."""
    assert not isinstance(as_integer(Tagged(7)), Tagged)


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if name != "user_timeout"])
def test_only_the_user_timeout_can_be_derived(name: str) -> None:
    assert problem_with_value(OPTIONS["user_timeout"], -1) is None
    assert "-1 is out of range" in str(problem_with_value(OPTIONS[name], -1))


@pytest.mark.parametrize(
    ("parts", "timeout"),
    [
        ((60, 15, 4), 120_000),
        ((1, 1, 1), 2_000),
        ((32767, 32767, 64), 2_129_855_000),
        ((32767, 32767, 65), 2**31 - 1),  # as the C code has it
        ((32767, 32767, 127), 2**31 - 1),
    ],
)
def test_the_timeout_that_gives_up_when_the_probes_do(parts: t.Tuple[int, int, int], timeout: int) -> None:
    assert derived_user_timeout(*parts) == timeout


@pytest.mark.parametrize(
    ("values", "below", "timeout"),
    [
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4}, None, 120_000),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 0}, None, 60_000),
        ({"keepidle": 60, "keepintvl": 15}, None, None),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": None}, None, None),
        ({"keepidle": 60}, {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9}, 735_000),
        ({"keepidle": 60, "keepintvl": 0, "keepcnt": 2}, {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9}, 210_000),
        ({}, {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9}, 7_875_000),
        ({"keepidle": 60, "keepcnt": 4}, {"keepidle": 7200, "keepcnt": 9}, None),
        ({"keepidle": 60, "keepcnt": 4}, {"keepintvl": None}, None),
        ({"keepidle": 60, "keepcnt": 4}, {}, None),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4}, {}, 120_000),
    ],
)
def test_the_timeout_that_derives_from_what_is_known(
    values: t.Dict[str, t.Optional[int]], below: t.Optional[t.Dict[str, t.Optional[int]]], timeout: t.Optional[int]
) -> None:
    assert user_timeout_from(values, below) == timeout
    assert user_timeout_from(values) == user_timeout_from(values, None)


SECONDS_MEANT = (
    "tcp.user_timeout: {} is in milliseconds, and below the first probe (keepidle 60 s); {} s would be {}; where it is "
    "meant so, say 'short_user_timeout: true' beside tcp"
)


@pytest.mark.parametrize(
    ("timeout", "idle", "problem"),
    [
        (120, 60, SECONDS_MEANT.format(120, 120, 120000)),
        (59999, 60, SECONDS_MEANT.format(59999, 59999, 59999000)),
        (60000, 60, ""),
        (0, 60, ""),
        (-1, 60, ""),
        (999, 0, SECONDS_MEANT.format(999, 999, 999000).replace("keepidle 60 s", "whatever keepidle the system has")),
        (1000, 0, ""),
        (3000000, 32767, "tcp.user_timeout: 3000000 is in milliseconds, and below the first probe (keepidle 32767 s); "
         "where it is meant so, say 'short_user_timeout: true' beside tcp"),
    ],
)  # fmt: skip
def test_a_user_timeout_in_seconds(timeout: int, idle: int, problem: str) -> None:
    assert problem_with_user_timeout({"user_timeout": timeout, "keepidle": idle}) == problem
