# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking until it is so, or the time is over: by a clock that moves only while somebody sleeps or asks."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux.polling import poll_until
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(polling, "time", clock)
    return clock


def test_nobody_waits_where_the_first_answer_is_enough(clock: Clock) -> None:
    assert poll_until(lambda: "yes", 10, 1) == "yes"
    assert clock.now == 0


def test_it_is_asked_after_each_pause_until_it_is_enough(clock: Clock) -> None:
    asked: t.List[float] = []

    def ask() -> int:
        asked.append(clock.now)
        return len(asked)

    assert poll_until(ask, 10, 2, enough=lambda answer: answer > 3) == 4
    assert asked == [0, 2, 4, 6]


@pytest.mark.parametrize(("seconds", "asked"), [(0, [0]), (5, [0, 2, 4, 5])])
def test_at_the_end_of_the_time_it_is_asked_once_more(clock: Clock, seconds: float, asked: t.List[float]) -> None:
    seen: t.List[float] = []
    assert poll_until(lambda: seen.append(clock.now), seconds, 2) is None
    assert seen == asked


def test_who_takes_long_to_answer_is_asked_less_often(clock: Clock) -> None:
    asked: t.List[float] = []

    def ask() -> bool:
        asked.append(clock.now)
        clock.now += 1
        return False

    poll_until(ask, 25, 2, rest=10)
    assert asked == [0, 11, 22, 25]


def test_what_goes_wrong_while_asking_is_told_at_once(clock: Clock) -> None:
    def ask() -> bool:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        poll_until(ask, 10, 1)
    assert clock.now == 0
