# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prose of the Markdown files is read in terminals and in diffs: no line of it is longer than those of the code."""

from __future__ import annotations

import pathlib
import re
import subprocess
import typing as t

import pytest

TOP = pathlib.Path(__file__).parents[3]
LONGEST = 120
GENERATED = ("CHANGELOG.md",)
"""antsibull-changelog writes one line for each entry."""

_ITEM = re.compile(r" *(?:[-*+]|\d+[.)]) +")


def files() -> t.List[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = listed.stdout.split() or [
        str(path.relative_to(TOP)) for path in TOP.rglob("*.md") if "/." not in str(path.relative_to(TOP.parent))
    ]
    return sorted(name for name in found if name not in GENERATED)


def prose(text: str) -> t.Iterator[t.Tuple[int, str]]:
    """Pick the lines that can be broken, with their numbers: none of code, and no row of a table."""
    fenced, after_blank, inside = False, True, 0
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip(" "))
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and line.strip():
            item = _ITEM.match(line)
            if after_blank and indent < inside:
                inside = 0  # what a list item holds is indented as its text is
            code = after_blank and indent >= inside + 4
            if item and not code:
                inside = item.end()
            if not code and not line.lstrip().startswith("|"):
                yield number, line
            if code:
                continue  # and so is what follows without a blank line
        after_blank = not line.strip()


@pytest.mark.parametrize("name", files())
def test_no_line_of_prose_is_longer_than_those_of_the_code(name: str) -> None:
    text = (TOP / name).read_text(encoding="utf-8")
    long = [number for number, line in prose(text) if len(line) > LONGEST and " " in _ITEM.sub("", line).strip()]
    assert long == [], "wrap these lines"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a\nb\n\n    code\n    code\n\nc\n", [1, 2, 7]),
        ("- item\n  more\n\n      code\n\n  more\n\nend\n", [1, 2, 6, 8]),
        ("1. item\n\n       code\n\n   more\n", [1, 5]),
        ("```\ncode\n\ncode\n```\na\n", [6]),
        ("| a | b |\n|---|---|\n\na\n", [4]),
        ("- item\n      more, for no blank line is above\n", [1, 2]),
    ],
)
def test_what_is_prose(text: str, numbers: t.List[int]) -> None:
    assert [number for number, _line in prose(text)] == numbers


@pytest.mark.parametrize("name", files())
def test_each_heading_stands_apart(name: str) -> None:
    lines = (TOP / name).read_text(encoding="utf-8").splitlines()
    fenced = [sum(line.lstrip().startswith("```") for line in lines[:at]) % 2 for at in range(len(lines))]
    joined = [
        line
        for at, line in enumerate(lines)
        if re.match(r"#+ ", line) and not fenced[at] and at and any(lines[at - 1 : at] + lines[at + 1 : at + 2])
    ]
    assert joined == []
