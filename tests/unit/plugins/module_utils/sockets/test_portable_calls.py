# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reader in Python makes of answers that this kernel does not give, or gives seldom."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import Applied, SocketValues
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

ESTABLISHED, CLOSE, LISTEN = 1, 7, 10
REFUSED = OSError(errno.EOPNOTSUPP, "Operation not supported")


def info(state: int, sent: int = 7000, received: int = 3000) -> bytes:
    """struct tcp_info up to tcpi_last_ack_recv."""
    return struct.pack("=B43xIIII", state, sent, 1, received, 2)


class Handle:
    """A duplicate whose every answer is made up."""

    family, proto = socket.AF_INET, 6

    def __init__(self, remote: t.Any = REFUSED, **options: t.Any) -> None:
        self.remote = remote
        self.options = options

    def getsockopt(self, level: int, number: int, size: int = 0) -> t.Any:
        names = {(6, 11): "info", (1, 9): "keepalive", (1, 30): "listening"}
        names.update({(6, option.sockopt): name for name, option in OPTIONS.items()})
        answer = self.options.get(names[level, number], REFUSED)
        if isinstance(answer, OSError):
            raise answer
        assert size == (60 if number == 11 else 0)
        return answer

    def getpeername(self) -> t.Any:
        if isinstance(self.remote, OSError):
            raise self.remote
        return self.remote

    def getsockname(self) -> t.Any:
        return "192.0.2.1", 443, 0, 0


def handle(*given: t.Any, **options: t.Any) -> socket.socket:
    return t.cast("socket.socket", Handle(*given, **options))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (info(ESTABLISHED), (ESTABLISHED, 3.0)),
        (info(ESTABLISHED, 2500), (ESTABLISHED, 2.5)),
        (info(8, 0), (8, 0.0)),
        (info(3, 1, 1), (3, 0.001)),
        (info(2), (2, None)),
        (info(CLOSE), (CLOSE, None)),
        (info(LISTEN), (LISTEN, None)),
        (info(ESTABLISHED)[:59], (ESTABLISHED, None)),
    ],
)
@pytest.mark.parametrize("connected", [True, False])
def test_the_time_without_data_is_the_shorter_of_both_ways(
    answer: bytes, expected: t.Tuple[int, t.Optional[float]], connected: bool
) -> None:
    assert portable._state(handle(info=answer), connected) == expected


@pytest.mark.parametrize(
    ("listening", "connected", "state"),
    [(1, False, LISTEN), (1, True, LISTEN), (0, True, ESTABLISHED), (0, False, CLOSE)],
)
def test_without_tcp_info_three_states_are_told(listening: int, connected: bool, state: int) -> None:
    assert portable._state(handle(listening=listening), connected) == (state, None)


def test_every_value_has_its_place_and_what_is_refused_is_unknown() -> None:
    numbers = {name: at for at, name in enumerate(OPTIONS, 101)}
    read = portable._values(handle(("192.0.2.9", 5, 0, 0), info=info(ESTABLISHED), keepalive=1, **numbers), 77, 12)
    assert read == SocketValues(
        inode=77,
        family="ipv4",
        protocol="tcp",
        state=ESTABLISHED,
        local=("192.0.2.1", 443),
        remote=("192.0.2.9", 5),
        keepalive=True,
        options=numbers,
        idle=3.0,
        namespace=12,
    )
    assert read.keepalive is True
    del numbers["user_timeout"]
    other = portable._values(handle(info=info(CLOSE), keepalive=0, **numbers), 77, None)
    assert (other.remote, other.namespace, other.keepalive) == (None, None, False)
    assert other.options == {**dict.fromkeys(OPTIONS), **numbers}


def test_a_namespace_that_the_kernel_does_not_tell_is_unknown() -> None:
    with open(os.devnull, encoding="ascii") as no_socket:
        assert portable._namespace_inode(t.cast("socket.socket", no_socket)) is None


