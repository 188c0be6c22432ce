# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One mistake in a document is an error that names the place, never an empty report."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import text_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.reading import NoDocument, read_document
from ansible_collections.netops.keepalive.tests.unit.support.reported import made_up

SCHEMA = json.loads((pathlib.Path(__file__).parents[5] / "docs" / "report.schema.json").read_text("utf-8"))
DOCUMENT = made_up(10)
TEXT = text_of(DOCUMENT)


def said_of(text: str) -> str:
    with pytest.raises(NoDocument) as told:
        read_document(text, SCHEMA)
    return str(told.value)


def test_what_was_written_is_read() -> None:
    assert read_document(TEXT, SCHEMA) == DOCUMENT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: this is no JSON: Expecting value"),
        (TEXT[:-5], "this is no JSON"),
        ("[]", "this is no document of a run: it does not begin with \"report\": \"netops.keepalive\""),
        ('{"hosts": {}}', "this is no document of a run: it does not begin with \"report\": \"netops.keepalive\""),
        ("[" * 100000, "this is no document of a run: it is nested too deeply"),
        (TEXT.replace('"version": 1', '"version": 2'), "version: 2: this release reads 1; use the release that has"),
        (TEXT.replace('"version": 1', '"version": NaN'), "NaN: this is no number of JSON"),
        (TEXT.replace('"version": 1', '"version": 1e310'), "1e310: this is no number of JSON"),
        (TEXT.replace('"sockets": 4', '"sockets": 4, "sockets": 4', 1), "'sockets' stands twice in one object"),
        (TEXT.replace('"verdict": "right"', '"verdict": "good"', 1),
         "hosts['web0001.example.com'].units['billing.service'].verdict: 'good': expected one of right, accepted, "),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(text: str, said: str) -> None:
    assert said in said_of(text)


def test_totals_that_are_not_what_the_hosts_come_to() -> None:
    totals: t.Dict[str, t.Any] = json.loads(json.dumps(DOCUMENT["totals"]))
    totals["units"]["right"] += 1
    totals["reasons"]["made_up"] = 2
    assert said_of(text_of({**DOCUMENT, "totals": totals})).split("\n") == [
        f"totals.units.right: {totals['units']['right']}: the hosts come to {totals['units']['right'] - 1}",
        "totals.reasons.made_up: 2: the hosts come to 0",
    ]


def test_of_very_many_mistakes_some_are_told() -> None:
    lines = said_of(TEXT.replace('"backend": "preload"', '"backend": "magic"')).split("\n")
    assert (len(lines), lines[-1]) == (11, "and 30 more")
