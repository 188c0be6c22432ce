# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set on a duplicate is set in the owner, and nothing else of the owner changes."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access, Setter
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import Applied, SocketOption
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, has_mptcp
from ansible_collections.netops.keepalive.tests.unit.support.reading import nothing_left_open_by
from ansible_collections.netops.keepalive.tests.unit.support.sysctls import of_the_machine

KEEPALIVE = (int(socket.SOL_SOCKET), int(socket.SO_KEEPALIVE), 1)
KEEPIDLE = (6, 4, 60)
USER_TIMEOUT = (6, 18, 25000)
LOOK = "answer = [s.getsockopt(6, 4), s.getsockopt(6, 18), s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]"


@pytest.fixture(name="setter")
def setter_fixture(access: Access) -> Setter:
    return access.setter


@pytest.fixture
def server() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


def connect(child: Child, server: socket.socket) -> t.Tuple[int, int]:
    port = server.getsockname()[1]
    descriptor, inode = child.run(
        f"s = socket.create_connection(('127.0.0.1', {port})); answer = [s.fileno(), os.fstat(s.fileno()).st_ino]"
    )
    return descriptor, inode


def apply(setter: Setter, pid: int, descriptor: int, inode: int, *settings: SocketOption) -> t.List[Applied]:
    return list(setter.apply(pid, {descriptor: (inode, settings)}))


def test_the_owner_has_what_was_set(setter: Setter, server: socket.socket) -> None:
    with Child() as child:
        descriptor, inode = connect(child, server)
        idle, timeout, _off = child.run(LOOK)
        applied = apply(setter, child.pid, descriptor, inode, KEEPIDLE, USER_TIMEOUT, KEEPALIVE)
        assert child.run(LOOK) == [60, 25000, 1]
    no_errors = dict.fromkeys(range(3), 0)
    assert applied == [Applied(descriptor, [idle, timeout, 0], no_errors, [60, 25000, 1])]


@pytest.mark.skipif(not seccomp.SUPPORTED, reason="the numbers of the system calls are not known here")
def test_an_owner_that_allows_itself_no_such_call_lives_on(setter: Setter, server: socket.socket) -> None:
    """It is not the owner that calls: what its own list of system calls says does not count."""
    with socket.create_connection(server.getsockname()) as mine:
        with seccomp.living({"getsockopt": seccomp.KILL, "setsockopt": seccomp.KILL}) as pid:
            apply(setter, pid, mine.fileno(), os.fstat(mine.fileno()).st_ino, KEEPIDLE, KEEPALIVE)
        assert mine.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def test_what_a_listener_accepts_from_then_on_has_it_too(setter: Setter) -> None:
    with Child("s = socket.create_server(('127.0.0.1', 0))") as child:
        descriptor, inode, port = child.run("answer = [s.fileno(), os.fstat(s.fileno()).st_ino, s.getsockname()[1]]")
        apply(setter, child.pid, descriptor, inode, KEEPIDLE, USER_TIMEOUT, KEEPALIVE)
        with socket.create_connection(("127.0.0.1", port)):
            assert child.run("s, peer = s.accept()\n" + LOOK) == [60, 25000, 1]


def test_a_descriptor_that_is_another_socket_by_now_is_not_touched(setter: Setter, server: socket.socket) -> None:
    with Child() as child:
        descriptor, inode = connect(child, server)
        before = child.run(LOOK)
        assert apply(setter, child.pid, descriptor, inode + 1, KEEPIDLE, KEEPALIVE) == []
        assert child.run(LOOK) == before


def test_what_vanished_is_left_out_and_the_rest_is_done(setter: Setter, server: socket.socket) -> None:
    with Child() as child:
        descriptor, inode = connect(child, server)
        gone = child.run("gone = os.open('/dev/null', os.O_RDONLY); os.close(gone); answer = gone")
        plan = {gone: (1, [KEEPALIVE]), descriptor: (inode, [KEEPALIVE])}
        assert [applied.descriptor for applied in setter.apply(child.pid, plan)] == [descriptor]
    assert apply(setter, child.pid, descriptor, inode, KEEPALIVE) == []  # the process ended


@pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")
def test_what_mptcp_refuses_is_told_and_the_rest_is_set(setter: Setter) -> None:
    with Child("s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)") as child:
        descriptor, inode = child.run("answer = [s.fileno(), os.fstat(s.fileno()).st_ino]")
        (applied,) = apply(setter, child.pid, descriptor, inode, USER_TIMEOUT, KEEPIDLE, KEEPALIVE)
        assert applied.errors[0] in (errno.ENOPROTOOPT, errno.EOPNOTSUPP)
        assert (applied.before[0], applied.after[0]) == (None, None)
        assert (applied.errors[1], applied.errors[2], applied.after[1:]) == (0, 0, [60, 1])


