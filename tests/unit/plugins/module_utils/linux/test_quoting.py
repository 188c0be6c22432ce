# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines are split into words as systemd splits them; the scenario `default` holds the same table to systemd itself."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.quoting import quoted_value, shown_words, words

CASES = json.loads((pathlib.Path(__file__).parents[4] / "data" / "quoting.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["line"] for case in CASES])
def test_what_systemd_makes_of_a_line(case: t.Dict[str, t.Any]) -> None:
    """Its own words are those of the bus, where nothing is quoted; a lone % is written twice."""
    assert [word.replace("%%", "%") for word in words(case["line"])] == case["words"]


@pytest.mark.parametrize("case", CASES, ids=[case["line"] for case in CASES])
def test_what_systemctl_shows(case: t.Dict[str, t.Any]) -> None:
    """systemd 247 quotes more of it than later ones, and escapes less."""
    for form in case["shown"]:
        assert shown_words(form) == case["words"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (r"A \$B C", ["A"]),  # an escape of the shell's, and none of systemd's
        (r"A \ud800 B", ["A"]),  # half a character
        (r"A \U00110000 B", ["A"]),
        (r"\xff \377", ["\udcff", "\udcff"]),  # bytes that are no text stay bytes
        ("\n A\r\tB ", ["A", "B"]),
        ("", []),
        (" ", []),
        ('""', [""]),
        ("'", []),
    ],
)
def test_lines_that_no_unit_should_have(line: str, found: t.List[str]) -> None:
    assert words(line) == found


@pytest.mark.parametrize("text", ["/opt/a b", '"', "\\", "\\n", "it's", 'a\\"b', "%p"])
def test_a_quoted_text_is_read_as_it_was(text: str) -> None:
    assert words(f'"{quoted_value(text)}"') == [text]
