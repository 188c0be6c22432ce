# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same of many hosts is one finding, and the worst stand first."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.findings import Alike, findings_in
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    EXPECTED,
    RUN,
    STALE,
    host,
    socket,
)


def found(**hosts: HostSeen) -> t.List[Alike]:
    return findings_in(document_of(RUN, hosts))


def test_the_worst_stand_first_and_then_those_of_most_hosts() -> None:
    units = {"a.service": STALE, "b.service": ACCEPTED}
    hosts = {"h1": host({**units, "c.service": STALE}), "h2": host(units), "h3": HostSeen("failed", ["x"]),
             "h4": HostSeen("not_begun"), "h5": HostSeen("refused", ["y"]), "h6": HostSeen()}  # fmt: skip
    assert [(each.verdict, each.unit, each.hosts) for each in found(**hosts)] == [
        ("failed", "", ("h3",)),
        ("refused", "", ("h5",)),
        ("wrong", "a.service", ("h1", "h2")),
        ("wrong", "c.service", ("h1",)),
        ("no_data", "", ("h6",)),
        ("not_begun", "", ("h4",)),
        ("accepted", "b.service", ("h1", "h2")),
    ]


def test_counts_are_added_up_and_the_most_frequent_is_told() -> None:
    other = socket("a.service", detail="another", found=15)
    hosts = {"h1": host({"a.service": STALE}, [other, socket("a.service")]),
             "h2": host({"a.service": STALE}, [socket("a.service")])}  # fmt: skip
    (alike,) = found(**hosts)
    assert (alike.reasons, alike.sockets) == ({"stale_environment": 6}, 6)
    assert alike.lines == ("keepidle was 7200 when it was started", "keepidle 7200 instead of 60")


def test_other_reasons_are_another_finding() -> None:
    other = {**STALE, "reasons": {"library_not_loaded": 3}}
    assert len(found(h1=host({"a.service": STALE}), h2=host({"a.service": other}))) == 2


def test_a_host_that_names_itself_is_alike_another() -> None:
    said = {
        name: HostSeen("failed", [f"keepalive was not rolled out on {name}; its services"]) for name in ("h1", "h2")
    }
    assert [each.hosts for each in found(**said)] == [("h1", "h2")]


def test_a_unit_that_was_not_read_is_told_where_its_host_is_done() -> None:
    unread = host({}, expected={"a.service": EXPECTED})
    assert [(each.verdict, each.unit) for each in found(h1=unread)] == [("no_data", "a.service")]
    assert [(each.verdict, each.unit) for each in found(h1=unread._replace(state="no_data"))] == [("no_data", "")]


def test_values_in_words() -> None:
    wrong = [{"option": "keepalive", "value": False, "expected": True},
             {"option": "user_timeout", "value": None, "expected": 0}]  # fmt: skip
    (alike,) = found(h1=host({"a.service": STALE}, [socket("a.service", wrong=wrong, detail="")]))
    assert alike.lines == ("keepalive off instead of on, user_timeout unknown instead of 0",)
