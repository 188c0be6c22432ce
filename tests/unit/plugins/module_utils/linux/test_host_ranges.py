# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of many hosts in few words."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.host_ranges import hosts_within, in_order, ranges


def test_hosts_are_in_the_order_of_people() -> None:
    assert in_order(["web10", "web2", "db", "web1", "app"]) == ["app", "db", "web1", "web2", "web10"]
    assert in_order(["r10u2", "r2u10", "r2u9", "r10u1"]) == ["r2u9", "r2u10", "r10u1", "r10u2"]


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([], ""),
        (["web1", "web2"], "web1, web2"),
        (["web09", "web10", "web11"], "web[09-11]"),
        (["web9", "web10", "web11"], "web[9-11]"),
        (["web09", "web9", "web10"], "web[09,9,10]"),
        (["a1.x", "a2.x", "a3.x", "b"], "a[1-3].x, b"),
        (["a1", "b", "a3", "a5"], "a[1,3,5], b"),
        (["a1", "b1", "a3", "b"], "a1, b1, a3, b"),
        (["a1.dc2.x", "a2.dc2.x", "a3.dc2.x"], "a[1-3].dc2.x"),
        (["a.dc1.x", "a.dc2.x", "a.dc3.x"], "a.dc[1-3].x"),
        (["10.89.0.1", "10.89.0.2", "10.89.0.3"], "10.89.0.[1-3]"),
        ([f"a{number}" for number in range(0, 24, 2)], "a[0,2,4,6,8,10,12,14,16,18] and 2 more"),
        ([chr(97 + number) for number in range(12)], "a, b, c, d, e, f, g, h, i, j and 2 more"),
    ],
)
def test_names_of_many_hosts(hosts: list[str], said: str) -> None:
    assert ranges(hosts) == said


@pytest.mark.parametrize(
    ("hosts", "columns", "shown"),
    [
        (["h1"], 70, "h1"),
        ([f"web{number:02}" for number in range(1, 61)], 70, "web[01-60]"),
        (["web10", "web9", "web11"], 70, "web[9-11]"),
        (["c", "a", "e"], 70, "a, c, e"),
        (["a1.x", "a3.x", "a5.x", "a9.x"], 19, "a[1,3].x and 2 more"),
        (["a1.x", "a3.x", "a5.x", "a9.x"], 22, "a[1,3,5,9].x"),
        (["a" * 30, "c" * 30, "e" * 30], 70, f"{'a' * 30} and 2 more"),
        (["a" * 90, "c"], 70, f"{'a' * 90} and 1 more"),
        (["a" * 30, "c" * 30], 70, f"{'a' * 30}, {'c' * 30}"),
    ],
)
def test_hosts_in_few_columns(hosts: list[str], columns: int, shown: str) -> None:
    assert hosts_within(hosts, columns) == shown
