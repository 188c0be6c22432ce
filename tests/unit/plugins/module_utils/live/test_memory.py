# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was set is known to the next run, and what was there before is never lost."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import (
    MOST_TIMES,
    ChangeGroup,
    Memory,
    SocketChange,
    changes_of,
    groups_of,
)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "made" / "live.json")


def test_the_next_run_knows_it_all(path: str) -> None:
    memory = Memory(path)
    unit = memory.of("a.service")
    unit.note(11, {"keepidle": 7200, "keepalive": 0}, {"keepidle": 60, "keepalive": 1}, False)
    unit.note(12, {"keepidle": 7200}, {"keepidle": 60}, True)
    unit.note_times({"keepidle": 60, "keepintvl": 15, "keepcnt": 9, "user_timeout": None})
    unit.seen = {11, 12, 13}
    memory.of("idle.service")  # looked at, had no sockets
    memory.save()
    again = Memory(path)
    assert again.units == memory.units
    assert list(again.units) == ["a.service", "idle.service"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(os.path.dirname(path)) == ["live.json"]


def test_the_first_values_stay_however_often_it_is_set(path: str) -> None:
    unit = Memory(path).of("a.service")
    unit.note(11, {"keepidle": 7200}, {"keepidle": 60}, False)
    unit.note(11, {"keepidle": 60, "keepcnt": 9}, {"keepidle": 30, "keepcnt": 4}, False)
    assert unit.changes == {11: SocketChange({"keepidle": 7200, "keepcnt": 9}, {"keepidle": 30, "keepcnt": 4}, False)}
    unit.note(11, {"keepidle": 30}, {"keepidle": 7200}, False)
    assert unit.changes == {11: SocketChange({"keepcnt": 9}, {"keepcnt": 4}, False)}
    unit.note(11, {"keepcnt": 4}, {"keepcnt": 9}, False)
    assert unit.changes == {}


def test_it_does_not_grow(path: str) -> None:
    unit = Memory(path).of("a.service")
    for number in range(50):
        unit.note(number, {"keepidle": 7200}, {"keepidle": 60}, False)
        unit.note_times({"keepidle": number})
    unit.forget_closed({48, 49})
    assert sorted(unit.changes) == [48, 49]
    assert [times[0] for times in unit.times] == list(range(50 - MOST_TIMES, 50))


def test_nothing_to_remember_leaves_no_file(path: str) -> None:
    memory = Memory(path)
    memory.of("a.service")
    memory.save()
    memory.units.clear()
    memory.save()
    memory.save()
    assert not os.path.exists(path)


def put(path: str, content: t.Any) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    pathlib.Path(path).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "units": []}', "\0", "[" * 100_000]
)
def test_a_file_that_is_damaged_counts_as_none_and_is_told(path: str, content: str) -> None:
    put(path, content)
    memory = Memory(path)
    (damage,) = memory.damages
    assert memory.units == {}
    assert damage.startswith(f"{path} ") and "it was not believed. What it knew is lost: " in damage


def test_where_there_is_no_file_nothing_is_told(path: str) -> None:
    assert Memory(path).damages == []


GROUP = {
    "unit": "b.service",
    "before": {"keepidle": 7200, "keepalive": 0},
    "after": {"keepidle": 60, "keepalive": 1},
    "listening": False,
    "inodes": [11],
}
UNIT = {"groups": [GROUP], "seen": [11], "times": [[60, 15, 9, None]]}


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        7,
        None,
        {**UNIT, "more": 1},
        {**UNIT, "groups": {}},
        {**UNIT, "groups": [7]},
        {**UNIT, "groups": [{**GROUP, "unit": "a.service"}]},
        {**UNIT, "groups": [{**GROUP, "before": []}]},
        {**UNIT, "groups": [{**GROUP, "before": {"keepidle": 7200}}]},
        {**UNIT, "groups": [{**GROUP, "before": {"syncnt": 1}, "after": {"syncnt": 2}}]},
        {**UNIT, "groups": [{**GROUP, "before": {"keepidle": "7200"}, "after": {"keepidle": 60}}]},
        {**UNIT, "groups": [{**GROUP, "before": {"keepidle": 2**31}, "after": {"keepidle": 60}}]},
        {**UNIT, "groups": [{**GROUP, "before": {"keepidle": True}, "after": {"keepidle": 60}}]},
        {**UNIT, "groups": [{**GROUP, "listening": 0}]},
        {**UNIT, "groups": [{**GROUP, "inodes": 11}]},
        {**UNIT, "groups": [{**GROUP, "inodes": ["11"]}]},
        {**UNIT, "groups": [{**GROUP, "inodes": [[]]}]},
        {**UNIT, "seen": 11},
        {**UNIT, "seen": [{}]},
        {**UNIT, "seen": [-1]},
        {**UNIT, "times": [60]},
        {**UNIT, "times": [[60, 15, 9]]},
        {**UNIT, "times": [[60, 15, 9, "1"]]},
    ],
)
def test_what_is_damaged_of_one_unit_leaves_the_others(path: str, broken: t.Any) -> None:
    right = {**UNIT, "groups": [{**GROUP, "unit": "a.service"}]}
    put(path, {"version": 1, "units": {"a.service": right, "b.service": broken}})
    memory = Memory(path)
    (damage,) = memory.damages
    assert list(memory.units) == ["a.service"]
    assert memory.units["a.service"].changes == {11: SocketChange(GROUP["before"], GROUP["after"], False)}
    assert damage.startswith(f"{path}: the entry 'b.service' ") and "What it knew is lost: " in damage


def test_a_name_that_is_no_units_is_never_asked_for(path: str) -> None:
    put(path, {"version": 1, "units": {"--help\x1b[2J": {**UNIT, "groups": []}}})
    memory = Memory(path)
    assert memory.units == {}
    assert "is not the name of a .service" in memory.damages[0] and memory.damages[0].isprintable()


def test_to_look_something_up_adds_nothing(path: str) -> None:
    memory = Memory(path)
    assert memory.look_up("a.service").times == []
    assert memory.units == {}


def test_what_is_alike_is_one_group() -> None:
    one = SocketChange({"keepidle": 7200}, {"keepidle": 60}, False)
    changes = dict.fromkeys(range(5), one)
    changes[7] = SocketChange({"keepidle": 7200}, {"keepidle": 60}, True)
    groups = groups_of("a.service", changes)
    assert groups == [
        ChangeGroup("a.service", {"keepidle": 7200}, {"keepidle": 60}, False, (0, 1, 2, 3, 4)),
        ChangeGroup("a.service", {"keepidle": 7200}, {"keepidle": 60}, True, (7,)),
    ]
    assert changes_of(groups) == {"a.service": changes}
