# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each escape begins and ends, and to the column how much of a text is shown."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.columns import aligned
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import (
    lines_of,
    named,
    printable,
    quoted,
    shown,
    width,
)


@pytest.mark.parametrize(
    ("text", "most", "out"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc...(+1)"),
        ("ab\x1b", 6, "ab\\x1b"),
        ("ab\x1b", 5, "ab...(+1)"),
        ("a\x1bb", 5, "a\\x1b...(+1)"),
        ("日本", 4, "日本"),
        ("日本", 3, "日...(+1)"),
        ("日本x", 1, "...(+3)"),
        ("ä", 1, "ä"),
        ("\udcff" * 3, 8, "\\xff\\xff...(+1)"),
        ("ab", 0, "ab"),
        ("ä" * 500, 0, "ä" * 500),
    ],
)
def test_so_much_of_a_text_is_shown(text: str, most: int, out: str) -> None:
    assert printable(text, most) == out


@pytest.mark.parametrize(
    ("character", "out"),
    [
        (" ", " "),
        ("~", "~"),
        ("\x7f", "\\x7f"),
        ("\xa0", "\\xa0"),
        ("¡", "¡"),
        ("\xad", "\\xad"),
        ("\u0100", "Ā"),
        ("\u0300", "\\u0300"),
        ("\ufffe", "\\ufffe"),
        ("\uffff", "\\uffff"),
        ("\U00010000", "𐀀"),
        ("\U000f0000", "\\U000f0000"),
        ("\udc80", "\\x80"),
        ("\udcff", "\\xff"),
        ("\udc7f", "\\udc7f"),
        ("\udd00", "\\udd00"),
        ("\u2800", "\\u2800"),
        ("\u115f", "\\u115f"),
        ("\u1160", "\\u1160"),
        ("\u11ff", "\\u11ff"),
        ("\ud7b0", "\\ud7b0"),
        ("\uffa0", "\\uffa0"),
        ("\u3164", "\\u3164"),
    ],
)
def test_each_character_is_seen_or_escaped(character: str, out: str) -> None:
    assert printable(character) == out


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("äb", 2), ("日", 2), ("ｗ", 2), ("ｱ", 1), ("¡", 1), ("日ä本", 5)]
)
def test_how_wide_a_text_is(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("x" * 48, "x" * 48),
        ("x" * 49, "x" * 48 + "...(+1)"),
        ("a b" + "x" * 46, "'a b" + "x" * 45 + "...(+1)'"),
        ("'\"", '"\'\\""'),
        ("a\u200bb", "a\\u200bb"),
        *[(f"a{mark}b", f"'a{mark}b'") for mark in '"`()[]{}<>|;&$, '],
        ("a'b", '"a\'b"'),
    ],
)
def test_a_name_is_quoted_where_it_could_be_taken_for_other_words(text: str, out: str) -> None:
    assert named(text) == out


def test_so_many_lines_of_what_a_program_said_are_told_and_so_much_of_each() -> None:
    assert quoted("a\n \nb\x1b\nc" + "x" * 10 + "\n", lines=2, most=5) == "b\\x1b / cxxxx...(+6)"
    assert quoted("a\nb", lines=1) == "b"
    assert lines_of("a\tb\x1b\n\tc\r\n") == "a\tb\\x1b\n\tc\\x0d\n"


@pytest.mark.parametrize("key", ["before", "after", "content"])
def test_texts_of_several_lines_stay_so_under_their_keys_alone(key: str) -> None:
    several, one = "a\n\tb\x1b", "a\\x0a\\x09b\\x1b"
    value: t.Any = {key: several, "x\n": {key: [several, {"y": several}]}, "z": (several, {key: {several}}), "n": None}
    assert shown(value) == {
        key: "a\n\tb\\x1b",
        "x\\x0a": {key: ["a\n\tb\\x1b", {"y": one}]},
        "z": [one, {key: ["a\n\tb\\x1b"]}],
        "n": None,
    }
    assert shown([several, frozenset((several,)), 5]) == [one, [one], 5]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned(("NAME", "N", "LAST"), [("a\n", "1", ""), ("日本語", "1000", "x")], {"N"}) == [
        "NAME       N  LAST",
        "a\\x0a      1",
        "日本語  1000  x",
    ]
    assert aligned(("A",), [], ()) == ["A"]
    wide = "n" * 80
    assert aligned(("A", "B"), [(wide, "x"), (wide + "n", "y")], ()) == [
        f"A{' ' * 88}B", f"{wide}{' ' * 9}x", f"{wide}...(+1)  y"
    ]  # fmt: skip
