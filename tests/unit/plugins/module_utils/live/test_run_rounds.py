# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run goes about it: in which order, through whom, how often it looks, and what it remembers; sockets made up."""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import (
    ChangeGroup,
    Memory,
    SocketChange,
    UnitMemory,
)
from ansible_collections.netops.keepalive.plugins.module_utils.live.origin import Look
from ansible_collections.netops.keepalive.plugins.module_utils.live.run import LiveRun
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import Kernel
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record, Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import Applied, OneByOne

DEFAULTS = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "user_timeout": 0, "syncnt": 6, "window_clamp": 0}
EXPECTED = Expectation("a.service", frozenset(("socket",)), {"keepidle": 60}, frozenset(), 0, live=True)
KEEPIDLE, KEEPALIVE = (6, 4, 60), (1, 9, 1)
SET, BEFORE = {"keepidle": 60, "keepalive": 1}, {"keepidle": 7200, "keepalive": 0}


def socket_with(inode: int, *holders: Holder, **changes: t.Any) -> Record:
    plain = Record(
        inode=inode,
        family="ipv4",
        protocol="tcp",
        state="ESTABLISHED",
        local=("192.0.2.1", 443),
        remote=("192.0.2.9", 5),
        keepalive=False,
        options=DEFAULTS,
        readable=True,
        idle=None,
        namespace=1,
        holders=holders or (Holder(20, inode),),
        unit="a.service",
        direction="accepted",
    )
    return plain._replace(**changes)


def listening(inode: int, *holders: Holder, **changes: t.Any) -> Record:
    return socket_with(inode, *holders, state="LISTEN", direction="listening", remote=None, **changes)


def having(record: Record, **values: t.Any) -> Record:
    return record._replace(keepalive=True, options={**record.options, **values})


class Origin:
    """Nothing on a socket is known to be ours."""

    def __init__(self, ours: bool = False) -> None:
        self._ours = ours

    def is_ours(self, _record: Record, _expectation: Expectation) -> bool:
        return self._ours

    def kernel_of(self, _record: Record) -> Kernel:
        return Kernel(defaults=DEFAULTS)


def look_of(
    *records: Record, relevant: bool = True, unreadable: t.Optional[t.Dict[int, str]] = None, ours: bool = False
) -> Look:
    verdicts = {record.inode: Verdict(EXPECTED, relevant) for record in records}
    by_inode = {record.inode: record for record in records}
    return Look(by_inode, verdicts, t.cast("t.Any", Origin(ours)), unreadable or {})


