# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is given out of one socket: through whom it is reached, what a comparison gets, and what nobody could read."""

from __future__ import annotations

import errno
import itertools
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import NOBODYS
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Row
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import Subject, WrongOption
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import (
    MOST_PIDS,
    Holder,
    Record,
    TableValues,
    Verdict,
    stands_for,
    values_of,
    without_judgement,
)
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.timers import TimerSeen

SERVER, CLIENT = ("192.0.2.1", 443), ("192.0.2.9", 50000)
READ = Record(
    inode=77,
    family="ipv4",
    protocol="tcp",
    state="ESTABLISHED",
    local=SERVER,
    remote=CLIENT,
    keepalive=True,
    options={"keepidle": 60, "user_timeout": None},
    readable=True,
    idle=1.5,
    namespace=4026531840,
    holders=(Holder(20, 5, 21), Holder(1, 3), Holder(20, 7)),
    unit="a.service",
    direction="accepted",
    program="/usr/sbin/a",
)


def test_a_record_says_nothing_that_nobody_has_found_out() -> None:
    plain = Record(77, "ipv4", None, "CLOSE", SERVER, None, None, {}, False, None, None, (Holder(20, 5),))
    assert plain[12:] == ("", "unconnected", frozenset(), "", NOBODYS, "", None)
    assert Verdict() == (None, False, None, (), None, (), "")


def test_the_lowest_process_stands_for_a_socket_and_systemd_only_for_its_own() -> None:
    in_order = [Holder(8, 9), Holder(9, 4), Holder(9, 5), Holder(9, 3, 10), Holder(9, 2, 11), Holder(1, 2)]
    for holders in itertools.permutations(in_order):
        record = READ._replace(holders=holders)
        assert record.ways == in_order, "the way through systemd comes last, that through a thread behind its process"
        assert record.holder == stands_for(holders) == in_order[0]
        assert record.owner == (8, 9)
        assert record.pids == [1, 8, 9]
    assert stands_for(in_order[-1:]) == Holder(1, 2)
    assert stands_for((Holder(1, 2), Holder(8, 9))) == Holder(8, 9)


def test_what_a_comparison_gets() -> None:
    assert READ.subject() == Subject("tcp", "ESTABLISHED", "accepted", True, True, READ.options)
    of_the_table = READ._replace(protocol=None, local=("0.0.0.0", 0), keepalive=False)
    assert of_the_table.subject() == Subject("tcp", "ESTABLISHED", "accepted", False, False, READ.options)
    assert READ._replace(protocol="mptcp").subject().protocol == "mptcp"
    with pytest.raises(ValueError, match="a socket of which nothing is known cannot be compared"):
        READ._replace(keepalive=None).subject()


def test_what_is_given_out_of_a_socket() -> None:
    assert READ.as_dict() == {
        "unit": "a.service",
        "pid": 20,
        "pids": [1, 20],
        "pids_total": 2,
        "program": "/usr/sbin/a",
        "fd": 7,
        "thread": None,
        "inode": 77,
        "family": "ipv4",
        "protocol": "tcp",
        "state": "ESTABLISHED",
        "direction": "accepted",
        "local": {"address": "192.0.2.1", "port": 443},
        "remote": {"address": "192.0.2.9", "port": 50000},
        "options": {"keepalive": True, "keepidle": 60, "user_timeout": None},
        "readable": True,
    }
    listener = READ._replace(remote=None, holders=(Holder(20, 5, 21),)).as_dict()
    assert (listener["remote"], listener["pid"], listener["fd"], listener["thread"]) == (None, 20, 5, 21)


@pytest.mark.parametrize("number", [MOST_PIDS, MOST_PIDS + 1])
def test_of_a_socket_that_many_share_so_many_are_listed_and_all_counted(number: int) -> None:
    given = READ._replace(holders=tuple(Holder(pid, 3) for pid in range(1000, 1000 + number))).as_dict()
    assert (given["pids"], given["pids_total"]) == (list(range(1000, 1100)), number)


def test_what_is_given_out_of_a_verdict() -> None:
    wrong = (WrongOption("keepidle", 7200, 60),)
    verdict = Verdict(None, True, False, wrong, "undetermined", ("library_not_loaded", "unreadable"), "see there")
    assert verdict.as_dict() == {
        "relevant": True,
        "compliant": False,
        "wrong": [{"option": "keepidle", "value": 7200, "expected": 60}],
        "reason": "undetermined",
        "candidates": ["library_not_loaded", "unreadable"],
        "detail": "see there",
    }


def test_where_nobody_expects_anything_only_what_could_not_be_read_is_told() -> None:
    assert without_judgement(READ) == Verdict()
    unread = READ._replace(readable=False, why_unreadable="It is not shown.")
    assert without_judgement(unread) == Verdict(
        reason="unreadable", candidates=("unreadable",), detail="It is not shown."
    )


@pytest.mark.parametrize(
    ("state", "remote"), [(1, CLIENT), (2, CLIENT), (6, CLIENT), (7, None), (8, CLIENT), (10, None), (11, CLIENT)]
)
@pytest.mark.parametrize(
    ("keepalive", "told", "timer"),
    [
        (True, " Its timer shows that keepalive is on.", 3.5),
        (False, " It has no timer: keepalive is off.", None),
        (None, "", None),
    ],
)
def test_what_is_known_of_a_socket_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
    state: int,
    remote: t.Any,
    keepalive: t.Optional[bool],
    told: str,
    timer: t.Optional[float],
) -> None:
    monkeypatch.setattr(unreadable, "remedy", lambda number: f"do something about {number}")
    row = Row("ipv6", SERVER, CLIENT, state, 2, 77, 3.5)
    error = Unreadable(errno.EPERM, "pidfd_getfd")
    found = values_of(TimerSeen(row, keepalive), 4026531840, error)
    assert found == TableValues(
        inode=77,
        family="ipv6",
        protocol=None,
        state=state,
        local=SERVER,
        remote=remote,
        keepalive=keepalive,
        options=dict.fromkeys(OPTIONS),
        idle=None,
        namespace=4026531840,
        why_unreadable=f"The options cannot be read ({error}): do something about 1.{told}",
        timer=timer,
    )
