# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sockets have instead of what is asked, brought together, and when a dead peer is noticed with it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.found_times import (
    FoundAlike,
    found_alike,
    found_by_audit,
    key_of,
    noticed_instead,
)
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import group
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    EXPECTED,
    RIGHT,
    RUN,
    STALE,
    audited,
    host,
    socket,
)

A, B = "a.service", "b.service"
ASKED = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}
IDLE = ("keepidle", 7200, 60)
OFF = ("keepalive", False, True)


@pytest.mark.parametrize(
    ("asked", "others", "said"),
    [
        # Nothing is sent: never noticed while idle, and what is sent is waited for as the kernel does.
        (ASKED, [OFF, ("user_timeout", 0, 120000)],
         {"off": True, "idle": None, "probes": 0, "survives": None, "unacknowledged": None, "stopped": None}),
        (ASKED, [OFF, ("user_timeout", 9000, 120000)], {"idle": None, "unacknowledged": 9, "stopped": 9}),
        (ASKED, [("user_timeout", 0, 120000)],
         {"off": False, "idle": 120, "probes": 4, "survives": 90, "unacknowledged": None, "stopped": None}),
        (ASKED, [IDLE, ("user_timeout", 0, 120000)], {"idle": 7260, "survives": 7230, "unacknowledged": None}),
        (ASKED, [("keepcnt", 1, 4), ("user_timeout", 0, 120000)], {"idle": 75, "probes": 1, "survives": None}),
        # The user timeout is derived from what was asked, or from what was found: both fit, and nobody knows which.
        (ASKED, [IDLE], {"or_after": 120, "unacknowledged": 7260, "stopped": 7260, "idle": 7260}),
        (ASKED, [("keepidle", 30, 60)], {"or_after": 90, "unacknowledged": 120, "keepidle": 30}),
        ({**ASKED, "user_timeout": 5000}, [("keepidle", 61, 60)], {"or_after": None, "unacknowledged": 5}),
    ],
)  # fmt: skip
def test_when_it_is_noticed_with_what_was_found(
    asked: t.Dict[str, int], others: t.Sequence[t.Tuple[str, t.Any, t.Any]], said: t.Dict[str, t.Any]
) -> None:
    found = noticed_instead(asked, others)
    assert {key: found[key] for key in said} == said


def found_in(**hosts: t.Any) -> t.Dict[str, t.List[FoundAlike]]:
    return found_alike(document_of(RUN, hosts)["hosts"].values())


def values(*others: t.Tuple[str, t.Any, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    return [{"option": option, "value": found, "expected": asked} for option, found, asked in others]


def test_the_same_of_many_hosts_and_units_is_one_and_the_most_frequent_comes_first() -> None:
    off = values(OFF, IDLE)
    found = found_in(
        h1=host({A: STALE, B: ACCEPTED}, [socket(A)] * 2 + [socket(B, "overridden_by_application")] * 3),
        h2=host({A: STALE, B: RIGHT}, [socket(A), socket(A, "library_not_loaded", wrong=off)]),
    )
    assert found == {
        key_of(EXPECTED["tcp"]): [
            FoundAlike((IDLE,), 6, 2, (A, B), ("stale_environment", "overridden_by_application")),
            FoundAlike((OFF, IDLE), 1, 1, (A,), ("library_not_loaded",)),
        ]
    }


@pytest.mark.parametrize("option", ["keepalive", "keepidle"])
@pytest.mark.parametrize("value", [None, -1, 1 << 31])
def test_what_could_not_be_read_is_counted_and_not_guessed(option: str, value: t.Any) -> None:
    found = found_in(h1=host({A: STALE}, [socket(A, wrong=values(("keepcnt", 2, 4), (option, value, 60)))] * 2))
    assert found == {key_of(EXPECTED["tcp"]): [FoundAlike((), 2, 1, (A,), ("stale_environment",))]}


def test_options_that_decide_nothing_of_time_are_left_out() -> None:
    only, too = values(("maxseg", 500, 536)), values(("maxseg", 500, 536), IDLE)
    found = found_in(h1=host({A: STALE}, [socket(A, wrong=only), socket(A, wrong=too), socket(A, wrong=[])]))
    assert [each.others for each in found[key_of(EXPECTED["tcp"])]] == [(IDLE,)]


def test_where_nobody_knows_what_is_asked_nothing_is_compared() -> None:
    assert found_in(h1=host({A: STALE}, [socket(A)], expected={})) == {}


def test_the_same_values_in_another_order_are_the_same() -> None:
    assert key_of({"keepidle": 1, "keepcnt": 2}) == key_of({"keepcnt": 2, "keepidle": 1})


SLOW = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9}


def test_what_an_audit_found_is_brought_together_by_its_values() -> None:
    psql, cron = Program("/usr/bin/psql", unit="reporter.service"), Program("/usr/sbin/cron")
    groups = [
        group(psql, "outgoing", connections=5, without=2, slow=3, found_values=[{**SLOW, "connections": 3}]),
        group(cron, "outgoing", connections=4, slow=4, found_values=[{**SLOW, "connections": 4}]),
        group(psql, "accepted", connections=1, right=1, wrong=False),
    ]
    audit = {**audited(10, 1, without=2, slow=7), "groups": groups, "groups_total": 3}
    document = document_of(RUN, {"h1": host({}, audit=audit), "h2": host({}, audit=audit), "h3": host({})})
    slow = (("keepidle", 7200, None), ("keepintvl", 75, None), ("keepcnt", 9, None))
    assert found_by_audit(document["hosts"].values()) == [
        FoundAlike(slow, 14, 2, ("cron", "reporter.service"), ()),
        FoundAlike((OFF,), 4, 2, ("reporter.service",), ("without keepalive",)),
    ]
