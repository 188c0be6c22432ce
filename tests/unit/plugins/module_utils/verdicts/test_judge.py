# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a keepalive timer shows where nothing else of a socket can be read."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import AtLeast
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.judge import shown_by_timer
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting


def record(keepalive: t.Optional[bool], timer: t.Optional[float]) -> Record:
    here, there = ("127.0.0.1", 1), ("127.0.0.1", 2)
    return Record(1, "inet", "tcp", "ESTABLISHED", here, there, keepalive, {}, False, None, None, [], timer=timer)


@pytest.mark.parametrize(
    ("keepalive", "timer", "tcp", "wrong"),
    [
        (False, None, {"keepidle": 60, "keepintvl": 15}, [("keepalive", False, True)]),
        (None, None, {"keepidle": 60, "keepintvl": 15}, []),
        (True, 60.0, {"keepidle": 60, "keepintvl": 15}, []),
        (True, 61.0, {"keepidle": 60, "keepintvl": 15}, [("keepidle", 61.0, 60)]),
        (True, 70.0, {"keepidle": 60, "keepintvl": 75}, []),  # between two probes
        (True, 76.0, {"keepidle": 60, "keepintvl": 75}, [("keepidle", 76.0, 60)]),
        # The system's own value is not known here.
        (True, 7000.0, {"keepidle": 60, "keepintvl": 0}, []),
        (True, 7000.0, {"keepidle": 0, "keepintvl": 75}, []),
        (True, 7000.0, {"keepintvl": 75}, []),
    ],
)
def test_a_timer_shows_what_is_wrong_and_never_that_all_is_right(
    keepalive: t.Optional[bool],
    timer: t.Optional[float],
    tcp: t.Dict[str, int],
    wrong: t.List[t.Any],
) -> None:
    found = shown_by_timer(record(keepalive, timer), expecting(tcp=tcp))
    assert [tuple(each) for each in found] == wrong
    assert all(isinstance(each.value, AtLeast) for each in found if each.option == "keepidle")
