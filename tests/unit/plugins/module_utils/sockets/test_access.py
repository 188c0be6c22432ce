# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All three readers tell the truth about the sockets of real processes."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import tracemalloc
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import STATES
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access, Reader
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, has_mptcp
from ansible_collections.netops.keepalive.tests.unit.support.reading import nothing_left_open_by, read_one

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
def test_every_value_is_the_owners(reader: Reader, family: str, protocol: int, state: str, tuned: bool) -> None:
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
        read = read_one(reader, child.pid, number)
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


def test_a_v4_mapped_connection_shows_both_addresses(reader: Reader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Child() as child:
        number = child.run(
            "s = socket.socket(socket.AF_INET6)\n"
            f"s.connect(('::ffff:127.0.0.1', {server.getsockname()[1]})); answer = s.fileno()"
        )
        read = read_one(reader, child.pid, number)
        assert read.family == "ipv6"
        assert read.remote == ("::ffff:127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize(
    ("finish", "state"),
    [
        ("peer.close()", "CLOSE_WAIT"),
        ("s.shutdown(1); peer.recv(1)\nwhile s.getsockopt(6, 11, 1)[0] == 4: pass", "FIN_WAIT2"),
    ],
)
def test_half_closed_connections_are_read(reader: Reader, finish: str, state: str) -> None:
    with Child() as child:
        number = child.run(
            "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
            f"peer = l.accept()[0]; {finish}\n"
            "import select\n"
            f"if {state!r} == 'CLOSE_WAIT': select.select([s], [], [])\n"
            "answer = s.fileno()"
        )
        assert STATES[read_one(reader, child.pid, number).state] == state


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
def test_what_is_not_tcp_is_named_so(reader: Reader, make: str) -> None:
    with Child(f"s = {make}") as child:
        number = child.run("answer = s.fileno()")
        assert list(reader.read(child.pid, [number])) == [(number, None)]


def test_what_vanishes_is_left_out(reader: Reader) -> None:
    with Child("s = socket.socket()") as child:
        number = child.run("answer = s.fileno()")
        assert [found for found, _values in reader.read(child.pid, [number, 4000, number])] == [number, number]
    assert list(reader.read(child.pid, [number])) == []


def test_a_thread_is_no_process_and_nothing_is_read(reader: Reader) -> None:
    """Its descriptors are listed below /proc/TID as well, but they are read through the process."""
    with Child("import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait).start()") as child:
        (thread,) = (int(name) for name in os.listdir(f"/proc/{child.pid}/task") if int(name) != child.pid)
        assert list(reader.read(thread, [0])) == []
        child.run("stop.set()")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.EACCES])
@pytest.mark.parametrize("call", ["pidfd_open", "pidfd_getfd"])
def test_a_kernel_that_does_not_let_us_is_named(reader: Reader, call: str, number: int) -> None:
    def attempt() -> t.Tuple[int, str]:
        with pytest.raises(Unreadable) as error:
            list(reader.read(os.getppid(), [0, 1, 2]))
        return error.value.errno, error.value.call

    assert seccomp.refusing(attempt, {call: number}) == (number, call)


@pytest.mark.parametrize("call", ["pidfd_open", "pidfd_getfd"])
def test_a_shortage_is_an_error_and_not_nothing(reader: Reader, call: str) -> None:
    def attempt() -> str:
        with pytest.raises(OSError, match=f"{call}: Too many open files") as error:
            list(reader.read(os.getppid(), [0, 1, 2]))
        return type(error.value).__name__

    assert seccomp.refusing(attempt, {call: errno.EMFILE}) == "OSError"


@pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")
def test_mptcp_without_maxseg(reader: Reader) -> None:
    """Older kernels answer TCP_INFO of MPTCP sockets, but not TCP_MAXSEG."""
    with Child() as child:
        number = child.run(
            "l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); l.bind(('127.0.0.1', 0)); l.listen()\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.connect(l.getsockname())\n"
            "answer = s.fileno()"
        )

        def attempt() -> t.Tuple[t.Optional[int], bool]:
            read = read_one(reader, child.pid, number)
            return read.options["maxseg"], read.idle is not None

        assert seccomp.refusing(attempt, {"getsockopt": errno.EOPNOTSUPP}, {1: 6, 2: 2}) == (None, True)


