# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of what was set on open sockets: where it stands, what of it is believed, and what is told of the rest."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.live import memory as live_memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import (
    ChangeGroup,
    Memory,
    SocketChange,
    UnitMemory,
)

LOST = (
    "it was not believed. What it knew is lost: the values that open sockets had before they were set, which cannot be"
    " put back now, and that those which they have are not their application's"
)
GROUP = {"unit": "a.service", "before": {"keepidle": 7200}, "after": {"keepidle": 60}, "listening": True, "inodes": [9]}
UNIT = {"groups": [GROUP], "seen": [9, 11], "times": [[60, 15, 9, None]]}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "live.json")


def put(path: str, content: t.Any) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(content, stream)


def test_it_stands_where_a_restart_of_the_host_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Tuple[str, int]] = []

    def read_nothing(path: str, limit: int) -> t.Any:
        asked.append((path, limit))
        raise FileNotFoundError(path)

    monkeypatch.setattr(live_memory, "read_json", read_nothing)
    assert (Memory().units, Memory().damages) == ({}, [])
    assert asked == [("/run/libkeepalive/live.json", 32 * 1024 * 1024)] * 2


def test_what_is_written_is_json_that_says_its_version(path: str) -> None:
    memory = Memory(path)
    memory.units["a.service"] = UnitMemory(
        {inode: SocketChange({"keepidle": 1}, {"keepidle": 2}, False) for inode in (12, 11)},
        {30, 4, 17},
        [(1, 2, 3, None), (4, 5, 6, 7)],
    )
    memory.save()
    assert json.loads(pathlib.Path(path).read_text(encoding="utf-8")) == {
        "version": 1,
        "units": {
            "a.service": {
                "groups": [
                    {
                        "unit": "a.service",
                        "before": {"keepidle": 1},
                        "after": {"keepidle": 2},
                        "listening": False,
                        "inodes": [11, 12],
                    }
                ],
                "seen": [4, 17, 30],
                "times": [[1, 2, 3, None], [4, 5, 6, 7]],
            }
        },
    }


def test_a_group_is_given_out_as_json_can_say_it() -> None:
    group = ChangeGroup("a.service", {"keepidle": 7200}, {"keepidle": 60}, True, (9,))
    assert group.as_dict() == GROUP


def test_only_root_can_change_the_folder_and_it_goes_once_it_is_empty(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "made"
    memory = Memory(str(folder / "live.json"))
    memory.of("a.service")
    before = os.umask(0)
    try:
        memory.save()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    (folder / "of others").touch()
    memory.units.clear()
    memory.save()
    assert os.listdir(folder) == ["of others"]
    (folder / "of others").unlink()
    memory.of("a.service")
    memory.save()
    memory.units.clear()
    memory.save()
    assert not folder.exists()


def test_what_is_right_is_believed_whole(path: str) -> None:
    put(path, {"version": 1, "units": {"a.service": UNIT, "b-*.service": {"groups": [], "seen": [], "times": []}}})
    memory = Memory(path)
    assert memory.damages == []
    change = SocketChange({"keepidle": 7200}, {"keepidle": 60}, True)
    assert memory.units == {
        "a.service": UnitMemory({9: change}, {9, 11}, [(60, 15, 9, None)]),
        "b-*.service": UnitMemory({}, set(), []),
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "is not an object of version 1"),
        ({"units": {}}, "is not an object of version 1"),
        ({"version": 2, "units": {}}, "is not an object of version 1"),
        ({"version": 1}, "has no units"),
        ({"version": 1, "units": []}, "has no units"),
    ],
)
def test_what_is_told_of_a_file_that_is_not_ours(path: str, content: t.Any, told: str) -> None:
    put(path, content)
    memory = Memory(path)
    assert (memory.damages, memory.units) == ([f"{path} {told}; {LOST}"], {})


SHAPE = "is not an object with groups, seen and times"
GROUPS = "has something else than groups of sockets and their values in groups"
SEEN = "has something else than sockets in seen"
TIMES = "has something else than values of keepidle, keepintvl, keepcnt, user_timeout in times"


def with_group(**changes: t.Any) -> t.Dict[str, t.Any]:
    return {**UNIT, "groups": [{**GROUP, **changes}]}


