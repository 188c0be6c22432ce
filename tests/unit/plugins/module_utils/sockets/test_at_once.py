# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All sockets of whole namespaces at once: in a sweep it changes nothing but what waits, and that it is faster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procnet
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import access as sockets_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import at_once, whole_namespaces
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access, choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.unowned import with_units
from ansible_collections.netops.keepalive.tests.unit.support.at_once import namespace_of, why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import member, own_cgroup
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open, wait_until_nobody_holds
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.thread_children import APART
from ansible_collections.netops.keepalive.tests.unit.support.withheld import Withholding

WHY_NOT = why_not_at_once()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def pair(least: int = 1) -> Access:
    return sockets_access.at_once(choose_access("portable"), least)


def swept(access: Access, *pids: int) -> t.Dict[int, Record]:
    sweep = Sweep(access.reader, {pid: f"{place}.service" for place, pid in enumerate(pids)})
    sweep.take(pids)
    assert sweep.unreadable == {}
    return sweep.records


def without_time(records: t.Mapping[int, Record]) -> t.Dict[int, Record]:
    return {inode: record._replace(idle=record.idle and 1) for inode, record in records.items()}


class Counted:
    """A reader that notes what it was asked for."""

    def __init__(self, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks: t.List[t.Mapping[int, int]] = []
        self.single: t.List[int] = []
        reader: t.Any = access.reader
        look, read = reader.at_once, reader.read
        monkeypatch.setattr(reader, "at_once", lambda *given: (self.looks.append(given[0]), look(*given))[1])
        monkeypatch.setattr(reader, "read", lambda pid, which, *more: (self.single.extend(which), read(pid, which))[1])


MIXED = """
l = socket.create_server(("127.0.0.1", 0), backlog=100)
held = [l, socket.socket(), *socket.socketpair(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
for n in range(50):
    held += [socket.create_connection(l.getsockname()), l.accept()[0]]
    held[-1].setsockopt(6, 4, 100 + n)
"""


def test_a_sweep_finds_the_same_records(monkeypatch: pytest.MonkeyPatch) -> None:
    with Child(MIXED) as child:
        plain = swept(choose_access("portable"), child.pid)
        access = pair()
        counted = Counted(access, monkeypatch)
        assert without_time(swept(access, child.pid)) == without_time(plain)
    assert len(plain) == 102
    assert len(counted.looks) == 1
    assert len(counted.single) == 4, "what is not connected, or no TCP, is asked for"


class WithoutLists(Counted):
    """A reader that has no need to list the sockets of any process."""

    def __init__(self, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(access, monkeypatch)
        for name in ("tables", "descriptors"):
            monkeypatch.setattr(access.reader, name, self.refuse)

    def refuse(self, *_given: t.Any) -> t.Any:
        raise AssertionError("a process is looked at")


def test_a_sweep_of_a_whole_host_finds_the_same_holders_without_a_look_at_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Threads with descriptors of their own, what two hold, what is held twice, and what is not connected."""
    more = """
twice = os.dup(held[-1].fileno())
own = Apart()
own.run('x = socket.create_connection(l.getsockname()); names["x"] = [x, l.accept()[0]]')
"""
    with socket.create_server(("127.0.0.1", 0)) as shared:
        handed_on = [shared.fileno()]
        with Child(APART + MIXED + more, pass_fds=handed_on) as child, Child(pass_fds=handed_on) as other:
            inode = child.run("answer = os.fstat(twice).st_ino")
            plain, access = choose_access("portable"), pair()
            WithoutLists(access, monkeypatch)
            records = []
            for reader in (plain.reader, access.reader):
                sweep = Sweep(reader, {child.pid: "a.service"}, watched=True)
                sweep.take([child.pid, other.pid])
                records.append(without_time(sweep.records))
            both = [holder.pid for holder in records[1][os.fstat(shared.fileno()).st_ino].holders]
    assert records[0] == records[1]
    assert len(records[1]) == 105
    assert len(records[1][inode].holders) == 4, "twice by the process, and twice by its thread"
    assert both == [child.pid, child.pid, other.pid], "its thread has it as well"


def test_a_sweep_of_some_processes_lists_these_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    access = pair()
    monkeypatch.setattr(access.reader, "listed", lambda *_given: 1 / 0)
    with Child(MIXED) as child:
        assert len(swept(access, child.pid)) == 102


def test_where_nobody_lists_them_at_once_the_whole_host_is_swept_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    access = pair()
    iterator = t.cast("t.Any", access.reader)._iterator.made()
    iterator.why_no_tables = "refused"
    with Child(MIXED) as child:
        sweep = Sweep(access.reader, {}, watched=True)
        sweep.take([child.pid])
        assert len(sweep.records) == 102


def test_few_sockets_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Child(MIXED) as one, Child("s = socket.create_server(('127.0.0.1', 0))") as two:
        access = pair(106)
        counted = Counted(access, monkeypatch)
        swept(access, one.pid)
        assert (counted.looks, len(counted.single)) == ([], 105)
        swept(access, one.pid, two.pid)
        assert len(counted.looks) == 1, "with those of both it is worth it"


@pytest.mark.parametrize("least", [1, 1000])
def test_what_waits_to_be_accepted_belongs_to_the_listener(least: int) -> None:
    """Also where there are few: it could not be found otherwise."""
    with Child("l = socket.create_server(('127.0.0.1', 0))\nl.setsockopt(1, 9, 1); l.setsockopt(6, 4, 77)") as child:
        place = tuple(child.run("answer = l.getsockname()"))
        with socket.create_connection(place) as client:
            assert len(swept(choose_access("portable"), child.pid)) == 1
            access = pair(least)
            records = sorted(swept(access, child.pid).values(), key=lambda record: record.inode)
            waiting, listener = records
            assert waiting == Record(
                waiting.inode,
                "ipv4",
                "tcp",
                "ESTABLISHED",
                place,
                client.getsockname(),
                True,
                {**listener.options, **{name: waiting.options[name] for name in ("maxseg", "window_clamp")}},
                True,
                waiting.idle,
                os.stat("/proc/self/ns/net").st_ino,
                listener.holders,
                "0.service",
                "accepted",
                frozenset([listener.inode]),
                listener.program,
                listener.account,
            )
            assert waiting.waits and not listener.waits and waiting.ways == []
            shown = waiting.as_dict()
            assert [shown[name] for name in ("pid", "fd", "inode", "direction")] == [child.pid, None, None, "accepted"]
            child.run("a = l.accept()[0]")
            after = swept(access, child.pid)
            assert sorted(record.waits for record in after.values()) == [False, False]


def test_what_waits_at_a_shared_address_is_that_of_its_own_cgroup() -> None:
    """Two units may listen on one address; the cgroup tells in whose queue it is."""
    code = (
        "l = socket.socket()\nl.setsockopt(1, 15, 1)\nl.bind(('127.0.0.1', {port})); l.listen()\n"
        "answer = l.getsockname()[1]"
    )
    with own_cgroup() as one, own_cgroup() as two, member(one) as first, member(two) as second:
        port = first.run(code.format(port=0))
        second.run(code.format(port=port))
        clients = [socket.create_connection(("127.0.0.1", port)) for _number in range(32)]
        records = swept(pair(), first.pid, second.pid).values()
        found = {record.remote: record.unit for record in records if record.waits}
        for place, child in enumerate((first, second)):
            code = "l.setblocking(False)\nanswer = []\ntry:\n    while True: answer += [l.accept()[1]]\n"
            for name in child.run(code + "except BlockingIOError: pass"):
                assert found.pop(tuple(name)) == f"{place}.service"
        assert found == {}
        for client in clients:
            client.close()


def test_what_was_accepted_in_the_meantime_is_no_second_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited when all were looked at, and has a descriptor by the time that its process is."""
    with Child("l = socket.create_server(('127.0.0.1', 0), backlog=10)") as child:
        place = tuple(child.run("answer = l.getsockname()"))
        with socket.create_connection(place), socket.create_connection(place):
            access = pair()
            reader: t.Any = access.reader
            look, listed = reader.at_once, reader.descriptors

            def look_then_accept(*given: t.Any) -> t.Any:
                seen = look(*given)
                child.run("a = l.accept()[0]")
                return seen

            def listed_after_looking(pid: int, *given: t.Any) -> t.Any:
                if not sweep._at_once:
                    sweep._look_at_once_for(1)
                return listed(pid, *given)

            monkeypatch.setattr(reader, "at_once", look_then_accept)
            monkeypatch.setattr(reader, "descriptors", listed_after_looking)
            sweep = Sweep(reader, {child.pid: "a.service"})
            sweep.take([child.pid])
            assert sorted(record.waits for record in sweep.records.values()) == [False, False, True]


def test_what_the_kernel_refuses_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> bytes:
        raise BpfRefused("the kernel is too old")

    monkeypatch.setattr(whole_namespaces, "read_content", refused)
    access = pair()
    iterator = t.cast("t.Any", access.reader)._iterator.made()
    with Child(MIXED) as child:
        assert len(swept(access, child.pid)) == 102
        assert iterator.why_not == "the kernel is too old"
        monkeypatch.setattr(iterator._apart, "call", lambda *_given: 1 / 0)
        assert len(swept(access, child.pid)) == 102


def test_who_keeps_the_lock_of_his_socket_makes_us_wait_once_and_the_rest_is_read() -> None:
    access = pair()
    iterator = t.cast("t.Any", access.reader)._iterator.made()
    iterator._apart._limit = 0.3
    owner = Withholding()
    try:
        with nothing_left_open():
            assert iterator.look(namespace_of(owner.pid)).values == {}
            assert iterator.why_not == "nothing came back for 0.3 s while its sockets were looked at"
            assert iterator.look(namespace_of(os.getpid())).values == {}
    finally:
        owner.kill()
    with Child(MIXED) as child:
        assert len(swept(access, child.pid)) == 102


def test_who_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else was wished for, by root."""
    assert choose_access().reader.at_once_from == at_once.WORTH_IT
    assert choose_access("portable").reader.at_once_from == 0
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose_access().reader.at_once_from == choose_access().setter.at_once_from == 0


def test_what_looks_is_imported_only_where_it_is_worth_it() -> None:
    """Its import takes as long as a look at a small host."""
    code = (
        "import os, sys\n"
        f"from {sockets_access.__name__} import choose_access\n"
        f"from {Sweep.__module__} import Sweep\n"
        "for least in (choose_access().reader.at_once_from, 1):\n"
        "    reader = choose_access().reader\n"
        "    reader.at_once_from = least\n"
        "    Sweep(reader, {os.getpid(): 'a.service'}).take([os.getpid()])\n"
        "    print(any('.module_utils.bpf' in name for name in sys.modules))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with socket.create_server(("127.0.0.1", 0)) as server:
        handed_on = [server.fileno()]
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            pass_fds=handed_on,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.split() == ["False", "True"]


def test_a_python_that_cannot_import_it_asks_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, whole_namespaces.__name__, None)
    with Child(MIXED) as child:
        access = pair()
        assert len(swept(access, child.pid)) == 102
        assert access.setter.apply_at_once(next(iter(namespace_of(child.pid))), {5: [(6, 4, 61)]}) == {}


SEND_AWAY = """
answer, a, b = [], *socket.socketpair()
def send(one):
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", one.fileno()))])
    answer.append(os.fstat(one.fileno()).st_ino)
    one.close()
l = socket.create_server(("127.0.0.1", 0)); place = l.getsockname()
c = socket.create_connection(place); send(l.accept()[0]); c2 = socket.create_connection(place); send(c); send(l)
"""


@pytest.mark.parametrize("least", [1, 10**6])
def test_what_nobody_holds_is_named_by_the_unit_of_its_cgroup(least: int) -> None:
    """All are on their way from one process to another, in messages that nobody has received yet.

    Where there are few sockets, all are looked at for this alone.
    """
    with own_cgroup(ending=".service") as folder, member(folder) as child:
        accepted, connected, listener = child.run(SEND_AWAY)
        wait_until_nobody_holds([accepted, connected, listener])
        sweep = Sweep(pair(least).reader, {child.pid: "a.service"}, watched=True)
        sweep.take([child.pid])
        assert (sweep._at_once is not None) is (least == 1)
        found = {row.inode: (row.state, row.queue, row.unit) for row in sweep.unowned()}
        assert sweep._at_once is not None
        assert [found[inode] for inode in (accepted, connected, listener)] == [
            (1, 0, folder.name), (1, 0, folder.name), (10, 1, folder.name),
        ]  # fmt: skip
        others = Sweep(choose_access("portable").reader, {child.pid: "a.service"}, watched=True)
        others.take([child.pid])
        found = {row.inode: (row.state, row.queue, row.unit) for row in others.unowned()}
        assert [found[inode] for inode in (accepted, connected, listener)] == [(1, 0, ""), (1, 0, ""), (10, 1, "")]


def test_what_somebody_has_got_since_is_found_with_him() -> None:
    """All processes are listed anew for it."""
    with own_cgroup(ending=".service") as folder, member(folder) as child:
        sent = child.run(SEND_AWAY)
        sweep = Sweep(pair().reader, {child.pid: "a.service"}, watched=True)
        sweep.take([child.pid])
        assert set(sent).isdisjoint(sweep.records)
        child.run("got = [b.recvmsg(1, 64) for _one in range(3)]")
        assert set(sent).isdisjoint(row.inode for row in sweep.unowned())


def test_of_a_cgroup_that_is_gone_or_of_no_unit_nothing_is_said() -> None:
    rows = [procnet.Row("ipv4", ("192.0.2.1", 1), ("192.0.2.2", 2), 1, 0, inode) for inode in (1, 2, 3)]
    with own_cgroup(ending=".service") as unit, own_cgroup() as none, own_cgroup(unit) as below:
        cgroups = {1: below.stat().st_ino, 2: none.stat().st_ino}
        assert [row.unit for row in with_units(rows, cgroups)] == [unit.name, "", ""]
    assert [row.unit for row in with_units(rows, cgroups)] == ["", "", ""]
