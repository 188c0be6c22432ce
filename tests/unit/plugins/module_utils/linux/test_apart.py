# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No owner of a socket makes us wait longer than the limit, and what was not read costs nobody else."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import pathlib
import socket
import subprocess
import sys
import threading
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import apart as linux_apart
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.linux.apart import Apart, Stuck
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access
from ansible_collections.netops.keepalive.tests.unit.support.held import open_in
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.reading import worker_of
from ansible_collections.netops.keepalive.tests.unit.support.withheld import (
    Withholding,
    wait_until,
    wchan,
)

KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


@pytest.fixture(name="owner")
def owner_fixture() -> t.Iterator[Withholding]:
    owner = Withholding()
    yield owner
    owner.kill()


@pytest.fixture(name="look", params=["read", "set"])
def look_fixture(
    request: pytest.FixtureRequest, one_by_one: Access
) -> t.Tuple[t.Any, t.Callable[[Withholding], t.Any]]:
    """Return a reader or a setter, and how it is used on a process's socket."""
    reader, setter = one_by_one.reader, one_by_one.setter
    if request.param == "read":
        return reader, lambda owner: list(reader.read(owner.pid, [owner.descriptor]))
    return setter, lambda owner: list(setter.apply(owner.pid, {owner.descriptor: (owner.inode, KEEPALIVE)}))


Look = t.Tuple[t.Any, t.Callable[[Withholding], t.Any]]


def test_the_last_close_of_a_socket_that_lingers_is_not_waited_for(owner: Withholding, look: Look) -> None:
    """Its owner closes it while we hold the duplicate; only then do we get on, and let go of it as the last."""
    thing, use = look
    found: t.List[t.Any] = []
    thread = threading.Thread(target=lambda: found.extend(use(owner)))
    thread.start()
    wait_until(lambda: worker_of(thing) > 0 and "lock_sock" in wchan(str(worker_of(thing))))
    owner.close()
    os.kill(owner.pid, 9)
    thread.join()
    assert len(found) == 1, "it was read, and not given up"
    assert worker_of(thing) == 0, "the process that held it has ended"


def test_a_socket_whose_owner_withholds_it_is_given_up(
    owner: Withholding, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing, use = look
    thing._apart._limit = 0.3
    ended: t.List[int] = []
    real = os.kill
    monkeypatch.setattr(linux_apart.os, "kill", lambda pid, number: (ended.append(pid), real(pid, number)))
    with pytest.raises(Stuck) as error:
        use(owner)
    assert str(error.value) == "nothing came back for 0.3 s while its sockets were looked at"
    assert error.value.remedy == "see what it waits for, or end it"
    real(owner.pid, 9)
    assert os.waitpid(ended[0], 0)[0] == ended[0]


def test_what_lingers_is_let_go_of_at_the_end_of_each_call(one_by_one: Access, server: socket.socket) -> None:
    with Child(f"s = socket.create_connection({server.getsockname()!r})") as child:
        peer = server.accept()[0]
        number = child.run(
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 36000)); answer = s.fileno()"
        )
        ((_number, values),) = one_by_one.reader.read(child.pid, [number])
        assert values is not None and worker_of(one_by_one.reader) == 0
        child.run("s.close()")
        peer.settimeout(20)
        assert peer.recv(1) == b"", "a duplicate that was kept would hold the FIN back"
        peer.close()


def test_a_close_that_resets_waits_for_nobody(one_by_one: Access, server: socket.socket) -> None:
    """SO_LINGER with no time, as HAProxy has it: there the worker goes on to the next socket."""
    with Child(f"s = socket.create_connection({server.getsockname()!r})") as child:
        number = child.run(
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); answer = s.fileno()"
        )
        list(one_by_one.reader.read(child.pid, [number]))
        assert worker_of(one_by_one.reader) > 0


def echo(pid: int, *arguments: t.Any) -> t.Tuple[t.Any, bool]:
    return [pid, *arguments], False


def wait_for_ever(_pid: int) -> t.Tuple[t.Any, bool]:
    os.read(os.pipe()[0], 1)
    return None, False


def test_what_is_asked_and_answered_may_be_large() -> None:
    apart, block = Apart(), os.urandom(1 << 20)
    assert apart.call(echo, 1, block, ["x", None, 2**40]) == [1, block, ["x", None, 2**40]]
    assert apart.call(echo, 2) == [2]


def test_what_the_work_raises_arrives() -> None:
    def unreadable(_pid: int) -> t.Tuple[t.Any, bool]:
        raise Unreadable(errno.EPERM, "pidfd_getfd")

    def fail(_pid: int) -> t.Tuple[t.Any, bool]:
        raise OSError(errno.EMFILE, "too many")

    with pytest.raises(Unreadable, match="pidfd_getfd: Operation not permitted") as error:
        Apart().call(unreadable, 1)
    assert (error.value.errno, error.value.call) == (errno.EPERM, "pidfd_getfd")
    with pytest.raises(OSError, match="too many") as failure:
        Apart().call(fail, 1)
    assert failure.value.errno == errno.EMFILE


def test_a_worker_that_dies_is_no_wait() -> None:
    with pytest.raises(Stuck, match="the process that reads sockets was ended while its sockets were looked at"):
        Apart().call(lambda _pid: os._exit(1), os.getpid())


