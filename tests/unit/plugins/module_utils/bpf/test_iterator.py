# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All sockets of a network namespace at once, by this machine's kernel, against what each of them says itself."""

from __future__ import annotations

import ctypes
import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import btf
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator import (
    SocketRecord,
    deferred_seconds,
    name_of_address,
    options_of,
    read_sockets,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator_code import OPTIONS_ASKED
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import member, needs_programs, own_cgroup
from ansible_collections.netops.keepalive.tests.unit.support.held import wait_until_nobody_holds
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import has_mptcp

pytestmark = needs_programs

ESTABLISHED, CLOSE, LISTEN = 1, 7, 10
TUNED = "s.setsockopt(1, 9, 1)\n" + "".join(
    f"s.setsockopt(6, {OPTIONS[name].sockopt}, {value})\n"
    for name, value in {
        "keepidle": 61,
        "keepintvl": 13,
        "keepcnt": 4,
        "user_timeout": 113000,
        "syncnt": 3,
        "maxseg": 1000,
        "window_clamp": 20000,
    }.items()
)


@pytest.fixture(scope="module", autouse=True)
def _this_kernel_can() -> None:
    """Since Linux 6.1 it must."""
    try:
        list(read_sockets())
    except BpfRefused as error:
        assert tuple(map(int, os.uname().release.split(".")[:2])) < (6, 1), error
        pytest.skip(str(error))


@pytest.fixture
def folder() -> t.Iterator[pathlib.Path]:
    with own_cgroup() as made:
        yield made


class Seen(t.NamedTuple):
    """A record in words."""

    key: int
    family: int
    state: int
    local: t.Tuple[str, int]
    peer: t.Tuple[str, int]
    deferred: int
    options: t.Dict[str, t.Optional[int]]


def seen(record: SocketRecord) -> Seen:
    places = [(name_of_address(record.family, place)) for place in (record.local, record.peer)]
    ends = zip(places, (record.port, record.peer_port))
    deferred = deferred_seconds(record.deferred)
    return Seen(record.key, record.family, record.state, *ends, deferred, options_of(record.options))


def records_of(folder: pathlib.Path) -> t.List[SocketRecord]:
    """The sockets of a cgroup."""
    return [record for record in read_sockets() if record.cgroup == folder.stat().st_ino]


def those_of(folder: pathlib.Path) -> t.List[Seen]:
    return [seen(record) for record in records_of(folder)]


def expected(made: socket.socket, state: int) -> Seen:
    """What a socket says itself."""
    nobody = "::" if made.family == socket.AF_INET6 else "0.0.0.0"
    peer = made.getpeername()[:2] if state == ESTABLISHED else (nobody, 0)
    return Seen(
        os.fstat(made.fileno()).st_ino,
        made.family,
        state,
        made.getsockname()[:2],
        peer,
        made.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT),
        {name: made.getsockopt(level, option) for name, level, option in OPTIONS_ASKED},
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_each_socket_is_as_it_says_itself(folder: pathlib.Path, host: str) -> None:
    """A listener, both ends of a connection, all tuned, and what the kernel has for those who are not."""
    code = f"""
        family = socket.AF_INET6 if ':' in {host!r} else socket.AF_INET
        s = l = socket.socket(family)
        {{tuned}}
        l.bind(({host!r}, 0)); l.listen(); l.setsockopt(6, 9, 20)
        s = c = socket.socket(family)
        c.connect(l.getsockname()); c.send(b'x')  # until then, or for 31 s, it is deferred
        s = a = l.accept()[0]
        a.recv(1)
        p = socket.create_server(('', 0))
        answer = [x.fileno() for x in (l, c, a, p)]
    """
    code = "\n".join(line.strip() for line in code.splitlines()).format(tuned=TUNED)
    with member(folder) as child:
        try:
            numbers = child.run(code)
        except ValueError:
            pytest.skip("no IPv6 here")
        process = portable._open_process(child.pid, None)
        assert process is not None
        made = [duplicate(process, number) for number in numbers]
        os.close(process)
        wanted = [expected(one, state) for one, state in zip(made, (LISTEN, ESTABLISHED, ESTABLISHED, LISTEN))]
        for one in made:
            one.close()
        found = those_of(folder)
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    assert [record.options["keepidle"] for record in wanted[:3]].count(61) == 2, "the client is the kernel's own"
    assert wanted[0].deferred == 31


def duplicate(process: int, number: int) -> socket.socket:
    found = ctypes.CDLL(None).syscall(438, process, number, 0)
    assert found >= 0
    return socket.socket(fileno=found)


def test_a_connection_that_nobody_has_accepted_belongs_to_the_listener(folder: pathlib.Path) -> None:
    """No process has it, so nobody who goes by processes can find it."""
    code = "s = socket.socket()\n" + TUNED + "s.bind(('127.0.0.1', 0))\ns.listen()\nanswer = s.getsockname()"
    with member(folder) as child:
        place = tuple(child.run(code))
        with socket.create_connection(place) as client:
            listener, waiting = sorted(those_of(folder), key=lambda record: record.state, reverse=True)
            assert (listener.state, listener.key > 0) == (LISTEN, True)
            assert waiting[1:5] == (socket.AF_INET, ESTABLISHED, place, client.getsockname())
            assert waiting.key < 0
            assert (waiting.options["keepalive"], waiting.options["user_timeout"]) == (1, 113000)
            assert [record.inode for record in records_of(folder) if record.key < 0] == [0]
            child.run("a = s.accept()[0]; answer = None")
            inode = child.run("answer = os.fstat(a.fileno()).st_ino")
            assert sorted(record.key for record in those_of(folder)) == sorted([listener.key, inode])
            child.run("a.shutdown(1); a.close()")
            wait_until_nobody_holds([inode])
            assert [record.key for record in those_of(folder)] in ([listener.key], [0, listener.key], [listener.key, 0])


def test_every_one_of_many_is_found_once(folder: pathlib.Path) -> None:
    code = (
        "l = socket.create_server(('127.0.0.1', 0), backlog=1000)\nall = []\n"
        "for n in range(400):\n    all += [socket.create_connection(l.getsockname()), l.accept()[0]]\n"
        "answer = [os.fstat(x.fileno()).st_ino for x in (l, *all)]"
    )
    with member(folder) as child:
        inodes = child.run(code)
        found = those_of(folder)
    assert sorted(record.key for record in found) == sorted(inodes)


def test_sockets_that_are_bound_and_no_more_are_there_too(folder: pathlib.Path) -> None:
    """In newer kernels; older ones go through what is connected or listens."""
    with member(folder) as child:
        child.run("s = socket.socket()\ns.bind(('127.0.0.1', 0))")
        assert [record.state for record in those_of(folder)] in ([], [CLOSE])


@pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")
def test_parts_of_multipath_connections_are_nobodys_own(folder: pathlib.Path) -> None:
    """Only the whole has a descriptor, and is not seen here. The parts have its number in the tables."""
    code = (
        "l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\nl.bind(('127.0.0.1', 0)); l.listen()\n"
        "def connect():\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\n"
        "    s.connect(l.getsockname())\n    return s\n"
        "c = connect(); a = l.accept()[0]; waiting = connect()\n"
        "answer = [os.fstat(x.fileno()).st_ino for x in (l, c, a, waiting)]"
    )
    with member(folder) as child:
        inodes = child.run(code)
        found = records_of(folder)
    assert {record.key for record in found} == {0}
    assert {record.inode for record in found} == {0, *inodes}


def test_without_a_description_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(btf, "PATH", str(tmp_path / "none"))
    monkeypatch.setattr(btf.this_kernel, "__defaults__", (str(tmp_path / "none"),))
    with pytest.raises(BpfRefused, match=r"/none: No such file or directory: "):
        list(read_sockets())
