# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose filters are whose, by the numbers that the kernel shows: processes are made up, and every word is compared."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST, Proc
from ansible_collections.netops.keepalive.plugins.module_utils.units import system_calls
from ansible_collections.netops.keepalive.plugins.module_utils.units.preflight import Obstacle
from ansible_collections.netops.keepalive.plugins.module_utils.units.system_calls import (
    Filtered,
    SystemCalls,
    filtered_processes,
    forbidden_calls,
)
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd

HARDENED = {"LockPersonality": "yes", "SystemCallFilter": "getsockopt setsockopt socket"}
ASKED = ("RuntimeMaxSec=30", "SystemCallFilter=~@obsolete", "LockPersonality=yes")
DEATH = "the kernel kills the process (SIGSYS) at its first TCP connection, which may be long after the rollout"


def status(filters: t.Optional[int], seccomp: int = 2) -> str:
    counted = "" if filters is None else f"Seccomp_filters:\t{filters}\n"
    return f"Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t{seccomp}\n{counted}Speculation_Store_Bypass:\tvulnerable\n"


class MadeUpProc(Proc):
    def add(self, pid: int, unit: str, *statuses: t.Optional[str], program: str = "/opt/run") -> None:
        """Show a process with the status of its first thread, and of others; None: it ends while it is looked at."""
        folder = pathlib.Path(self.root) / str(pid)
        (folder / "task").mkdir(parents=True)
        (folder / "exe").symlink_to(program)
        (folder / "cgroup").write_text(f"0::/system.slice/{unit}\n")
        for at, text in enumerate(statuses):
            (folder / "task" / str(pid + at)).mkdir()
            if text is not None:
                (folder / "task" / str(pid + at) / "status").write_text(text)
        if statuses and statuses[0] is not None:
            (folder / "status").write_text(statuses[0])


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> MadeUpProc:
    """Process 1 has no filter."""
    monkeypatch.setattr(answering, "answering", lambda proc: proc.pids())
    proc = MadeUpProc(str(tmp_path))
    proc.add(1, "init.scope", status(0, 0))
    return proc


@pytest.fixture(name="systemd")
def systemd_fixture() -> FakeSystemd:
    return FakeSystemd()


def test_the_filtered_processes_of_each_unit_with_the_most_filters_of_a_thread(proc: MadeUpProc) -> None:
    proc.add(20, "a.service", status(2), status(5), status(3))
    proc.add(30, "a.service", status(0, 0), status(1), program="/opt/other")
    proc.add(40, "b.service", status(4), status(None), status(5))
    proc.add(50, "c.service", status(0, 0), status(7, 1))
    proc.add(60, "d.service", None)
    proc.add(70, "e.service", status(1), None)
    proc.add(80, "f.service", status(0, 20))
    assert filtered_processes(proc) == {
        "a.service": [Filtered(20, "/opt/run", 5), Filtered(30, "/opt/other", 1)],
        "b.service": [Filtered(40, "/opt/run", None)],
        "e.service": [Filtered(70, "/opt/run", 1)],
    }


def test_a_process_of_which_the_threads_cannot_be_listed_is_seen_by_its_first(proc: MadeUpProc) -> None:
    proc.add(20, "a.service", status(2))
    folder = pathlib.Path(proc.root) / "20/task"
    folder.rename(folder.parent / "elsewhere")
    assert filtered_processes(proc) == {"a.service": [Filtered(20, "/opt/run", 2)]}


@pytest.mark.parametrize(
    ("given", "counts", "expected"),
    [
        (None, [], None),
        (None, [2], None),
        (None, [2, 2, None], None),
        (None, [3, 2, None], 2),  # none gets rid of a filter: the fewest were there at first
        (1, [], 1),
        (1, [None], 1),
        (1, [3, 2], 1),
        (5, [3, 4], 3),
    ],
)
def test_how_many_filters_a_unit_was_started_with(
    proc: MadeUpProc,
    systemd: FakeSystemd,
    given: t.Optional[int],
    counts: t.List[t.Optional[int]],
    expected: t.Optional[int],
) -> None:
    if given is not None:
        systemd.transient[ASKED] = status(given)
    processes = [Filtered(20, "/opt/run", count) for count in counts]
    assert SystemCalls(systemd.run, proc)._started_with(processes, HARDENED) == expected


