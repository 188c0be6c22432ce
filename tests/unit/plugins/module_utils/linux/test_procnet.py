# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of /proc/PID/net: addresses, byte order, and who owns a local address."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet


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
