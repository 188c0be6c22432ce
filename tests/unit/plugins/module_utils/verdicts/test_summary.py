# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted of a unit's sockets, and when that is as it should be."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.summary import (
    ProgramsFound,
    ProgramWrong,
    summarize,
)
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting

RIGHT = Verdict(relevant=True, compliant=True)
OTHERS = Verdict(reason="unreadable", candidates=("unreadable",))
"""Not of the direction that something is expected of."""


def wrong(*candidates: str, reason: str = "") -> Verdict:
    return Verdict(relevant=True, compliant=False, reason=reason or candidates[0], candidates=candidates)


UNKNOWN = Verdict(relevant=True, compliant=None, reason="unreadable", candidates=("unreadable",))


def unit(name: str = "a.service", load_state: t.Optional[str] = "loaded", active: t.Optional[bool] = True) -> AskedUnit:
    return AskedUnit(name, (name,), load_state, active, (), {})


def test_everything_is_counted() -> None:
    stale = wrong("stale_environment")
    verdicts = [RIGHT, stale, OTHERS, UNKNOWN, wrong("library_not_loaded"), stale, RIGHT, Verdict()]
    assert summarize(verdicts, [7, 8, 9], [9], unit(), expecting(), not_read=5) == {
        "load_state": "loaded",
        "running": True,
        "state": "running",
        "elsewhere": [],
        "pids": [7, 8, 9],
        "sockets": 8,
        "not_read": 5,
        "relevant": 6,
        "compliant": 2,
        "noncompliant": 3,
        "unknown": 1,
        "unreadable_pids": [9],
        "reasons": {"library_not_loaded": 1, "stale_environment": 2, "unreadable": 2},
        "programs": [],
        "programs_wrong": [],
        "accepted": False,
        "ok": False,
    }
    assert list(summarize(verdicts, [], [], None, None, 0)["reasons"]) == [
        "library_not_loaded", "stale_environment", "unreadable",
    ]  # fmt: skip


def test_a_process_that_hides_its_sockets_is_one_that_is_unreadable() -> None:
    assert summarize([RIGHT], [8, 9], [8, 9], unit(), expecting(), 0)["reasons"] == {"unreadable": 2}


def test_nothing_asked_and_nothing_there() -> None:
    assert summarize([], [], [], None, None, 0) == {
        "load_state": None,
        "running": False,
        "state": "stopped",
        "elsewhere": [],
        "pids": [],
        "sockets": 0,
        "not_read": 0,
        "relevant": 0,
        "compliant": 0,
        "noncompliant": 0,
        "unknown": 0,
        "unreadable_pids": [],
        "reasons": {},
        "programs": [],
        "programs_wrong": [],
        "accepted": False,
        "ok": True,
    }


ACCEPTING = expecting(accept=frozenset(("stale_environment", "due_at_restart")))
ALL = expecting(accept=frozenset(("stale_environment", "unreadable")))


@pytest.mark.parametrize(
    ("verdicts", "hidden", "expectation", "accepted", "ok"),
    [
        ([RIGHT], [], expecting(), False, True),
        ([RIGHT], [], ALL, False, True),
        ([wrong("stale_environment")], [], expecting(), False, False),
        ([wrong("stale_environment")], [], None, False, False),
        ([wrong("stale_environment")], [], ALL, True, True),
        ([wrong("stale_environment"), RIGHT], [], ALL, True, True),
        ([wrong("stale_environment"), wrong("secure_exec")], [], ALL, False, False),
        # one of the candidates is not enough, whatever is said to be the reason
        ([wrong("stale_environment", "secure_exec")], [], ALL, False, False),
        ([wrong("stale_environment", "due_at_restart", reason="undetermined")], [], ACCEPTING, True, True),
        ([UNKNOWN], [], ALL, True, True),
        ([UNKNOWN], [], ACCEPTING, False, False),
        ([OTHERS], [], expecting(), False, True),
        # a process that hides its sockets
        ([RIGHT], [9], expecting(), False, False),
        ([RIGHT], [9], ACCEPTING, False, False),
        ([RIGHT], [9], ALL, True, True),
        ([wrong("stale_environment")], [9], ALL, True, True),
        ([wrong("stale_environment")], [9], ACCEPTING, False, False),
        ([wrong("secure_exec")], [9], ALL, False, False),
    ],
)
def test_what_is_accepted_is_right_enough(
    verdicts: t.List[Verdict], hidden: t.List[int], expectation: t.Optional[Expectation], accepted: bool, ok: bool
) -> None:
    found = summarize(verdicts, [9], hidden, unit(), expectation, 0)
    assert (found["accepted"], found["ok"]) == (accepted, ok)


