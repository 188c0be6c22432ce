# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is wrong with a document from a file: it is refused with the place, or each view can show it."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import changes_between
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes_said import changes_on_screen
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of, text_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.gate import reasons_to_fail
from ansible_collections.netops.keepalive.plugins.module_utils.report.reading import NoDocument, read_document
from ansible_collections.netops.keepalive.plugins.module_utils.report.screen import screen
from ansible_collections.netops.keepalive.plugins.module_utils.report.table import whole_table
from ansible_collections.netops.keepalive.plugins.module_utils.report.totals import totals_of
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_forms import FORMS_OF_FILES
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import group
from ansible_collections.netops.keepalive.tests.unit.support.hostile_report import ATTACKS, attacked
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    RUN,
    STALE,
    audited,
    host,
    socket,
)

Document = t.Dict[str, t.Any]
Place = t.Tuple[t.Any, ...]

SCHEMA = json.loads((pathlib.Path(__file__).parents[5] / "docs" / "report.schema.json").read_text("utf-8"))
GONE = object()
VALUES = (GONE, None, "", -1, 1 << 70, [], {}, True, "\ud800\x00\x1b\u202e", ["a"])


def whole() -> Document:
    """A document in which nearly everything is said once."""
    program = Program("/usr/bin/psql", unit="reporter.service")
    values = [{"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "connections": 1}]
    found = group(program, "outgoing", connections=3, without=1, slow=1, right=1, found_values=values)
    hosts = {
        "h1": host(
            {"a.service": STALE, "b.service": ACCEPTED},
            [socket("a.service")] * 3,
            did={"changed": ["a.service"], "set_open": {"a.service": 1}},
            undone={"changed": ["a"], "restarted": ["b"], "set_open": {"c": 1}, "still_new": ["d"], "failed": ["e"]},
            libraries={"made": {"sources": "1"}, "files": {"libkeepalive.so": "2"}},
            due=["due"],
            remarks=["remark"],
            audit={**audited(3, 1, without=1, slow=1), "groups": [found], "groups_total": 1},
        ),
        "h2": HostSeen("failed", ["why"]),
    }
    document: Document = json.loads(text_of(document_of(RUN._replace(kind="audit"), hosts)))
    return document


WHOLE = whole()


def places_in(value: t.Any, place: Place = ()) -> t.Iterator[Place]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places_in(part, (*place, key))


def changed(place: Place, value: t.Any) -> Document:
    document = copy.deepcopy(WHOLE)
    at: t.Any = document
    for key in place[:-1]:
        at = at[key]
    if value is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return document


def show(document: Document) -> t.List[str]:
    """Return what all views make of a document."""
    changes = changes_between(WHOLE, document)
    lines = [*screen(document, changed=changes_on_screen(changes)), *whole_table(document)]
    reasons_to_fail(document, ["without", "drift"])
    forms = [form.text_of(document, changes).encode("utf-8").decode("utf-8") for form in FORMS_OF_FILES.values()]
    return [*(text for text, _what in lines), *forms]


def read(document: Document) -> t.Optional[Document]:
    try:
        return read_document(json.dumps(document), SCHEMA)
    except NoDocument:
        return None


@pytest.mark.parametrize(
    "part", [key for key in WHOLE if key != "hosts"] + [f"hosts.h1.{key}" for key in WHOLE["hosts"]["h1"]]
)
def test_it_is_refused_or_each_view_shows_it(part: str) -> None:
    below = tuple(part.split("."))
    for place in places_in(WHOLE):
        if place[: len(below)] == below:
            for value in VALUES:
                document = read(changed(place, value))
                assert document is None or show(document), (place, value)


@pytest.mark.parametrize("value", VALUES)
def test_totals_are_no_excuse(value: t.Any) -> None:
    """As above, where whoever has changed it has counted again."""
    for place in places_in(WHOLE["hosts"]):
        document = changed(("hosts", *place), value)
        try:
            document["totals"] = totals_of(document["hosts"])
        except (TypeError, KeyError, AttributeError, ValueError):
            continue
        found = read(document)
        assert found is None or show(found), place


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_view_shows_anything_raw(attack: str) -> None:
    """Not what takes over a terminal, turns the direction of writing or is no character of XML, whoever wrote it."""
    hostile = attacked(attack)
    document = read(hostile)
    assert document is not None
    for text in show(document):
        assert not [each for each in text if not (each.isprintable() or each == "\n")], text