def test_systemd_is_asked_by_a_program_that_it_starts_with_the_same_settings(proc: MadeUpProc) -> None:
    asked: t.List[t.List[str]] = []

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        asked.append(command)
        return 0, status(3), ""

    calls = SystemCalls(run, proc)
    assert [calls._given_by_systemd(HARDENED) for _time in range(2)] == [3, 3]
    assert calls._given_by_systemd({"LockPersonality": "no"}) == 0, "that of process 1"
    assert calls._given_by_systemd({"PrivateDevices": "yes"}) == 3
    command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--property=RuntimeMaxSec=30"]
    cat = ["/bin/cat", "/proc/self/status"]
    settings = ["--property=SystemCallFilter=~@obsolete", "--property=LockPersonality=yes"]
    assert asked == [[*command, *settings, *cat], [*command, "--property=PrivateDevices=yes", *cat]]
    failing = SystemCalls(lambda _command: (1, status(3), ""), proc)
    assert [failing._given_by_systemd(HARDENED) for _time in range(2)] == [None, None]


@pytest.mark.parametrize(
    ("filters", "usual", "above"),
    [
        (3, 2, True), (2, 2, False), (1, 2, False), (None, 2, False), (3, None, False), (None, None, False),
        (None, 0, True), (1, 0, True), (0, 1, False),
    ],
)  # fmt: skip
def test_more_filters_than_usual_are_the_programs_own(
    filters: t.Optional[int], usual: t.Optional[int], above: bool
) -> None:
    assert system_calls._is_above(Filtered(20, "/opt/run", filters), usual) is above


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"Seccomp:\t0\nSeccomp_filters:\t0\n", 0),
        (b"Seccomp:\t0\n", 0),
        (b"Seccomp:\t2\nSeccomp_filters:\t12\n", 12),
        (b"Seccomp:\t2\n", None),
        (b"Seccomp:\t20\nNo_Seccomp_filters:\t3\n", None),
        (b"NotSeccomp:\t0\nSeccomp_filters:\t3 \n", None),
        (b"", None),
    ],
)
def test_what_a_status_says_of_filters(text: bytes, count: t.Optional[int]) -> None:
    assert system_calls._count(text) == count


def test_a_list_of_systemds_is_told_with_every_way_out(proc: MadeUpProc, systemd: FakeSystemd) -> None:
    calls = SystemCalls(systemd.run, proc)
    properties = systemd.add("a.service", SystemCallFilter="socket connect listen")
    proc.add(20, "a.service", status(9))
    (found,) = calls.problems("the name.service", properties)
    assert found.reason == "system_call_filter"
    assert found.text == (
        "the name.service: SystemCallFilter= of the unit does not allow getsockopt and setsockopt, which the library "
        f"calls: {DEATH}; "
        "allow it with 'SystemCallFilter=getsockopt setsockopt', have it refused with 'SystemCallErrorNumber=EPERM', "
        "take the entry out, or add 'accept: [system_call_filter]' where the unit has no TCP connections"
    )


def test_the_first_process_with_a_list_of_its_own_is_told(proc: MadeUpProc, systemd: FakeSystemd) -> None:
    systemd.transient[ASKED] = status(2)
    properties = systemd.add("a.service", **HARDENED)
    proc.add(20, "a.service", status(2), program="/opt/first")
    proc.add(30, "a.service", status(4), program="/opt/own")
    proc.add(40, "a.service", status(5), program="/opt/third")
    text = (
        "a.service: /opt/own (process 30) has a list of system calls of its own (Seccomp: 2, with 4 filters where "
        f"systemd installs 2): where the library's setsockopt is not on it, {DEATH}; "
        "use the program's own setting, take the entry out, or add 'accept: [system_call_filter]' where it is known "
        "to allow that"
    )
    assert SystemCalls(systemd.run, proc).problems("a.service", properties) == [
        Obstacle("system_call_filter", text, "unit")
    ]


def test_a_known_program_whose_filters_cannot_be_told_apart_is_a_problem_and_another_a_doubt(
    proc: MadeUpProc, systemd: FakeSystemd
) -> None:
    properties = systemd.add("a.service", **HARDENED)  # and systemd-run fails
    proc.add(20, "a.service", status(2), program="/opt/run")
    proc.add(30, "a.service", status(2), program="/usr/sbin/chronyd")
    calls = SystemCalls(systemd.run, proc)
    (problem,) = calls.problems("a.service", properties)
    assert "(process 30)" in problem.text and "/usr/sbin/chronyd" in problem.text
    assert calls.doubts("a.service", properties, "/opt/run\x1b") == [
        "a.service: the system calls of process 20 (/opt/run) are filtered, and whether by a list of its own cannot be "
        "told on this host; if setsockopt is not on that list, the library gets it killed"
    ]
    assert calls.doubts("a.service", properties, "/usr/sbin/chronyd") == []
    systemd.transient[ASKED] = status(1)
    assert SystemCalls(systemd.run, proc).doubts("a.service", properties, "/opt/run") == []


