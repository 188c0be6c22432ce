# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a user of a host has put into a text, what goes out stays on its line and shows all there is."""

from __future__ import annotations

import os
import typing as t
import unicodedata

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.columns import WIDEST, aligned
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import (
    lines_of,
    named,
    printable,
    quoted,
    shown,
    width,
)
from hypothesis import given
from hypothesis import strategies as st

CONTROLS = "\x1b\x07\r\n\u202e\u2066\u200b\ufeff\x85\x9b\u2028\u2029\xad\t\v\f\x1c\x7f\udcff\ud800\x00"
ANYTHING = st.text(st.characters(codec=None))  # lone surrogates too
BYTES = st.binary().map(os.fsdecode)
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u034f\u115f\u1160\u180e\u3164\uffa0\ufe0f\U000e0041\u0301\u20dd"


def is_visible(text: str) -> bool:
    """Tell it by Python's own idea of what can be printed, and by the widths of Unicode."""
    return text.isprintable() and not any(
        unicodedata.combining(each) or unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me")
        for each in text
    )


def test_a_mark_that_takes_room_and_joins_its_neighbour_is_escaped() -> None:
    assert printable("a\u1bf2b") == "a\\u1bf2b"  # a virama that Unicode counts as spacing


@given(st.one_of(ANYTHING, BYTES))
def test_nothing_invisible_comes_out(text: str) -> None:
    out = printable(text)
    assert is_visible(out) and len(out.splitlines()) <= 1
    out.encode("utf-8")


@given(st.one_of(ANYTHING, BYTES))
def test_to_escape_twice_changes_nothing(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize("character", CONTROLS + ZERO_WIDTH)
def test_each_of_these_is_an_escape(character: str) -> None:
    assert printable(f"a{character}b").startswith("a\\")
    assert printable(f"a{character}b").isascii()


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("nginx", "nginx"),
        ("/srv/Größe/日本/run.py", "/srv/Größe/日本/run.py"),
        ("dev-disk-by\\x2dlabel.device", "dev-disk-by\\x2dlabel.device"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\x0ab"),
        ("\u202etxt", "\\u202etxt"),
        ("\U000e0041", "\\U000e0041"),
        (os.fsdecode(b"\xff\xc3\xa4"), "\\xffä"),
        ("\ud800", "\\ud800"),
        ("a\xa0b\u3000c", "a\\xa0b\\u3000c"),
        ("e\u0301", "e\\u0301"),
    ],
)
def test_what_it_looks_like(text: str, out: str) -> None:
    assert printable(text) == out


@given(ANYTHING, st.integers(1, 40))
def test_what_is_too_long_is_cut_and_that_is_said(text: str, most: int) -> None:
    whole, out = printable(text), printable(text, most)
    if width(whole) <= most:
        assert out == whole
    else:
        shown, _mark, left = out.rpartition("...(+")
        assert width(shown) <= most and whole.startswith(shown)
        assert printable(text[: len(text) - int(left[:-1])]) == shown


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("nginx", "nginx"),
        ("/opt/x@1/a+b.py", "/opt/x@1/a+b.py"),
        ("a b", "'a b'"),
        ("nginx accepts", "'nginx accepts'"),
        ("", "''"),
        ("x;y", "'x;y'"),
        ("a\nb", "'a\\x0ab'"),
        ("it's on", '"it\'s on"'),
        ('a\' connects "b"', r'''"a' connects \"b\""'''),
        ("x" * 70, "x" * 48 + "...(+22)"),
    ],
)
def test_a_name_in_a_sentence_is_seen_as_one(text: str, out: str) -> None:
    assert named(text) == out


def test_what_a_program_said_is_one_line() -> None:
    assert quoted("one\n\n  two\x1b[2J\r\nthree\n", lines=2) == "two\\x1b[2J / three"
    assert quoted("x" * 400) == "x" * 300 + "...(+100)"
    assert quoted(" \n\n") == ""
    assert quoted("1\n2\n3\n4\n5\n6\n") == "2 / 3 / 4 / 5 / 6", "its end says why it failed"


@given(ANYTHING)
def test_a_text_of_several_lines_keeps_its_lines_and_no_more(text: str) -> None:
    out = lines_of(text)
    assert out.count("\n") == text.count("\n")
    assert all(is_visible(part) for line in out.split("\n") for part in line.split("\t"))


def strings_of(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from strings_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings_of(part)
    elif isinstance(value, str):
        yield value


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), ANYTHING),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(ANYTHING, inner)),
        max_leaves=10,
    )
)
def test_nothing_invisible_is_left_in_a_result(value: t.Any) -> None:
    assert all(is_visible(text) for text in strings_of(shown(value)))


def test_a_result_is_otherwise_as_it_was() -> None:
    value = {"a": 1, "b": [None, True, 1.5, "x"], "c": {"d": "ä"}}
    assert shown(value) == value
    assert shown({"diff": {"before": "a\n\tb\x1b\n", "after": ["c\n"], "before_header": "x\n"}}) == {
        "diff": {"before": "a\n\tb\\x1b\n", "after": ["c\n"], "before_header": "x\\x0a"}
    }
    assert shown({"units": ("b\n",), "pids": frozenset([1])}) == {"units": ["b\\x0a"], "pids": [1]}


# ---------------------------------------------------------------- tables


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=4))
def test_no_cell_moves_another(rows: t.List[t.Tuple[str, str]]) -> None:
    lines = aligned(("NAME", "NUMBER", "END"), [(*row, "|") for row in rows], {"NUMBER"})
    assert len(lines) == 1 + len(rows)
    assert len({width(line[: -len("|")]) for line in lines[1:]}) <= 1
    assert all(is_visible(line) for line in lines)


def test_wide_characters_take_two_columns() -> None:
    assert aligned(("A", "B"), [("日本", "x"), ("abc", "y")], ()) == ["A     B", "日本  x", "abc   y"]


def test_a_very_long_name_is_cut() -> None:
    (_header, line) = aligned(("A", "B"), [("n" * 4096, "x")], ())
    assert line == "n" * WIDEST + f"...(+{4096 - WIDEST})  x"