@pytest.mark.parametrize(("number", "gone"), [(errno.ENOTCONN, True), (errno.ECONNRESET, True), (errno.EIO, False)])
def test_a_connection_that_ends_while_it_is_read_is_nothing(
    monkeypatch: pytest.MonkeyPatch, number: int, gone: bool
) -> None:
    def fail(*_all: t.Any) -> t.NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(portable, "_values", fail)
    with socket.socket() as own:
        duplicate = portable._handle(os.dup(own.fileno()))
        try:
            if gone:
                assert portable.PortableReader()._ask(duplicate, own.fileno()) is None
            else:
                with pytest.raises(OSError, match="Input/output error"):
                    portable.PortableReader()._ask(duplicate, own.fileno())
        finally:
            duplicate.close()


def test_an_error_that_is_not_told_by_its_number_is_one_all_the_same() -> None:
    class Silent:
        def setsockopt(self, *_setting: int) -> None:
            raise OSError

    assert portable._set(t.cast("socket.socket", Silent()), (1, 9, 1)) == 1


def test_a_socket_whose_family_cannot_be_told_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_duplicate: int) -> t.NoReturn:
        raise REFUSED

    monkeypatch.setattr(portable, "_handle", unknown)
    for look in (
        lambda number: portable.PortableReader()._examine(number),
        lambda number: portable._apply(number, 5, 77, [(1, 9, 1)]),
    ):
        duplicate = os.open(os.devnull, os.O_RDONLY)
        assert look(duplicate) == (None, False)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(duplicate)