def sleeping_as(user: int) -> subprocess.Popen[bytes]:
    """Return a process of that user, as Popen(user=…) does with Python 3.9."""
    command = ["setpriv", f"--reuid={user}", "sh", "-c", "echo; exec sleep 600"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    return process


def test_another_process_of_the_same_user_is_not_waited_for_but_one_of_root_is() -> None:
    begun = []

    def hang(pid: int) -> t.Tuple[t.Any, bool]:
        return wait_for_ever(pid) if pid != os.getppid() else (pid, False)

    apart = Apart(limit=0.1)
    with sleeping_as(65534) as one, sleeping_as(65534) as two:
        begun += [one, two]
        try:
            with pytest.raises(Stuck, match=r"nothing came back for 0\.1 s"):
                apart.call(hang, one.pid)
            with pytest.raises(Stuck, match=r"another process of user 65534 made us wait 0\.1 s for its sockets"):
                apart.call(hang, two.pid)
            apart._limit = 60  # what answers has the time that a slow machine takes
            assert apart.call(hang, os.getpid()) == os.getpid()
        finally:
            for process in begun:
                process.kill()


def test_a_user_with_thousands_of_user_ids_makes_us_wait_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_apart, "account_of", lambda *_arguments: Account("user-1000.slice", 1000))
    apart = Apart(limit=0.1)
    with sleeping_as(65534) as one, sleeping_as(65533) as two:
        try:
            with pytest.raises(Stuck, match=r"nothing came back for 0\.1 s"):
                apart.call(wait_for_ever, one.pid)
            with pytest.raises(Stuck, match=r"another process of user-1000\.slice made us wait 0\.1 s"):
                apart.call(wait_for_ever, two.pid)
        finally:
            one.kill()
            two.kill()


def test_all_that_is_waited_for_together_has_a_limit() -> None:
    apart = Apart(limit=0.1, budget=300)
    for _time in range(2):
        with pytest.raises(Stuck, match="nothing came back"):
            apart.call(wait_for_ever, 1)
    assert apart._left <= 300 - 2 * 0.1, "both were counted"
    apart._left = 0.05  # less than the limit: it is waited for whole
    with pytest.raises(Stuck, match="nothing came back"):
        apart.call(wait_for_ever, 1)
    with pytest.raises(Stuck, match="other processes made us wait too long for their sockets"):
        apart.call(wait_for_ever, 1)


def test_the_worker_holds_nothing_of_ours(tmp_path: pathlib.Path) -> None:
    """One that is left behind must not keep a lock, nor the pipe at whose end Ansible waits for the module."""
    program = (
        "import sys; sys.path[:0] = eval(sys.argv[1]); import fcntl, os\n"
        "from ansible_collections.netops.keepalive.plugins.module_utils.linux.apart import Apart\n"
        "held = open(sys.argv[2], 'w'); fcntl.flock(held, fcntl.LOCK_EX)\n"
        "apart = Apart(); print(apart.call(lambda pid: (os.getpid(), False), 1), flush=True)\n"
        "os.kill(apart._child._pid, 19); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "lock"
    command = [sys.executable, "-c", program, repr([path for path in sys.path if path]), str(path)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=60)  # returns at the end of the pipe
    worker = int(ended.stdout)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(worker, 9)


def test_the_worker_ends_with_who_uses_it() -> None:
    apart = Apart()
    apart.call(echo, 1)
    assert apart._child is not None
    worker = apart._child._pid
    before = open_in()
    del apart
    assert not os.path.exists(f"/proc/{worker}")
    assert len(before - open_in()) >= 2  # both pipes


def test_what_is_done_apart_has_neither_our_streams_nor_our_files() -> None:
    """What it left behind would keep them open for whoever waits for their end."""

    def look(_pid: int) -> t.Tuple[t.Any, bool]:
        return [(int(number), os.readlink(f"/proc/self/fd/{number}")) for number in os.listdir("/proc/self/fd")
                if os.path.exists(f"/proc/self/fd/{number}")], True  # fmt: skip

    with open(__file__, encoding="utf-8"):
        has = dict(linux_apart.ask_once(look, 30))
    assert [has.pop(stream) for stream in range(3)] == [os.devnull] * 3
    assert {target.partition(":")[0] for target in has.values()} <= {"pipe", os.devnull}
    assert sum(target.startswith("pipe:") for target in has.values()) == 2


class _Forgotten:
    """Has a descriptor, which it closes when it is found to be garbage."""

    def __init__(self) -> None:
        self.descriptor = os.open(os.devnull, os.O_RDONLY)
        self.itself = self

    def __del__(self) -> None:
        os.close(self.descriptor)


def test_what_was_garbage_before_closes_nothing_in_the_child() -> None:
    """Its numbers are those of other files there."""

    def work(_pid: int) -> t.Tuple[int, bool]:
        opened = [os.open(os.devnull, os.O_RDONLY) for _time in range(20)]
        gc.collect()
        closed = 0
        for descriptor in opened:
            try:
                os.close(descriptor)
            except OSError:
                closed += 1
        return closed, True

    gc.disable()
    try:
        for _time in range(5):
            _Forgotten()
        assert Apart().call(work, os.getpid()) == 0
    finally:
        gc.enable()
        gc.collect()
