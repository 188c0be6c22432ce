# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is selected and for which unit it counts, of sockets and processes that a test makes up."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procfs
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Address, Row
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record, Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import inspection
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Places
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import (
    Answer,
    Audit,
    Question,
    importance,
)
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting
from ansible_collections.netops.keepalive.tests.unit.support.made_up import MadeUpProc, MadeUpSweep, made

NONE: t.FrozenSet[t.Any] = frozenset()
READER: t.Any = object()
LOCAL: Address = ("192.0.2.1", 80)
REMOTE: Address = ("192.0.2.9", 443)
LISTENING: t.Dict[str, t.Any] = {"state": "LISTEN", "local": ("0.0.0.0", 80), "remote": None}


def question(*units: AskedUnit, expected: t.Sequence[Expectation] = (), **more: t.Any) -> Question:
    return Question(units, frozenset(more.pop("pids", ())), frozenset(more.pop("ports", ())), tuple(expected), **more)


def unit(name: str, *patterns: str, active: t.Optional[bool] = True, **more: t.Any) -> AskedUnit:
    return AskedUnit(name, patterns or (name,), "loaded", active, more.get("listens", ()), {})


@pytest.mark.parametrize(
    ("asked", "whole"),
    [
        (question(), True),
        (question(ports=[1], states=frozenset(("LISTEN",)), sample=1), True),
        (question(unit("a.service")), False),
        (question(pids=[1]), False),
        (question(processes=("java",)), False),
    ],
)
def test_only_units_and_processes_narrow_the_host(asked: Question, whole: bool) -> None:
    assert asked.whole_host is whole


@pytest.mark.parametrize(
    ("ports", "states", "remote", "takes"),
    [
        ([], [], REMOTE, True),
        ([80], [], REMOTE, True),
        ([443], [], REMOTE, True),
        ([443], [], None, False),
        ([80], [], None, True),
        ([81], [], REMOTE, False),
        ([], ["LISTEN"], REMOTE, True),
        ([], ["CLOSE"], REMOTE, False),
        ([80], ["CLOSE"], REMOTE, False),
        ([81], ["LISTEN"], REMOTE, False),
        ([80], ["CLOSE", "LISTEN"], REMOTE, True),
    ],
)
def test_the_filters(ports: t.List[int], states: t.List[str], remote: t.Optional[Address], takes: bool) -> None:
    assert question(ports=ports, states=frozenset(states)).takes("LISTEN", LOCAL, remote) is takes


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [(("java",), True), (("x", "j*"), True), (("/opt/java",), True), (("/*/java",), True), (("opt",), False),
     (("/usr/bin/java",), False), (("/opt/*a",), True), ((), False)],
)  # fmt: skip
def test_a_program_is_taken_by_its_name_or_by_its_path(patterns: t.Tuple[str, ...], taken: bool) -> None:
    assert question(processes=patterns).takes_program("/opt/java") is taken


@pytest.mark.parametrize(
    ("readable", "verdict", "rank"),
    [
        (True, Verdict(relevant=True, compliant=False), 0),
        (False, Verdict(relevant=True, compliant=False), 0),
        (False, Verdict(relevant=True), 1),
        (False, Verdict(), 1),
        (True, Verdict(relevant=True, compliant=True), 2),
        (True, Verdict(), 3),
    ],
)
def test_what_is_shown_first(readable: bool, verdict: Verdict, rank: int) -> None:
    assert importance(made(1, readable=readable), verdict) == rank


def test_of_what_has_no_place_the_most_important_is_kept() -> None:
    records = [made(1), made(2), made(3)]
    verdicts = {1: Verdict(), 2: Verdict(relevant=True, compliant=True), 3: Verdict(relevant=True, compliant=False)}
    answer = Answer(records, verdicts, {"a.service": {"ok": True}, "b.service": {"ok": False}}, {})
    assert [record.inode for record in answer.shown(2)] == [2, 3]
    assert answer.shown(0) == records
    assert (answer.not_read, answer.unowned, answer.damages) == (0, (), ())
    one, two = expecting("a.service"), expecting("b.service")
    assert [answer.compliant(each) for each in ([], [one], [two], [one, two])] == [True, True, False, False]


