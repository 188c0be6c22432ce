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
    for_the_report,
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
    "programs put back": ("as_before", {"written": [A], "programs": {A: {}, B: {}}}, [
        "its services have what they had before", "drop-ins put back: a.service",
        "programs put back: a.service, b.service", "restarted with the old settings: none were restarted",
        "open sockets put back: none were changed", FIX]),
    "programs not put back": ("not_as_before", {"written": [A], "programs_failed": "a.service: no room"}, [
        "THE HOST STILL HAS NEW PROGRAMS of its units, they could not be put back: a.service: no room",
        "drop-ins put back: a.service", "restarted with the old settings: none were restarted",
        "open sockets put back: none were changed", FIX]),
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
    "nothing went back": (
        "not_as_before",
        {"host_wide_failed": "a", "written_failed": "b", "sockets_failed": "c", "still_new": [A]}, [
            "THE HOST DOES NOT HAVE ALL THAT IT HAD BEFORE: a; b", *NOTHING, "still with the new ones: a.service",
            "open sockets put back: failed: c",
            "next: fix what keeps the host from going back, then run the playbook again"]),
    "little went back": (
        "not_as_before",
        {"host_wide_failed": "a", "restarted_failed": "b", "sockets_failed": "c", "noted_failed": "d"}, [
            "THE HOST DOES NOT HAVE ALL THAT IT HAD BEFORE: a; b; d", *NOTHING, "open sockets put back: failed: c",
            "next: fix what keeps the host from going back, then run the playbook again"]),
    "neither restarted nor noted": ("not_as_before", {"restarted_failed": "it is down", "noted_failed": "d"}, [
        "the host has its drop-ins from before, but with them too it is down, and that could not be noted: d",
        *NOTHING, "open sockets put back: none were changed", FIX]),
    "neither set nor noted": ("not_as_before", {"sockets_failed": "c", "noted_failed": "d"}, [
        "its services have what they had before, but their open sockets have not, and that could not be noted: d",
        *NOTHING, "open sockets put back: failed: c", FIX]),
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


ALL = {"settings": True, "line": True, "left": False, "notes": [], "restart_due": []}
THINGS = ["the line in /etc/ld.so.preload", "/etc/libkeepalive.conf", A, "the libraries"]


def test_what_every_process_was_told_and_went_back_is_named() -> None:
    outcome = {**begun(), "state": "as_before", "step": "Write the drop-ins", "seen": "it is broken", "host_wide": ALL}
    outcome["back"].update(host_wide=["/etc/libkeepalive.conf"])
    assert failure_lines(outcome, "h1")[3] == "files put back: /etc/libkeepalive.conf"
    assert failure_lines(outcome, "h1")[-1] == "next: fix what was seen, then run the playbook again"


def test_what_could_not_go_back_is_the_headline() -> None:
    outcome = {**begun(), "state": "not_as_before", "step": "Write the drop-ins", "seen": "it is broken"}
    outcome["back"].update(host_wide_failed="the disk is full")
    lines = failure_lines(outcome, "h1", removal=True)
    assert lines[0] == (
        "keepalive was not taken away from h1; THE HOST DOES NOT HAVE ALL THAT IT HAD BEFORE: the disk is full"
    )
    assert lines[-1] == "next: fix what keeps the host from going back, then run the playbook again"


def test_of_a_removal_that_is_incomplete_it_is_said_what_went() -> None:
    outcome = {**begun(), "state": "incomplete", "step": "Remove the libraries", "seen": "it is read-only",
               "host_wide": ALL, "written": [A], "restarted": {B: {}}}  # fmt: skip
    assert failure_lines(outcome, "h1", removal=True) == [
        "keepalive was taken away from h1, but for what is said here",
        "step that failed: Remove the libraries",
        "what was seen: it is read-only",
        "taken away: the line in /etc/ld.so.preload, /etc/libkeepalive.conf, a.service",
        "restarted: b.service",
        "next: see to what is left, then run the playbook again, which takes that away",
    ]


def test_what_the_last_screen_says() -> None:
    used = {"removed": ["x"], "used_by": [{"unit": A}]}
    outcome = {**begun(), "state": "verified", "host_wide": ALL, "written": [A], "libraries": used,
               "restarted": {A: {}}, "restart_due": {B: ["it is old"]}}  # fmt: skip
    assert for_the_report(outcome, removal=False) == {}
    assert for_the_report(outcome, removal=True) == {
        "removed": THINGS, "restarted": [A],
        "stays": ["b.service (until its next start)", "the libraries (processes still map them)"],
    }  # fmt: skip
    foreseen = {**outcome, "would_restart": [B]}
    assert for_the_report(foreseen, removal=False) == {"would_change": THINGS, "would_restart": [B]}


def test_who_takes_part_later_and_who_keeps_something_is_remarked() -> None:
    outcome = begun()
    row = {"unit": A, "pid": 7, "program": "/bin/x", "has": "maps y", "by": "environment", "blocks": False}
    outcome["left"] = [row, {**row, "blocks": True}, {**row, "by": "host"}]
    due = [{"unit": B, "why": "it is old"}, {"unit": A, "why": "it is old"}, {"unit": "", "why": "it is new"}]
    outcome["host_wide"] = {**ALL, "notes": ["a note"], "restart_due": due}
    outcome["libraries"] = {"removed": [], "used_by": [{"unit": B}, {"unit": ""}]}
    until = "until it is started again, by you or by 'restart: if_running' in an entry, it runs as before"
    assert remarks_of(outcome) == [
        "a note",
        f"a.service, b.service: it is old; {until}",
        f"outside of units: it is new; {until}",
        "a.service: process 7 (/bin/x) maps y, until its next start",
        "/usr/lib/libkeepalive stays: 2 processes map a library of it until their next start, in b.service. No program "
        "loads it any more. Start those again, or the host, and run this playbook again to remove the folder",
    ]


def test_what_is_left_and_what_was_set_is_remarked() -> None:
    outcome = begun()
    outcome["restart_due"] = {A: ["it is old", "it is new"]}
    outcome["counts"] = {A: {"changed": 2, "left_alone": 1, "right": 4, "refused": 0}, B: {"changed": 0, "right": 9}}
    assert remarks_of(outcome) == ["a.service: it is old, it is new", "a.service: 2 changed, 1 left alone, 4 right"]


def test_where_no_socket_was_set_nothing_is_remarked() -> None:
    assert remarks_of({**begun(), "counts": {A: {"changed": 0, "left_alone": 1, "right": 4}}}) == []


def test_what_became_of_programs_is_remarked_and_who_keeps_a_library() -> None:
    outcome = begun()
    outcome["programs"] = {
        A: {"done": "attached", "library": [7, 8]}, B: {"done": "attached", "library": []},
        "c.socket": {"done": "detached", "library": []},
    }  # fmt: skip
    assert remarks_of(outcome) == [
        "program attached: a.service, b.service",
        "program detached: c.socket",
        "a.service: process 7, 8 keeps the library that it was started with, until its next start; until then both set "
        "the options, the program last",
    ]
    assert for_the_report({**outcome, "would_restart": []}, False)["would_change"] == [
        "the program of a.service", "the program of b.service", "the program of c.socket"
    ]  # fmt: skip
