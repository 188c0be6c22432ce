# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units that wait for others stand behind them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.order import ordered


@pytest.mark.parametrize(
    ("names", "after", "order", "circle"),
    [
        ("abc", {}, "abc", ""),
        ("abc", {"a": "c", "c": "b"}, "bca", ""),
        ("abc", {"a": "bc"}, "bca", ""),
        ("abc", {"a": "x"}, "abc", ""),
        ("abc", {"x": "a"}, "abc", ""),
        ("ab", {"a": "b", "b": "a"}, "ab", "aba"),
        ("abcd", {"a": "b", "b": "c", "c": "b"}, "abcd", "bcb"),
        ("abcd", {"d": "d"}, "abcd", "dd"),
        ("abcd", {"a": "cd", "d": "c"}, "cdab", ""),
    ],
)
def test_each_stands_behind_those_it_waits_for(names: str, after: t.Dict[str, str], order: str, circle: str) -> None:
    assert ordered(names, after) == (list(order), list(circle))
