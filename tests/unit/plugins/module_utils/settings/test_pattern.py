# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patterns fit what they stand for, on every Python, in bounded time. tests/csrc compares them with the C code."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.pattern import fits


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("a.service", ["a.service"], ["aXservice", "a.service ", ""]),
        ("worker@*.service", ["worker@.service", "worker@one.service"], ["worker.service", "worker@one.socket"]),
        ("*", ["", "a", "a/b\n"], []),
        ("", [""], ["a"]),
        ("?[ab]", ["xa", "?b"], ["a", "xc", "xab"]),
        ("[!a-c]", ["d", "-"], ["a", "b", "", "dd"]),
        ("[^a]", ["b", "^"], ["a"]),
        ("[]a]", ["]", "a"], ["[]a]"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[ab", ["[ab"], ["a", "ab"]),
        ("a\\b", ["a\\b"], ["ab"]),
        ("*a*b*", ["xaxbx", "ab"], ["ba"]),
        ("a*", ["a", "ab"], ["", "b", "ba"]),
        ("*b", ["b", "ab", "bb"], ["", "ba"]),
        ("a*b", ["ab", "axb", "abb"], ["aba", "b", "a"]),
        ("**", ["", "ab"], []),
        ("a?", ["ab"], ["a", "abc"]),
        ("?", ["a", "?"], ["", "ab"]),
        ("*[b]", ["b", "ab", "bb"], ["a", "ba", ""]),
        ("[a-c]", ["a", "b", "c"], ["-", "d"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "a", "-x"]),
        ("x[a-c]", ["xa", "xc"], ["xd", "x-"]),
        ("[a-ce]", ["a", "b", "c", "e"], ["d", "-"]),
        ("[ea-c]", ["a", "b", "c", "e"], ["d", "-"]),
        ("[a-cx-z]", ["b", "y"], ["d", "-"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[!-a]", ["b"], ["a", "-"]),
        ("[!]]", ["a", "!"], ["]"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("[]", ["[]"], ["]", "["]),
        ("[!", ["[!"], ["a", "!"]),
        ("[!]", ["[!]"], ["a", "!"]),
        ("[", ["["], ["", "a"]),
        ("a[", ["a["], ["a"]),
        ("[a-", ["[a-"], ["a", "-"]),
        ("[a]]", ["a]"], ["a", "]"]),
        ("[a!]", ["a", "!"], ["b"]),
        ("[a^]", ["a", "^"], ["b"]),
        ("[+--]", ["+", ",", "-"], [".", "*"]),
        ("[a-c", ["[a-c"], ["a", "b"]),
        ("*[!a]b", ["xb", "abxb", "bb"], ["ab", "b"]),
        ("a*[", ["a[", "ab["], ["a"]),
        ("[*]", ["*"], ["a", ""]),
        ("[?]a", ["?a"], ["aa"]),
        ("*aab", ["aaab", "aab", "aabaab"], ["aaba"]),
        ("a", ["a"], ["A", ""]),
        ("*?[", ["a[", "xa[", "*?["], ["[", "a", "?"]),
    ],
)
def test_what_a_pattern_stands_for(pattern: str, right: list, wrong: list) -> None:
    assert {text: fits(pattern, text) for text in right + wrong} == {text: text in right for text in right + wrong}


def test_a_range_from_the_wrong_end_is_empty() -> None:
    """Python's fnmatch raises re.error here before Python 3.11."""
    assert not any(fits("[z-a]", text) for text in "az-[]m")


def test_many_stars_take_no_long_time() -> None:
    """2^60 steps for a matcher that tries every star again."""
    assert not fits("*a" * 60 + "b", "a" * 400)
