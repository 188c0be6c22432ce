# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a transaction that did not succeed, and the remarks of one that did."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import begun
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_words import (
    failure_lines,
    remarks_of,
)

A, B = "a.service", "b.service"
FIX = "next: fix the unit or take its entry out, then run the playbook again"
NOTHING = ["drop-ins put back: none were changed", "restarted with the old settings: none were restarted"]
DONE = ["drop-ins put back: a.service", "restarted with the old settings: a.service, b.service"]
CASES: t.Dict[str, t.Tuple[str, t.Dict[str, t.Any], t.List[str]]] = {
    "as_before": ("as_before", {"written": [A], "restarted": [A, B], "counts": {A: {"changed": 3}}}, [
        "its services have what they had before", *DONE, "open sockets put back: a.service 3", FIX]),
    "nothing to take back": ("as_before", {}, [
        "its services have what they had before", *NOTHING, "open sockets put back: none were changed", FIX]),
    "refused": ("refused", {}, [
        "nothing was changed by this run", *NOTHING, "open sockets put back: none were changed", FIX]),
    "locked": ("locked", {}, [
        "nothing was changed by this run", *NOTHING, "open sockets put back: none were changed",
        "next: wait until that run has ended, then run the playbook again"]),
    "not written": ("not_as_before", {"written_failed": "the disk is full", "still_new": [A, B]}, [
        "THE HOST STILL HAS THE NEW DROP-INS, they could not be put back: the disk is full", *NOTHING,
        "still with the new ones: a.service, b.service", "open sockets put back: none were changed",
        "next: fix what keeps the drop-ins from being written, then run the playbook again, which puts them right"]),
    "not restarted": (
        "not_as_before",
        {"written": [A], "restarted": [A], "still_new": [B], "restarted_failed": "b.service: it is down"}, [
            "the host has its drop-ins from before, but with them too b.service: it is down",
            "drop-ins put back: a.service", "restarted with the old settings: a.service",
            "still with the new ones: b.service", "open sockets put back: none were changed", FIX]),
    "sockets not put back": (
        "not_as_before", {"written": [A], "restarted": [A, B], "sockets_failed": "no such thing"}, [
            "its services have what they had before, but their open sockets have not", *DONE,
            "open sockets put back: failed: no such thing", FIX]),
    "not noted": ("not_as_before", {"written": [A], "restarted": [A, B], "noted_failed": "the disk is full"}, [
        "its services have what they had before, and that could not be noted: the disk is full", *DONE,
        "open sockets put back: none were changed", FIX]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_line_says_what_was_done(case: str) -> None:
    state, back, (headline, *lines) = CASES[case]
    outcome = {**begun(), "state": state, "step": "Write the drop-ins", "seen": "it is broken"}
    outcome["back"].update(back)
    assert failure_lines(outcome, "h1") == [
        f"keepalive was not rolled out on h1; {headline}",
        "step that failed: Write the drop-ins",
        "what was seen: it is broken",
        *lines,
    ]


def test_what_is_left_and_what_was_set_is_remarked() -> None:
    outcome = begun()
    outcome["restart_due"] = {A: ["it is old", "it is new"]}
    outcome["counts"] = {A: {"changed": 2, "left_alone": 1, "right": 4, "refused": 0}, B: {"changed": 0, "right": 9}}
    assert remarks_of(outcome) == ["a.service: it is old, it is new", "a.service: 2 changed, 1 left alone, 4 right"]


def test_where_no_socket_was_set_nothing_is_remarked() -> None:
    assert remarks_of({**begun(), "counts": {A: {"changed": 0, "left_alone": 1, "right": 4}}}) == []
