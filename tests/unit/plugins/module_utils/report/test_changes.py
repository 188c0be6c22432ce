# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between two documents is told once for all hosts, and nothing that only looks different is."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import (
    Change,
    Changes,
    ValuesChanged,
    changes_between,
)
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import group
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    EXPECTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    audited,
    host,
    made_up,
)

GONE = HostSeen(why=["could not be reached"])
A, B, C = "a.service", "b.service", "c.service"


def compared(earlier: t.Mapping[str, HostSeen], later: t.Mapping[str, HostSeen], **of_run: t.Any) -> Changes:
    return changes_between(document_of(RUN, earlier), document_of(RUN._replace(**of_run), later))


def told(changes: Changes) -> t.Tuple[t.List[Change], t.List[Change], t.List[Change]]:
    return list(changes.worse), list(changes.mended), list(changes.others)


def test_a_document_differs_in_nothing_from_itself() -> None:
    for kind in ("enable", "audit"):
        document = made_up(200, kind)
        changes = changes_between(document, document)
        assert (told(changes), changes.values, changes.hosts_new, changes.hosts_gone) == (([], [], []), [], (), ())


def test_newly_wrong_and_mended_are_one_line_for_all_hosts() -> None:
    earlier = dict.fromkeys(("h2", "h10"), host({A: RIGHT, B: STALE}))
    later = dict.fromkeys(("h10", "h2"), host({A: STALE, B: RIGHT}))
    reasons = ("stale_environment",)
    assert told(compared(earlier, later)) == (
        [Change("unit", A, "right", "wrong", reasons, ("h2", "h10"))],
        [Change("unit", B, "wrong", "right", (), ("h2", "h10"))],
        [],
    )


def test_other_verdicts_and_other_reasons() -> None:
    other = {**STALE, "reasons": {"library_not_loaded": 3}}
    more = {**STALE, "noncompliant": 9, "reasons": {"stale_environment": 9}}
    earlier = {"h1": host({A: STALE, B: STALE, C: RIGHT, "d.service": STALE, "e.service": RIGHT})}
    later = {"h1": host({A: other, B: more, C: ACCEPTED, "d.service": STOPPED, "f.service": RIGHT})}
    assert told(compared(earlier, later)) == (
        [],
        [],
        [
            Change("unit", A, "wrong", "wrong", ("library_not_loaded",), ("h1",)),
            Change("unit", "e.service", "right", "absent", (), ("h1",)),
            Change("unit", "d.service", "wrong", "idle", (), ("h1",)),
            Change("unit", C, "right", "accepted", ("overridden_by_application",), ("h1",)),
            Change("unit", "f.service", "absent", "right", (), ("h1",)),
        ],
    )


def test_a_host_that_is_not_read_any_more_is_told_once_and_its_units_are_not() -> None:
    read, units = host({A: STALE, B: RIGHT}), {A: EXPECTED, B: EXPECTED}
    unread = GONE._replace(expected=units)
    reasons = ("stale_environment",)
    assert told(compared({"h1": read}, {"h1": unread})) == (
        [Change("host", "", "done", "no_data", (), ("h1",))], [], [],
    )  # fmt: skip
    assert told(compared({"h1": read}, {"h1": GONE})) == told(compared({"h1": read}, {"h1": unread}))
    for before in (unread, GONE):
        assert told(compared({"h1": before}, {"h1": read})) == (
            [Change("unit", A, "no_data", "wrong", reasons, ("h1",))],
            [Change("host", "", "no_data", "done", (), ("h1",))],
            [],
        )


def test_a_rollout_that_failed() -> None:
    failed = HostSeen("failed", ["a.service: did not stay up"], expected={A: EXPECTED})
    changes = compared({"h1": host({A: RIGHT})}, {"h1": failed})
    assert told(changes) == ([Change("host", "", "done", "failed", (), ("h1",))], [], [])


def test_what_a_look_has_not_read_has_not_changed() -> None:
    unread = host({}, expected={A: EXPECTED})
    assert told(compared({"h1": host({A: RIGHT})}, {"h1": unread}, check_mode=True)) == ([], [], [])
    assert told(compared({"h1": host({A: RIGHT})}, {"h1": unread})) == (
        [Change("unit", A, "right", "no_data", (), ("h1",))], [], [],
    )  # fmt: skip


def test_hosts_come_and_go() -> None:
    earlier = {"h1": host({A: RIGHT}), "h2": host({A: STALE}), "h10": GONE}
    later = {"h1": host({A: RIGHT}), "h4": host({A: STALE, B: RIGHT}), "h3": host({A: RIGHT})}
    changes = compared(earlier, later)
    assert (changes.hosts_new, changes.hosts_gone) == (("h3", "h4"), ("h2", "h10"))
    assert told(changes) == (
        [Change("unit", A, "absent", "wrong", ("stale_environment",), ("h4",))], [], [],
    )  # fmt: skip


def test_other_values() -> None:
    def expecting(**tcp: int) -> HostSeen:
        return host({A: RIGHT, B: RIGHT}, expected={A: {**EXPECTED, "tcp": tcp}, B: EXPECTED})

    earlier, later = expecting(keepidle=60, keepcnt=4), expecting(keepidle=120, keepcnt=4, user_timeout=0)
    changes = compared({"h1": earlier, "h2": earlier}, {"h1": later, "h2": later})
    assert changes.values == [
        ValuesChanged(A, (("keepidle", 60, 120), ("user_timeout", None, 0)), ("h1", "h2")),
    ]  # fmt: skip


def test_connections_are_compared_where_both_have_looked_at_them() -> None:
    def listing(**counts: int) -> HostSeen:
        return host({}, audit={**audited(), "groups": [group(program, "outgoing", connections=2, **counts)]})

    program = Program("/usr/bin/psql", unit=A)
    right, without, more = (listing(), listing(without=1), listing(without=2))
    none = host({}, audit={**audited(), "groups": []})
    name = "a.service, psql connects"
    wrong = Change("connections", name, "right", "wrong", ("without",), ("h1",))
    assert told(compared({"h1": right}, {"h1": without})) == ([wrong], [], [])
    assert told(compared({"h1": without}, {"h1": right})) == (
        [], [Change("connections", name, "wrong", "right", (), ("h1",))], [],
    )  # fmt: skip
    assert told(compared({"h1": none}, {"h1": without})) == ([wrong._replace(before="absent")], [], [])
    for before, after in ((without, more), (without, none), (right, none), (none, right), (host({}), without)):
        assert told(compared({"h1": before}, {"h1": after})) == ([], [], [])


def test_the_worst_and_the_most_frequent_stand_first() -> None:
    failed, right = HostSeen("failed", ["x"]), host({A: RIGHT, B: RIGHT})
    earlier = {f"h{number}": right for number in range(5)}
    later = {"h0": host({A: RIGHT, B: STALE}), "h1": host({A: STALE, B: RIGHT}), "h2": host({A: STALE, B: RIGHT}),
             "h3": GONE, "h4": failed}  # fmt: skip
    assert [(each.after, each.name) for each in compared(earlier, later).worse] == [
        ("failed", ""), ("wrong", A), ("wrong", B), ("no_data", ""),
    ]  # fmt: skip
