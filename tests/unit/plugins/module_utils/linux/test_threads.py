# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both readers see what threads hold in descriptor tables of their own, and processes whose first thread has ended."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procfs, threads
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST, Proc
from ansible_collections.netops.keepalive.plugins.module_utils.processes import facts as processes_facts
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.thread_children import (
    APART,
    END_OF_LEADER,
    can_be_opened,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_seccomp = pytest.mark.skipif(not seccomp.SUPPORTED, reason="the numbers of the system calls are not known here")

OPEN = "answer = socket.create_connection(('127.0.0.1', {}))\nkept.append(answer)\nanswer = answer.getsockname()[1]"
PIDFD_THREAD = os.O_EXCL


needs_thread_pidfds = pytest.mark.skipif(not can_be_opened(), reason="needs Linux 6.9")


def connect(server: socket.socket) -> str:
    return OPEN.format(server.getsockname()[1])


def sweep(access: Access, pid: int) -> t.Dict[int, Record]:
    """The records of the connections, by local port."""
    taken = Sweep(access.reader, {pid: "a.service"})
    taken.take([pid])
    assert taken.unreadable == {}
    return {record.local[1]: record for record in taken.records.values()}


def test_a_process_is_one_table_however_many_threads_it_has(access: Access) -> None:
    with Child(APART + "threads = [Apart(0) for _ in range(20)]") as child:
        assert len(os.listdir(f"/proc/{child.pid}/task")) == 21
        assert access.reader.tables(child.pid) == [child.pid]


def test_each_table_is_found_once(access: Access) -> None:
    with Child(APART + "own = [Apart() for _ in range(9)]; shared = Apart(0); answer = [a.tid for a in own]") as child:
        own = child.run("answer = [a.tid for a in own]")
        assert sorted(access.reader.tables(child.pid)) == sorted([child.pid, *own])


def test_threads_that_left_together_are_one_table(access: Access) -> None:
    """A thread that another one has started shares that one's table."""
    with Child(APART + "first = Apart(); first.run('global second; second = Apart(0)')") as child:
        first, second = child.run("answer = [first.tid, second.tid]")
        assert access.reader.tables(child.pid) == [child.pid, min(first, second)]


@needs_seccomp
def test_without_kcmp_the_descriptors_are_compared(access: Access) -> None:
    with Child(APART + "kept = []; one = Apart(); shared = Apart(0)") as child:
        tid = child.run("one.run('kept.append(socket.socket())'); answer = one.tid")
        tables = seccomp.refusing(lambda: access.reader.tables(child.pid), {"kcmp": 1})
    assert tables == [child.pid, tid]


def test_a_process_that_is_gone_has_nothing(access: Access) -> None:
    with Child() as child:
        pass
    assert access.reader.tables(child.pid) == [child.pid]
    assert sweep(access, child.pid) == {}


@needs_thread_pidfds
def test_what_a_thread_opened_in_a_table_of_its_own_is_seen(access: Access, server: socket.socket) -> None:
    with Child(APART + "kept = []; own = Apart()") as child:
        before = child.run(connect(server))
        port = child.run(f"answer = own.run({connect(server)!r})")
        found = sweep(access, child.pid)
        assert sorted(found) == sorted([before, port])
        record = found[port]
        tid, descriptor = child.run("answer = [own.tid, kept[1].fileno()]")
        assert (record.owner, record.holder.thread, record.pids) == ((child.pid, descriptor), tid, [child.pid])
        assert record.readable and record.unit == "a.service" and record.direction == "outgoing"
        assert record.as_dict()["thread"] == tid
        assert found[before].as_dict()["thread"] is None


@needs_thread_pidfds
def test_options_are_set_on_what_a_thread_holds(access: Access, server: socket.socket) -> None:
    with Child(APART + "kept = []; own = Apart()") as child:
        child.run(f"own.run({connect(server)!r})")
        tid, descriptor, inode = child.run(
            "answer = own.run('s = kept[0]; answer = [own.tid, s.fileno(), os.fstat(s.fileno()).st_ino]')"
        )
        plan = {descriptor: (inode, [(6, 4, 77)])}
        assert list(access.setter.apply(child.pid, plan)) == []
        (applied,) = access.setter.apply(child.pid, plan, tid)
        assert (applied.errors, applied.after) == ({0: 0}, [77])
        assert child.run("answer = own.run('answer = kept[0].getsockopt(6, 4)')") == 77


@needs_thread_pidfds
def test_a_process_goes_on_when_its_first_thread_has_ended(access: Access, server: socket.socket) -> None:
    with Child(APART + "kept = []") as child:
        port = child.run(connect(server))
        child.run(END_OF_LEADER)
        assert os.listdir(f"/proc/{child.pid}/fd") == []
        (record,) = sweep(access, child.pid).values()
        assert (record.local[1], record.owner[0], record.readable) == (port, child.pid, True)
        assert record.program == os.path.realpath(f"/proc/{record.holder.thread}/exe")
        plan = {record.owner[1]: (record.inode, [(6, 4, 78)])}
        assert [applied.after for applied in access.setter.apply(child.pid, plan, record.holder.thread)] == [[78]]


def test_what_proc_says_of_a_process_is_asked_of_a_thread_that_goes_on() -> None:
    with Child(APART) as child:
        facts = processes_facts.gather_facts(child.pid)
        namespace = HOST.network_namespace(child.pid)
        assert threads.living(child.pid) == child.pid
        child.run(END_OF_LEADER)
        thread = threads.living(child.pid)
        assert thread != child.pid
        assert procfs.parse_maps(HOST.content_of(child.pid, "maps")).keys() >= {facts.program}
        assert HOST.network_namespace(thread) == namespace
        after = processes_facts.gather_facts(child.pid)
    assert (after.program, after.elf, after.environment, after.pid) == (*facts[:2], facts.environment, child.pid)
    assert after.mapped and after.secure is facts.secure is not None


def test_the_unit_of_a_process_without_leader_is_that_of_its_threads(tmp_path: pathlib.Path) -> None:
    """With cgroup v1 the kernel takes a thread that ends out of its group."""
    with Child(APART) as child:
        child.run(END_OF_LEADER)
        thread = threads.living(child.pid)
        for pid, path in ((child.pid, "/"), (thread, "/system.slice/a.service")):
            (tmp_path / str(pid)).mkdir()
            (tmp_path / str(pid) / "cgroup").write_text(f"1:name=systemd:{path}\n0::/\n")
            for name in ("stat", "task"):
                (tmp_path / str(pid) / name).symlink_to(f"/proc/{pid}/{name}")
        assert Proc(str(tmp_path)).unit_of(child.pid) == "a.service"


@needs_seccomp
def test_before_linux_6_9_what_a_thread_holds_is_unknown_and_said(access: Access, server: socket.socket) -> None:
    """pidfd_open() of a thread is EINVAL there."""
    with Child(APART + "kept = []; own = Apart()") as child:
        port = child.run(f"answer = own.run({connect(server)!r})")

        def look() -> t.Tuple[bool, t.Any, str]:
            record = sweep(access, child.pid)[port]
            return record.readable, record.keepalive, record.why_unreadable

        readable, keepalive, detail = seccomp.refusing(look, {"pidfd_open": 22}, {1: PIDFD_THREAD})
        if access.name == "at once":  # which opens no thread
            assert (readable, keepalive, detail) == (True, False, "")
            return
        assert (readable, keepalive) == (False, False)
        assert "pidfd_open of a thread: Invalid argument" in detail and "no timer: keepalive is off" in detail


@needs_seccomp
def test_before_linux_6_9_a_process_without_leader_is_unknown_and_said(access: Access, server: socket.socket) -> None:
    with Child(APART + "kept = []") as child:
        port = child.run(connect(server))
        child.run(END_OF_LEADER)

        def look() -> t.List[t.Tuple[int, bool]]:
            return [(record.local[1], record.readable) for record in sweep(access, child.pid).values()]

        readable = access.name == "at once"
        assert seccomp.refusing(look, {"pidfd_open": 22}, {1: PIDFD_THREAD}) == [(port, readable)]


def test_a_thread_that_has_just_ended_has_no_sockets(access: Access) -> None:
    """No such thread is no such kernel only where no thread at all can be opened."""
    with Child() as gone:
        pass
    if can_be_opened():
        assert list(access.reader.read(os.getpid(), [0], gone.pid)) == []


@needs_seccomp
@needs_thread_pidfds
def test_a_thread_that_ends_while_it_is_opened_has_no_sockets(access: Access) -> None:
    """For a moment that is EINVAL, too; but this kernel opens others."""
    thread = os.getppid()  # any other number than our own

    def read() -> t.List[t.Any]:
        return list(access.reader.read(os.getpid(), [0], thread))

    assert seccomp.refusing(read, {"pidfd_open": 22}, {0: thread, 1: PIDFD_THREAD}) == []


@needs_root
def test_a_namespace_in_which_only_a_thread_is_seen(access: Access) -> None:
    """A program may move one thread into a namespace and open everything there; the listener is another process's."""
    inside = (
        "global c, a, go\n"
        "import subprocess; subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n"
        "l = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(l.getsockname()); a = l.accept()[0]\n"
        "answer = l.getsockname()[1]; ready, go = os.pipe()\n"
        "if os.fork() == 0: os.close(go); os.read(ready, 1); os._exit(0)\n"
        "l.close()"
    )
    with Child(APART + "thread = Apart(0x40000000)") as child:
        port = child.run(f"answer = thread.run({inside!r})")
        try:
            assert sweep(access, child.pid)[port].direction == "accepted"
        finally:
            child.run("os.close(go); os.wait()")
