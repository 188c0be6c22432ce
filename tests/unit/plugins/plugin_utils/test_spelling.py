# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a number stands at its place, and the places that say nothing."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.plugin_utils import _spelling
from ansible_collections.netops.keepalive.plugins.plugin_utils._spelling import spelling
from ansible_collections.netops.keepalive.tests.unit.support.origin import Origin, knows_origins

pytestmark = knows_origins


@pytest.mark.parametrize(
    ("text", "line", "column", "value", "shown"),
    [
        ("0x20", 1, 1, 32, "0x20"),
        ("a: 0x20 # 32", 1, 4, 32, "0x20"),
        ("a: 60\nb: 010", 2, 4, 8, "010"),
        ("[1:30, 2]", 1, 2, 90, "1:30"),
        ("1_000", 1, 1, 1000, "1_000"),
        ("+60", 1, 1, 60, "+60"),
        ("-0b11", 1, 1, -3, "-0b11"),
        ("0x20 $ANSIBLE_VAULT;", 1, 1, 32, "0x20"),
        ("60", 1, 1, 60, None),
        ("-60", 1, 1, -60, None),
        ("a: 0x20", 1, 3, 32, None),
        ("!!int 0x20", 1, 1, 32, None),
        ("$ANSIBLE_VAULT;1.1;AES256\n0x20", 2, 1, 32, None),
        ("0x20\n", 2, 1, 32, None),
        ("0x20\n", 3, 1, 32, None),
        ("0x20", 1, 9, 32, None),
        ("0x20", None, None, 32, None),
        ("0x20", 1, None, 32, None),
        ("0x20", None, 1, 32, None),
    ],
)
def test_what_stands_at_the_place_of_a_number(
    tmp_path: pathlib.Path,
    text: str,
    line: t.Optional[int],
    column: t.Optional[int],
    value: int,
    shown: t.Optional[str],
) -> None:
    (tmp_path / "f.yml").write_text(text)
    place = {name: number for name, number in (("line_num", line), ("col_num", column)) if number is not None}
    assert spelling(Origin(path=str(tmp_path / "f.yml"), **place).tag(value)) == shown


def test_what_is_no_number_is_looked_up_nowhere(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.yml").write_text("0x20")
    assert spelling(Origin(path=str(tmp_path / "f.yml"), line_num=1, col_num=1).tag("32")) is None
    assert spelling(32) is None, "nor a number of no place"


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bytes.yml").write_bytes(b"0x20 # \xff\n")
    for path in (tmp_path / "bytes.yml", tmp_path / "none.yml", tmp_path):
        assert spelling(Origin(path=str(path), line_num=1, col_num=1).tag(32)) is None
    assert spelling(Origin(description="a template", line_num=1, col_num=1).tag(32)) is None


def test_without_ansibles_own_notes_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.yml").write_text("0x20")
    number = Origin(path=str(tmp_path / "f.yml"), line_num=1, col_num=1).tag(32)
    assert spelling(number) == "0x20"
    monkeypatch.setattr(_spelling, "Origin", None)
    assert spelling(number) is None
