# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our reader of the schema says no where jsonschema does, and where the mistake is."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import jsonschema
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.schema import departures
from ansible_collections.netops.keepalive.tests.unit.support.reported import made_up
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA = json.loads((pathlib.Path(__file__).parents[5] / "docs" / "report.schema.json").read_text("utf-8"))
DOCUMENT = {**made_up(4, "audit"), **json.loads('{"kind": "audit"}')}
THEIRS = jsonschema.Draft202012Validator(SCHEMA)


def test_a_document_that_is_right_has_none() -> None:
    assert departures(DOCUMENT, SCHEMA) == []


def places(value: t.Any, path: t.Tuple[t.Any, ...] = ()) -> t.Iterator[t.Tuple[t.Any, ...]]:
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


PLACES = list(places(DOCUMENT))
VALUES: t.List[t.Any] = [None, True, 1, -1, 0, "", "done", "2026-11-27T08:00:00Z", [], {}, ["x"], {"x": 1}]


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from(["gone", "new", *VALUES]))
def test_they_agree(path: t.Tuple[t.Any, ...], value: t.Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    parent: t.Any = document
    for key in path[:-1]:
        parent = parent[key]
    if value == "gone":
        del parent[path[-1]]
    elif value == "new" and isinstance(parent, dict):
        parent["something new"] = parent[path[-1]]
    else:
        parent[path[-1]] = value
    assert bool(departures(document, SCHEMA)) != THEIRS.is_valid(document)


def changed(path: str, value: t.Any) -> t.List[str]:
    document = copy.deepcopy(DOCUMENT)
    *folders, last = path.split("/")
    parent: t.Any = document
    for key in folders:
        parent = parent[key]
    if value is KeyError:
        del parent[last]
    else:
        parent[last] = value
    return departures(document, SCHEMA)


HOST = "hosts/web0001.example.com"
SHOWN = "hosts['web0001.example.com']"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("kind", "enabled", "kind: 'enabled': expected one of audit, disable, enable, verify"),
        ("ended", KeyError, "ended: is missing"),
        ("begun", "today", f"begun: 'today': expected a text like {SCHEMA['$defs']['time']['pattern']}"),
        ("hosts", [], "hosts: a list: expected an object"),
        (f"{HOST}/units", None, f"{SHOWN}.units: None: expected an object"),
        (f"{HOST}/units/nginx.service/sockets", -1, f"{SHOWN}.units['nginx.service'].sockets: -1: expected 0 or more"),
        (f"{HOST}/units/nginx.service/wrong", True,
         f"{SHOWN}.units['nginx.service'].wrong: True: expected a whole number"),
        (f"{HOST}/undone", "x", f"{SHOWN}.undone: 'x': expected null or an object"),
        (f"{HOST}/audit/totals/right", "x\x1b", f"{SHOWN}.audit.totals.right: 'x\\x1b': expected a whole number"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_its_value_and_what_would_be_right(path: str, value: t.Any, said: str) -> None:
    assert changed(path, value) == [said]


def test_what_nobody_knows_is_a_mistake() -> None:
    (said,) = changed(f"{HOST}/colour", "red")
    assert said.startswith(f"{SHOWN}.colour: is not one of state, why, mode, ")


def test_all_mistakes_are_told_at_once() -> None:
    document = {**DOCUMENT, "kind": 1, "begun": 2, "hosts": {"h1": None}}
    assert len(departures(document, SCHEMA)) == 3


def test_a_document_that_is_something_else() -> None:
    assert departures([], SCHEMA) == ["the document: a list: expected an object"]
