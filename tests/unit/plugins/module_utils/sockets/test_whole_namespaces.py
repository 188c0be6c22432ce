# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole network namespaces are entered, and left, to read and set the sockets there."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.whole_namespaces import Iterator
from ansible_collections.netops.keepalive.tests.unit.support.at_once import namespace_of, why_not_at_once
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
