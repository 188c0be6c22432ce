# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run came on each host is read from what its tasks have left, whichever role it was."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.plugin_utils._gathered import Gathered, answers_of, gathered

Variables = t.Dict[str, t.Any]
DUE: Variables = {
    "keepalive_rollout": {"id": "x", "outcome": {"state": "not begun", "seen": "", "remarks": []}, "sockets": {"a": 1}}
}
SOCKETS = {"units": {}, "compliant": True}


def over(phase: str, reached: str = "h1 h2", **of: Variables) -> Gathered:
    """Gather over the hosts whose variables are given."""
    return gathered(phase, list(of), reached.split(), lambda host: of[host])


def outcome(phase: str = "end", **variables: t.Any) -> Variables:
    return over(phase, h1={**DUE, **variables}).outcomes["h1"]


def test_before_it_is_begun_it_is_what_was_seen() -> None:
    told = over("looked", h1=DUE, h2={})
    assert told == Gathered({"h1": DUE["keepalive_rollout"]["outcome"], "h2": {}}, {"h1": {"a": 1}, "h2": {}}, [], [])


def test_what_the_one_task_said_counts() -> None:
    report = {"removed": ["a.service"], "restarted": [], "stays": []}
    rollout = {"look": "x", "state": "verified", "report": report, "sockets": SOCKETS, "remarks": ["b: it is old"]}
    told = over("end", h1={**DUE, "keepalive_done": rollout})
    assert told.outcomes["h1"] == {"state": "done", **report, "noted": ["b: it is old"]}
    assert told.answers["h1"] == SOCKETS


def test_in_check_mode_no_sockets_are_shown() -> None:
    """They would be those of before."""
    report = {"would_change": ["a.service"], "would_restart": []}
    foreseen = {"look": "x", "state": "foreseen", "report": report, "sockets": SOCKETS}
    told = over("end", h1={**DUE, "keepalive_done": foreseen})
    assert (told.outcomes["h1"], told.answers["h1"]) == ({"state": "done", **report, "noted": []}, {})


@pytest.mark.parametrize("state", ["as_before", "refused", "locked", "unknown", None])
def test_a_task_that_failed_is_told_by_its_words(state: t.Optional[str]) -> None:
    rollout = {"state": state, "report": {}, "sockets": SOCKETS, "failed": True}
    told = over("batch", h1={**DUE, "keepalive_done": rollout, "keepalive_failure": "a\nb"})
    assert told.outcomes["h1"] == {"state": "failed", "seen": "a\nb"}
    assert told.answers["h1"] == {"a": 1}


def test_what_could_not_be_compiled_is_refused_and_not_failed() -> None:
    assert outcome("compiled", keepalive_failure="cannot") == {"state": "refused", "seen": "cannot"}
    assert outcome("batch", keepalive_failure="cannot") == {"state": "failed", "seen": "cannot"}


def test_mistakes_are_those_of_all_hosts_though_one_speaks_for_them() -> None:
    """The play that stops the run has the first of them alone."""
    outcomes = {"h1": {}, "h2": {"state": "refused", "seen": "x"}, "h3": {"state": "refused", "seen": "y"}}
    assert over("inputs", h2={"keepalive_inputs": {"outcomes": outcomes}}).outcomes == outcomes
    assert over("inputs", h2={}).outcomes == {}


def test_who_is_not_reached_any_more_has_gone() -> None:
    told = over("batch", "h2", h1=DUE, h2=DUE, h3=DUE)
    assert (told.unreachable, told.gone) == (["h1", "h3"], ["h1", "h3"])


def test_who_was_left_out_at_the_beginning_has_not_gone_in_the_middle() -> None:
    looked = {"keepalive_looked": {"hosts": {"unreachable": ["h3"]}}}
    told = over("batch", "h2", h1=DUE, h2={**DUE, **looked}, h3=DUE)
    assert (told.unreachable, told.gone) == (["h1", "h3"], ["h1"])
    assert told.outcomes["h3"] == {"left_out": True}


def test_what_an_earlier_playbook_of_the_same_run_has_done_is_not_told_again() -> None:
    """As where one command enables and then disables."""
    rollout = {"look": "of before", "state": "verified", "report": {"removed": []}, "sockets": SOCKETS}
    assert outcome(keepalive_done=rollout) == DUE["keepalive_rollout"]["outcome"]


SERVICES = [{"name": "a.service"}]


def test_where_no_service_is_listed_anywhere_an_audit_shows_no_table_of_services() -> None:
    of: t.Dict[str, Variables] = {"h1": {"keepalive_services_resolved": []}, "h2": {}}
    assert answers_of("sockets", of, of.__getitem__, "looked") == {}
    assert answers_of("sockets", of, of.__getitem__, "end") == {"h2": None}
    of["h1"] = {"keepalive_services_resolved": SERVICES, "keepalive_verify_sockets": SOCKETS}
    assert answers_of("sockets", of, of.__getitem__, "looked") == {"h1": SOCKETS, "h2": None}
