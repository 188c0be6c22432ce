# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of a run: one form for all runs, nothing raw in it, nothing that contradicts another."""

from __future__ import annotations

import json
import pathlib
import typing as t

import jsonschema
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import (
    KINDS,
    MARK,
    HostSeen,
    document_of,
    text_of,
)
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    RIGHT,
    RUN,
    STALE,
    audited,
    host,
    made_up,
    socket,
)

SCHEMA = json.loads((pathlib.Path(__file__).parents[5] / "docs" / "report.schema.json").read_text("utf-8"))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_ends_in_a_document_of_the_schema(kind: str) -> None:
    document = made_up(250, kind)
    jsonschema.validate(document, SCHEMA)
    assert json.loads(text_of(document)) == document


def test_a_host_that_nothing_is_known_of_is_in_it() -> None:
    document = document_of(RUN, {"h1": HostSeen(why=["could not be reached"]), "h2": HostSeen("not_begun")})
    jsonschema.validate(document, SCHEMA)
    assert (document["hosts"]["h1"]["state"], document["hosts"]["h1"]["why"]) == ("no_data", ["could not be reached"])
    assert document["totals"]["hosts"] == {
        "total": 2, "done": 0, "refused": 0, "failed": 0, "no_data": 1, "not_begun": 1
    }  # fmt: skip


def test_the_totals_are_what_the_hosts_come_to() -> None:
    hosts = {
        "h1": host({"a.service": RIGHT, "b.service": STALE}, audit=audited(9, 7, without=2)),
        "h2": host({"a.service": STALE}, audit=audited(1, 1)),
        "h3": HostSeen(expected={"a.service": {"libraries": [], "tcp": {}}}),
    }
    totals = document_of(RUN, hosts)["totals"]
    assert totals["hosts"]["total"] == 3
    assert totals["units"] == {"total": 4, "right": 1, "accepted": 0, "wrong": 2, "idle": 0, "no_data": 1}
    assert totals["sockets"] == {"sockets": 12, "right": 6, "wrong": 6, "unknown": 0}
    assert totals["reasons"] == {"stale_environment": 6}
    assert (totals["audit"]["connections"], totals["audit"]["without"]) == (10, 2)
    assert document_of(RUN, {})["totals"]["audit"] is None


def test_nothing_that_a_host_says_stands_raw_in_it() -> None:
    hostile = "a\x1b[2J\u202e\n.service"
    seen = host(
        {hostile: {**STALE, "reasons": {"undetermined": 3}}},
        [socket(hostile, detail="\x9b31m")],
        why=["it said: \x07"],
        remarks=["\r"],
        did={"changed": [hostile], "restarted": [], "set_open": {hostile: 3}},
    )
    text = text_of(document_of(RUN, {"h1": seen}))
    assert {character for character in text if not character.isprintable()} == {"\n"}
    assert "a\\\\x1b[2J\\\\u202e\\\\x0a.service" in text
    jsonschema.validate(json.loads(text), SCHEMA)


def test_a_document_is_known_by_its_first_bytes() -> None:
    assert text_of(made_up(1)).startswith(MARK)


def test_of_an_audit_nothing_of_ansibles_own_is_kept() -> None:
    answer: t.Dict[str, t.Any] = {**audited(), "changed": False, "invocation": {"module_args": {}}}
    assert set(document_of(RUN, {"h1": host({}, audit=answer)})["hosts"]["h1"]["audit"]) == set(audited())
