# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records: each socket once, with all its holders, its direction, and an honest 'unknown' where it cannot be read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def sweep(*pids: int) -> t.List[Record]:
    taken = Sweep(PortableReader(), dict.fromkeys(pids, "a.service"))
    taken.take(pids)
    assert taken.unreadable == {}
    return list(taken.records.values())


def by_direction(records: t.Iterable[Record]) -> t.Dict[str, t.List[t.Tuple[str, t.Any, t.Any]]]:
    found: t.Dict[str, t.List[t.Tuple[str, t.Any, t.Any]]] = {}
    for record in records:
        found.setdefault(record.direction, []).append((record.state, record.local[1], record.remote))
    return found


@pytest.mark.parametrize(
    ("family", "bind", "target"),
    [
        ("AF_INET", "127.0.0.1", "127.0.0.1"),
        ("AF_INET", "0.0.0.0", "127.0.0.1"),
        ("AF_INET6", "::", "::1"),
        ("AF_INET6", "::", "127.0.0.1"),
        ("AF_INET6", "::1", "::1"),
    ],
)
def test_a_connection_through_a_listener_is_accepted_and_the_other_end_outgoing(
    family: str, bind: str, target: str
) -> None:
    with Child() as server, Child() as client:
        port = server.run(
            f"l = socket.socket(socket.{family}); l.bind(({bind!r}, 0)); l.listen(); answer = l.getsockname()[1]"
        )
        own = client.run(f"c = socket.create_connection(({target!r}, {port})); answer = c.getsockname()[1]")
        server.run("a = l.accept()[0]")
        found = by_direction(sweep(server.pid))
        assert found["listening"] == [("LISTEN", port, None)]
        ((state, local, remote),) = found["accepted"]
        assert (state, local, remote[1]) == ("ESTABLISHED", port, own)
        found = by_direction(sweep(client.pid))
        ((state, local, remote),) = found.pop("outgoing")
        assert (state, local, remote[1]) == ("ESTABLISHED", own, port)
        assert found == {}


def test_the_listener_may_be_another_process_than_the_selected() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as listener:
        port = listener.run("answer = l.getsockname()[1]")
        with socket.create_connection(("127.0.0.1", port)):
            worker = listener.run(
                "a = l.accept()[0]\n"
                "ready, go = os.pipe()\n"
                "answer = os.fork()\n"
                "if answer == 0: os.close(go); l.close(); os.read(ready, 1); os._exit(0)\n"
                "a.close()"
            )
            try:
                found = by_direction(record for record in sweep(worker) if record.state != "LISTEN")
                assert [row[:2] for row in found["accepted"]] == [("ESTABLISHED", port)]
            finally:
                listener.run("os.close(go); os.waitpid(-1, 0)")


def test_a_socket_of_several_processes_is_one_record() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0)); twice = l.dup()") as master:
        number = master.run("answer = l.fileno()")
        workers = master.run(
            "ready, go = os.pipe(); answer = []\n"
            "for _ in range(3):\n"
            "    pid = os.fork()\n"
            "    if pid == 0: os.close(go); os.read(ready, 1); os._exit(0)\n"
            "    answer.append(pid)\n"
        )
        try:
            (record,) = sweep(*workers, master.pid)
            assert record.pids == sorted([master.pid, *workers])
            assert record.owner == (min(record.pids), number)
            assert len(record.holders) == 8
        finally:
            master.run("os.close(go)\nfor _ in range(3): os.wait()")


def test_a_connection_that_is_not_there_yet_knows_where_it_goes() -> None:
    with Child() as child:
        # The queue of backlog 0 takes one connection; further SYNs are dropped.
        port = child.run(
            "l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(0); answer = l.getsockname()[1]\n"
            "c = [socket.socket() for _ in range(4)]\n"
            "for s in c: s.setblocking(False); s.connect_ex(l.getsockname())"
        )
        found = by_direction(sweep(child.pid))
        connecting = [row for row in found["outgoing"] if row[0] == "SYN_SENT"]
        assert connecting
        assert {row[2] for row in connecting} == {("127.0.0.1", port)}


def test_a_socket_that_was_never_connected() -> None:
    with Child("s = socket.socket(); b = socket.socket(); b.bind(('127.0.0.1', 0))") as child:
        assert len(by_direction(sweep(child.pid))["unconnected"]) == 2


IN_NAMESPACE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
outside = socket.create_server(('127.0.0.1', 0))
assert libc.unshare(0x40000000) == 0, os.strerror(ctypes.get_errno())
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 1))
inside = socket.socket(); inside.bind(('127.0.0.1', outside.getsockname()[1])); inside.listen()
c = socket.create_connection(inside.getsockname()); a = inside.accept()[0]
answer = [outside.getsockname()[1], c.getsockname()[1]]
"""


@needs_root
def test_sockets_of_two_network_namespaces_in_one_process() -> None:
    """As a unit with PrivateNetwork= that got a listener from systemd: same address and port, different namespaces."""
    with Child() as child:
        port, own = child.run(IN_NAMESPACE)
        with socket.create_connection(("127.0.0.1", port)) as here:
            child.run("accepted = outside.accept()[0]")
            records = sweep(child.pid)
            assert len({record.namespace for record in records}) == 2
            accepted = [record for record in records if record.direction == "accepted"]
            outside, inside = child.run("answer = [os.fstat(s.fileno()).st_ino for s in (outside, inside)]")
            assert {(record.listeners, record.remote[1]) for record in accepted if record.remote} == {
                (frozenset((outside,)), here.getsockname()[1]),
                (frozenset((inside,)), own),
            }
            (outgoing,) = (record for record in records if record.direction == "outgoing")
            assert outgoing.local[1] == own


AUDITOR = """
import ctypes, json, os, struct, sys
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
pid, number, user = map(int, sys.argv[1:])
if number:
    # seccomp(2): if the system call is pidfd_getfd, fail with this number, else allow.
    program = b"".join(
        struct.pack("HBBI", *step)
        for step in ((0x20, 0, 0, 0), (0x15, 0, 1, 438), (0x06, 0, 0, 0x50000 | number), (0x06, 0, 0, 0x7FFF0000))
    )
    code = ctypes.create_string_buffer(program)
    filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, filter, 0, 0) == 0, os.strerror(ctypes.get_errno())
