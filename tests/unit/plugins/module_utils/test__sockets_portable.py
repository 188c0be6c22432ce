# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader tells the truth about the sockets of real processes, and leaves no trace in them."""

from __future__ import annotations

import os
import socket
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _sockets_portable as portable
from ansible_collections.netops.keepalive.plugins.module_utils._options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils._procnet import STATES
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.live_processes import Child, has_mptcp

NUMBERS = {name: option.sockopt for name, option in OPTIONS.items()}

SET_EVERYTHING = f"""
def tune(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for number, value in ((4, 61), (5, 13), (6, 7), (18, 25000), (7, 3), (9, 5), (2, 1300), (10, 30000)):
        try:
            s.setsockopt(6, number, value)
        except OSError:
            pass
def values(s):
    got = {{}}
    for name, number in {NUMBERS!r}.items():
        try:
            got[name] = s.getsockopt(6, number)
        except OSError:
            got[name] = None
    return [s.fileno(), os.fstat(s.fileno()).st_ino, bool(s.getsockopt(1, socket.SO_KEEPALIVE)), got]
"""


def read_one(pid: int, descriptor: int) -> portable.SocketValues:
    ((number, values),) = portable.PortableReader().read(pid, [descriptor])
    assert number == descriptor
    assert values is not None
    return values


@pytest.mark.parametrize(
    ("family", "protocol"),
    [
        ("AF_INET", 6),
        ("AF_INET6", 6),
        pytest.param("AF_INET", 262, marks=pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")),
    ],
)
@pytest.mark.parametrize("state", ["CLOSE", "LISTEN", "ESTABLISHED"])
@pytest.mark.parametrize("tuned", [True, False])
def test_every_value_is_the_owners(family: str, protocol: int, state: str, tuned: bool) -> None:
    loopback = "127.0.0.1" if family == "AF_INET" else "::1"
    with Child(SET_EVERYTHING) as child:
        child.run(
            f"s = socket.socket(socket.{family}, socket.SOCK_STREAM, {protocol})\n"
            f"if {tuned}: tune(s)\n"
            f"if {state!r} == 'LISTEN': s.bind(({loopback!r}, 0)); s.listen()\n"
            f"if {state!r} == 'ESTABLISHED':\n"
            f"    l = socket.socket(socket.{family}, socket.SOCK_STREAM, {protocol})\n"
            f"    l.bind(({loopback!r}, 0)); l.listen()\n"
            "    s.connect(l.getsockname()); a = l.accept()[0]\n"
        )
        number, inode, keepalive, options = child.run("answer = values(s)")
        read = read_one(child.pid, number)
        assert (read.inode, read.keepalive, read.options) == (inode, keepalive, options)
        assert keepalive is tuned
        assert STATES[read.state] == state
        assert read.protocol == {6: "tcp", 262: "mptcp"}[protocol]
        assert read.family == {"AF_INET": "ipv4", "AF_INET6": "ipv6"}[family]
        assert read.namespace == os.stat("/proc/self/ns/net").st_ino
        if protocol == 262:
            assert {name for name, value in read.options.items() if value is None} == {
                "user_timeout",
                "syncnt",
                "window_clamp",
            }
        if state == "ESTABLISHED":
            assert read.local == tuple(child.run("answer = s.getsockname()[:2]"))
            assert read.remote == tuple(child.run("answer = s.getpeername()[:2]"))
            assert read.idle is not None
            assert 0 <= read.idle < 60
        else:
            assert read.remote is None
            assert read.idle is None


def test_a_v4_mapped_connection_shows_both_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        number = child.run(
            "s = socket.socket(socket.AF_INET6)\n"
            f"s.connect(('::ffff:127.0.0.1', {server.getsockname()[1]})); answer = s.fileno()"
        )
        read = read_one(child.pid, number)
        assert read.family == "ipv6"
        assert read.remote == ("::ffff:127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize(
    ("finish", "state"),
    [
        ("peer.close()", "CLOSE_WAIT"),
        ("s.shutdown(1); peer.recv(1)\nwhile s.getsockopt(6, 11, 1)[0] == 4: pass", "FIN_WAIT2"),
    ],
)
def test_half_closed_connections_are_read(finish: str, state: str) -> None:
    with Child() as child:
        number = child.run(
            "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
            f"peer = l.accept()[0]; {finish}\n"
            "import select\n"
            f"if {state!r} == 'CLOSE_WAIT': select.select([s], [], [])\n"
            "answer = s.fileno()"
        )
        assert STATES[read_one(child.pid, number).state] == state


@pytest.mark.parametrize(
    "make",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
        pytest.param(
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets are root's"),
        ),
    ],
)
def test_what_is_not_tcp_is_named_so(make: str) -> None:
    with Child(f"s = {make}") as child:
        number = child.run("answer = s.fileno()")
        assert list(portable.PortableReader().read(child.pid, [number])) == [(number, None)]


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("default_timeout", [None, 5.0])
def test_the_owners_blocking_mode_stays(blocking: bool, default_timeout: t.Optional[float]) -> None:
    flags = "answer = fcntl.fcntl(s, fcntl.F_GETFL)"
    with Child(f"s = socket.create_server(('127.0.0.1', 0)); s.setblocking({blocking})") as child:
        before = child.run(flags)
        assert bool(before & os.O_NONBLOCK) is not blocking
        socket.setdefaulttimeout(default_timeout)
        try:
            read_one(child.pid, child.run("answer = s.fileno()"))
            assert socket.getdefaulttimeout() == default_timeout
        finally:
            socket.setdefaulttimeout(None)
        assert child.run(flags) == before


