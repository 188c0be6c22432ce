# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How it is found out which processes let themselves be read, step by step and without any that hangs."""

from __future__ import annotations

import errno
import os
import pathlib
import resource
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open


class Asked:
    """In the place of the child: what it is to do is kept, and not done; its answers are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: t.Tuple[t.List[int], bool] = ([], False)
        self.rounds: t.List[t.Any] = []
        self.limits: t.List[float] = []
        self.took = 0.0
        self.now = 1000.0

        class Round(answering._Round):
            def __init__(self, *arguments: t.Any) -> None:
                asked.rounds.append(arguments)

            def run(self) -> t.Tuple[t.List[int], bool]:
                asked.now += asked.took
                return asked.answer

        def ask_once(work: t.Any, limit: float) -> t.Any:
            self.limits.append(limit)
            content, must_end = work(0)
            assert must_end is True, "threads may still wait in it"
            return content

        asked = self
        monkeypatch.setattr(answering, "_Round", Round)
        monkeypatch.setattr(answering, "ask_once", ask_once)
        monkeypatch.setattr(answering.time, "monotonic", lambda: self.now)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SILENT", {})
    monkeypatch.setattr(answering, "_spent", [0.0])


@pytest.fixture(name="asked")
def asked_fixture(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> Proc:
    """Processes 1 to 5; of the last nothing is shown."""
    for pid, user in ((1, 0), (2, 1000), (3, 1000), (4, 0)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "status").write_text(f"Uid:\t{user}\t0\t0\t0\n")
    (tmp_path / "5").mkdir()
    return Proc(str(tmp_path))


def told(pid: int, whose: str) -> str:
    return (
        f"process {pid} of {whose} does not let itself be read (it hangs in execve(2) or mmap(2), in a file system of "
        "its own): nothing is known of its sockets and libraries"
    )


def test_those_that_were_silent_are_asked_last_and_forgotten_when_they_answer(asked: Asked, proc: Proc) -> None:
    asked.answer = ([2, 5], False)
    found = {2: told(2, "user 1000"), 5: told(5, "an unknown user")}
    assert answering.find_silent(iter([5, 3, 2, 1, 4, 2]), proc) == found == answering.SILENT
    asked.answer = ([5], False)
    assert answering.answering(proc) == [1, 2, 3, 4]
    assert {5: found[5]} == answering.SILENT
    assert answering.find_silent([1], proc) == {5: found[5]}, "as it was answered"
    first, second, _third = asked.rounds
    assert first == ([1, 2, 3, 4, 5], set(), 5.0, proc)
    assert second == ([1, 3, 4, 2, 5], {2, 5}, 5.0, proc)
    assert asked.limits == [25.0] * 3


def test_who_is_not_asked_stays_silent(asked: Asked, proc: Proc) -> None:
    answering.SILENT[2] = "told before"
    assert answering.find_silent([1], proc) == {}
    assert answering.SILENT == {2: "told before"}
    assert answering.find_silent([], proc) == {} and len(asked.rounds) == 1


def test_the_patience_of_a_run_ends_with_new_ones_alone(asked: Asked, proc: Proc) -> None:
    asked.answer, asked.took = ([2], False), 14.0
    answering.find_silent([2], proc)
    answering.find_silent([2], proc)
    assert answering._spent == [14.0], "one that is known costs nothing"
    asked.answer = ([2, 3], False)
    answering.find_silent([2, 3], proc)
    assert answering._spent == [28.0]
    answering.find_silent([2, 3], proc)
    assert [patience for _pids, _known, patience, _proc in asked.rounds] == [5.0, 5.0, 5.0, 0.2]


@pytest.mark.parametrize(("spent", "patience"), [(14.99, 5.0), (15.0, 0.2)])
def test_a_run_has_so_much_patience(asked: Asked, proc: Proc, spent: float, patience: float) -> None:
    answering._spent[0] = spent
    answering.find_silent([2], proc)
    assert [given for _pids, _known, given, _proc in asked.rounds] == [patience]


def test_where_not_all_could_be_asked_nothing_is_known(asked: Asked, proc: Proc) -> None:
    asked.answer = ([2, 3], True)
    with pytest.raises(OSError) as raised:
        answering.find_silent([1, 2, 3, 4], proc)
    why = f"2 processes do not let themselves be read; {told(2, 'user 1000')}"
    assert (raised.value.errno, raised.value.strerror) == (errno.EBUSY, why)
    assert answering.SILENT == {}


def test_who_maps_what_is_wanted_is_yielded_with_that(asked: Asked, proc: Proc) -> None:
    maps = {1: "/x\n", 2: "/x (deleted)\n/y", 3: "/x", 4: "/z\n"}
    for pid, files in maps.items():
        lines = "".join(f"0-1 r--p 0 08:01 12 {path}\n" for path in files.splitlines())
        pathlib.Path(proc.root, str(pid), "maps").write_text(lines)
    asked.answer = ([3], False)
    assert list(answering.mapping(lambda path: path in ("/x", "/y"), proc)) == [
        (1, {"/x": False}), (2, {"/x": True, "/y": False})
    ]  # fmt: skip


# ---------------------------------------------------------------- a round


def a_round(proc: Proc, pids: t.Iterable[int], users: t.Dict[int, t.Union[Account, int, None]]) -> answering._Round:
    found = answering._Round(list(pids), set(), 1.0, proc)
    found._users = users
    return found


SESSIONS = Account("user-1000.slice", 1000)


@pytest.mark.parametrize(
    ("waiting", "user", "left_out"),
    [
        (19, 1000, False),
        (20, 1000, True),
        (40, 0, False),
        (40, None, False),
        (20, SESSIONS, True),
        (19, SESSIONS, False),
    ],
)
def test_the_others_of_who_has_many_silent_ones_are_not_asked(
    proc: Proc, waiting: int, user: t.Union[Account, int, None], left_out: bool
) -> None:
    users: t.Dict[int, t.Union[Account, int, None]] = dict.fromkeys(range(100, 100 + waiting), user)
    users.update({200: 1001, 201: user, 202: 1002, 203: user, 300: 1001})
    tried = a_round(proc, (200, 201, 202, 203), users)
    tried._waiting.update(pid for pid in users if pid < 200 or pid == 300)
    tried._leave_out_crowds()
    assert list(tried._rest) == ([200, 202] if left_out else [200, 201, 202, 203])
    assert tried._unasked == ({201, 203} if left_out else set())


def test_whose_a_process_is_is_asked_once(proc: Proc, tmp_path: pathlib.Path) -> None:
    (tmp_path / "2" / "cgroup").write_text("0::/user.slice/user-1001.slice/x\n")
    (tmp_path / "3" / "cgroup").write_text("0::/user.slice/user-0.slice/x\n")
    tried = a_round(proc, (), {})
    expected = {1: 0, 2: Account("user-1001.slice", 1001), 3: 1000, 5: None}
    assert {pid: tried._whose(pid) for pid in expected} == expected
    for pid in (2, 3):
        (tmp_path / str(pid) / "cgroup").unlink()
    assert {pid: tried._whose(pid) for pid in expected} == expected


def test_threads_ask_one_after_the_other_until_none_is_left(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: t.List[t.Any] = []
    tried = a_round(proc, (3, 1, 2), {})
    monkeypatch.setattr(answering, "ask", lambda pid, of: seen.append((pid, of, set(tried._waiting))))
    tried._ask_some()
    assert seen == [(3, proc, {3}), (1, proc, {1}), (2, proc, {2})]
    assert tried._done.is_set() and tried._waiting == set()
    tried._done.clear()
    tried._waiting.add(9)
    tried._ask_some()
    assert not tried._done.is_set(), "another thread still waits"


def test_where_no_thread_can_be_started_no_more_are_tried(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    started: t.List[t.Any] = []

    def start(thread: threading.Thread) -> None:
        started.append((thread.daemon, t.cast(t.Any, thread)._target))
        if len(started) == 3:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    tried = a_round(proc, (1,), {})
    tried._start(2)
    assert started == [(True, tried._ask_some)] * 2
    tried._start(5)
    assert len(started) == 3


class Time:
    """A clock that goes on by the pauses that are made, in each of which something may happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tried: answering._Round, *steps: t.Callable[[], None]) -> None:
        self.now, self.steps, self.started = 0.0, list(steps), t.cast(t.List[int], [])
        monkeypatch.setattr(answering.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(tried, "_start", self.started.append)
        monkeypatch.setattr(tried, "_leave_out_crowds", lambda: None)
        monkeypatch.setattr(tried._done, "wait", self.wait)
        self.limits: t.List[t.Any] = []
        monkeypatch.setattr(answering.resource, "setrlimit", lambda *given: self.limits.append(given))
        monkeypatch.setattr(answering.threading, "stack_size", self.limits.append)
        self._done = tried._done

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()
        return self._done.is_set()


def test_where_nobody_answers_ever_more_threads_ask_the_others(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = a_round(proc, range(10), {})
    tried._waiting.add(99)
    clock = Time(monkeypatch, tried, *[lambda: None] * 8, tried._done.set)
    assert tried.run() == ([99], True)
    assert clock.started == [1, 1, 2, 4, 8, 16, 32, 64, 64]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert clock.limits == [(resource.RLIMIT_NOFILE, (most, most)), 256 << 10]


def test_while_somebody_answers_no_more_threads_are_needed(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = a_round(proc, range(5), {})
    clock = Time(monkeypatch, tried, *[lambda: t.cast(None, tried._rest.popleft())] * 5, tried._done.set)
    assert tried.run() == ([], False)
    assert clock.started == [1]


def test_never_more_threads_wait_than_are_allowed(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = a_round(proc, range(10), {})
    tried._waiting.update(range(1000, 2995))

    def more() -> None:
        tried._waiting.update(range(3000, 3005))

    clock = Time(monkeypatch, tried, *[lambda: None] * 4, more)
    silent, unasked = tried.run()
    assert (len(silent), unasked) == (2000, True)
    assert clock.started == [1, 1, 2, 4, 5]


@pytest.mark.parametrize("quiet", [True, False])
def test_who_waits_is_given_up_after_a_patience_without_any_answer(
    proc: Proc, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    tried = a_round(proc, (), {})
    tried._waiting.update((7, 5))
    tried._unasked.add(6)
    answers: t.List[t.Callable[[], None]] = [] if quiet else [lambda: tried._waiting.discard(5)]
    clock = Time(monkeypatch, tried, *[lambda: None] * 10, *answers)
    assert tried.run() == ([5, 6, 7] if quiet else [6, 7], False)
    assert clock.now == pytest.approx(1.0 if quiet else 0.55 + 1.0, abs=0.051)


def test_who_is_known_to_be_silent_is_not_waited_for(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = a_round(proc, (), {})
    tried._known, tried._patience = {5, 7, 9}, 1000.0
    tried._waiting.update((7, 5))
    clock = Time(monkeypatch, tried)
    assert tried.run() == ([5, 7], False)
    assert clock.now < 0.2
    tried._waiting.add(8)
    clock.now = 0.0
    assert tried.run() == ([5, 7, 8], False)
    assert clock.now == pytest.approx(answering.LIMIT, abs=0.051), "however long it takes, there is an end"


# ---------------------------------------------------------------- one process


@pytest.mark.parametrize(
    ("files", "read"),
    [
        ({"environ": b"A=1", "maps": b"x" * 100}, {"environ": 1, "maps": 0}),
        ({"environ": b"", "maps": b"x" * 100_000}, {"environ": 0, "maps": 100_000}),
        ({"maps": b"x"}, {"maps": 1}),
        ({"environ": b"A=1"}, {"environ": 1}),
        ({}, {}),
    ],
)
def test_all_of_the_maps_is_read_where_there_is_nothing_of_an_environment(
    proc: Proc, monkeypatch: pytest.MonkeyPatch, files: t.Dict[str, bytes], read: t.Dict[str, int]
) -> None:
    for name, content in files.items():
        pathlib.Path(proc.root, "5", name).write_bytes(content)
    done = dict.fromkeys(files, 0)
    real = os.read

    def reading(descriptor: int, size: int) -> bytes:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        data = real(descriptor, size)
        done[name] += len(data)
        return data

    monkeypatch.setattr(answering.os, "read", reading)
    with nothing_left_open():
        answering.ask(5, proc)
    assert done == read


def test_who_refuses_to_be_read_has_answered(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("environ", "maps"):
        pathlib.Path(proc.root, "5", name).write_bytes(b"x")
    refused: t.List[int] = []

    def reading(descriptor: int, _size: int) -> bytes:
        refused.append(descriptor)
        raise PermissionError

    monkeypatch.setattr(answering.os, "read", reading)
    with nothing_left_open():
        answering.ask(5, proc)
    assert len(refused) == 2
