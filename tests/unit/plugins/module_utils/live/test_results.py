# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of sockets whose values were to be set: each by itself, all counted, and no more lines than wanted."""

from __future__ import annotations

import errno
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import ChangeGroup, SocketChange
from ansible_collections.netops.keepalive.plugins.module_utils.live.results import (
    OUTCOMES,
    Results,
    SocketResult,
    refusal,
)
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record

RECORD = Record(
    inode=77,
    family="ipv4",
    protocol="tcp",
    state="ESTABLISHED",
    local=("192.0.2.1", 443),
    remote=("192.0.2.9", 50000),
    keepalive=False,
    options={"keepidle": 7200, "keepcnt": 9},
    readable=True,
    idle=None,
    namespace=4026531840,
    holders=(Holder(20, 5, 21), Holder(30, 4)),
    unit="the process's.service",
    direction="accepted",
    program="/usr/sbin/a",
)
NONE = dict.fromkeys(OUTCOMES, 0)


def numbered(inode: int, **changes: t.Any) -> Record:
    return RECORD._replace(inode=inode, holders=(Holder(inode, 3),), **changes)


def changed(results: Results, unit: str, record: Record, **values: int) -> SocketResult:
    result = results.add(unit, record, "changed")
    result.before, result.after = dict.fromkeys(values, 0), values
    return result


def test_what_is_given_out_of_a_socket() -> None:
    before, after = {"keepalive": 0, "keepidle": 7200}, {"keepalive": 1, "keepidle": 60}
    result = SocketResult("a.service", RECORD, "changed", before, after)
    result.refused["keepcnt"] = refusal(errno.EINVAL)
    assert result.as_dict() == {
        "unit": "a.service",
        "pid": 20,
        "pids": [20, 30],
        "pids_total": 2,
        "program": "/usr/sbin/a",
        "fd": 5,
        "thread": 21,
        "inode": 77,
        "protocol": "tcp",
        "state": "ESTABLISHED",
        "direction": "accepted",
        "local": {"address": "192.0.2.1", "port": 443},
        "remote": {"address": "192.0.2.9", "port": 50000},
        "outcome": "changed",
        "before": {"keepalive": False, "keepidle": 7200},
        "after": {"keepalive": True, "keepidle": 60},
        "refused": {"keepcnt": "Invalid argument"},
    }
    assert result.as_dict()["before"]["keepalive"] is False, "no number"
    assert result.change == SocketChange(result.before, result.after, False)
    assert SocketResult("a", RECORD._replace(state="LISTEN"), "right").change == SocketChange({}, {}, True)


def test_what_was_read_back_counts_more_than_what_was_read() -> None:
    result = SocketResult("a.service", RECORD, "changed", seen_after={"keepidle": 60, "user_timeout": None})
    assert result.options == {"keepidle": 60, "keepcnt": 9, "user_timeout": None}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, "accepted 192.0.2.1:443 from 192.0.2.9:50000"),
        ({"direction": "outgoing"}, "outgoing 192.0.2.1:443 to 192.0.2.9:50000"),
        ({"direction": "listening", "remote": None}, "listening 192.0.2.1:443"),
    ],
)
def test_one_line_says_which_socket_and_what_it_gets(changes: t.Dict[str, t.Any], where: str) -> None:
    before, after = {"keepidle": 7200, "keepalive": 1, "keepcnt": 9}, {"keepidle": 60, "keepalive": 0, "keepcnt": 1}
    line = SocketResult("a.service", RECORD._replace(**changes), "changed", before, after).line()
    assert line == f"a.service: pid 20 fd 5 {where}: keepidle 7200 -> 60, keepalive on -> off, keepcnt 9 -> 1"
    turned_on = SocketResult("a.service", RECORD, "changed", {"keepalive": 0}, {"keepalive": 1}).line()
    assert turned_on.endswith(": keepalive off -> on")


