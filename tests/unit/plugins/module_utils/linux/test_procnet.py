# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of /proc/PID/net: addresses, byte order, and who owns a local address."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child


@pytest.mark.parametrize(
    ("text", "order", "address"),
    [
        ("0100007F:1F90", "<", ("127.0.0.1", 8080)),
        ("7F000001:1F90", ">", ("127.0.0.1", 8080)),
        ("00000000:0016", "<", ("0.0.0.0", 22)),
        ("00000000000000000000000000000000:0050", "<", ("::", 80)),
        ("00000000000000000000000001000000:FFFF", "<", ("::1", 65535)),
        ("0000000000000000FFFF00000100007F:01BB", "<", ("::ffff:127.0.0.1", 443)),
        ("B80D01200000000067452301EFCDAB89:0001", "<", ("2001:db8::123:4567:89ab:cdef", 1)),
        ("20010DB80000000001234567" + "89ABCDEF:0001", ">", ("2001:db8::123:4567:89ab:cdef", 1)),
    ],
)
def test_addresses_are_words_in_the_kernels_byte_order(text: str, order: str, address: procnet.Address) -> None:
    assert procnet.parse_address(text, order) == address


LINES = [
    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 227 1 0 100 0 0 10 0\n",
    "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 301 1 0 100 0 0 10 0\n",
    "   2: 0100007F:1F90 0100007F:D001 01 00000000:00000000 02:000004D2 00000000    33        0 302 1 0 20 4 0 10 -1\n",
    "   3: 0100007F:1F90 0100007F:D002 06 00000000:00000000 03:0000176A 00000000     0        0 0 3 0\n",
    "cut off\n",
]


def test_rows_of_the_table() -> None:
    rows = list(procnet.parse_table(LINES, order="<"))
    assert [(row.inode, row.state, row.timer) for row in rows] == [(227, 10, 0), (301, 10, 0), (302, 1, 2), (0, 6, 3)]
    assert rows[2].local == ("127.0.0.1", 8080)
    assert rows[2].remote == ("127.0.0.1", 0xD001)
    assert {row.family for row in rows} == {"ipv4"}


def test_listeners_come_first_so_reading_them_stops_early() -> None:
    def lines_until_the_connections() -> object:
        yield from LINES[:3]
        raise AssertionError("read on behind the listeners")

    rows = list(procnet.parse_table(lines_until_the_connections(), listening_only=True, order="<"))  # type: ignore[arg-type]
    assert [row.inode for row in rows] == [227, 301]


@pytest.mark.parametrize(
    ("local", "owners"),
    [
        (("127.0.0.1", 8080), {1}),  # the exact address wins over the wildcard
        (("192.0.2.1", 8080), {2}),
        (("::ffff:192.0.2.1", 9090), {3}),
        (("2001:db8::1", 9090), {3}),
        (("::ffff:127.0.0.1", 8080), {1}),
        (("192.0.2.1", 7070), {4, 5}),  # SO_REUSEPORT
        (("192.0.2.1", 6060), set()),
        (("192.0.2.2", 5050), set()),
    ],
)
def test_the_owner_of_a_local_address(local: procnet.Address, owners: set[int]) -> None:
    listeners = procnet.Listeners()
    for address, inode in (
        (("127.0.0.1", 8080), 1),
        (("0.0.0.0", 8080), 2),
        (("::", 9090), 3),
        (("192.0.2.1", 7070), 4),
        (("192.0.2.1", 7070), 5),
        (("192.0.2.1", 5050), 6),
    ):
        listeners.add(address, inode)
    assert listeners.owners(local) == owners


def test_a_real_listener_is_in_this_kernels_table() -> None:
    with socket.create_server(("127.0.0.1", 0)) as v4, socket.socket(socket.AF_INET6) as v6:
        v6.bind(("::1", 0))
        v6.listen()
        rows = {row.local: row for row in procnet.read_tables(_own_pid(), listening_only=True)}
        assert rows[v4.getsockname()].state == procnet.LISTEN
        assert rows[v6.getsockname()[:2]].family == "ipv6"
        assert all(row.state == procnet.LISTEN for row in rows.values())


def _own_pid() -> int:
    import os

    return os.getpid()


@pytest.mark.parametrize(("field", "queue"), [("00000000:00000003", 3), ("00000000:0000000A", 10), ("odd", 0)])
def test_what_waits_at_a_listener_is_counted(field: str, queue: int) -> None:
    lines = [line.replace("00000000:00000000", field) for line in LINES]
    assert [row.queue for row in procnet.parse_table(lines, order="<")] == [queue, queue, 0, 0], "of others it is data"


def test_what_waits_is_counted_by_this_kernel() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:
        clients = [socket.create_connection(server.getsockname()) for _number in range(3)]
        rows = procnet.read_tables(os.getpid(), listening_only=True)
        assert {row.inode: row.queue for row in rows}[os.fstat(server.fileno()).st_ino] == 3
        for client in clients:
            client.close()


@pytest.mark.parametrize("few", [50, 0])
def test_the_lines_of_some_sockets(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procnet, "_FEW", few)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("::1", 0), family=socket.AF_INET6) as two:
        inodes = [os.fstat(made.fileno()).st_ino for made in (one, two)]
        found = procnet.find_lines(os.getpid(), {*inodes, 0x7FFFFFFF}, Proc("/proc"))
        assert {inode: row.local for inode, row in zip(found, procnet.parse_table(found.values()))} == {
            inodes[0]: one.getsockname(),
            inodes[1]: two.getsockname()[:2],
        }


def test_an_inode_is_not_found_in_another_column(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text("".join(["head\n", *LINES, "  227 0 0 0 0 0 0 0 0 5 1\n"]), "ascii")
    proc = Proc(str(tmp_path))
    assert sorted(procnet.find_lines(7, {227, 1, 5}, proc)) == [5, 227]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_how_many_there_are_as_this_kernel_counts() -> None:
    alone = "import ctypes\nassert ctypes.CDLL(None).unshare(0x40000000) == 0\n"  # other tests have sockets, too
    with Child(alone) as child:
        assert procnet.count_sockets(child.pid) == 0
        child.run("held = [socket.create_server(('127.0.0.1', 0)) for _number in range(20)]")
        assert procnet.count_sockets(child.pid) == 20


def test_about_how_many_there_are(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "sockstat").write_text("sockets: used 9\nTCP: inuse 12 orphan 0\nUDP: inuse 3 mem 1\n")
    (tmp_path / "7" / "net" / "sockstat6").write_text("TCP6: inuse 5\nUDP6: inuse 2\n")
    assert procnet.count_sockets(7, Proc(str(tmp_path))) == 17
    assert procnet.count_sockets(8, Proc(str(tmp_path))) == 0