class Bench:
    """An audit whose processes and sockets are made up; the judge finds wrong what has no keepalive."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proc = MadeUpProc({1: "init.scope", 7: "a.service", 8: "b.service"})
        self.sweep = MadeUpSweep()
        self.silent: t.Dict[int, str] = {}
        self._patch = monkeypatch

    def run(self, asked: Question, *records: Record) -> Answer:
        self.sweep.records = {record.inode: record for record in records}
        del self.sweep.asked[:]
        self._patch.setattr(inspection, "Sweep", self.sweep)
        self._patch.setattr(inspection.answering, "find_silent", lambda _units, _proc: self.silent)
        return Audit(asked, READER, proc=self.proc).run()

    def units(self, asked: Question, *records: Record) -> t.Dict[str, t.Set[int]]:
        return {
            name: {record.inode for record in self.run(asked, *records).records if record.unit == name}
            for name in {record.unit for record in self.run(asked, *records).records}
        }


@pytest.fixture(name="bench")
def bench_fixture(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.mark.parametrize(
    ("asked", "pids"),
    [
        (question(), {1, 7, 8}),
        (question(unit("a.service")), {7}),
        (question(unit("x.service")), set()),
        (question(unit("b.service"), pids=[7]), {7, 8}),
        (question(pids=[7, 99]), {7}),
        (question(processes=("java",)), {8}),
        (question(processes=("java",), pids=[7]), {7, 8}),
        (question(unit("x.socket")), {1}),
        (question(unit("x.socket", "a.service")), {1, 7}),
    ],
)
def test_the_processes_that_are_looked_at(bench: Bench, asked: Question, pids: t.Set[int]) -> None:
    bench.proc.programs = {8: "/opt/java"}
    bench.run(asked)
    (arguments, named), taken = bench.sweep.asked
    assert taken == (pids, None)
    assert (arguments[0], arguments[2:], named) == (READER, (bench.proc, asked.whole_host, bench.silent), {})
    # By numbers alone no other process is even asked for its unit, but systemd.
    assert set(arguments[1]) == ({1, 7} if asked == question(pids=[7, 99]) else {1, 7, 8})


def test_a_process_that_does_not_answer_is_not_asked_for_its_program(bench: Bench) -> None:
    bench.proc.programs, bench.silent = {7: "/opt/java", 8: "/opt/java"}, {7: "does not answer"}
    bench.run(question(processes=("java",)))
    assert bench.sweep.asked[1] == ({8}, None)


def test_a_sample_is_drawn_of_what_passes_the_filters(bench: Bench) -> None:
    asked = question(sample=3)
    bench.sweep.not_read = {"a.service": 5, "b.service": 2}
    answer = bench.run(asked, made(1), made(2, 8, unit="b.service"))
    (_pids, sample) = bench.sweep.asked[1]
    assert sample == (3, asked.takes)
    assert (answer.not_read, [answer.units[name]["not_read"] for name in sorted(answer.units)]) == (7, [5, 2])
    named = bench.run(question(unit("w@.service", "?.service"), sample=3), made(1))
    assert named.units["w@.service"]["not_read"] == 7


def test_what_systemd_holds_is_the_socket_units(bench: Bench) -> None:
    bench.proc.of_systemd = {5: 1, 6: 3}
    relay = unit("relay.socket", "a.service", listens=(("0.0.0.0", 80),))
    accepted: t.Dict[str, t.Any] = {"direction": "accepted", "listeners": frozenset((1,))}
    listener, other = made(1, **LISTENING), made(2, **LISTENING)
    elsewhere, held = made(3, **{**LISTENING, "local": ("0.0.0.0", 81)}), made(4, **accepted)
    records = (listener, other, elsewhere, held, made(5))
    assert bench.units(question(relay), *records) == {"relay.socket": {1, 4}}
    assert bench.units(question(relay, unit("a.service")), *records) == {"relay.socket": {1, 4}, "a.service": {2, 3, 5}}
    assert bench.units(question(), *records) == {"a.service": {1, 2, 3, 4, 5}}
    bench.proc.of_systemd = {}
    assert bench.units(question(relay), *records) == {}


def test_without_the_right_to_see_what_systemd_holds_nothing_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> t.Dict[int, int]:
        raise PermissionError

    monkeypatch.setattr(bench.proc, "socket_descriptors", refuse)
    relay = unit("relay.socket", "a.service", listens=(("0.0.0.0", 80),))
    assert bench.run(question(relay, unit("a.service")), made(1, **LISTENING)).records == [made(1, **LISTENING)]


def test_the_exact_name_counts_before_the_template_and_an_alias_is_the_same_unit(bench: Bench) -> None:
    units = (unit("w@.service", "w@*.service"), unit("w@1.service"), unit("alias.service", "w@1.service"))
    records = [made(1, unit="w@1.service"), made(2, unit="w@2.service"), made(3, unit="w@1.service")]
    answer = bench.run(question(*units), *records)
    assert {name: found["sockets"] for name, found in answer.units.items()} == {
        "alias.service": 2, "w@.service": 1, "w@1.service": 2,
    }  # fmt: skip


def test_the_order_of_an_answer(bench: Bench) -> None:
    records = [
        made(9, 8, unit="b.service"), made(4, holders=(Holder(9, 1),)), made(5, holders=(Holder(7, 1),)),
        made(3, holders=(Holder(9, 1),)), made(8, readable=False),
    ]  # fmt: skip
    assert [record.inode for record in bench.run(question(), *records).records] == [8, 5, 3, 4, 9]


def test_what_nobody_holds_passes_the_filters_too(bench: Bench) -> None:
    rows = [Row("ipv4", LOCAL, REMOTE, state, 0, state) for state in (1, 10, 99)]
    bench.sweep.nobodys = rows
    assert bench.run(question()).unowned == rows
    assert bench.run(question(states=frozenset(("LISTEN",)))).unowned == rows[1:2]
    assert bench.run(question(ports=[81])).unowned == []
    assert bench.run(question(pids=[7])).unowned == []


@pytest.mark.parametrize(
    ("folders", "hidden"), [((), False), (("self",), True), (("self", "1"), False), (("1",), False)]
)
def test_a_proc_without_process_1_hides_others(
    bench: Bench, tmp_path: pathlib.Path, folders: t.Tuple[str, ...], hidden: bool
) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    bench.proc = MadeUpProc({7: "a.service"}, str(tmp_path))
    units = (unit("a.service"), unit("b.service", active=False), unit("c.service", active=None))
    answer = bench.run(question(*units))
    why = "/proc hides the processes of other users (hidepid=): run as root (become: true)"
    assert answer.unreadable == ({1: why} if hidden else {})
    assert [found["unreadable_pids"] for found in answer.units.values()] == ([[1], [], [1]] if hidden else [[], [], []])


@pytest.mark.parametrize(
    ("name", "active", "unreadable", "pids"),
    [
        ("a.service", True, {7: "x"}, [7]),
        ("a.service", True, {8: "x"}, []),
        ("a.service", True, {1: "x"}, []),  # systemd itself is there: its own sockets are not the service's
        ("a.socket", True, {1: "x"}, [1]),
        ("a.socket", False, {1: "x"}, []),
        ("a.socket", None, {1: "x"}, [1]),
    ],
)
def test_a_process_that_cannot_be_read_is_its_units(
    bench: Bench, name: str, active: t.Optional[bool], unreadable: t.Dict[int, str], pids: t.List[int]
) -> None:
    bench.sweep.unreadable = unreadable
    answer = bench.run(question(unit(name, active=active)))
    assert answer.units[name]["unreadable_pids"] == pids


def test_where_nobody_says_otherwise_the_places_are_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(inspection, "Judge", lambda *arguments: given.append(arguments))
    Audit(question(pids=[0]), READER)
    assert given[0][4:6] == (Places(procfs.HOST, "/usr/lib/libkeepalive", "/etc/systemd/system"), None)
    assert Places() == given[0][4]
