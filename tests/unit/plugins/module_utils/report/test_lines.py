# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of 80 columns, and hosts in ranges."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import width
from ansible_collections.netops.keepalive.plugins.module_utils.report.lines import (
    folded,
    hosts_within,
    in_order,
    number_of,
)
from hypothesis import given
from hypothesis import strategies as st


def test_words_that_fit_stay_on_a_line() -> None:
    assert folded("a b", "X ", "  ") == ["X a b"]
    assert folded("a " * 60, "X ", "  ") == ["X " + "a " * 38 + "a", "  " + "a " * 20 + "a"]
    assert folded("", "X ", "  ") == ["X "]


@given(st.text(), st.integers(0, 20))
def test_no_line_is_longer_and_nothing_is_lost(text: str, indent: int) -> None:
    lines = folded(text, " " * indent, " " * indent)
    assert max(width(line) for line in lines) <= 80
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_hosts_are_in_the_order_of_people() -> None:
    assert in_order(["web10", "web2", "db", "web1", "app"]) == ["app", "db", "web1", "web2", "web10"]
    assert in_order(["r10u2", "r2u10", "r2u9", "r10u1"]) == ["r2u9", "r2u10", "r10u1", "r10u2"]


@pytest.mark.parametrize(
    ("hosts", "columns", "shown"),
    [
        (["h1"], 70, "h1"),
        ([f"web{number:02}" for number in range(1, 61)], 70, "web[01-60]"),
        (["web10", "web9", "web11"], 70, "web[9-11]"),
        (["a", "c", "e"], 70, "a, c, e"),
        (["a" * 30, "c" * 30, "e" * 30], 70, f"{'a' * 30} and 2 more"),
        (["a" * 90, "c"], 70, f"{'a' * 90} and 1 more"),
        (["a" * 30, "c" * 30], 70, f"{'a' * 30}, {'c' * 30}"),
    ],
)
def test_hosts_in_few_words(hosts: list[str], columns: int, shown: str) -> None:
    assert hosts_within(hosts, columns) == shown


def test_a_number_with_its_noun() -> None:
    assert [number_of(count, "host") for count in (0, 1, 2000)] == ["0 hosts", "1 host", "2,000 hosts"]
