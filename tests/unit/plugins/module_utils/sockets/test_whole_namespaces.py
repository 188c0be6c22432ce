# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole network namespaces are entered, and left, to read and set the sockets there; who holds them is listed."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import whole_namespaces
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.whole_namespaces import Iterator
from ansible_collections.netops.keepalive.tests.unit.support.at_once import namespace_of, why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

WHY_NOT = why_not_at_once()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

KEEPALIVE, KEEPIDLE = (1, 9, 1), (6, 4, 61)
LOOK = "answer = [s.getsockopt(1, 9), s.getsockopt(6, 4)]"


def test_other_network_namespaces_are_entered_and_left() -> None:
    alone = (
        "import ctypes\nassert ctypes.CDLL(None).unshare(0x40000000) == 0\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:\n"
        "    fcntl.ioctl(one, 0x8914, struct.pack('16sh22x', b'lo', 1))\n"
        "s = socket.create_server(('127.0.0.1', 0)); answer = os.fstat(s.fileno()).st_ino"
    )
    with Child() as there, Child("s = socket.create_server(('127.0.0.1', 0))") as here:
        inode, own = there.run(alone), here.run("answer = os.fstat(s.fileno()).st_ino")
        iterator = Iterator()
        seen = iterator.look({**namespace_of(there.pid), **namespace_of(here.pid)}).values
        assert seen[inode].namespace == next(iter(namespace_of(there.pid)))
        assert seen[own].namespace == next(iter(namespace_of(here.pid)))
        alike = iterator.look(namespace_of(there.pid)).values
        assert (inode in alike, own in alike) == (True, False)
        done = iterator.set(seen[inode].namespace, {inode: [KEEPIDLE, KEEPALIVE], own: [KEEPIDLE]})
        assert (list(done), done[inode].after, there.run(LOOK)) == ([inode], [61, 1], [1, 61])
        assert iterator.why_not == ""


def test_a_namespace_that_is_gone_or_another_by_now_is_left_out() -> None:
    own = next(iter(namespace_of(os.getpid())))
    with Child() as gone:
        pass
    iterator = Iterator()
    assert iterator.look({own + 1: os.getpid(), own + 2: gone.pid}).values == {}
    assert iterator.why_not == ""
    assert iterator.set(own + 1, {5: [KEEPIDLE]}) == {}, "it was not looked at"
    assert iterator.set(None, {5: [KEEPIDLE]}) == {}


def test_who_holds_what_is_told_of_all_processes_by_the_same_child() -> None:
    with Child("s = socket.socket(); answer = None") as child:
        number, inode = child.run("answer = [s.fileno(), os.fstat(s.fileno()).st_ino]")
        iterator = Iterator()
        iterator.look(namespace_of(child.pid))
        asked = iterator._apart._child
        tables = iterator.tables()
        assert tables is not None and tables[child.pid] == {child.pid: {number: inode}}
        assert iterator._apart._child is asked, "it has read the kernel's description of itself"


def test_where_the_kernel_refuses_to_list_it_is_asked_once_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> bytes:
        raise BpfRefused("the kernel is too old")

    monkeypatch.setattr(whole_namespaces, "tables_now", refused)
    iterator = Iterator()
    assert (iterator.tables(), iterator.why_no_tables, iterator.why_not) == (None, "the kernel is too old", "")
    with Child("s = socket.create_server(('127.0.0.1', 0))") as child:
        inode = child.run("answer = os.fstat(s.fileno()).st_ino")
        assert inode in iterator.look(namespace_of(child.pid)).values
    monkeypatch.setattr(iterator._apart, "call", lambda *_given: 1 / 0)
    assert iterator.tables() is None


def test_where_it_takes_too_long_nobody_waits_for_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its look may be the last that holds a socket which lingers."""
    monkeypatch.setattr(whole_namespaces, "tables_now", lambda: threading.Event().wait())
    iterator = Iterator()
    iterator._apart._limit = 0.3
    with nothing_left_open():
        assert iterator.tables() is None
    assert iterator.why_no_tables == "nothing came back for 0.3 s while its sockets were looked at"
    assert iterator.look(namespace_of(os.getpid())).namespaces == set(namespace_of(os.getpid()))


def test_other_numbers_than_those_of_our_pid_namespace_are_not_mixed_up(tmp_path: pathlib.Path) -> None:
    """What stands for /proc may be that of another one, or a test's."""
    iterator = Iterator()
    assert iterator.tables(Proc(str(tmp_path))) is None
    code = (
        f"from {whole_namespaces.__name__} import Iterator\n"
        "iterator = Iterator()\n"
        "print(iterator.tables(), iterator.why_no_tables == '')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    for extra, expected in ((["--mount-proc"], "{} True"), ([], "None True")):
        command = ["unshare", "--pid", "--fork", *extra, sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        assert done.stdout.decode().strip() == expected