@pytest.mark.parametrize(
    ("relevant", "least", "pids", "ok"),
    [(0, 0, [9], True), (0, 1, [9], False), (1, 1, [9], True), (1, 2, [9], False), (2, 1, [9], True), (0, 1, [], True)],
)
def test_a_running_unit_has_so_many_sockets_at_least(relevant: int, least: int, pids: t.List[int], ok: bool) -> None:
    verdicts = [RIGHT] * relevant + [Verdict()] * 3
    assert summarize(verdicts, pids, [], unit(), expecting(min_sockets=least), 0)["ok"] is ok


@pytest.mark.parametrize(
    ("asked", "verdicts", "pids", "hidden", "running"),
    [
        (unit(active=False), [], [9], [], True),  # of a service its processes count, whatever systemd says
        (unit(active=True), [RIGHT], [], [], False),
        (unit(), [], [], [1], True),
        (None, [], [9], [], True),
        (None, [RIGHT], [], [], False),
        (unit("a.socket", active=True), [], [], [], True),
        (unit("a.socket", active=False), [RIGHT], [9], [9], False),
        (unit("a.socket", active=None), [RIGHT], [], [], True),
        (unit("a.socket", active=None), [], [9], [9], False),
    ],
)
def test_what_counts_as_running(
    asked: t.Optional[AskedUnit], verdicts: t.List[Verdict], pids: t.List[int], hidden: t.List[int], running: bool
) -> None:
    assert summarize(verdicts, pids, hidden, asked, None, 0)["running"] is running


@pytest.mark.parametrize(("load_state", "ok"), [("loaded", True), ("masked", True), ("not-found", False), (None, True)])
def test_a_unit_that_is_not_there_is_not_right(load_state: t.Optional[str], ok: bool) -> None:
    found = summarize([], [], [], unit(load_state=load_state, active=False), expecting(), 0)
    assert (found["load_state"], found["ok"]) == (load_state, ok)


def _programs(*candidates: str) -> ProgramsFound:
    return ProgramsFound(("ours: x",), (ProgramWrong("a.service", candidates[0], candidates, "It is not there."),))


@pytest.mark.parametrize(
    ("verdicts", "programs", "accept", "reasons", "accepted", "ok"),
    [
        ([RIGHT], _programs("program_not_attached"), "", {"program_not_attached": 1}, False, False),
        ([RIGHT], _programs("program_not_attached"), "program_not_attached", {"program_not_attached": 1}, True, True),
        ([], _programs("program_replaced"), "", {"program_replaced": 1}, False, False),
        # the sockets that are wrong because of it are counted
        ([wrong("program_replaced")] * 2, _programs("program_replaced"), "", {"program_replaced": 2}, False, False),
        ([RIGHT], _programs("undetermined", "program_replaced"), "undetermined", {"undetermined": 1}, False, False),
        ([RIGHT], ProgramsFound(("ours: x",)), "", {}, False, True),
    ],
)
def test_a_unit_without_its_program_is_wrong_whatever_its_sockets_are(
    verdicts: t.List[Verdict],
    programs: ProgramsFound,
    accept: str,
    reasons: t.Dict[str, int],
    accepted: bool,
    ok: bool,
) -> None:
    expectation = expecting(accept=frozenset(accept.split()))
    found = summarize(verdicts, [7], [], unit(), expectation, 0, (), programs)
    assert (found["reasons"], found["accepted"], found["ok"]) == (reasons, accepted, ok)
    assert (found["programs"], found["programs_wrong"]) == (["ours: x"], [one._asdict() for one in programs.wrong])
