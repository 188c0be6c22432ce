# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a socket survives an idle timeout, and that the recommended values always do."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import (
    LONGEST_TIMEOUT,
    SHORTEST_TIMEOUT,
    KeepaliveTimes,
    ended_by_user_timeout,
    judge,
    probes_in_force,
    recommend,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from hypothesis import given
from hypothesis import strategies as st

RECIPES = pathlib.Path(__file__).parents[5] / "docs/recipes.md"


def options(keepidle: int, keepintvl: int, keepcnt: int, user_timeout: t.Optional[int] = 0) -> t.Any:
    return {"keepidle": keepidle, "keepintvl": keepintvl, "keepcnt": keepcnt, "user_timeout": user_timeout}


@pytest.mark.parametrize(
    ("keepalive", "values", "verdict"),
    [
        (False, options(1, 1, 9), "without"),
        (True, options(7200, 75, 9), "slow"),
        (True, options(350, 1, 9), "slow"),
        (True, options(349, 1, 9), "tight"),  # 351: the second probe may be the one that arrives, and is too late
        (True, options(300, 25, 9), "tight"),  # exactly 350 is not less
        (True, options(299, 25, 9), "right"),
        (True, options(120, 30, 4), "right"),
        (True, options(120, 30, 1), "tight"),  # the one probe that is lost ends the connection
        (True, options(120, 30, 4, 130_000), "tight"),  # so does this user timeout, whatever the count
        (True, options(120, 30, 4, 240_000), "right"),
        (True, options(120, 30, 1, 240_000), "right"),
        (True, options(120, 30, 4, None), "right"),  # MPTCP has no user timeout
        (None, options(120, 30, 4), "unknown"),
        (True, dict.fromkeys(options(1, 1, 1)), "unknown"),
        (False, dict.fromkeys(options(1, 1, 1)), "without"),
    ],
)
def test_the_verdict(keepalive: t.Optional[bool], values: t.Any, verdict: str) -> None:
    assert judge(keepalive, values, 350, None) == verdict


@pytest.mark.parametrize(
    ("values", "user_timeout"),
    [
        (options(120, 30, 4, 6000), 6000),
        (options(120, 30, 4, 130_000), 130_000),
        (options(120, 30, 4, 240_000), 0),
        (options(120, 30, 4), 0),
        (options(120, 30, 1, 6000), 0),  # it would not be right without it either
        (options(300, 100, 3, 6000), 0),
        (options(120, 30, 4, None), 0),
        (dict.fromkeys(options(1, 1, 1)), 0),
    ],
)
def test_the_user_timeout_that_alone_is_in_the_way(values: t.Any, user_timeout: int) -> None:
    assert ended_by_user_timeout(values, 350) == user_timeout


@pytest.mark.parametrize(
    ("timer", "verdict"), [(7100.0, "slow"), (350.0, "slow"), (349.0, "unknown"), (None, "unknown")]
)
def test_where_options_cannot_be_read_a_timer_can_only_speak_against(timer: t.Optional[float], verdict: str) -> None:
    assert judge(True, dict.fromkeys(options(1, 1, 1)), 350, timer) == verdict


def test_a_user_timeout_takes_the_place_of_the_count() -> None:
    assert probes_in_force(KeepaliveTimes(60, 15, 4), 0) == 4
    assert probes_in_force(KeepaliveTimes(60, 15, 4), 120_000) == 4
    assert probes_in_force(KeepaliveTimes(60, 15, 4), 121_000) == 5
    assert probes_in_force(KeepaliveTimes(60, 15, 4), 1000) == 1
    assert probes_in_force(KeepaliveTimes(60, 1, 4), 86_400_000) == 86_340
    assert probes_in_force(KeepaliveTimes(60, 15, 4), None) == 4


@given(st.integers(SHORTEST_TIMEOUT, LONGEST_TIMEOUT))
def test_what_is_recommended_is_right_and_within_the_kernels_range(idle_timeout: int) -> None:
    values = recommend(idle_timeout)
    assert judge(True, values._asdict(), idle_timeout, None) == "right"
    for name, value in values._asdict().items():
        assert OPTIONS[name].minimum <= value <= OPTIONS[name].maximum


@pytest.mark.parametrize(
    ("idle_timeout", "values"),
    [
        (4, (1, 1, 4)), (5, (2, 1, 4)), (10, (4, 1, 4)), (20, (8, 2, 4)), (24, (9, 2, 4)), (25, (10, 2, 4)),
        (37, (10, 2, 4)), (38, (15, 3, 4)), (50, (20, 5, 4)), (149, (55, 13, 4)), (150, (60, 30, 4)),
        (224, (60, 30, 4)), (225, (90, 30, 4)), (299, (90, 30, 4)), (300, (120, 30, 4)), (599, (180, 30, 4)),
        (600, (240, 60, 4)), (1499, (540, 60, 4)), (1500, (600, 60, 4)), (864_000, (600, 60, 4)),
    ],
)  # fmt: skip
def test_round_numbers_are_recommended_and_none_above_ten_minutes(
    idle_timeout: int, values: t.Tuple[int, int, int]
) -> None:
    assert recommend(idle_timeout) == values


@pytest.mark.parametrize("name", ["keepidle", "keepintvl", "keepcnt"])
def test_where_one_of_the_values_is_not_known_nothing_is_right(name: str) -> None:
    assert judge(True, {**options(60, 15, 4), name: None}, 350, None) == "unknown"
    assert judge(True, {key: value for key, value in options(60, 15, 4).items() if key != name}, 350, 360) == "slow"


@pytest.mark.parametrize(
    ("values", "survives"), [((60, 15, 2), True), ((60, 15, 1), False), ((60, 145, 2), False), ((60, 144, 2), True)]
)
def test_one_probe_may_be_lost(values: t.Tuple[int, int, int], survives: bool) -> None:
    assert KeepaliveTimes(*values).satisfy(350) is survives


def test_below_the_shortest_timeout_nothing_would_be() -> None:
    assert not KeepaliveTimes(1, 1, 4).satisfy(SHORTEST_TIMEOUT - 1)