class Setter(OneByOne):
    """Sets what it is told to: (pid, thread) → Unreadable, or the descriptors that are still there (all by default)."""

    def __init__(self, **there: t.Any) -> None:
        self.calls: t.List[t.Tuple[int, t.Optional[int], t.Dict[int, t.Any]]] = []
        self.there: t.Dict[t.Tuple[int, t.Optional[int]], t.Any] = {}
        self.before = {4: 7200, 9: 0, 5: 75}

    def apply(self, pid: int, plan: t.Any, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        self.calls.append((pid, thread, dict(plan)))
        there = self.there.get((pid, thread), list(plan))
        for descriptor in plan if isinstance(there, Exception) else there:
            _inode, settings = plan[descriptor]
            before: t.List[t.Optional[int]] = [self.before.get(option) for _level, option, _value in settings]
            after: t.List[t.Optional[int]] = [value for _level, _option, value in settings]
            yield Applied(descriptor, before, dict.fromkeys(range(len(settings)), 0), after)
            if isinstance(there, Exception):
                raise there


@pytest.fixture(name="memory")
def memory_fixture(tmp_path: pathlib.Path) -> Memory:
    return Memory(str(tmp_path / "live.json"))


def run_of(memory: Memory, *looks: Look, check: bool = False) -> t.Tuple[LiveRun, Setter, t.List[Look]]:
    setter, left = Setter(), list(looks)
    run = LiveRun(setter, memory, check=check)
    run.set(lambda: left.pop(0), [EXPECTED])
    return run, setter, left


def told(run: LiveRun) -> t.Dict[int, t.Tuple[str, t.Dict[str, int], t.Dict[str, int]]]:
    return {inode: (done.outcome, done.before, done.after) for inode, done in run.results.by_inode.items()}


def test_what_is_set_is_remembered_with_what_was_there(memory: Memory) -> None:
    memory.units["a.service"] = UnitMemory({99: SocketChange({"keepcnt": 9}, {"keepcnt": 4}, False)}, {98}, [])
    one, other = socket_with(5), socket_with(6)
    right, listener = having(one, keepidle=60), listening(7)
    done = [having(record, keepidle=60) for record in (one, listener)]
    nobodys = look_of(socket_with(8), relevant=False)
    first = look_of(one, listener)._replace(unreadable={1: "first"})
    first = first._replace(
        records={**first.records, **nobodys.records}, verdicts={**first.verdicts, **nobodys.verdicts}
    )
    run, setter, left = run_of(memory, first, look_of(*done, having(other, keepidle=60), unreadable={2: "last"}))
    assert told(run) == {5: ("changed", BEFORE, SET), 7: ("changed", BEFORE, SET), 6: ("right", {}, {})}
    assert left == []
    assert [list(call[2]) for call in setter.calls] == [[7], [5]], "listeners come first"
    assert setter.calls[1] == (20, None, {5: (5, [KEEPIDLE, KEEPALIVE])})
    assert run.unreadable == {2: "last"}
    assert right.keepalive and memory.units == {
        "a.service": UnitMemory(
            {5: SocketChange(BEFORE, SET, False), 7: SocketChange(BEFORE, SET, True)}, {5, 6, 7}, [(60, 75, 9, 0)]
        )
    }


def test_what_others_expect_is_not_taken_for_seen(memory: Memory) -> None:
    look = look_of(socket_with(5))
    records, verdicts = {**look.records, 6: socket_with(6), 7: socket_with(7)}, dict(look.verdicts)
    verdicts[6], verdicts[7] = Verdict(EXPECTED._replace(name="b.service"), True), Verdict(None, True)
    look = look._replace(records=records, verdicts=verdicts)
    run, setter, _left = run_of(memory, look, look)
    assert sorted(run.results.by_inode) == [5, 6]
    assert [result.unit for result in run.results.by_inode.values()] == ["a.service", "b.service"]
    assert memory.units["a.service"].seen == {5}
    assert memory.units["b.service"] == UnitMemory({6: SocketChange(BEFORE, SET, False)}, set(), [(60, 75, 9, 0)])
    assert len(setter.calls) == 1


def test_it_looks_again_until_nothing_is_new_but_five_times_at_most(memory: Memory) -> None:
    looks = [look_of(*(socket_with(inode) for inode in range(5, 6 + at))) for at in range(6)]
    run, setter, left = run_of(memory, *looks)
    assert (len(left), sorted(run.results.by_inode)) == (1, [5, 6, 7, 8, 9])
    assert [list(call[2]) for call in setter.calls] == [[5], [6], [7], [8], [9]], "none is set twice"
    _run, setter, left = run_of(memory, look_of(socket_with(5)), look_of(socket_with(5)), look_of(socket_with(6)))
    assert (len(left), len(setter.calls)) == (1, 1)


def test_a_look_beforehand_sets_and_remembers_nothing(memory: Memory) -> None:
    kept = having(socket_with(6), keepidle=300)
    run, setter, left = run_of(memory, look_of(socket_with(5), kept, ours=True), look_of(socket_with(7)), check=True)
    assert told(run) == {5: ("changed", BEFORE, SET), 6: ("changed", {"keepidle": 300}, {"keepidle": 60})}
    assert (setter.calls, len(left)) == ([], 1)
    assert memory.units == {"a.service": UnitMemory(seen={5, 6})}


def test_what_is_not_to_be_touched_or_cannot_be_is_told(memory: Memory) -> None:
    records = [
        socket_with(5, readable=False, keepalive=None),
        having(socket_with(6), keepidle=300),
        having(socket_with(7), keepidle=60),
    ]
    run, setter, _left = run_of(memory, look_of(*records))
    assert {inode: done.outcome for inode, done in run.results.by_inode.items()} == {
        5: "unreadable",
        6: "left_alone",
        7: "right",
    }
    assert setter.calls == []


def test_a_socket_is_set_through_whoever_still_holds_it(memory: Memory) -> None:
    """One call for all sockets of a process, or of a thread; then those that are left through their next holders."""
    setter = Setter()
    shared = (Holder(30, 3), Holder(20, 4), Holder(20, 5, 25))
    records = [socket_with(5, *shared), socket_with(6, Holder(20, 6), Holder(40, 7)), socket_with(7, Holder(20, 7))]
    setter.there = {(20, None): [6], (20, 25): []}
    run = LiveRun(setter, memory)
    run.set(lambda: look_of(*records), [EXPECTED])
    both = [KEEPIDLE, KEEPALIVE]
    assert setter.calls == [
        (20, None, {4: (5, both), 6: (6, both), 7: (7, both)}),
        (20, 25, {5: (5, both)}),
        (30, None, {3: (5, both)}),
    ]
    assert told(run) == {5: ("changed", BEFORE, SET), 6: ("changed", BEFORE, SET), 7: ("vanished", {}, {})}
    assert run.unreadable == {}


def test_who_does_not_let_us_set_is_told_and_others_are_tried(memory: Memory) -> None:
    setter, refused = Setter(), Unreadable(errno.EPERM, "pidfd_getfd")
    records = [
        socket_with(5, Holder(20, 5)),
        socket_with(6, Holder(20, 6)),
        socket_with(7, Holder(20, 7), Holder(30, 8)),
    ]
    setter.there = {(20, None): refused}
    run = LiveRun(setter, memory)
    run.set(lambda: look_of(*records, unreadable={40: "not shown"}), [EXPECTED])
    assert {inode: done.outcome for inode, done in run.results.by_inode.items()} == {
        5: "changed",
        6: "unreadable",
        7: "changed",
    }
    assert run.unreadable == {40: "not shown"}, "the last look knows best"
    run = LiveRun(setter, memory, check=False)
    looks = [look_of(records[1], unreadable={20: "said already"}) for _time in range(2)]
    run._carry_out(run._decide(looks[0]))
    assert run.unreadable == {20: f"{refused}: {refused.remedy}"}
    run.unreadable = {20: "said already"}
    run.results.by_inode.clear()
    run._carry_out(run._decide(looks[1]))
    assert run.unreadable == {20: "said already"}


class Answers(Setter):
    """The kernel says these things of one socket."""

    def __init__(self, *answers: t.Tuple[t.Optional[int], int, t.Optional[int]]) -> None:
        super().__init__()
        self.answers = answers

    def apply(self, pid: int, plan: t.Any, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        for descriptor in plan:
            before, errors, after = zip(*self.answers)
            yield Applied(descriptor, list(before), dict(enumerate(errors)), list(after))


@pytest.mark.parametrize(
    ("answers", "outcome", "before", "after", "refused", "seen"),
    [
        ([(7200, 0, 60), (0, 0, 1)], "changed", BEFORE, SET, {}, {"keepidle": 60}),
        ([(60, 0, 60), (1, 0, 1)], "right", {}, {}, {}, {"keepidle": 60}),  # somebody else was faster
        ([(60, 0, 60), (0, 0, 1)], "changed", {"keepalive": 0}, {"keepalive": 1}, {}, {"keepidle": 60}),
        (
            [(7200, errno.EINVAL, 7200), (0, 0, 1)],
            "refused",
            {"keepalive": 0},
            {"keepalive": 1},
            {"keepidle": "Invalid argument"},
            {"keepidle": 7200},
        ),
        ([(None, 0, 60), (0, 0, None)], "right", {}, {}, {}, {}),
        ([(0, 0, 60), (0, 0, 1)], "changed", {"keepidle": 0, "keepalive": 0}, SET, {}, {"keepidle": 60}),
    ],
)
def test_what_the_kernel_says_of_each_value_is_taken_over(
    memory: Memory,
    answers: t.List[t.Any],
    outcome: str,
    before: t.Dict[str, int],
    after: t.Dict[str, int],
    refused: t.Dict[str, str],
    seen: t.Dict[str, int],
) -> None:
    run = LiveRun(Answers(*answers), memory)
    run.set(lambda: look_of(socket_with(5)), [EXPECTED])
    (result,) = list(run.results.by_inode.values())
    assert (result.outcome, result.before, result.after) == (outcome, before, after)
    assert (result.refused, result.seen_after) == (refused, seen)
    assert set(memory.units["a.service"].changes) == ({5} if after else set())
    assert memory.units["a.service"].times == (
        [(60 if "keepidle" in seen and not refused else 7200, 75, 9, 0)] if after else []
    )


def restored(
    memory: Memory, groups: t.Sequence[ChangeGroup], *records: Record, check: bool = False
) -> t.Tuple[LiveRun, Setter, int]:
    setter, looks = Setter(), []
    setter.before = {4: 60, 9: 1, 5: 15}
    run = LiveRun(setter, memory, check=check)

    def look() -> Look:
        looks.append(1)
        return look_of(*records, unreadable={len(looks): "not shown"})

    run.restore(look, groups)
    assert run.unreadable == {2: "not shown"}
    return run, setter, len(looks)


BACK = [(6, 4, 7200), (1, 9, 0)]


def test_what_was_set_goes_back_through_listeners_first(memory: Memory) -> None:
    groups = [ChangeGroup("a.service", BEFORE, SET, False, (5,)), ChangeGroup("a.service", BEFORE, SET, True, (6,))]
    memory.of("a.service").note(5, BEFORE, SET, False)
    memory.of("a.service").note(6, BEFORE, SET, True)
    records = [having(socket_with(5), keepidle=60), having(listening(6), keepidle=60)]
    run, setter, looks = restored(memory, groups, *records)
    assert (looks, setter.calls) == (2, [(20, None, {6: (6, BACK)}), (20, None, {5: (5, BACK)})])
    assert told(run) == {6: ("changed", SET, BEFORE), 5: ("changed", SET, BEFORE)}
    assert memory.units == {"a.service": UnitMemory()}, "they are as they were"


def test_only_what_is_still_as_it_was_set_goes_back(memory: Memory) -> None:
    before, after = {**BEFORE, "syncnt": 6, "keepintvl": 75}, {**SET, "syncnt": 3, "keepintvl": 15}
    groups = [ChangeGroup("a.service", before, after, False, (5, 6, 7, 8, 9))]
    records = [
        having(socket_with(5), keepidle=44, keepintvl=15, syncnt=3),
        socket_with(6)._replace(options={**DEFAULTS, "keepidle": 60, "keepintvl": None}),
        having(socket_with(7), keepidle=44),
        socket_with(8, readable=False, keepalive=None),
    ]
    run, setter, _looks = restored(memory, groups, *records)
    plan = {5: (5, [(1, 9, 0), (6, 5, 75)]), 6: (6, [(6, 4, 7200)]), 7: (7, [(1, 9, 0)])}
    assert setter.calls == [(20, None, plan)], "what cannot be set on an open socket is not"
    assert {inode: done.outcome for inode, done in run.results.by_inode.items()} == {
        5: "changed",
        6: "changed",
        7: "changed",
        8: "unreadable",
    }
    assert memory.units == {}, "what is put back of a unit that is not remembered is not remembered either"


def test_what_has_nothing_of_it_any_more_is_left_alone(memory: Memory) -> None:
    groups = [ChangeGroup("a.service", BEFORE, SET, False, (5,))]
    run, setter, _looks = restored(memory, groups, socket_with(5))
    assert (told(run), setter.calls) == ({5: ("left_alone", {}, {})}, [])
    run, setter, _looks = restored(memory, groups, having(socket_with(5), keepidle=60), check=True)
    assert (told(run), setter.calls) == ({5: ("changed", SET, BEFORE)}, [])


def test_what_came_through_a_listener_that_was_set_goes_back_with_it(memory: Memory) -> None:
    """But not what the application has changed since, in part or whole, nor what cannot be read."""
    groups = [
        ChangeGroup("a.service", BEFORE, SET, True, (6,)),
        ChangeGroup("a.service", {"keepidle": 1}, {"keepidle": 2}, True, (7,)),
        ChangeGroup("a.service", {"keepidle": 3}, {"keepidle": 60}, True, (8,)),
        ChangeGroup("a.service", {"keepidle": 3}, {"keepidle": 60}, False, (9,)),
    ]
    through = {"listeners": frozenset((9, 8, 7, 6, 4))}
    records = [
        having(socket_with(50, **through), keepidle=60),
        having(socket_with(51, **through), keepidle=2),
        having(socket_with(52, **through), keepidle=44),
        having(socket_with(53, listeners=frozenset((9, 4))), keepidle=60),
        having(socket_with(54, **through), keepidle=60)._replace(readable=False),
        socket_with(55, **through)._replace(options={**DEFAULTS, "keepidle": 60}),
    ]
    run, setter, _looks = restored(memory, groups, *records)
    plan = {50: (50, BACK), 51: (51, [(6, 4, 1)]), 55: (55, [(6, 4, 3)])}
    assert setter.calls == [(20, None, plan)]
    assert sorted(run.results.by_inode) == [50, 51, 55]
