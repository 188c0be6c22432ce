# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asked about a network namespace, and who when that one ends: processes come and go meanwhile."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.members import MOST_LEAVING, Members
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sweep
from ansible_collections.netops.keepalive.tests.unit.support.held import wait_until_nobody_holds
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

HERE, THERE = 1, 2


class Told(Proc):
    """Processes of which a test says in which namespace they are."""

    def __init__(self, **namespaces: int) -> None:
        super().__init__("/nowhere")
        self.now: t.Dict[int, t.Optional[int]] = {int(name[1:]): place for name, place in namespaces.items()}

    def network_namespace(self, pid: int) -> t.Optional[int]:
        return self.now.get(pid)


def seen(proc: Proc, *pids: int) -> Members:
    members = Members(proc)
    for pid in pids:
        members.learn(pid)
    return members


def test_each_namespace_is_known_by_who_was_seen_in_it_first() -> None:
    proc = Told(p1=HERE, p20=THERE, p30=THERE)
    members = seen(proc, 1, 30, 20, 99)
    assert (list(members), HERE in members, 3 in members, None in members) == ([HERE, THERE], True, False, False)
    assert [members.one_in(namespace) for namespace in (HERE, THERE, 3, None)] == [1, 30, None, None]
    assert (members.learn(20), members.learn(99)) == (THERE, None)


@pytest.mark.parametrize("became", [None, HERE])
def test_when_that_one_ends_or_its_number_is_anothers_the_next_is_asked(became: t.Optional[int]) -> None:
    proc = Told(p1=HERE, p20=THERE, p30=THERE)
    members = seen(proc, 1, 20, 30)

    def question(pid: int) -> str:
        if pid == 20:
            proc.now[20] = became
        return f"seen by {pid}"

    assert members.ask(THERE, question) == "seen by 30", "what 20 showed may be of nobody, or of elsewhere"
    assert members.one_in(THERE) == 30


def test_who_has_ended_is_not_asked() -> None:
    proc = Told(p20=THERE, p30=THERE)
    members, asked = seen(proc, 20, 30), []
    del proc.now[20]
    members.ask(THERE, asked.append)
    assert asked == [30]


def test_a_user_whose_processes_come_and_go_makes_nobody_wait_for_all_of_them() -> None:
    proc = Told(**{f"p{pid}": THERE for pid in range(100, 5100)})
    members, asked = seen(proc, *proc.now), []

    def question(pid: int) -> str:
        asked.append(pid)
        proc.now[pid] = HERE
        return "something"

    for pid in range(100, 200):  # who has gone before is passed over, and costs nothing
        proc.now[pid] = HERE
    assert members.ask(THERE, question) is None
    assert asked == list(range(200, 200 + MOST_LEAVING))


def test_where_nobody_is_left_nothing_is_known() -> None:
    proc = Told(p20=THERE)
    members = seen(proc, 20)
    proc.now.clear()
    assert (members.ask(THERE, str), members.one_in(THERE), THERE in members) == (None, None, True)


class EndsEarly(Proc):
    """Once all processes were seen, the first of a namespace ends."""

    def __init__(self, last: int, end: t.Callable[[], object]) -> None:
        super().__init__()
        self._last, self._end = last, [end]

    def network_namespace(self, pid: int) -> t.Optional[int]:
        namespace = super().network_namespace(pid)
        while pid == self._last and self._end:
            self._end.pop()()
        return namespace


SERVE = """
import array, ctypes
assert ctypes.CDLL(None).setns(os.open({namespace!r}, os.O_RDONLY), 0x40000000) == 0
import fcntl, struct
s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sH22x", b"lo", 1)); s.close()
l = socket.create_server(("127.0.0.1", 0)); address = l.getsockname()
ready, go = os.pipe()
if os.fork() == 0: os.close(go); os.read(ready, 1); os._exit(0)  # keeps the listener till this one ends
c = socket.create_connection(address); a = l.accept()[0]
l.close()
lost = socket.create_connection(address)
here, there = socket.socketpair()
here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lost.fileno()]))])
answer = [os.fstat(one.fileno()).st_ino for one in (c, a, lost)]
lost.close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_is_in_a_namespace_is_seen_though_the_first_process_there_ends_meanwhile() -> None:
    with Child() as one, Child() as two:
        first, last = sorted((one, two), key=lambda child: child.pid)
        first.run("import ctypes\nassert ctypes.CDLL(None).unshare(0x40000000) == 0")
        outgoing, accepted, lost = last.run(SERVE.format(namespace=f"/proc/{first.pid}/ns/net"))
        wait_until_nobody_holds([lost])
        sweep = Sweep(PortableReader(), {}, EndsEarly(last.pid, first.__exit__), watched=True)
        sweep.take([first.pid, last.pid])
        unowned = {row.inode for row in sweep.unowned()}
    found = {inode: record.direction for inode, record in sweep.records.items()}
    assert found == {outgoing: "outgoing", accepted: "accepted"}, "who listens is another process, and not selected"
    assert lost in unowned