def test_a_known_program_that_does_not_run_is_a_doubt_in_these_words(proc: MadeUpProc, systemd: FakeSystemd) -> None:
    properties = systemd.add("a.service", ActiveState="inactive")
    known = system_calls.OWN_LISTS["tor"]
    assert SystemCalls(systemd.run, proc).doubts("a.service", properties, "/opt/\x1b/tor") == [
        "a.service: does not run, so whether /opt/\\x1b/tor has a list of system calls of its own was not seen: it "
        f"installs one {known.when}, and would be killed for calls of the library; {known.instead}"
    ]


def test_other_services_with_lists_of_their_own_once_for_each_program(proc: MadeUpProc, systemd: FakeSystemd) -> None:
    for name in ("b.service", "a.service", "hardened.service"):
        systemd.add(name)
    systemd.units["hardened.service"].update(HARDENED)
    systemd.transient[ASKED] = status(2)
    for pid, unit, program in (
        (20, "b.service", "/opt/one"),
        (21, "a.service", "/opt/two"),
        (22, "a.service", "/opt/one"),
        (23, "a.service", "/opt/two"),
        (24, "listed.service", "/opt/one"),
        (25, "user@1000.service", "/opt/one"),
        (26, "session-1.scope", "/opt/one"),
        (27, "hardened.service", "/opt/one"),
    ):
        proc.add(pid, unit, status(2), program=program)
    proc.add(28, "hardened.service", status(3), program="/opt/three")
    proc.add(29, "unfiltered.service", status(0, 0))
    commands: t.List[t.List[str]] = []

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        commands.append(command)
        code, out, err = systemd.run(command)
        return code, "\n\n".join(reversed(out.split("\n\n"))), err  # in whatever order it answers

    assert SystemCalls(run, proc).elsewhere(["listed.service"]) == [
        {"pid": 21, "unit": "a.service", "program": "/opt/two"},
        {"pid": 22, "unit": "a.service", "program": "/opt/one"},
        {"pid": 20, "unit": "b.service", "program": "/opt/one"},
        {"pid": 28, "unit": "hardened.service", "program": "/opt/three"},
    ]
    assert commands[0][-3:] == ["a.service", "b.service", "hardened.service"]


def test_in_a_container_only_what_has_more_than_its_process_1_is_told(proc: MadeUpProc, systemd: FakeSystemd) -> None:
    (pathlib.Path(proc.root) / "1/status").write_text(status(2))
    for pid, filters in ((20, 2), (30, 3)):
        systemd.add(f"{pid}.service")
        proc.add(pid, f"{pid}.service", status(filters))
    assert [row["pid"] for row in SystemCalls(systemd.run, proc).elsewhere([])] == [30]
    (pathlib.Path(proc.root) / "1/status").write_text(status(None))
    assert SystemCalls(systemd.run, proc).elsewhere([]) == [], "before Linux 5.9 nobody can tell"


@pytest.mark.parametrize(
    ("filter_", "error", "forbidden"),
    [
        ("connect setsockopt", "", ["getsockopt"]),
        ("listen setsockopt", "kill", ["getsockopt"]),
        ("socket setsockopt getsockopt:0", "EPERM", ["getsockopt"]),
        ("socket setsockopt getsockopt:2147483646", "EPERM", ["getsockopt"]),
        ("connect:EPERM listen:EPERM socket:EPERM", "", []),
        ("~connect listen setsockopt", "", ["setsockopt"]),
        ("~connect listen socket setsockopt", "", []),
        ("~getsockopt:kill setsockopt:EPERM", "EPERM", ["getsockopt"]),
    ],
)
def test_what_systemd_kills_for_though_the_program_may_use_sockets(
    filter_: str, error: str, forbidden: t.List[str]
) -> None:
    assert forbidden_calls({"SystemCallFilter": filter_, "SystemCallErrorNumber": error}) == forbidden
    if not error:
        assert forbidden_calls({"SystemCallFilter": filter_}) == forbidden
    assert forbidden_calls({}) == []


def test_a_known_program_is_known_by_its_name_in_any_folder() -> None:
    for path in ("chronyd", "/usr/sbin/chronyd", "/opt/x/chronyd"):
        assert system_calls.own_list(path) is system_calls.OWN_LISTS["chronyd"]
    assert system_calls.own_list("/usr/sbin/chronyd2") is None
    assert system_calls.own_list("/chronyd/x") is None
    assert system_calls.own_list("") is None


def test_the_processes_are_those_of_the_host_unless_others_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[Proc] = []
    monkeypatch.setattr(answering, "answering", lambda proc: asked.append(proc) or [])
    assert filtered_processes() == {}
    calls = SystemCalls(lambda _command: pytest.fail("asked"))
    assert [calls._processes("a.service") for _time in range(2)] == [[], []]
    assert asked == [HOST, HOST], "one sweep for all units"
