# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets that stand in the kernel's tables and that no process holds: counted, and nothing else is."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit import host as audit_host
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import unowned as sockets_unowned
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.tests.unit.support.held import wait_until_nobody_holds
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

SEND_AWAY = """
import array
here, there = socket.socketpair()
def send(s):
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    answer = [os.fstat(s.fileno()).st_ino, s.getsockname()[1]]
    s.close()
    return answer
"""


def unowned(access: Access) -> t.Dict[int, procnet.Row]:
    pids = HOST.pids()
    sweep = Sweep(access.reader, {}, watched=True)
    sweep.take(pids)
    return {row.inode: row for row in sweep.unowned()}


def own_lines(inodes: t.Set[int]) -> t.Dict[int, str]:
    return procnet.find_lines(os.getpid(), inodes, HOST)


def test_a_socket_on_its_way_to_a_process_that_does_not_take_it(access: Access, server: socket.socket) -> None:
    with Child(SEND_AWAY) as child:
        port = server.getsockname()[1]
        connection, _own = child.run(f"answer = send(socket.create_connection(('127.0.0.1', {port})))")
        listener, own = child.run("answer = send(socket.create_server(('127.0.0.1', 0)))")
        wait_until_nobody_holds([connection, listener])
        found = unowned(access)
    assert (found[connection].state, found[connection].remote[1], found[connection].user) == (1, port, os.getuid())
    assert (found[listener].state, found[listener].local[1]) == (procnet.LISTEN, own)


def test_what_processes_hold_is_not_among_them(access: Access, server: socket.socket) -> None:
    with Child(f"c = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))") as child:
        held, client = child.run("answer = [os.fstat(c.fileno()).st_ino, c.getsockname()[1]]")
        rows = [row for row in procnet.read_tables(os.getpid()) if row.local == server.getsockname()]
        found = unowned(access)
    assert {held, os.fstat(server.fileno()).st_ino}.isdisjoint(found)
    waiting = {row.remote: row.inode for row in rows if row.state == 1}  # the table may show one twice
    assert waiting == {("127.0.0.1", client): 0}, "what waits to be accepted is nobody's yet"
    assert 0 not in found


def test_what_is_opened_during_the_sweep_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as late:
        inode = os.fstat(late.fileno()).st_ino
        assert sockets_unowned.rows_of_nobody(set(), set(), own_lines, PortableReader) == []
        before = sockets_unowned.inodes_in_tables(os.getpid())
        assert inode in before
        # As if a process had got it just after it was looked at: the second look finds it there.
        assert inode not in {
            row.inode for row in sockets_unowned.rows_of_nobody(before, set(), own_lines, PortableReader)
        }


def test_what_is_closed_during_the_sweep_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as early:
        inode = os.fstat(early.fileno()).st_ino
        before = sockets_unowned.inodes_in_tables(os.getpid())
    rows = sockets_unowned.rows_of_nobody(before, set(), own_lines, PortableReader)
    assert inode in before and inode not in {row.inode for row in rows}


class Never(PortableReader):
    """A reader that has no need to look at any process."""

    def tables(self, _pid: int, _proc: t.Any = None) -> t.List[int]:
        raise AssertionError("looked at")


def test_processes_are_looked_at_again_only_where_something_is_missing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as early:
        inode = os.fstat(early.fileno()).st_ino
        assert sockets_unowned.rows_of_nobody({inode}, {inode}, own_lines, Never) == []
        with pytest.raises(AssertionError, match="looked at"):
            sockets_unowned.rows_of_nobody({inode}, set(), own_lines, Never)
    wait_until_nobody_holds([inode])
    assert sockets_unowned.rows_of_nobody({inode}, set(), own_lines, Never) == [], "it was closed"


def row(user: int, port: int, state: int = 1) -> procnet.Row:
    return procnet.Row("ipv4", ("192.0.2.1", port), ("192.0.2.9", 2049), state, 0, port, user=user)


