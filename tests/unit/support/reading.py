# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways for tests to read sockets."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Reader
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import SocketValues
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open, open_in


def read_one(reader: Reader, pid: int, descriptor: int) -> SocketValues:
    ((number, values),) = reader.read(pid, [descriptor])
    assert number == descriptor
    assert values is not None
    return values


def worker_of(thing: t.Any) -> int:
    """Return the process in which a reader or a setter does its work; 0 where none is there."""
    child = thing._apart._child
    return child._pid if child else 0


@contextlib.contextmanager
def nothing_left_open_by(thing: t.Any) -> t.Iterator[None]:
    """Nothing more is open here, or in the process in which a reader or a setter does its work, which is there."""
    worker = worker_of(thing)
    before = open_in(worker)
    with nothing_left_open():
        yield
    assert worker_of(thing) == worker
    assert open_in(worker) == before