def with_value(value: t.Any) -> t.Dict[str, t.Any]:
    return with_group(before={"keepidle": value})


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ([], SHAPE),
        ({**UNIT, "more": 1}, SHAPE),
        ({**UNIT, "groups": {}}, GROUPS),
        ({**UNIT, "groups": [GROUP, 7]}, GROUPS),
        ({**UNIT, "groups": [GROUP, {**GROUP, "more": 1}]}, GROUPS),
        (with_group(unit="b.service"), GROUPS),
        (with_group(before=None), GROUPS),
        (with_group(after=None), GROUPS),
        (with_group(after={"keepcnt": 1}), GROUPS),
        (with_group(before={}, after={"keepcnt": 1}), GROUPS),
        (with_group(before={"syncnt": 1}, after={"syncnt": 2}), GROUPS),
        (with_group(after={"keepidle": "60"}), GROUPS),
        (with_group(after=["keepidle"]), GROUPS),
        (with_group(listening=None), GROUPS),
        (with_group(inodes=None), GROUPS),
        (with_group(inodes=[9, 0]), GROUPS),
        (with_group(inodes=[9, 2**64]), GROUPS),
        (with_value(2**31), GROUPS),
        (with_value(-(2**31) - 1), GROUPS),
        (with_value(True), GROUPS),
        ({**UNIT, "seen": {}}, SEEN),
        ({**UNIT, "seen": [1, 0]}, SEEN),
        ({**UNIT, "times": {}}, TIMES),
        ({**UNIT, "times": [[1, 2, 3, 4], 5]}, TIMES),
        ({**UNIT, "times": [[1, 2, 3]]}, TIMES),
        ({**UNIT, "times": [[1, 2, 3, 4, 5]]}, TIMES),
        ({**UNIT, "times": [[1, 2, 3, 2**31]]}, TIMES),
        ({**UNIT, "times": [[1, 2, 3, -(2**31) - 1]]}, TIMES),
    ],
)
def test_what_is_told_of_an_entry_that_is_not_ours(path: str, unit: t.Any, told: str) -> None:
    put(path, {"version": 1, "units": {"a.service": unit, "c.service": {"groups": [], "seen": [], "times": []}}})
    memory = Memory(path)
    assert memory.damages == [f"{path}: the entry 'a.service' {told}; {LOST}"]
    assert list(memory.units) == ["c.service"]


@pytest.mark.parametrize(
    ("unit", "believed"),
    [
        (with_group(inodes=[1, 2**64 - 1]), [1, 2**64 - 1]),
        (with_group(before={"keepidle": -(2**31)}, after={"keepidle": 2**31 - 1}), [9]),
        (with_group(before={"keepalive": 0}, after={"keepalive": 1}), [9]),
        ({**UNIT, "seen": [1, 2**64 - 1], "times": [[-(2**31), 2**31 - 1, None, 0]]}, [9]),
    ],
)
def test_the_least_and_the_most_that_sockets_can_have_is_believed(
    path: str, unit: t.Any, believed: t.List[int]
) -> None:
    put(path, {"version": 1, "units": {"a.service": unit}})
    memory = Memory(path)
    assert memory.damages == []
    assert sorted(memory.units["a.service"].changes) == believed


def test_a_name_that_is_no_units_is_told_short_and_so_that_it_can_be_shown(path: str) -> None:
    name = "x\x1b" * 200
    put(path, {"version": 1, "units": {name: UNIT}})
    (damage,) = Memory(path).damages
    shown = "x\\x1b" * 60
    assert damage == f"{path}: the entry {shown!r} is not the name of a .service or .socket unit; {LOST}"


def test_the_latest_sixteen_sets_of_values_are_remembered_each_once(path: str) -> None:
    unit = UnitMemory()
    for number in (*range(17), 5, 16):
        unit.note_times({"keepidle": number, "keepintvl": 15, "keepcnt": 9, "user_timeout": 7, "syncnt": 3})
    assert unit.times == [(number, 15, 9, 7) for number in (1, 2, 3, 4, *range(6, 16), 5, 16)]
    many = {**UNIT, "times": [[number, 15, 9, 7] for number in range(20)]}
    put(path, {"version": 1, "units": {"a.service": many}})
    assert Memory(path).units["a.service"].times == [(number, 15, 9, 7) for number in range(4, 20)]
