# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one group of connections sums up."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.group import Group, merged_listeners
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.tests.unit.support.made_up import made, tuned


def test_what_is_wrong_is_summed_up_and_what_is_right_is_counted() -> None:
    group = Group()
    for verdict, record in (
        ("right", made(1, **tuned(60, 15, 4), idle=9.0)),
        ("slow", made(2, **tuned(7200, 75, 9), idle=3.0)),
        ("slow", made(3, **tuned(7200, 75, 9), remote=("::ffff:192.0.2.9", 443))),
        ("without", made(4, direction="accepted", idle=0.0)),
        ("without", made(5, direction="accepted", remote=("192.0.2.9", 444))),
        ("unknown", made(6, remote=None)),
    ):
        group.add([record], verdict)
    assert group.verdicts == {"right": 1, "slow": 2, "without": 2, "unknown": 1}
    assert group.peers == {("192.0.2.9", 443): 2, ("192.0.2.9", 0): 2}
    assert group.values == {KeepaliveTimes(7200, 75, 9): 2}
    assert group.silences == [3.0, 0.0]
    group.listeners.append({})
    assert group.counts() == {"findings": 5, "groups": 1, "connections": 6, "listeners": 1}
    assert list(group.counts()) == ["findings", "groups", "connections", "listeners"]


@pytest.mark.parametrize("name", ["keepidle", "keepintvl", "keepcnt"])
def test_values_that_are_not_all_known_are_none(name: str) -> None:
    group = Group()
    values = tuned(7200, 75, 9)
    values["options"][name] = None
    group.add([made(1, **values)], "unknown")
    assert (group.values, group.findings) == ({}, 1)


@pytest.mark.parametrize(
    ("verdicts", "listeners", "rank"), [([], 0, 1), (["right"], 0, 1), (["slow"], 0, 0), ([], 1, 0), (["slow"], 1, 0)]
)
def test_what_there_is_something_to_do_about_goes_first(verdicts: t.List[str], listeners: int, rank: int) -> None:
    group = Group()
    for verdict in verdicts:
        group.add([made(1)], verdict)
    group.listeners += [{}] * listeners
    assert group.rank == rank


def listener(port: int, shown_by: int, address: str = "::", verdict: str = "slow") -> t.Dict[str, t.Any]:
    return {"address": address, "port": port, "verdict": verdict, "shown_by": shown_by}


def test_listeners_that_share_an_address_are_one() -> None:
    given = [
        listener(80, 1),
        listener(9, 2),
        listener(80, 4, "0.0.0.0"),
        listener(80, 8),
        listener(80, 16, verdict="x"),
    ]
    assert merged_listeners(given) == [
        listener(9, 2), listener(80, 4, "0.0.0.0"), listener(80, 9), listener(80, 16, verdict="x"),
    ]  # fmt: skip
    assert given[0] == listener(80, 1), "what comes in is left as it is"
