# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All readers leave no trace: not in a socket, not in its owner, not at its peer, not in the process that reads."""

from __future__ import annotations

import os
import socket
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import STATES
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Reader
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.reading import nothing_left_open_by, read_one


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("default_timeout", [None, 5.0])
def test_the_owners_blocking_mode_stays(reader: Reader, blocking: bool, default_timeout: t.Optional[float]) -> None:
    flags = "answer = fcntl.fcntl(s, fcntl.F_GETFL)"
    with Child(f"s = socket.create_server(('127.0.0.1', 0)); s.setblocking({blocking})") as child:
        before = child.run(flags)
        assert bool(before & os.O_NONBLOCK) is not blocking
        socket.setdefaulttimeout(default_timeout)
        try:
            read_one(reader, child.pid, child.run("answer = s.fileno()"))
            assert socket.getdefaulttimeout() == default_timeout
        finally:
            socket.setdefaulttimeout(None)
        assert child.run(flags) == before


def test_the_peer_sees_the_end_of_a_connection_while_it_is_audited(reader: Reader) -> None:
    """A duplicate that is kept open holds back the FIN; 50 connections are closed under a reader that never pauses."""
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        numbers = child.run(
            f"c = [socket.create_connection(('127.0.0.1', {server.getsockname()[1]})) for _ in range(50)]\n"
            "answer = [s.fileno() for s in c]"
        )
        peers = [server.accept()[0] for _number in numbers]
        swept, stop = threading.Event(), threading.Event()
        first: t.List[int] = []

        def audit() -> None:
            first.append(len(list(reader.read(child.pid, numbers))))
            swept.set()
            while not stop.is_set():
                list(reader.read(child.pid, numbers))

        thread = threading.Thread(target=audit)
        thread.start()
        try:
            assert swept.wait(60)
            for index, peer in enumerate(peers):
                peer.settimeout(20)
                child.run(f"c[{index}].close()")
                assert peer.recv(1) == b""
        finally:
            stop.set()
            thread.join()
            for peer in peers:
                peer.close()
        assert first == [50]


def test_nothing_is_left_open_here_and_data_in_flight_stays_the_owners(reader: Reader) -> None:
    with Child("a, b = (None, None)") as child:
        number = child.run(
            "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
            "peer = l.accept()[0]; peer.sendall(b'unread'); answer = s.fileno()"
        )
        read_one(reader, child.pid, number)
        with nothing_left_open_by(reader):
            for _time in range(100):
                read_one(reader, child.pid, number)
        assert child.run("answer = s.recv(100).decode()") == "unread"


def test_no_call_is_made_that_could_change_a_socket(reader: Reader) -> None:
    """The kernel kills the reading process at the first of these calls."""
    forbidden = ("fcntl", "setsockopt", "recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown", "connect", "listen")
    with Child("s = socket.create_server(('127.0.0.1', 0))") as child:
        number = child.run("answer = s.fileno()")

        def attempt() -> str:
            return STATES[read_one(reader, child.pid, number).state]

        attempt()  # what Python loads at the first time may need fcntl
        assert seccomp.refusing(attempt, dict.fromkeys((*forbidden, "accept", "accept4"), seccomp.KILL)) == "LISTEN"


EVERY_OPTION = """
def every():
    found = {}
    for level, numbers in ((0, 64), (1, 90), (6, 50), (41, 90)):
        for number in range(numbers):
            try:
                found[f"{level}/{number}"] = s.getsockopt(level, number, 64).hex()
            except OSError as error:
                found[f"{level}/{number}"] = error.errno
    found["flags"] = [fcntl.fcntl(s, command) for command in (fcntl.F_GETFL, fcntl.F_GETFD, fcntl.F_GETOWN)]
    return found
"""


def test_no_option_at_all_is_another_afterwards(reader: Reader) -> None:
    """All options of four levels, by the owner's own eyes, but for those that change by themselves."""
    with Child(EVERY_OPTION) as child:
        number = child.run(
            "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
            "peer = l.accept()[0]; peer.sendall(b'unread'); answer = s.fileno()"
        )
        before = child.run("answer = every()")
        for _time in range(20):
            read_one(reader, child.pid, number)
        clocks = ("6/11", "6/24")  # TCP_INFO and TCP_TIMESTAMP
        for _time in range(1000):  # until both have ticked, some milliseconds
            after = child.run("answer = every()")
            if all(after[clock] != before[clock] for clock in clocks):
                break
    for clock in clocks:
        assert before.pop(clock) != after.pop(clock), "the second answer is a new one"
    assert len(before) > 250
    assert after == before
