# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When things are noticed with given values, as docs/limits.md and the README say it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.noticed import NoticedAfter, noticed_after


@pytest.mark.parametrize(
    ("tcp", "noticed"),
    [
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}, (60, 15, 4, 120, 120, 120, 90)),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 0}, (60, 15, 4, 120, None, None, 90)),
        # Above 0 it takes the place of the count, and counts at a probe.
        ({"keepidle": 5, "keepintvl": 2, "keepcnt": 3, "user_timeout": 150000}, (5, 2, 73, 151, 150, 150, 9)),
        ({"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 10000}, (60, 15, 1, 75, 10, 10, None)),
        # 0 and what is not said at all is the system's.
        ({"keepidle": 0}, (7200, 75, 9, 7875, None, None, 7350)),
        ({"keepidle": 0, "keepintvl": 10, "keepcnt": 2, "user_timeout": -1}, (7200, 10, 2, 7220, 7220, 7220, 7220)),
    ],
)
def test_what_comes_of_values(tcp: t.Dict[str, int], noticed: t.Tuple[t.Any, ...]) -> None:
    assert noticed_after(tcp) == NoticedAfter(*noticed)
