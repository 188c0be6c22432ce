# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both readers list the sockets of a process: all, nothing else, and nothing where there is nothing any more."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access, Reader
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

MANY = """
held = [socket.socket(), *socket.socketpair(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
others = [open("/dev/null"), *map(os.fdopen, os.pipe()[:1])]
while len(held) < 3000:
    held.append(held[len(held) % 4].dup())
    if len(held) % 5 == 0:
        others.append(open("/dev/null"))
for position in range(500, 1500):  # a hole that is larger than what one call lists
    held.pop(500).close()
held.append(socket.socket())
os.dup2(held[-1].fileno(), 4000)
answer = [[s.fileno(), os.fstat(s.fileno()).st_ino] for s in held] + [[4000, os.fstat(4000).st_ino]]
"""


@pytest.fixture(name="reader")
def reader_fixture(access: Access) -> t.Iterator[Reader]:
    """A reader that leaves no descriptor open."""
    with nothing_left_open():
        yield access.reader


def test_all_sockets_and_nothing_else(reader: Reader) -> None:
    with Child() as child:
        held = child.run(MANY)
        found = reader.descriptors(child.pid)
    assert found == dict(held)
    assert list(found) == sorted(found)


def test_a_process_without_sockets(reader: Reader) -> None:
    with Child() as child:
        assert reader.descriptors(child.pid) == {}


def test_a_folder_in_the_place_of_proc(reader: Reader, tmp_path: pathlib.Path) -> None:
    with Child("s = socket.socket()") as child:
        (tmp_path / "42").symlink_to(f"/proc/{child.pid}")
        assert list(reader.descriptors(42, Proc(str(tmp_path)))) == [child.run("answer = s.fileno()")]


def test_a_file_whose_path_the_kernel_cannot_tell_is_skipped(reader: Reader, tmp_path: pathlib.Path) -> None:
    """Any user can open one: a path longer than PATH_MAX must end neither the list nor the audit of a host."""
    deep = (
        "for _ in range(25): os.mkdir('x' * 200); os.chdir('x' * 200)\n"
        "f = open('file', 'w'); s = socket.socket(); answer = [f.fileno(), s.fileno()]"
    )
    with Child(cwd=str(tmp_path)) as child:
        file, number = child.run(deep)
        with pytest.raises(OSError, match="File name too long"):
            os.readlink(f"/proc/{child.pid}/fd/{file}")
        assert list(reader.descriptors(child.pid)) == [number]


def test_a_process_that_is_gone_or_a_zombie_has_none(reader: Reader) -> None:
    with Child() as gone:
        pass
    assert reader.descriptors(gone.pid) == {}
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert reader.descriptors(zombie.pid) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_users_process_is_not_shown(reader: Reader) -> None:
    with Child("s = socket.socket()") as child:
        pid = os.fork()
        if pid == 0:
            try:
                os.setresuid(65534, 65534, 65534)
                reader.descriptors(child.pid)
            except PermissionError:
                os._exit(7)
            finally:
                os._exit(1)
        assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 7


@pytest.mark.skipif(not seccomp.SUPPORTED, reason="the numbers of the system calls are not known here")
@pytest.mark.parametrize("call", ["getdents64", "readlinkat"])
@pytest.mark.parametrize(("number", "kind"), [(5, OSError), (13, PermissionError)])
def test_an_error_is_not_taken_for_the_end(reader: Reader, call: str, number: int, kind: t.Type[OSError]) -> None:
    def listed() -> t.Tuple[t.Type[OSError], t.Optional[int]]:
        try:
            reader.descriptors(child.pid)
        except OSError as error:
            return type(error), error.errno
        raise AssertionError("nothing was raised")

    with Child("s = socket.socket()") as child:
        assert seccomp.refusing(listed, {call: number}) == (kind, number)


@pytest.mark.skipif(not seccomp.SUPPORTED, reason="the numbers of the system calls are not known here")
@pytest.mark.parametrize("call", ["getdents64", "readlinkat"])
def test_what_ends_in_the_middle_has_no_more(reader: Reader, call: str) -> None:
    """The kernel says ENOENT once the process, or the descriptor, has gone."""
    with Child("s = socket.socket()") as child:
        assert seccomp.refusing(lambda: reader.descriptors(child.pid), {call: 2}) == {}


def test_a_process_that_opens_and_closes_all_the_time(reader: Reader) -> None:
    churn = """
import threading
stop = False
def churn():
    while not stop:
        held = [socket.socket() if n % 2 else open("/dev/null") for n in range(100)]
        for each in held:
            each.close()
threads = [threading.Thread(target=churn) for _ in range(2)]
for thread in threads:
    thread.start()
"""
    with Child("kept = [socket.socket() for _ in range(300)]") as child:
        kept = dict(child.run("answer = [[s.fileno(), os.fstat(s.fileno()).st_ino] for s in kept]"))
        child.run(churn)
        numbers = set()
        for _sweep in range(200):
            found = reader.descriptors(child.pid)
            assert kept.items() <= found.items(), "what stays is in every list"
            numbers.add(len(found))
        assert len(numbers) > 1, "something was opened and closed meanwhile"
        child.run("stop = True\nfor thread in threads: thread.join()")
