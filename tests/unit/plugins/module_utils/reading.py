# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways for tests to read sockets."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._readers import Reader
from ansible_collections.netops.keepalive.plugins.module_utils._socket_values import SocketValues


def read_one(reader: Reader, pid: int, descriptor: int) -> SocketValues:
    ((number, values),) = reader.read(pid, [descriptor])
    assert number == descriptor
    assert values is not None
    return values


def worker_of(thing: t.Any) -> int:
    """Return the process in which a reader or a setter does its work; 0 where none is there."""
    child = thing._apart._child
    return child._pid if child else 0


def open_descriptors(thing: t.Any) -> t.List[int]:
    """Count what is open here but for pipes, and in the process in which a reader or a setter does its work."""
    here = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the list itself
            here += not os.readlink(f"/proc/self/fd/{name}").startswith("pipe:")
    return [here, len(os.listdir(f"/proc/{worker_of(thing)}/fd"))]
