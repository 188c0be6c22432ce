# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page shows: the worst first, each text once, and short enough for thousands of hosts."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import changes_between
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.page_data import page_data
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import group
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    RIGHT,
    RUN,
    STALE,
    audited,
    host,
    socket,
)
from ansible_collections.netops.keepalive.tests.unit.support.reported_fleet import realistic

A, B = "a.service", "b.service"


def test_hosts_and_units_stand_worst_first() -> None:
    hosts = {
        "h10": host({A: RIGHT}), "h2": host({A: RIGHT}), "accepted": host({A: ACCEPTED}),
        "wrong": host({A: RIGHT, B: STALE}), "wronger": host({A: STALE, B: STALE}), "gone": HostSeen(why=["x"]),
        "failed": HostSeen("failed", ["x"]), "waits": HostSeen("not_begun"), "refused": HostSeen("refused", ["x"]),
        "risky": host({}, audit=audited(9, 8, without=1)),
    }  # fmt: skip
    data = page_data(document_of(RUN, hosts))
    assert [each["name"] for each in data["hosts"]] == [
        "failed", "refused", "wronger", "wrong", "risky", "gone", "waits", "accepted", "h2", "h10",
    ]  # fmt: skip
    assert data["units"] == [B, A]
    assert [each["order"] for each in data["hosts"] if each["name"] in ("h2", "h10")] == [3, 4]


def test_a_cell_is_numbers_and_what_is_alike_stands_once() -> None:
    hosts = {name: host({A: RIGHT, B: STALE}, [socket(B)] * 3) for name in ("h1", "h2")}
    data = page_data(document_of(RUN, hosts))
    assert [each["units"] for each in data["hosts"]] == [[[0, 1, 0, 4, 1, 3, 0], [1, 0, 0, 4]]] * 2
    assert data["units"] == [B, A]
    assert [said["verdict"] for said in data["said"]] == ["right", "wrong"]
    (values,) = data["values"]
    assert (values["tcp"], values["idle"]) == ({"keepidle": 60, "user_timeout": -1}, 60 + 75 * 9)


def test_connections_stand_behind_what_is_wrong() -> None:
    program = Program("/usr/bin/psql", unit="reporter.service")
    found = [group(program, "outgoing", connections=2, without=2)]
    risky = host({A: STALE, B: ACCEPTED}, audit={**audited(9, 7, without=2, idle_timeout=1), "groups": found})
    data = page_data(document_of(RUN._replace(kind="audit"), {"h1": risky, "h2": HostSeen(why=["x"])}))
    assert [each["verdict"] for each in data["findings"]] == ["wrong", "at_risk", "no_data", "accepted"]
    assert data["findings"][1]["unit"] == "reporter.service, psql connects"
    assert (data["findings"][1]["reasons"], data["findings"][1]["hosts"]) == ({"without": 2}, "h1")
    assert data["timeout"] == {"seconds": 350, "given": True}


def test_what_has_changed_is_told_in_words() -> None:
    before, after = (document_of(RUN, {"h1": host({A: unit})}) for unit in (RIGHT, STALE))
    changes = page_data(after, changes_between(before, after))["changes"]
    assert changes["worse"] == [{"said": "a.service on 1 host, wrong (was right): stale_environment", "hosts": "h1"}]
    assert (changes["mended"], changes["new"], changes["gone"]) == ([], "", "")
    assert page_data(after)["changes"] is None


def test_of_a_fleet_it_stays_short() -> None:
    document = realistic(500)
    assert len(json.dumps(page_data(document))) * 10 < len(json.dumps(document))


def test_of_an_audit_what_it_advises_stands_beside_what_it_found() -> None:
    program = Program("/usr/bin/psql", unit="reporter.service")
    found = [group(program, "outgoing", connections=2, without=2)]
    risky = {**audited(9, 7, without=2), "groups": found, "groups_total": 1}
    shorter = {**risky, "idle_timeout": 60, "recommended": {"keepidle": 20, "keepintvl": 5, "keepcnt": 4}}
    run = RUN._replace(kind="audit")
    (values,) = page_data(document_of(run, {"h1": host({}, audit=risky), "h2": host({}, audit=shorter)}))["values"]
    assert values["tcp"] == {"keepidle": 20, "keepintvl": 5, "keepcnt": 4, "user_timeout": -1}
    assert (values["advised"], values["idle"]) == (True, 40)
    (one,) = values["found"]
    assert (one["off"], one["unsaid"], one["sockets"], one["hosts"]) == (True, True, 4, 2)
    nothing = page_data(document_of(run, {"h1": host({}, audit=audited())}))
    assert nothing["values"] == [], "where nothing is at risk, nothing is advised"


def test_of_values_found_in_very_many_ways_some_are_drawn_and_the_rest_is_counted() -> None:
    def ways(count: int) -> t.List[t.Dict[str, t.Any]]:
        values = [[{"option": "keepidle", "value": 100 + way, "expected": 60}] for way in range(count)]
        return [socket(A, wrong=wrong) for wrong in values for _each in range(2)]

    (values,) = page_data(document_of(RUN, {"h1": host({A: STALE}, ways(8))}))["values"]
    assert (len(values["found"]), values["not_drawn"]) == (6, 4)
    units = {f"u{number}.service": STALE for number in range(5)}
    many = page_data(document_of(RUN, {"h1": host(units, [socket(unit) for unit in units])}))["values"][0]["found"][0]
    assert (list(many["units"]), many["more"]) == (["u0.service", "u1.service", "u2.service"], 2)
