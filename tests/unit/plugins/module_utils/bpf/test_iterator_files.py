# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who holds which socket, by this machine's kernel, against what /proc and each process say themselves."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import iterator, iterator_files
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator_files import tables_in, tables_now
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import needs_programs
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.thread_children import APART, END_OF_LEADER

INODE = "os.fstat({}.fileno()).st_ino"


def record(pid: int, thread: int, table: int, number: int, inode: int) -> bytes:
    return struct.pack("=QQIIQ", inode, table, pid, thread, number)


def test_threads_that_share_descriptors_count_as_the_first_of_them() -> None:
    """The process itself, whatever the numbers: they begin anew once all were used. Processes may share theirs too."""
    content = [
        record(7, 5, 0xA, 3, 100),
        record(7, 6, 0xB, 3, 100),
        record(7, 6, 0xB, 4, 101),
        record(7, 7, 0xA, 3, 100),
        record(7, 9, 0xB, 3, 100),
        record(8, 8, 0xA, 3, 100),
    ]
    assert tables_in(b"".join(content)) == {7: {7: {3: 100}, 6: {3: 100, 4: 101}}, 8: {8: {3: 100}}}
    assert list(tables_in(b"".join(content))[7]) == [7, 6], "the process comes first"
    assert tables_in(b"") == {}


def test_records_of_one_thread_may_come_in_parts() -> None:
    content = [record(7, 7, 0xA, 3, 100), record(8, 8, 0xB, 3, 200), record(7, 7, 0xA, 2**31, 2**40)]
    assert tables_in(b"".join(content)) == {7: {7: {3: 100, 2**31: 2**40}}, 8: {8: {3: 200}}}


@pytest.fixture(name="kernel")
def _kernel() -> None:
    """Since Linux 5.10 it must."""
    try:
        tables_now()
    except BpfRefused as error:
        assert tuple(map(int, os.uname().release.split(".")[:2])) < (5, 10), error
        pytest.skip(str(error))


def _raise(error: Exception) -> t.Any:
    raise error


def held(child: Child) -> t.Dict[int, t.Dict[int, int]]:
    return tables_in(tables_now()).get(child.pid, {})


@needs_programs
@pytest.mark.usefixtures("kernel")
class TestThisKernel:
    def test_all_sockets_of_a_process_and_nothing_else(self) -> None:
        """An opened path of a socket's (O_PATH) is none."""
        code = f"""
import tempfile
held = [socket.create_server(('127.0.0.1', 0)), *socket.socketpair(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
held += [socket.create_connection(held[0].getsockname()), socket.socket()]
held += [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)]
pipe, file = os.pipe(), tempfile.TemporaryFile()
with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as one:
    one.bind(folder + '/s')
    path = os.open(folder + '/s', os.O_PATH)
twice = os.dup(held[0].fileno())
answer = [[one.fileno(), {INODE.format("one")}] for one in held] + [[twice, os.fstat(twice).st_ino]]
"""
        with Child() as child:
            expected = dict(child.run(code))
            found = held(child)
            assert found == {child.pid: expected}
            assert found[child.pid] == HOST.socket_descriptors(child.pid)

    def test_more_than_the_kernel_writes_at_once(self) -> None:
        code = "one = socket.socket()\nnumbers = [os.dup(one.fileno()) for _number in range(4000)]"
        with Child(code) as first, Child(code) as second:
            found = tables_in(tables_now())
            for child in (first, second):
                inode = child.run(f"answer = {INODE.format('one')}")
                assert found[child.pid] == {child.pid: HOST.socket_descriptors(child.pid)}
                assert list(found[child.pid][child.pid].values()).count(inode) == 4001

    def test_a_thread_with_descriptors_of_its_own(self) -> None:
        with Child(APART + "s = socket.socket(); own = Apart(); shared = Apart(0)") as child:
            thread, both = child.run(f"answer = [own.tid, [s.fileno(), {INODE.format('s')}]]")
            alone = child.run(
                f"answer = own.run('x = socket.socket(); names[\"x\"] = x; answer = [x.fileno(), {INODE.format('x')}]')"
            )
            assert held(child) == {child.pid: dict([both]), thread: dict([both, alone])}

    def test_the_first_thread_has_ended(self) -> None:
        with Child(APART + "s = socket.socket()\n" + END_OF_LEADER) as child:
            number, inode = child.run(f"answer = [s.fileno(), {INODE.format('s')}]")
            (thread,) = held(child)
            assert thread != child.pid
            assert held(child)[thread] == {number: inode}

    def test_a_pid_namespace_has_numbers_of_its_own(self) -> None:
        """Those of who asks; from there nothing is seen of the processes outside."""
        code = (
            "import os, socket, sys\n"
            f"from {iterator_files.__name__} import tables_in, tables_now\n"
            "s = socket.socket()\n"
            f"told = [os.getpid(), s.fileno(), {INODE.format('s')}, tables_in(tables_now())]\n"
            "print(*told, sep=chr(10), flush=True)\n"
            "sys.stdin.read()"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = ["unshare", "--pid", "--fork", sys.executable, "-c", code]
        with subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True) as started:
            assert started.stdout and started.stdin
            pid, number, inode, *rest = (started.stdout.readline().strip() for _line in range(4))
            outside = tables_in(tables_now())
            started.stdin.close()
            assert started.wait() == 0
        assert (pid, rest) == ("1", [str({1: {1: {int(number): int(inode)}}})])
        there = [of for of, tables in outside.items() if int(inode) in tables.get(of, {}).values()]
        assert len(there) == 1 and there[0] != 1

    def test_a_million_files_that_are_no_sockets_do_not_end_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The kernel says EAGAIN after so many of which nothing was written, and goes on behind them."""
        read, said = os.read, [BlockingIOError()]
        with Child("s = socket.socket()") as child:
            expected = held(child)
            monkeypatch.setattr(iterator.os, "read", lambda *given: _raise(said.pop()) if said else read(*given))
            assert held(child) == expected != {}
        assert said == []

    def test_who_has_ended_holds_nothing(self) -> None:
        with Child("s = socket.socket()") as child:
            assert held(child) != {}
        assert held(child) == {}
