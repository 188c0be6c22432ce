# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the entries that an audit ends with would change."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.audit.effect import Effect, effect_of
from ansible_collections.netops.keepalive.plugins.module_utils.audit.report import findings_of
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import answer, group

LISTENER = {"address": "::", "port": 22, "verdict": "without", "shown_by": 0}


def advised(unit: str, kind: str, direction: str = "outgoing", backend: str = "", **counts: int) -> t.Dict[str, t.Any]:
    entry = {"name": unit, "libraries": ["connect"], "tcp": {"keepidle": 120}, "backend": backend}
    advice = {"kind": kind, "native": [], "entry": entry, "obstacle": "", "notes": [], "way": ""}
    return group(Program("/usr/bin/a", unit=unit), direction, advice=advice, **counts)


def test_what_is_mended_and_what_is_restarted_for_it() -> None:
    one = answer(
        advised("w@.service", "preload", units=2, connections=5, without=2, slow=1, unknown=1, right=1),
        advised("w@.service", "preload", "accepted", units=3, connections=1, tight=1, listeners_total=2, listeners=[]),
        advised("static.service", "program", backend="bpf", connections=2, without=2),
        advised("nginx.service", "native", "accepted", connections=7, without=7, listeners_total=1),
    )
    other = answer(advised("w@.service", "preload", units=2, connections=1, without=1))
    assert effect_of(findings_of({"h1": one, "h2": other}), {}) == Effect(
        mended=7, listeners=2, restarted={"w@.service": 5}, by_program={"static.service": 2}
    )


def test_where_nothing_is_to_be_pasted_nothing_changes() -> None:
    native = answer(advised("nginx.service", "native", "accepted", connections=7, without=7))
    assert effect_of(findings_of({"h1": native, "h2": None}), {}) == Effect(0, 0, {}, {})


def test_what_has_an_entry_already_is_not_counted_again() -> None:
    one = answer(advised("a.service", "preload", connections=1, without=1))
    found = findings_of({"h1": one, "h2": one})
    assert effect_of(found, {"h1": {"a.service": {}}, "h2": {}}) == Effect(1, 0, {"a.service": 1}, {})
