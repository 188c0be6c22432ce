# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's timers show of keepalive, and that sock_diag(7) would show no more."""

from __future__ import annotations

import os
import pathlib
import socket
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import timers
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

KEEPALIVE = "s.setsockopt(1, socket.SO_KEEPALIVE, 1); s.setsockopt(6, 4, 1000)"


def sock_diag() -> t.Dict[int, t.Tuple[int, int]]:
    """Ask sock_diag(7) for all IPv4 TCP sockets: inode → (timer, milliseconds until it is due)."""
    request = struct.pack("=BBBxI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFF)
    header = struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0)  # SOCK_DIAG_BY_FAMILY; NLM_F_REQUEST | DUMP
    found: t.Dict[int, t.Tuple[int, int]] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.sendto(header + request, (0, 0))
        while True:
            data = netlink.recv(1 << 18)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind != 20:
                    assert kind == 3, "neither an answer nor the end"
                    return found
                timer = data[16 + 2]
                expires, _rqueue, _wqueue, _uid, inode = struct.unpack_from("=IIIII", data, 16 + 4 + 48)
                found[inode] = (timer, expires)
                data = data[length + 3 & ~3 :]


@pytest.fixture
def server() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


def connection(server: socket.socket) -> socket.socket:
    return socket.create_connection(server.getsockname())


def test_a_timer_shows_keepalive_and_its_absence_none(server: socket.socket) -> None:
    with connection(server) as kept, connection(server) as plain, socket.socket() as unconnected:
        for each in (kept, unconnected, server):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        seen = timers.read_timers(os.getpid())
        shown = [
            seen[os.fstat(each.fileno()).st_ino].keepalive if os.fstat(each.fileno()).st_ino in seen else None
            for each in (kept, plain, unconnected, server)
        ]
        assert shown == [True, False, None, None]
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        seen = timers.read_timers(os.getpid())
        assert [seen[os.fstat(each.fileno()).st_ino].keepalive for each in (kept, plain)] == [False, True]


def test_a_connection_that_waits_for_something_else_shows_nothing() -> None:
    """The peer's window is full: the kernel's table has room for that timer alone."""
    with Child() as peer:
        port = peer.run("l = socket.create_server(('127.0.0.1', 0)); answer = l.getsockname()[1]")
        with socket.create_connection(("127.0.0.1", port)) as kept, socket.create_connection(
            ("127.0.0.1", port)
        ) as plain:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for each in (kept, plain):
                each.setblocking(False)
                while True:
                    try:
                        each.send(b"x" * 65536)
                    except BlockingIOError:
                        break
            seen = timers.read_timers(os.getpid())
            for each in (kept, plain):
                found = seen[os.fstat(each.fileno()).st_ino]
                assert found.row.timer not in (procnet.TIMER_NONE, procnet.TIMER_KEEPALIVE)
                assert found.keepalive is None


def test_in_the_moment_in_which_the_timer_fires_nothing_is_shown() -> None:
    address = ("127.0.0.1", 1)
    pending = procnet.Row("ipv4", address, address, 1, procnet.TIMER_KEEPALIVE, 7, 3.0)
    fired = pending._replace(timer=procnet.TIMER_NONE)
    assert timers.keepalive_of(pending, fired) is True
    assert timers.keepalive_of(fired, pending) is None
    assert timers.keepalive_of(fired, None) is None  # it was not there a moment ago
    assert timers.keepalive_of(fired, fired) is False
    assert timers.keepalive_of(fired._replace(state=5), fired) is None  # FIN_WAIT2
    assert timers.keepalive_of(fired, fired._replace(state=2)) is None  # it was only connecting
    assert timers.keepalive_of(pending, pending._replace(state=2)) is None
    assert timers.keepalive_of(pending._replace(state=8), pending) is True  # CLOSE_WAIT
    assert timers.keepalive_of(fired._replace(timer=1), fired._replace(timer=1)) is None  # a retransmission is due


def test_sock_diag_shows_the_same(server: socket.socket) -> None:
    with connection(server) as kept, connection(server) as slow, connection(server) as plain:
        for each, idle in ((kept, 60), (slow, 7200)):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        before = {row.inode: row for row in procnet.read_tables(os.getpid())}
        asked = sock_diag()
        after = {row.inode: row for row in procnet.read_tables(os.getpid())}
        for each, idle in ((kept, 60), (slow, 7200), (plain, 0)):
            inode = os.fstat(each.fileno()).st_ino
            timer, expires = asked[inode]
            assert before[inode].timer == timer == after[inode].timer
            # Both count down to the same moment; /proc in hundredths of a second.
            assert before[inode].expires + 0.02 >= expires / 1000 >= after[inode].expires - 0.02
            assert expires / 1000 <= idle


def test_both_looks_are_at_the_table_of_the_process(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come in between shows nothing yet, and what has gone is not told of."""
    address = ("127.0.0.1", 1)
    first = procnet.Row("ipv4", address, address, 1, procnet.TIMER_NONE, 7)
    looks = [[first, first._replace(inode=8)], [first, first._replace(inode=9)]]
    asked: t.List[t.Tuple[int, str]] = []

    def look(pid: int, proc: Proc) -> t.List[procnet.Row]:
        asked.append((pid, proc.root))
        return looks.pop(0)

    monkeypatch.setattr(procnet, "read_tables", look)
    seen = timers.read_timers(42, Proc(str(tmp_path)))
    assert seen == {7: timers.TimerSeen(first, False), 9: timers.TimerSeen(first._replace(inode=9), None)}
    assert asked == [(42, str(tmp_path))] * 2
