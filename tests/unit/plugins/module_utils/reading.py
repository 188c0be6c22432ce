# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways for tests to read sockets."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils._readers import Reader
from ansible_collections.netops.keepalive.plugins.module_utils._socket_values import SocketValues


def read_one(reader: Reader, pid: int, descriptor: int) -> SocketValues:
    ((number, values),) = reader.read(pid, [descriptor])
    assert number == descriptor
    assert values is not None
    return values
