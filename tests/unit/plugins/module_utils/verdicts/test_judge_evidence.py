# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What evidence the judge gathers of a socket before it asks for a cause, and what it makes of the answer."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import DropIn, ProcessFacts
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import ANY_KERNEL, Kernel, WrongOption
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record, Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import causes, judge
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Cause, Evidence, Places
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting
from ansible_collections.netops.keepalive.tests.unit.support.made_up import MadeUpProc, MadeUpSweep, made, tuned

NOW = 1000.0
FACTS = ProcessFacts("/usr/bin/worker", None, None, {}, {})
OF_HOST = Kernel(defaults={"keepidle": 7200})
CAUSE = Cause("undetermined", "Who knows.", ("secure_exec", "unreadable"))


class Bench:
    """A judge whose surroundings are made up; what it asks for is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proc = MadeUpProc({7: "a.service", 8: "a.service", 9: "b.service"}, started={7: 500.0, 8: 400.0})
        self.units: t.List[AskedUnit] = []
        self.systemd: t.FrozenSet[int] = frozenset()
        self.environments: t.Dict[int, t.Optional[t.Dict[str, str]]] = {}
        self.unreadable: t.Dict[int, str] = {}
        self.gathered: t.List[t.Any] = []
        self.drop_ins: t.List[t.Any] = []
        self.cases: t.List[t.Tuple[str, Case]] = []
        self.kernels: t.List[t.Any] = []
        self.cause = CAUSE
        self._patch = monkeypatch

    def judge(self, *records: Record, expectation: Expectation) -> t.Dict[int, Verdict]:
        def gather(pid: int, proc: t.Any, unit: str) -> ProcessFacts:
            assert proc is self.proc
            self.gathered.append((pid, unit))
            return FACTS._replace(pid=pid, environment=self.environments.get(pid, {}))

        def drop_in_of(unit: str, directory: str) -> DropIn:
            self.drop_ins.append((unit, directory))
            return DropIn(unit, {})

        bench = self

        class MadeUpKernels:
            anywhere = ANY_KERNEL

            def __init__(self, proc: t.Any) -> None:
                assert proc is bench.proc

            def of(self, namespace: t.Any, process: t.Any) -> Kernel:
                bench.kernels.append((namespace, process))
                return OF_HOST

        def explaining(name: str) -> t.Callable[[Case], Cause]:
            def explain(case: Case) -> Cause:
                self.cases.append((name, case))
                return self.cause

            return explain

        self._patch.setattr(judge, "gather_facts", gather)
        self._patch.setattr(judge, "drop_in_of", drop_in_of)
        self._patch.setattr(judge, "Kernels", MadeUpKernels)
        self._patch.setattr(judge.boot_clock, "now", lambda: NOW)
        self._patch.setattr(causes, "explain", explaining("library"))
        self._patch.setattr(causes, "explain_systemd", explaining("systemd"))
        sweep = MadeUpSweep(*records)
        sweep.unreadable = self.unreadable
        self.places = Places(self.proc, "/lib/x", "/etc/y")
        judging = judge.Judge(
            t.cast(t.Any, sweep), self.proc.units, self.units, self.systemd, self.places, None, no_programs
        )
        self.live = judging.live
        return judging.judge(records, expectation)

    def evidence(self, *records: Record, expectation: t.Optional[Expectation] = None) -> Evidence:
        """Return what is known of the first record, which is wrong."""
        del self.cases[:]
        self.judge(*records, expectation=expectation or expecting(libraries="connect listen"))
        return next(case.evidence for _name, case in self.cases if case.record is records[0])


def no_programs() -> t.Any:
    raise AssertionError("no program is to set anything")


@pytest.fixture(name="bench")
def bench_fixture(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


WRONG = (WrongOption("keepalive", False, True), WrongOption("keepidle", 7200, 60))
RIGHT = tuned(60, 15, 4)
LISTENING: t.Dict[str, t.Any] = {"state": "LISTEN", "local": ("0.0.0.0", 80), "remote": None}


def accepted(inode: int, *listeners: int, pid: int = 7, **more: t.Any) -> Record:
    return made(inode, pid, direction="accepted", local=("192.0.2.1", 80), listeners=frozenset(listeners), **more)


def test_a_wrong_socket_becomes_a_case_with_all_that_is_known(bench: Bench) -> None:
    expectation = expecting()
    wrong, right, other = made(1), made(2, 8, **RIGHT), made(3, **LISTENING)
    verdicts = bench.judge(wrong, right, other, expectation=expectation)
    assert verdicts == {
        1: Verdict(expectation, True, False, WRONG, "undetermined", ("secure_exec", "unreadable"), "Who knows."),
        2: Verdict(expectation, True, True),
        3: Verdict(expectation),
    }
    evidence = Evidence("", False, False, False, False, DropIn("a.service", {}), {})
    facts = FACTS._replace(pid=7)
    assert bench.cases == [("library", Case(wrong, WRONG, expectation, facts, evidence, OF_HOST, bench.places))]
    assert (bench.gathered, bench.drop_ins) == ([(7, "a.service")], [("a.service", "/etc/y")])


def test_a_cause_that_leaves_no_doubt_is_its_own_candidate(bench: Bench) -> None:
    bench.cause = Cause("secure_exec", "So it is.")
    assert bench.judge(made(1), expectation=expecting())[1][4:] == ("secure_exec", ("secure_exec",), "So it is.")
    unread = made(1, readable=False, why_unreadable="Not let.")
    assert bench.judge(unread, expectation=expecting())[1].detail == "So it is. Not let."


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"keepalive": None}, Verdict(None, True, None, (), "unreadable", ("unreadable",), "Not let.")),
        ({"keepalive": True, "timer": 20.0}, Verdict(None, True, None, (), "unreadable", ("unreadable",), "Not let.")),
        ({"keepalive": False}, Verdict(None, True, False, (WRONG[0],), "undetermined", CAUSE.candidates,
                                       "Who knows. Not let.")),
        ({"direction": "listening"}, Verdict(None, False, None, (), "unreadable", ("unreadable",), "Not let.")),
    ],
)  # fmt: skip
def test_what_cannot_be_read_may_be_wrong_and_is_never_right(
    bench: Bench, changes: t.Dict[str, t.Any], verdict: Verdict
) -> None:
    record = made(1, readable=False, why_unreadable="Not let.", **changes)
    expectation = expecting()
    assert bench.judge(record, expectation=expectation) == {1: verdict._replace(expectation=expectation)}


def test_the_host_is_asked_for_its_defaults_where_they_are_expected(bench: Bench) -> None:
    system = expecting(tcp={"keepidle": 0})
    assert bench.judge(made(1, namespace=5, **RIGHT), expectation=system)[1].wrong == (
        WrongOption("keepidle", 60, 7200),
    )
    assert bench.kernels[0] == (5, 105)
    del bench.kernels[:]
    bench.judge(made(1, **RIGHT), expectation=expecting())
    assert bench.kernels == []


def test_a_socket_is_compared_as_what_it_is(bench: Bench) -> None:
    """A bound one of no connection shows no window that anybody has set."""
    expectation = expecting(libraries="socket", tcp={"window_clamp": 5000})
    fresh: t.Dict[str, t.Any] = {"state": "CLOSE", "direction": "unconnected", **RIGHT}
    verdicts = bench.judge(made(1, **fresh), made(2, local=("0.0.0.0", 0), **fresh), expectation=expectation)
    assert [len(verdicts[inode].wrong) for inode in (1, 2)] == [0, 1]


def test_facts_are_gathered_once_for_each_process_and_drop_ins_for_each_unit(bench: Bench) -> None:
    bench.judge(made(1), made(2), made(3, 9, unit="b.service"), made(4, 9, unit=""), expectation=expecting())
    assert bench.gathered == [(7, "a.service"), (9, "b.service")]
    assert bench.drop_ins == [("a.service", "/etc/y"), ("b.service", "/etc/y")]
    assert [case.evidence.drop_in for _name, case in bench.cases][-1] is None


def test_of_a_process_that_came_later_no_unit_is_known(bench: Bench) -> None:
    bench.judge(made(1, 99), expectation=expecting())
    assert bench.gathered == [(99, "")]


@pytest.mark.parametrize(
    ("record", "unreadable", "older"),
    [
        (made(1, idle=600.05), {}, False),  # started 400 s after the boot, 600 s ago; 0.1 s are within the margin
        (made(1, idle=600.1), {}, False),
        (made(1, idle=600.11), {}, True),
        (made(1, idle=None), {}, False),
        (made(1, idle=500.2), {8: "hidden"}, True),  # of those that can be read the oldest
        (made(1, idle=500.05), {8: "hidden"}, False),
        (made(1, idle=9e9), {7: "hidden", 8: "hidden"}, False),
        (made(1, 9, unit="b.service", idle=9e9), {}, False),  # nobody knows when it was started
        (made(1, unit="", idle=9e9), {}, False),
    ],
)
def test_a_connection_is_older_than_every_process_of_its_unit(
    bench: Bench, record: Record, unreadable: t.Dict[int, str], older: bool
) -> None:
    bench.unreadable = unreadable
    assert bench.evidence(record).older is older


@pytest.mark.parametrize(
    ("right", "witness"),
    [
        (made(2, **RIGHT), True),
        (made(2, 8, **RIGHT), False),
        (made(2, holders=(Holder(8, 1), Holder(7, 9)), **RIGHT), True),
        (made(2), False),
        (made(2, keepalive=None, readable=False), False),
    ],
)
def test_another_socket_of_the_process_that_is_right_is_a_witness(bench: Bench, right: Record, witness: bool) -> None:
    assert bench.evidence(made(1), right).witness is witness


@pytest.mark.parametrize(
    ("listeners", "through"),
    [((), False), ((2,), True), ((3,), False), ((2, 3), False), ((2, 4), True), ((9,), False), ((5,), False)],
)
def test_a_connection_came_through_a_right_listener_where_all_that_it_may_be_are_right(
    bench: Bench, listeners: t.Tuple[int, ...], through: bool
) -> None:
    found = [made(2, **LISTENING, **RIGHT), made(3, **LISTENING), made(4, **LISTENING, **RIGHT), made(5, **RIGHT)]
    evidence = bench.evidence(accepted(1, *listeners), *found)
    assert evidence.through_right_listener is through


HELD = "systemd holds this listener and passed it to the service, which did not open it itself: "
STORE = (
    "set the values in an entry for its .socket unit; where it comes from the file descriptor store, stop and start "
    "the service."
)


def unit(name: str, *patterns: str, **more: t.Any) -> AskedUnit:
    return AskedUnit(name, patterns or (name,), "loaded", True, more.pop("listens", ()), {}, **more)


EIGHTY = {"listens": (("0.0.0.0", 80),)}


@pytest.mark.parametrize(
    ("record", "systemd", "units", "inherited"),
    [
        (made(1, **LISTENING), (), [], ""),
        (made(1, **LISTENING), (1,), [], HELD + STORE),
        (accepted(1), (1,), [], HELD + STORE),
        (accepted(1, 2), (2,), [], HELD + STORE),
        (accepted(1, 2), (1,), [], ""),
        (accepted(1, 3), (2,), [], ""),
        (made(1), (1,), [], ""),
        (made(1, direction="unconnected"), (1,), [], ""),
        (made(1, **LISTENING), (1,), [unit("x.socket", **EIGHTY), unit("b.socket", **EIGHTY), unit("c.socket")],
         HELD + "set the values in an entry for b.socket or x.socket."),
        (accepted(1, 2), (2,), [unit("x.socket", **EIGHTY)], HELD + "set the values in an entry for x.socket."),
        (accepted(1, 9), (9,), [unit("x.socket", **EIGHTY)], HELD + STORE),
        (made(1, **LISTENING), (1,), [unit("x.service", "a.service", **EIGHTY)], HELD + STORE),
        (made(1, **LISTENING), (1,),
         [unit("a.service", triggered_by=("r.socket", "q.socket")), unit("b.service", triggered_by=("z.socket",))],
         HELD + "set the values in an entry for q.socket or r.socket."),
        (made(1, **LISTENING), (1,),
         [unit("x.socket", **EIGHTY), unit("a.service", triggered_by=("r.socket",))],
         HELD + "set the values in an entry for x.socket."),
    ],
)  # fmt: skip
def test_a_listener_that_systemd_opened_is_set_in_its_own_unit(
    bench: Bench, record: Record, systemd: t.Tuple[int, ...], units: t.List[AskedUnit], inherited: str
) -> None:
    bench.systemd, bench.units = frozenset(systemd), units
    everything = expecting(libraries="connect listen socket")
    assert bench.evidence(record, made(2, **LISTENING), expectation=everything).inherited == inherited


@pytest.mark.parametrize(
    ("environment", "descriptor", "passed"),
    [
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 2, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 3, True),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 4, True),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 5, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, 3, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "999999999"}, 3, True),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "1000000000"}, 3, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "-1"}, 3, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "٢"}, 3, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2\n"}, 3, False),
        ({"LISTEN_PID": "7", "LISTEN_FDS": ""}, 3, False),
        ({"LISTEN_PID": "7"}, 3, False),
        ({"LISTEN_PID": "8", "LISTEN_FDS": "2"}, 3, False),
        ({"LISTEN_FDS": "2"}, 3, False),
        ({}, 3, False),
        (None, 3, False),
    ],
)
def test_what_was_passed_by_number_shows_in_the_environment(
    bench: Bench, environment: t.Optional[t.Dict[str, str]], descriptor: int, passed: bool
) -> None:
    """Which the process may have written itself: no word of it is believed to be more than it can be."""
    bench.environments[7] = environment
    holders = (Holder(7, descriptor),)
    assert bench.evidence(made(1, **LISTENING, holders=holders)).inherited == (HELD + STORE if passed else "")
    # A connection that came through it as well; one that was passed itself was handed over.
    found = bench.evidence(accepted(1, 2, pid=8), made(2, **LISTENING, holders=holders))
    assert found.inherited == (HELD + STORE if passed else "")
    assert bench.evidence(made(1, holders=holders)).handed_over is passed
    assert bench.evidence(accepted(1, holders=holders)).handed_over is passed


@pytest.mark.parametrize(
    ("record", "systemd", "handed_over"),
    [
        (made(1), (), False),
        (made(1), (1,), True),
        (made(1), (2,), False),
        (accepted(1), (1,), True),
        (made(1, **LISTENING), (1,), False),
        (made(1, direction="unconnected"), (1,), False),
        (made(1, 1), (1,), False),  # its own
        (made(1, holders=(Holder(1, 5), Holder(7, 5))), (1,), True),
    ],
)
def test_a_connection_that_systemd_has_too_was_handed_over(
    bench: Bench, record: Record, systemd: t.Tuple[int, ...], handed_over: bool
) -> None:
    bench.systemd = frozenset(systemd)
    everything = expecting(libraries="connect listen socket")
    assert bench.evidence(record, expectation=everything).handed_over is handed_over


def test_what_waits_has_no_descriptor_of_which_the_environment_tells(bench: Bench) -> None:
    """Those that are given are of its listener."""
    bench.environments[7] = {"LISTEN_PID": "7", "LISTEN_FDS": "1"}
    held = (Holder(7, 3),)
    assert bench.evidence(accepted(1, holders=held)).handed_over is True
    assert bench.evidence(accepted(-1, holders=held)).handed_over is False


def test_of_a_socket_unit_what_systemd_has_loaded_is_the_evidence(bench: Bench) -> None:
    directives = {"keepalive": 1, "keepidle": 30}
    bench.units = [unit("b.socket"), unit("a.socket")._replace(directives=directives)]
    expectation = expecting("a.socket", "")
    connection, listener = accepted(1, 2), made(2, **LISTENING, **RIGHT)
    bench.judge(connection, listener, expectation=expectation)
    evidence = Evidence(through_right_listener=True, directives=directives)
    assert bench.cases == [("systemd", Case(connection, WRONG, expectation, evidence=evidence, places=bench.places))]
    assert bench.gathered == bench.drop_ins == []


@pytest.mark.parametrize("before", [True, False])
def test_a_socket_unit_that_listens_for_longer_than_its_drop_in_is_there_is_told_apart(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setattr(in_force, "changed_since", lambda _texts, since: since == 70.0 and before)
    bench.units = [unit("a.socket")._replace(listening_since=70.0)]
    evidence = bench.evidence(made(2, **LISTENING), expectation=expecting("a.socket", ""))
    assert (evidence.listens_since_before, bench.drop_ins[0][0]) == (before, "a.socket")


def test_a_cause_is_refined_by_what_was_set_on_open_sockets(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    better = Cause("due_at_restart", "Later.")
    asked = []

    def refine(_self: t.Any, cause: Cause, case: Case) -> Cause:
        asked.append((cause, case))
        return better

    monkeypatch.setattr(judge.LiveCauses, "refine", refine)
    assert bench.judge(made(1), expectation=expecting())[1].reason == "due_at_restart"
    assert asked == [(CAUSE, bench.cases[0][1])]
