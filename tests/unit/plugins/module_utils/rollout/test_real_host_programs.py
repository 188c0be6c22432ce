# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The step of a transaction that attaches programs: one unit after the other, and what it says where one cannot be."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import programs, real_host
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.real_host import RealHost
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import StepFailed
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit

NAMES = ["a.service", "b.service", "c.service"]
DONE = {"done": "attached", "library": []}


class Units:
    """The units of a host, of which some cannot have a program, and some have it already."""

    def __init__(self) -> None:
        self.failing: t.Dict[str, Exception] = {}
        self.right: t.Set[str] = set()
        self.asked: t.List[t.Dict[str, t.Any]] = []

    def __call__(self, _run: t.Any, _record: t.Any) -> Units:
        return self

    def units(self, names: t.Sequence[str]) -> t.Dict[str, Unit]:
        return {name: Unit(name, {}, None, []) for name in names}

    def see_to(self, unit: Unit, **how: t.Any) -> t.Dict[str, t.Any]:
        self.asked.append({"unit": unit.name, **how})
        if unit.name in self.failing:
            raise self.failing[unit.name]
        return {} if unit.name in self.right else dict(DONE)


@pytest.fixture(name="units")
def units_fixture(monkeypatch: pytest.MonkeyPatch) -> Units:
    units = Units()
    monkeypatch.setattr(real_host, "UnitsOfHost", units)
    monkeypatch.setattr(programs, "see_to", units.see_to)
    return units


def host(check: bool = False) -> RealHost:
    return RealHost(Lock(None), {}, check=check, warn=lambda _why: None, tell=lambda _step: None)


def test_each_unit_is_seen_to_and_told_of_where_something_was_done(units: Units) -> None:
    units.right = {"b.service"}
    done: t.Dict[str, t.Any] = {}
    looking = host(check=True)
    looking.set_programs(NAMES, done, {"a.service": None})
    assert done == {"a.service": DONE, "c.service": DONE}
    assert units.asked == [
        {"unit": name, "texts": {"a.service": None}, "back": False, "check": True, "diffs": looking.diffs}
        for name in NAMES
    ]


def test_where_nobody_has_one_nobody_is_asked(units: Units, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "units", None)
    host().set_programs([], {})


@pytest.mark.parametrize(
    "failure",
    [BpfRefused("no room"), NotLocked("no room"), OSError("no room")],
    ids=["refused", "not locked", "not read"],
)
def test_forward_the_first_that_cannot_be_ends_it(units: Units, failure: Exception) -> None:
    """And it is known what was done until then."""
    units.failing = {"b.service": failure}
    done: t.Dict[str, t.Any] = {}
    with pytest.raises(StepFailed, match=r"^b\.service: no program can be attached: no room$") as failed:
        host().set_programs(NAMES, done)
    assert (failed.value.unit, done) == ("b.service", {"a.service": DONE})


def test_on_the_way_back_the_others_go_all_the_same(units: Units) -> None:
    units.failing = {"a.service": BpfRefused("no room"), "b.service": BpfRefused("nor here")}
    done: t.Dict[str, t.Any] = {}
    with pytest.raises(StepFailed) as failed:
        host().set_programs(NAMES, done, back=True)
    assert str(failed.value) == (
        "a.service: no program can be attached: no room; b.service: no program can be attached: nor here"
    )
    assert done == {"c.service": DONE}


def test_what_cannot_be_detached_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(check: bool, diffs: t.Any) -> t.Any:
        assert (check, diffs) == (False, [])
        raise BpfRefused("not permitted")

    monkeypatch.setattr(programs, "remove_all", refuse)
    with pytest.raises(StepFailed, match=r"^a program cannot be detached: not permitted$"):
        host().remove_programs({})


def test_what_was_detached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    done: t.Dict[str, t.Any] = {}
    monkeypatch.setattr(programs, "remove_all", lambda _check, _diffs: {"a.service": DONE})
    host().remove_programs(done)
    assert done == {"a.service": DONE}


@pytest.mark.parametrize(
    ("unit", "fresh", "in_force"),
    [
        (Unit("a.service", {"ActiveState": "active"}, None, []), True, True),
        (Unit("a.service", {"ActiveState": "active"}, None, ["old"]), False, False),
        (Unit("a.service", {"ActiveState": "active"}, None, [], by_program=True), True, False),
        (Unit("a.service", {"ActiveState": "active"}, None, [], by_program=True, unattached=["none"]), False, False),
    ],
    ids=["has its library", "has it not", "has its program", "has it not yet"],
)
def test_what_an_unfinished_run_has_left(
    units: Units, monkeypatch: pytest.MonkeyPatch, unit: Unit, fresh: bool, in_force: bool
) -> None:
    """To what is there one goes back only where it is in force; and to go back takes no restart with a program."""
    asked: t.List[t.Any] = []

    def change(request: t.Any, **_how: t.Any) -> t.Dict[str, t.Any]:
        asked.append(request)
        return {"changed_units": [], "remarked_units": [], "unfinished": {"a.service": True}, "diff": []}

    monkeypatch.setattr(units, "units", lambda _names: {"a.service": unit})
    monkeypatch.setattr(real_host, "change_dropins", change)
    written = host().write([{"unit": "a.service", "content": "new"}], ["a.service"])
    assert (asked[0].running, asked[0].fresh) == (["a.service"], ["a.service"] if fresh else [])
    assert written.in_force == (["a.service"] if in_force else [])
