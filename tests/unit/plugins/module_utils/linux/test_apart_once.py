# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a child of ours is before it works, what comes back of its work, and that it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import apart as linux_apart
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.linux.apart import Apart, Stuck, ask_once
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

Answer = t.Tuple[t.Any, bool]


def who(_pid: int) -> Answer:
    return os.getpid(), False


def who_and_end(_pid: int) -> Answer:
    return os.getpid(), True


def wait(_pid: int) -> Answer:
    os.read(os.pipe()[0], 1)
    return None, False


def fail(_pid: int) -> Answer:
    raise OSError(errno.EMFILE, "too many")


def fail_without_words(_pid: int) -> Answer:
    raise OSError(errno.EMFILE)


def refuse(_pid: int) -> Answer:
    raise Unreadable(errno.EPERM, "pidfd_getfd")


@pytest.fixture(name="killed")
def killed_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[t.Tuple[int, int]]:
    killed: t.List[t.Tuple[int, int]] = []
    real = os.kill
    monkeypatch.setattr(linux_apart.os, "kill", lambda *given: (killed.append(given), real(*given)))
    return killed


def gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


def test_what_is_asked_once_is_answered_and_the_child_is_killed(killed: t.List[t.Tuple[int, int]]) -> None:
    with nothing_left_open():
        pid = ask_once(who, 30)
    assert pid != os.getpid() and gone(pid)
    assert killed == [(pid, signal.SIGKILL)], "threads of its may wait for ever"


@pytest.mark.parametrize(
    ("work", "number", "words"),
    [
        (
            wait, errno.ETIME,
            "processes were asked whether they let themselves be read: nothing came back for 0.1 s",
        ),
        (
            lambda _pid: os._exit(0), errno.ETIME,
            "processes were asked whether they let themselves be read: the process that reads sockets was ended",
        ),
        (fail, errno.EMFILE, "too many"),
    ],
)  # fmt: skip
def test_what_is_asked_once_and_not_answered_is_an_error(
    killed: t.List[t.Tuple[int, int]], work: t.Any, number: int, words: str
) -> None:
    with nothing_left_open(), pytest.raises(OSError) as raised:
        ask_once(work, 0.1 if work is wait else 30)
    assert (raised.value.errno, raised.value.strerror) == (number, words)
    ((pid, _signal),) = killed
    assert gone(pid)


@pytest.mark.parametrize(
    ("work", "ends"), [(who, False), (who_and_end, True), (fail, True), (refuse, True), (fail_without_words, True)]
)
def test_a_child_is_kept_where_its_work_leaves_nothing_behind(
    killed: t.List[t.Tuple[int, int]], work: linux_apart.Work, ends: bool
) -> None:
    apart = Apart()
    with nothing_left_open():
        with contextlib.suppress(OSError, Unreadable):
            apart.call(work, 1)
        assert (apart._child is None) is ends
        del apart
    assert killed == [], "it ends by itself"


def test_who_has_made_us_wait_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_apart, "_whose", lambda pid: f"user {pid}")
    apart = Apart()
    apart._stuck.add("user 7")
    with pytest.raises(Stuck) as raised:
        apart.call(who, 7)
    assert str(raised.value) == "another process of user 7 made us wait 10 s for its sockets"
    assert apart.call(who_and_end, 8) != os.getpid()


def test_one_child_answers_all_questions() -> None:
    apart = Apart()
    first = apart.call(who, 1)
    assert [apart.call(who, pid) for pid in (1, os.getpid())] == [first, first]
    assert not gone(first)
    del apart
    assert gone(first)


def test_a_child_that_somebody_has_ended_is_no_wait() -> None:
    apart = Apart()
    with nothing_left_open():
        pid = apart.call(who, 1)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(Stuck, match=r"^the process that reads sockets was ended while its sockets were looked at$"):
            apart.call(who, 1)
    assert gone(pid)
    assert apart.call(who_and_end, 1) not in (pid, os.getpid())


def test_who_does_not_answer_is_killed_and_the_next_has_another_child(killed: t.List[t.Tuple[int, int]]) -> None:
    apart = Apart(limit=0.1)
    with nothing_left_open():
        with pytest.raises(Stuck) as raised:
            apart.call(wait, 1)
        assert (raised.value.errno, str(raised.value)) == (
            errno.ETIME, "nothing came back for 0.1 s while its sockets were looked at"
        )  # fmt: skip
        ((pid, number),) = killed
        assert number == signal.SIGKILL and gone(pid)
        apart._limit = 30
        assert apart.call(who_and_end, 1) not in (pid, os.getpid())
    assert killed == [(pid, number)]


def test_a_child_does_on_signals_what_a_program_does() -> None:
    """What we do on them, to end in order, is not for it."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.signal(number, lambda *_arguments: None) for number in numbers]
    try:
        handlers = ask_once(lambda _pid: ([signal.getsignal(number) == signal.SIG_DFL for number in numbers], True), 30)
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
    assert handlers == [True] * 3


def test_a_child_that_cannot_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it waits for in the kernel does not end with SIGKILL either; we go on after two seconds."""
    waited: t.List[t.Any] = []
    monkeypatch.setattr(linux_apart, "poll_until", lambda _ask, *given: waited.append(given))
    killed: t.List[t.Any] = []
    monkeypatch.setattr(linux_apart.os, "kill", lambda *given: killed.append(given))
    with nothing_left_open():
        linux_apart._end(1 << 22, *os.pipe())
        assert (waited, killed) == ([(1.0, 0.002)] * 2, [(1 << 22, signal.SIGKILL)])
        linux_apart._end(1 << 22, *os.pipe(), True)
    assert (waited, killed) == ([(1.0, 0.002)] * 3, [(1 << 22, signal.SIGKILL)] * 2)


def test_who_has_collected_a_child_already_is_no_error() -> None:
    with nothing_left_open():
        linux_apart._end(1 << 22, *os.pipe())
        linux_apart._end(1 << 22, *os.pipe(), True)


@pytest.mark.parametrize(
    ("user", "account", "whose"),
    [
        (0, Account("user-0.slice", 0), None),
        (None, Account("user-1000.slice", 1000), None),
        (7, Account("user-1000.slice", 1000), "user-1000.slice"),
        (7, Account("user-1000.slice", 1001), "user 7"),
        (7, Account(""), "user 7"),
    ],
)
def test_whose_a_process_is(
    monkeypatch: pytest.MonkeyPatch, user: t.Optional[int], account: Account, whose: t.Optional[str]
) -> None:
    monkeypatch.setattr(linux_apart, "real_user_of", {5: user}.__getitem__)
    monkeypatch.setattr(linux_apart, "account_of", lambda *given: {(5, ""): account}[given])
    assert linux_apart._whose(5) == whose