if user:
    os.setresuid(user, user, user)
taken = Sweep(PortableReader(), {pid: "a.service"})
taken.take([pid])
records = [{**record.as_dict(), "why": record.why_unreadable} for record in taken.records.values()]
print(json.dumps([records, taken.unreadable]))
"""


def audit_as(pid: int, number: int = 0, user: int = 0) -> t.Tuple[t.List[t.Dict[str, t.Any]], t.Dict[str, str]]:
    """Sweep from a process of its own, in which pidfd_getfd fails with a number, or which is another user's."""
    command = [sys.executable, "-c", AUDITOR, str(pid), str(number), str(user)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    records, unreadable = json.loads(done.stdout)
    return records, unreadable


@pytest.mark.parametrize("number", [38, 1])
def test_without_pidfd_getfd_the_options_are_unknown(number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Child("c = []") as child:
        port = server.getsockname()[1]
        locals_ = child.run(
            f"c = [socket.create_connection(('127.0.0.1', {port})) for _ in range(2)]\n"
            "l = socket.create_server(('', 0))\n"
            "c[0].setsockopt(1, socket.SO_KEEPALIVE, 1); u = socket.socketpair()\n"
            "answer = [s.getsockname()[1] for s in (*c, l)]"
        )
        records, unreadable = audit_as(child.pid, number)
        assert unreadable == {}
        found = {record["local"]["port"]: record for record in records}
        assert sorted(found) == sorted(locals_)
        for record in records:
            assert record["readable"] is False
            # This kernel has the call, and this user may use it: only the filter is in the way.
            assert "has to be run outside of the container or service whose system call filter" in record["why"]
            assert {name for name, value in record["options"].items() if value is not None} <= {"keepalive"}
        kept, plain, listener = (found[port] for port in locals_)
        assert (kept["state"], kept["direction"], kept["remote"]["port"]) == ("ESTABLISHED", "outgoing", port)
        assert (listener["state"], listener["direction"], listener["remote"]) == ("LISTEN", "listening", None)
        # A connection that waits for nothing has a timer if and only if keepalive is on; a listener has none anyway.
        assert [each["options"]["keepalive"] for each in (kept, plain, listener)] == [True, False, None]


def test_with_pidfd_getfd_the_same_auditor_reads_them() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        ((record,), unreadable) = audit_as(child.pid)
        assert unreadable == {}
        assert record["readable"]
        assert record["options"]["keepidle"] > 0


@needs_root
def test_another_users_process_is_said_to_be_unreadable() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        records, unreadable = audit_as(child.pid, user=65534)
        assert records == []
        assert "run as root" in unreadable[str(child.pid)]


class RefusingOne(PortableReader):
    """A reader that is not let near one process, as a confined administrator is not near systemd."""

    def __init__(self, refused: int) -> None:
        super().__init__()
        self._refused = refused

    def read(self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None) -> t.Iterator[t.Any]:
        if pid == self._refused:
            raise Unreadable(1, "pidfd_getfd")
        return super().read(pid, descriptors, thread)


def test_a_socket_is_read_through_any_of_its_processes() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as first:
        worker = first.run(
            "ready, go = os.pipe(); answer = os.fork()\nif answer == 0: os.close(go); os.read(ready, 1); os._exit(0)\n"
        )
        try:
            for refused in (first.pid, worker):
                taken = Sweep(RefusingOne(refused), {})
                taken.take([first.pid, worker])
                (record,) = list(taken.records.values())
                assert record.readable
                assert record.why_unreadable == ""
                assert record.pids == sorted([first.pid, worker])
        finally:
            first.run("os.close(go); os.wait()")


def test_systemd_stands_for_a_socket_only_where_nobody_else_holds_it() -> None:
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        (record,) = sweep(child.pid)
        many = (Holder(1, 40), Holder(812, 3), Holder(811, 4), Holder(811, 3), Holder(811, 3, 815))
        assert record._replace(holders=many).owner == (811, 3)
        assert record._replace(holders=(Holder(1, 40),)).owner == (1, 40)


def test_who_does_not_let_himself_be_read_is_told_of_and_not_looked_at() -> None:
    with Child("s = socket.create_server(('127.0.0.1', 0))") as silent, Child("s = socket.socket()") as other:
        pids = (silent.pid, other.pid)
        told = {silent.pid: "does not let itself be read"}
        taken = Sweep(PortableReader(), dict.fromkeys(pids, "a.service"), silent={**told, 1 << 22: "not asked for"})
        taken.take(pids)
        assert taken.unreadable == told
        assert [record.pids for record in taken.records.values()] == [[other.pid]]
