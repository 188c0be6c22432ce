# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that people read: exact text."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.report import explanations, lay_out, rows_of


def unit(**settings: t.Any) -> t.Dict[str, t.Any]:
    right = {"state": "running", "elsewhere": [], "ok": True, "reasons": {}}
    counts = {"relevant": 0, "compliant": 0, "noncompliant": 0, "unknown": 0}
    return {**right, **counts, **settings}


def record(name: str, reason: t.Optional[str], detail: t.Optional[str] = None, relevant: bool = True) -> t.Any:
    return {"unit": name, "reason": reason, "detail": detail, "relevant": relevant}


ANSWERS: t.Dict[str, t.Any] = {
    "web1": {
        "units": {
            "redis.service": unit(relevant=12, compliant=2, noncompliant=10, reasons={"overridden_by_application": 10}),
            "nginx.service": unit(relevant=9, compliant=9),
            "nightly.service": unit(state="stopped"),
        }
    },
    "database-with-a-long-name": {
        "units": {
            "a.service": unit(ok=False, relevant=3, noncompliant=2, unknown=1, reasons={"unreadable": 1, "other": 2}),
            "b.service": unit(ok=False),
            "c.service": unit(ok=False, state="missing"),
        }
    },
    "silent": None,
    "failed": {"msg": "no"},
}
NOT_VERIFIED = "not verified: failed or not reached, see above"


def test_a_table_of_all_hosts() -> None:
    assert lay_out(rows_of(ANSWERS)) == [
        "HOST                       UNIT             SOCKETS  RIGHT  WRONG  WHY",
        "web1                       nginx.service          9      9      0",
        "web1                       nightly.service        -      -      -  not running",
        "web1                       redis.service         12      2     10  accepted: overridden_by_application x 10",
        "database-with-a-long-name  a.service              3      0      3  other x 2, unreadable x 1",
        "database-with-a-long-name  b.service              0      0      0  fewer sockets than min_sockets",
        "database-with-a-long-name  c.service              -      -      -  there is no such unit",
        "silent                     -                      -      -      -  " + NOT_VERIFIED,
        "failed                     -                      -      -      -  " + NOT_VERIFIED,
    ]


def test_a_unit_that_can_have_no_sockets_says_why() -> None:
    units = {
        "postgresql.service": unit(state="without_process", ok=False, elsewhere=["postgresql@15-main.service"]),
        "several.service": unit(state="without_process", ok=False, elsewhere=["one.service", "two.service"]),
        "done.service": unit(state="without_process"),
        "loop.service": unit(state="crashing", ok=False),
    }
    assert [(row.cells[1], row.cells[-1], row.verdict) for row in rows_of({"web1": {"units": units}})] == [
        ("done.service", "active, and has no process", "idle"),
        ("loop.service", "ends again and again, and systemd restarts it", "wrong"),
        ("postgresql.service", "active, and has no process: postgresql@15-main.service has one", "wrong"),
        ("several.service", "active, and has no process: one.service, two.service have one", "wrong"),
    ]


def test_a_unit_that_may_be_missing_and_is_has_no_line() -> None:
    units = {"a.service": unit(state="missing"), "b.service": unit(ok=False, state="missing")}
    rows = rows_of({"web1": {"units": units}, "web2": {"units": {"a.service": unit(state="missing")}}})
    assert [row.cells[:2] for row in rows] == [("web1", "b.service")]


def test_the_verdicts() -> None:
    assert [row.verdict for row in rows_of(ANSWERS)] == [
        "right", "idle", "accepted", "wrong", "wrong", "wrong", "wrong", "wrong",
    ]  # fmt: skip


def test_what_is_right_can_be_left_out() -> None:
    assert [row.cells[1] for row in rows_of(ANSWERS, wrong_only=True)] == [
        "a.service", "b.service", "c.service", "-", "-",
    ]  # fmt: skip


def test_no_hosts_are_a_header() -> None:
    assert lay_out(rows_of({})) == ["HOST  UNIT  SOCKETS  RIGHT  WRONG  WHY"]


def test_each_reason_is_explained_once_for_all_hosts() -> None:
    wrong = [
        record("a.service", "stale_environment", "keepidle is 1"),
        record("a.service", "stale_environment", "keepidle is 1"),
    ]
    answers = {f"h{number}": {"sockets": wrong} for number in range(5)}
    answers["h0"] = {"sockets": [*wrong, record("a.service", "unreadable"), record("b.service", None),
                                 record("c.service", "unreadable", "x", relevant=False)]}  # fmt: skip
    assert explanations({**answers, "silent": None}) == [
        "a.service: stale_environment: keepidle is 1 (h0, h1, h2 and 2 more)",
        "a.service: unreadable:  (h0)",
    ]
    assert explanations({"h": {"sockets": wrong}}, most_hosts=1) == ["a.service: stale_environment: keepidle is 1 (h)"]


def test_a_program_that_is_wrong_is_explained_where_no_socket_does() -> None:
    def of(reason: str) -> t.Dict[str, t.Any]:
        return {"unit": "a@1.service", "reason": reason, "candidates": [reason], "detail": "It is not there."}

    units = {"a@.service": unit(programs_wrong=[of("program_not_attached"), of("program_replaced")]), "b.service": 3}
    sockets = [record("a@1.service", "program_replaced", "It is another one. keepidle is 1.")]
    assert explanations({"h": {"units": units, "sockets": sockets}}) == [
        "a@1.service: program_not_attached: It is not there. (h)",
        "a@1.service: program_replaced: It is another one. keepidle is 1. (h)",
    ]
    assert explanations({"h": {"units": {"c.service": unit()}}}) == []