def test_the_sum_is_bounded_and_the_systems_own_comes_first() -> None:
    crowd = [row(100_000 + number, number) for number in range(40)]
    some = [row(1000, port) for port in range(50, 60)]
    found = sockets_unowned.sum_up_unowned([*crowd, *some, row(0, 800), row(0, 9, 10)])
    assert (found["sockets"], found["users"], len(found["whose"])) == (52, 42, sockets_unowned.MOST_USERS)
    assert [(each["user"], each["sockets"]) for each in found["whose"][:3]] == [(0, 2), (1000, 10), (100_000, 1)]
    assert len(found["whose"][1]["examples"]) == sockets_unowned.MOST_EXAMPLES
    assert found["whose"][0]["examples"] == [
        {"state": "LISTEN", "local": {"address": "192.0.2.1", "port": 9}, "remote": None, "waiting": 0},
        {"state": "ESTABLISHED", "local": {"address": "192.0.2.1", "port": 800},
         "remote": {"address": "192.0.2.9", "port": 2049}, "waiting": 0},
    ]  # fmt: skip


def test_of_each_user_the_listeners_are_shown_first_then_by_address() -> None:
    first, second = ("192.0.2.1", 80), ("192.0.2.1", 90)
    rows = [
        procnet.Row("ipv4", second, ("192.0.2.9", 7), 1, 0, 1, user=8),
        procnet.Row("ipv4", second, ("192.0.2.9", 6), 13, 0, 2, user=8),
        procnet.Row("ipv4", first, ("192.0.2.9", 8), 1, 0, 3, user=8),
        procnet.Row("ipv6", ("::", 99), ("::", 0), procnet.LISTEN, 0, 4, user=8, queue=5),
        *(row(user, 443) for user in range(10, 20)),
    ]
    found = sockets_unowned.sum_up_unowned(rows)
    assert (found["sockets"], found["users"]) == (14, 11)
    assert [each["user"] for each in found["whose"]] == [8, *range(10, 19)], "ten users, three examples of each"
    assert found["whose"][0] == {
        "user": 8,
        "sockets": 4,
        "units": [],
        "units_total": 0,
        "examples": [
            {"state": "LISTEN", "local": {"address": "::", "port": 99}, "remote": None, "waiting": 5},
            {
                "state": "ESTABLISHED",
                "local": {"address": "192.0.2.1", "port": 80},
                "remote": {"address": "192.0.2.9", "port": 8},
                "waiting": 0,
            },
            {
                "state": "13",
                "local": {"address": "192.0.2.1", "port": 90},
                "remote": {"address": "192.0.2.9", "port": 6},
                "waiting": 0,
            },
        ],
    }


def test_of_each_user_the_units_with_most_are_named() -> None:
    units = ["b.service", "worker@1.service", "c.service", "worker@2.service", "a.service", "worker@3.service", ""]
    rows = [row(8, number)._replace(unit=unit) for number, unit in enumerate([*units, "c.service"])]
    (found,) = sockets_unowned.sum_up_unowned(rows)["whose"]
    assert (found["units_total"], found["units"]) == (4, [
        {"unit": "worker@.service", "sockets": 3},
        {"unit": "c.service", "sockets": 2},
        {"unit": "a.service", "sockets": 1},
    ])  # fmt: skip


@pytest.mark.parametrize("include_local", [False, True])
def test_the_audit_says_how_many_there_are(tmp_path: pathlib.Path, server: socket.socket, include_local: bool) -> None:
    """Those that never leave the host count where other connections do that do not."""
    with Child(SEND_AWAY) as child:
        inode, _port = child.run(f"answer = send(socket.create_connection(('127.0.0.1', {server.getsockname()[1]})))")
        wait_until_nobody_holds([inode])
        audit = HostAudit(Terms(350, include_local), PortableReader(), dict)
        seen = []
        original = sockets_unowned.sum_up_unowned
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(audit_host, "sum_up_unowned", lambda rows: original(seen.append(row) or row for row in rows))
            summary = audit.run()
    assert (inode in {row.inode for row in seen}) is include_local
    assert summary["unowned"]["sockets"] == len(seen)