def test_mptcp_without_tcp_info(one_by_one: Access) -> None:
    """Linux 5.6 to 5.15 answer TCP_INFO of MPTCP sockets with EOPNOTSUPP; the other values are there."""
    setup = (
        "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())\n"
        "a = l.accept()[0]; c = socket.socket()\nanswer = [s.fileno(), a.fileno(), l.fileno(), c.fileno()]"
    )
    with Child() as child:
        numbers = child.run(setup)

        def attempt() -> t.List[t.Tuple[str, t.Optional[float]]]:
            read = [read_one(one_by_one.reader, child.pid, number) for number in numbers]
            return [(STATES[values.state], values.idle) for values in read]

        states = ("ESTABLISHED", "ESTABLISHED", "LISTEN", "CLOSE")
        refused = seccomp.refusing(attempt, {"getsockopt": errno.EOPNOTSUPP}, {1: 6, 2: 11})
        assert refused == [(state, None) for state in states]


CHURN = """
import threading
stop = False
def churn(make):
    while not stop:
        made = [make() for _ in range(20)]
        for one in made:
            one.close()
    return
makers = [lambda family=family: socket.socket(family) for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)]
makers.append(lambda: open("/dev/null"))
threads = [threading.Thread(target=churn, args=(make,)) for make in makers]
for thread in threads:
    thread.start()
"""


def test_a_process_that_opens_and_closes_all_the_time(reader: Reader) -> None:
    """Descriptors are closed, and come to stand for something else, between any two calls of the reader."""
    with Child(CHURN) as child:
        list(reader.read(child.pid, [0]))
        seen: t.Set[str] = set()
        numbers = range(200)
        sweeps = 0
        with nothing_left_open_by(reader):
            while sweeps < 200 or len(seen) < 3:
                sweeps += 1
                for number, values in reader.read(child.pid, numbers):
                    assert number in numbers
                    seen.add("other" if values is None else values.family)
                    assert values is None or (values.inode > 0 and STATES[values.state] == "CLOSE")
            assert seen == {"other", "ipv4", "ipv6"}
            child.run("stop = True\nfor thread in threads: thread.join()")


def test_a_process_that_dies_in_the_middle_of_a_sweep(reader: Reader) -> None:
    with Child("s = socket.socket()") as child:
        number = child.run("answer = s.fileno()")

        def numbers() -> t.Iterator[int]:
            yield from [number] * 1000
            os.kill(child.pid, 9)
            with open(f"/proc/{child.pid}/stat", encoding="ascii") as stream:
                while stream.read().split(") ")[1][0] not in "ZX":  # it is ended by the kernel, not by kill(2)
                    stream.seek(0)
            yield from [number] * 1000

        assert len(list(reader.read(child.pid, numbers()))) in range(1000 - 512, 1001)


def test_memory_does_not_grow_with_the_number_of_sockets(reader: Reader) -> None:
    def peak(sockets: int) -> int:
        tracemalloc.start()
        try:
            assert sum(1 for _socket in reader.read(child.pid, itertools.repeat(number, sockets))) == sockets
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with Child("s = socket.socket()") as child:
        number = child.run("answer = s.fileno()")
        peak(1000)
        assert peak(20_000) < peak(2000) + 100_000


def test_two_sweeps_of_one_reader_do_not_mix(reader: Reader) -> None:
    """A caller may begin the next process before it is through with the last."""
    with Child("s = socket.create_server(('127.0.0.1', 0))") as first, Child("s = socket.socket()") as second:
        numbers = [child.run("answer = s.fileno()") for child in (first, second)]
        slow = reader.read(first.pid, [numbers[0]] * 10)
        states = [next(slow)[1]]
        assert len(list(reader.read(second.pid, [numbers[1]] * 10))) == 10
        states += [values for _number, values in slow]
        assert {STATES[values.state] for values in states if values} == {"LISTEN"}