def test_the_peer_sees_the_end_of_a_connection_while_it_is_audited() -> None:
    """A duplicate that is kept open holds back the FIN; 50 connections are closed under a reader that never pauses."""
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        numbers = child.run(
            f"c = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(50)]\n"
            "answer = [s.fileno() for s in c]"
        )
        peers = [server.accept()[0] for _number in numbers]
        stop = threading.Event()
        sweeps: t.List[int] = []

        def audit() -> None:
            reader = portable.PortableReader()
            while not stop.is_set():
                sweeps.append(len(list(reader.read(child.pid, numbers))))

        thread = threading.Thread(target=audit)
        thread.start()
        try:
            for index, peer in enumerate(peers):
                peer.settimeout(20)
                child.run(f"c[{index}].close()")
                assert peer.recv(1) == b""
        finally:
            stop.set()
            thread.join()
            for peer in peers:
                peer.close()
        assert max(sweeps) > 0


def test_nothing_is_left_open_here_and_data_in_flight_stays_the_owners() -> None:
    with Child("a, b = (None, None)") as child:
        number = child.run(
            "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
            "peer = l.accept()[0]; peer.sendall(b'unread'); answer = s.fileno()"
        )
        before = len(os.listdir("/proc/self/fd"))
        for _time in range(100):
            read_one(child.pid, number)
        assert len(os.listdir("/proc/self/fd")) == before
        assert child.run("answer = s.recv(100).decode()") == "unread"


def test_what_vanishes_is_left_out() -> None:
    reader = portable.PortableReader()
    with Child("s = socket.socket()") as child:
        number = child.run("answer = s.fileno()")
        assert [found for found, _values in reader.read(child.pid, [number, 4000, number])] == [number, number]
    assert list(reader.read(child.pid, [number])) == []


@pytest.mark.parametrize("python_has_it", [True, False])
def test_pidfd_open_without_pythons_help(monkeypatch: pytest.MonkeyPatch, python_has_it: bool) -> None:
    if not python_has_it:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with Child("s = socket.socket()") as child:
        assert read_one(child.pid, child.run("answer = s.fileno()")).state == 7


def test_machines_with_other_numbers_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_LIBC", [])
    monkeypatch.setattr("platform.machine", lambda: "mips64")
    with Child("s = socket.socket()") as child, pytest.raises(portable.Unreadable) as error:
        list(portable.PortableReader().read(child.pid, [child.run("answer = s.fileno()")]))
    assert "needs a Python with ctypes" in error.value.remedy


def test_the_window_clamps_floor_is_this_kernels() -> None:
    with socket.socket() as own:
        own.setsockopt(socket.IPPROTO_TCP, NUMBERS["window_clamp"], 1)
        assert own.getsockopt(socket.IPPROTO_TCP, NUMBERS["window_clamp"]) == portable.window_clamp_floor()