def test_what_is_left_open_is_told_with_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several, one whose close() may wait is enough: then the process that works has to end."""
    with Child("a = socket.socket(); b = socket.socket(); c = socket.socket()") as child:
        numbers = child.run("answer = [s.fileno() for s in (a, b, c)]")
        inodes = child.run("answer = [os.fstat(s.fileno()).st_ino for s in (a, b, c)]")
        plan = [(number, inode, [(6, 4, 60)]) for number, inode in zip(numbers, inodes)]
        reader = portable.PortableReader()
        assert portable._apply_some(child.pid, plan, None)[1] is False
        assert reader._read_some(child.pid, numbers, None)[1] is False
        child.run("b.setsockopt(1, socket.SO_LINGER, struct.pack('ii', 1, 30))")
        applied, left = portable._apply_some(child.pid, plan, None)
        assert applied == [tuple(Applied(number, [60], {0: 0}, [60])) for number in numbers]
        assert left is True
        found, left = reader._read_some(child.pid, numbers, None)
        assert [(number, values[0]) for number, values in found] == list(zip(numbers, inodes))
        assert left is True
    assert portable._apply_some(child.pid, plan, None) == ([], False)
    assert reader._read_some(child.pid, numbers, None) == ([], False)


def test_descriptor_tables_are_compared_where_the_kernel_lets_us(monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.getpid()
    assert portable._compare_tables(me, me) == 0
    assert portable._compare_tables(me, os.getppid()) in (1, 2)
    assert portable._compare_tables(me, NO_PID) == -errno.ESRCH
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], "s390x")))
    assert portable._compare_tables(me, me) == -errno.ENOSYS, "its number is not known there"


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 312), ("aarch64", 272), ("riscv64", 272)])
def test_each_machine_has_its_number_of_kcmp(monkeypatch: pytest.MonkeyPatch, machine: str, number: int) -> None:
    asked: t.List[t.Any] = []
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], machine)))
    monkeypatch.setattr(portable, "_system_call", lambda *given: asked.append(given) or 2)
    assert portable._compare_tables(20, 21) == 2
    assert asked == [("kcmp", number, 20, 21, 2)]


@pytest.mark.parametrize("machine", ["alpha", "mips", "mips64"])
def test_machines_on_which_the_numbers_are_others_are_not_asked(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], machine)))
    assert portable._syscall()(portable._NR_PIDFD_OPEN, os.getpid(), 0) == (-1, errno.ENOSYS)


def test_a_python_without_ctypes_is_a_kernel_without_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    monkeypatch.setattr(portable, "_SYSCALL", [])
    assert portable._syscall()(portable._NR_PIDFD_OPEN, os.getpid(), 0) == (-1, errno.ENOSYS)
    with pytest.raises(OSError, match="pidfd_getfd: Function not implemented") as error:
        portable._system_call("pidfd_getfd", portable._NR_PIDFD_GETFD, 1, 1)
    assert error.value.errno == errno.ENOSYS
    with pytest.raises(Unreadable):
        portable._duplicate(1, 1)


def test_the_number_of_an_error_is_that_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_SYSCALL", [])
    with pytest.raises(OSError, match="pidfd_getfd: Bad file descriptor") as error:
        portable._system_call("pidfd_getfd", portable._NR_PIDFD_GETFD, -1, 1, 0)
    assert error.value.errno == errno.EBADF
    first = list(portable._SYSCALL)
    assert len(first) == 1
    assert portable._duplicate(-1, 1) is None
    assert first == portable._SYSCALL, "it is looked up once"


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_what_is_wrapped_blocks_as_before_and_so_does_what_is_made_later(timeout: t.Optional[float]) -> None:
    with socket.socket() as own:
        socket.setdefaulttimeout(timeout)
        try:
            duplicate = portable._handle(os.dup(own.fileno()))
            assert socket.getdefaulttimeout() == timeout
        finally:
            socket.setdefaulttimeout(None)
        duplicate.close()
        assert os.get_blocking(own.fileno()) is True


def test_a_process_is_opened_and_a_thread_that_is_not_its_first_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    me, asked = os.getpid(), []
    answers: t.Dict[int, t.Any] = {}

    def system_call(name: str, number: int, *arguments: int) -> int:
        asked.append((name, number, *arguments))
        answer = answers[arguments[0]]
        if isinstance(answer, int):
            return answer
        raise OSError(answer[0], "refused")

    monkeypatch.setattr(portable, "_system_call", system_call)
    monkeypatch.setattr(os, "pidfd_open", lambda _pid: os.open(os.devnull, os.O_RDONLY), raising=False)
    for thread in (None, me):
        process = portable._open_process(me, thread)
        assert process is not None
        os.close(process)
    assert asked == []
    answers[21] = 7
    assert portable._open_process(20, 21) == 7
    assert asked.pop() == ("pidfd_open", 434, 21, os.O_EXCL)
    held = os.open(os.devnull, os.O_RDONLY)
    answers.update({21: [errno.EINVAL], me: held})
    assert portable._open_process(20, 21) is None, "this one has ended"
    assert [call[2] for call in asked] == [21, me]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)
    answers[me] = [errno.EINVAL]
    with pytest.raises(Unreadable) as error:
        portable._open_process(20, 21)
    assert (error.value.errno, error.value.call) == (errno.EINVAL, "pidfd_open of a thread")
    answers[21] = [errno.EPERM]
    with pytest.raises(Unreadable) as error:
        portable._open_process(20, 21)
    assert (error.value.errno, error.value.call) == (errno.EPERM, "pidfd_open")


def test_a_namespace_is_looked_up_once_for_each_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cookie:
        def __init__(self, cookie: t.Any) -> None:
            self._cookie = cookie

        def getsockopt(self, *asked: int) -> t.Any:
            assert asked == (socket.SOL_SOCKET, 71, 8)
            if isinstance(self._cookie, OSError):
                raise self._cookie
            return self._cookie

    looked_up: t.List[t.Any] = []
    monkeypatch.setattr(portable, "_namespace_inode", lambda of: looked_up.append(of._cookie) or len(looked_up))
    reader = portable.PortableReader()
    cookies = [b"1", b"2", b"1", REFUSED, b"2", REFUSED]
    found = [reader._namespace(t.cast("socket.socket", Cookie(cookie))) for cookie in cookies]
    assert found == [1, 2, 1, 3, 2, 4], "where there are no cookies, each socket is asked"
    assert looked_up == [b"1", b"2", REFUSED, REFUSED]
