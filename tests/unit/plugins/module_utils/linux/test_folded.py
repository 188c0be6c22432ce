# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of 80 columns."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.linux.folded import folded
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import width
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


def test_a_word_that_is_too_long_is_broken_behind_a_comma_where_there_is_one() -> None:
    word = ",".join(["0123"] * 20)
    assert folded(word, "", "") == [",".join(["0123"] * 16) + ",", ",".join(["0123"] * 4)]
    assert folded("x" * 90, "", "") == ["x" * 80, "x" * 10]


def test_a_name_in_quotes_is_never_broken() -> None:
    name = "'" + "a " * 40 + "'"
    assert folded(f"the host's own {name} connects", "", "  ") == ["the host's own", f"  {name}", "  connects"]
    assert folded(f'{"x" * 60} ("it\'s \\" a name of a host"), y', "", "") == [
        "x" * 60, '("it\'s \\" a name of a host"), y',
    ]  # fmt: skip