def test_a_value_that_the_kernel_refuses_leaves_the_old_one(setter: Setter, server: socket.socket) -> None:
    with Child() as child:
        descriptor, inode = connect(child, server)
        (applied,) = apply(setter, child.pid, descriptor, inode, (6, 4, 32768), KEEPALIVE)
        assert (applied.errors, applied.after) == ({0: errno.EINVAL, 1: 0}, [applied.before[0], 1])


@pytest.mark.parametrize("default_timeout", [None, 5.0])
@pytest.mark.parametrize("blocking", [True, False])
def test_the_owners_blocking_mode_and_data_stay(
    setter: Setter, server: socket.socket, blocking: bool, default_timeout: t.Optional[float]
) -> None:
    socket.setdefaulttimeout(default_timeout)
    try:
        with Child() as child:
            descriptor, inode = connect(child, server)
            peer, _address = server.accept()
            with peer:
                child.run(f"s.setblocking({blocking})")
                peer.sendall(b"not ours")
                apply(setter, child.pid, descriptor, inode, KEEPIDLE, KEEPALIVE)
                assert child.run(f"answer = os.get_blocking({descriptor})") is blocking
                assert (
                    child.run("select = __import__('select'); select.select([s], [], []); answer = len(s.recv(99))")
                    == 8
                )
    finally:
        socket.setdefaulttimeout(None)


def test_the_peer_sees_the_end_of_a_connection_that_is_being_set(setter: Setter, server: socket.socket) -> None:
    """A duplicate that stays open keeps the connection alive: the owner's close() would send no FIN."""
    with Child() as child:
        descriptor, inode = connect(child, server)
        peer, _address = server.accept()
        ended = threading.Event()

        def keep_setting() -> None:
            while not ended.is_set():
                apply(setter, child.pid, descriptor, inode, KEEPIDLE, USER_TIMEOUT, KEEPALIVE)

        thread = threading.Thread(target=keep_setting)
        thread.start()
        try:
            with peer:
                child.run("s.close()")
                assert select.select([peer], [], [], 20)[0], "no FIN within 20 s"
                assert peer.recv(1) == b""
        finally:
            ended.set()
            thread.join()


def test_nothing_is_left_open_here(setter: Setter, server: socket.socket) -> None:
    with Child() as child:
        descriptor, inode = connect(child, server)
        apply(setter, child.pid, descriptor, inode, KEEPALIVE)
        apply(setter, child.pid, descriptor, inode + 1, KEEPALIVE)
        with nothing_left_open_by(setter):
            apply(setter, child.pid, descriptor, inode, KEEPALIVE)
            apply(setter, child.pid, descriptor, inode + 1, KEEPALIVE)


@pytest.mark.parametrize("call", ["pidfd_open", "pidfd_getfd"])
def test_a_process_that_does_not_let_us_is_named(setter: Setter, call: str) -> None:
    def attempt() -> t.Tuple[int, str]:
        with pytest.raises(Unreadable) as error:
            apply(setter, os.getppid(), 0, 1, KEEPALIVE)
        return error.value.errno, error.value.call

    assert seccomp.refusing(attempt, {call: errno.EPERM}) == (errno.EPERM, call)


def test_each_of_many_sockets_gets_its_own(setter: Setter, server: socket.socket) -> None:
    """More than one call of the library takes, with different numbers of settings, some sockets gone in between."""
    with Child() as child:
        made = child.run(
            "held = [socket.socket() for _ in range(700)]\n"
            "answer = [[s.fileno(), os.fstat(s.fileno()).st_ino] for s in held]"
        )
        child.run("for s in held[::7]: s.close()")
        plan = {
            descriptor: (inode, [(6, 4, 100 + at), (6, 5, 200 + at), (6, 18, 300 + at)][: at % 4])
            for at, (descriptor, inode) in enumerate(made)
        }
        applied = {one.descriptor: one for one in setter.apply(child.pid, plan)}
        assert list(applied) == [descriptor for at, (descriptor, _inode) in enumerate(made) if at % 7]
        look = "answer = [[s.getsockopt(6, number) for number in (4, 5, 18)] for s in held if s.fileno() >= 0]"
        unset = [of_the_machine("keepalive_time"), of_the_machine("keepalive_intvl"), 0]
        for at, values in zip((at for at in range(700) if at % 7), child.run(look)):
            wanted = [base + at for base in (100, 200, 300)][: at % 4]
            assert values == [*wanted, *unset[at % 4 :]]
            one = applied[made[at][0]]
            assert (one.before, one.after) == (unset[: at % 4], wanted)
            assert one.errors == dict.fromkeys(range(at % 4), 0)