def test_an_option_that_a_protocol_does_not_have_is_refused() -> None:
    results = Results()
    mptcp = results.add("a.service", RECORD._replace(protocol="mptcp"), "refused", ("user_timeout", "window_clamp"))
    assert mptcp.refused == dict.fromkeys(("user_timeout", "window_clamp"), "MPTCP has no such option")
    unknown = results.add("a.service", RECORD._replace(protocol=None), "refused", ("keepidle",))
    assert unknown.refused == {"keepidle": "THIS PROTOCOL has no such option"}
    assert results.by_inode == {77: unknown}
    assert results.add("a.service", RECORD, "right") == SocketResult("a.service", RECORD, "right", {}, {}, {}, {})


def test_all_are_counted_by_unit_and_outcome() -> None:
    results = Results()
    assert results.counts(["a.service"]) == {"a.service": NONE}
    for inode, outcome in enumerate((*OUTCOMES, "right", "right"), 1):
        results.add("a.service", numbered(inode), outcome)
    results.add("c.service", numbered(99), "changed")
    counts = results.counts(["a.service", "b.service"])
    assert counts == {
        "a.service": {**dict.fromkeys(OUTCOMES, 1), "right": 3},
        "b.service": NONE,
        "c.service": {**NONE, "changed": 1},
    }
    assert list(counts["b.service"]) == ["refused", "unreadable", "vanished", "left_alone", "changed", "right"]


def test_a_run_has_changed_something_where_a_socket_has_other_values() -> None:
    results = Results()
    results.add("a.service", numbered(1), "changed")
    assert results.changed is False
    changed(results, "a.service", numbered(2), keepidle=60)
    assert results.changed is True


def test_the_troubled_are_shown_first_and_what_is_right_is_not() -> None:
    results = Results()
    for inode, outcome in enumerate(reversed(OUTCOMES), 10):
        results.add("b.service", numbered(inode), outcome)
        results.add("a.service", numbered(inode + 20), outcome)
        results.add("a.service", numbered(inode - 8), outcome)
    shown = [(result.outcome, result.unit, result.record.inode) for result in results.shown(0)]
    assert shown == [
        (outcome, unit, inode)
        for at, outcome in enumerate(OUTCOMES[:-1])
        for unit, inode in (("a.service", 7 - at), ("a.service", 35 - at), ("b.service", 15 - at))
    ]
    assert [(result.outcome, result.record.inode) for result in results.shown(2)] == [("refused", 7), ("refused", 35)]


def test_one_account_takes_no_place_of_another_within_an_outcome() -> None:
    results = Results()
    for inode in range(1, 6):
        account = Account("a.service" if inode < 5 else "z.service")
        results.add("a.service" if inode < 5 else "z.service", numbered(inode, account=account), "vanished")
        results.add("b.service", numbered(inode + 10), "changed")
    assert [result.record.inode for result in results.shown(3)] == [1, 2, 5]
    assert [result.record.inode for result in results.shown(6)] == [1, 2, 3, 4, 5, 11]


def test_what_undoes_it_is_grouped_by_unit() -> None:
    results = Results()
    changed(results, "b.service", numbered(1), keepidle=60)
    changed(results, "a.service", numbered(2), keepidle=60)
    changed(results, "a.service", numbered(3, state="LISTEN"), keepidle=60)
    changed(results, "a.service", numbered(4), keepidle=60)
    results.add("a.service", numbered(5), "right")
    zero, sixty = {"keepidle": 0}, {"keepidle": 60}
    assert results.previous() == [
        ChangeGroup("a.service", zero, sixty, False, (2, 4)),
        ChangeGroup("a.service", zero, sixty, True, (3,)),
        ChangeGroup("b.service", zero, sixty, False, (1,)),
    ]


@pytest.mark.parametrize(
    ("most", "last"),
    [(0, None), (4, None), (3, None), (2, "... and 1 more sockets"), (1, "... and 2 more sockets")],
)
def test_so_many_lines_of_a_difference_and_the_number_of_the_rest(most: int, last: t.Optional[str]) -> None:
    results = Results()
    assert results.diff(most) == ""
    lines = [changed(results, "a.service", numbered(inode), keepidle=60).line() for inode in (13, 12, 11)]
    results.add("a.service", numbered(14), "right")
    lines.reverse()
    expected = [*lines[:most], last] if last else lines
    assert results.diff(most) == "".join(f"{line}\n" for line in expected)
