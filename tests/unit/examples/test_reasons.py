# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/reasons.md has a section for each word that a screen, a report or an alert may say, and for no other."""

from __future__ import annotations

import pathlib
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manual import MANUAL
from ansible_collections.netops.keepalive.plugins.module_utils.report import lines, screen
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import REASONS
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.report import rows_of

TOP = pathlib.Path(__file__).parents[3]
PAGE = (TOP / "docs" / "reasons.md").read_text(encoding="utf-8")
BY_STATE = ("missing", "crashing", "without_process", "stopped")


def sections(text: str) -> t.Dict[str, t.Dict[str, str]]:
    """Return the texts of a page by their headings of both levels."""
    chapters = {}
    for chapter in re.split(r"(?m)^## ", text)[1:]:
        heading, _newline, rest = chapter.partition("\n")
        parts = re.split(r"(?m)^### ", rest)[1:]
        chapters[heading] = {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}
    return chapters


def first_cells(text: str, header: str) -> t.List[str]:
    """Return the first column of the table with such a header."""
    rows = re.search(rf"(?m)^\| {header} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text)
    assert rows, header
    return [row.split("|")[1].strip() for row in rows[1].splitlines()]


def test_each_reason_has_a_section() -> None:
    found = sections(PAGE)["The reasons"]
    assert sorted(found) == sorted(f"`{reason}`" for reason in [*REASONS, "undetermined"])
    without_cure = [heading for heading, text in found.items() if "**Cure:**" not in text and "cure |" not in text]
    assert without_cure == ["`undetermined`"]


def test_what_is_said_of_a_unit_has_a_section() -> None:
    unit = {"ok": False, "elsewhere": [], "relevant": 1, "compliant": 1, "noncompliant": 0, "unknown": 0, "reasons": {}}
    answers = {"h": {"units": {state: {**unit, "state": state} for state in (*BY_STATE, "running")}}, "gone": None}
    said = {row.cells[-1].partition(":")[0] for row in rows_of(answers)}
    assert sorted(sections(PAGE)["Words about a unit"]) == sorted(said)


def test_each_label_of_the_last_screen_is_explained() -> None:
    labels = [label for label, _what in screen._LABELS.values()] + ["AT RISK", "TO DO", "NOT RUN", "RIGHT"]
    source = "".join(
        (TOP / "plugins" / "module_utils" / "report" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("screen", "screen_audit", "screen_ending")
    )
    assert sorted(set(re.findall(r'"([A-Z]{2,}(?: [A-Z]+)?)"', source))) == sorted(labels)
    assert sorted(first_cells(PAGE, "label")) == sorted(labels)


def test_the_words_of_the_audit_are_explained() -> None:
    of_audit = sections(PAGE)
    assert "The words of the audit" in of_audit
    words = [lines.WORDS[kind] for kind in ("without", "slow", "tight", "unknown")]
    assert first_cells(PAGE[PAGE.index("## The words of the audit") :], "it says") == words


def test_the_table_at_its_head_leads_to_each_section() -> None:
    """Links are what GitHub makes of headings: lower case, without backticks and commas, blanks as hyphens."""
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE[: PAGE.index("## The reasons")]))
    found = sections(PAGE)
    headings = [
        *found["The reasons"],
        *found["Words about a unit"],
        "The words of the last screen",
        "The words of the audit",
    ]
    assert links == {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_whoever_tells_a_reason_says_where_it_is_explained() -> None:
    html = TOP / "plugins" / "plugin_utils" / "report_html" / "page.js"
    alerts = TOP / "docs" / "monitoring" / "keepalive.rules.yml"
    command = TOP / "plugins" / "module_utils" / "command" / "main.py"
    told = [MANUAL, screen.WHERE_TO_LOOK_UP, *(path.read_text(encoding="utf-8") for path in (html, alerts, command))]
    assert ["docs/reasons.md" in text for text in told] == [True] * len(told)
