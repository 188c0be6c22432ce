# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does systemd's own listener have what its .socket unit says now? The directives count only when it starts listening."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils import _procfs, _systemd
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import Expectation, Subject, compare
from ansible_collections.netops.keepalive.plugins.module_utils._procnet import LISTEN, Address, plain
from ansible_collections.netops.keepalive.plugins.module_utils._sockets_portable import (
    PortableReader,
    SocketValues,
    Unreadable,
)


def listen_addresses(listen: str) -> t.List[Address]:
    """Return the TCP addresses in systemd's V(Listen) property; V([::]:22 (Stream\\)) is ('::', 22)."""
    found = re.findall(r"(?:\[([0-9a-fA-F:.%]+)\]|([0-9.]+)):([0-9]+) \(Stream\)", listen)
    return [(v6 or v4, int(port)) for v6, v4, port in found]


def directives(properties: _systemd.Properties) -> t.Dict[str, int]:
    """Return the .socket unit's directives by the names of our options; 0 is the system's default."""
    return {
        "keepidle": _systemd.seconds(properties.get("KeepAliveTimeUSec", "0")),
        "keepintvl": _systemd.seconds(properties.get("KeepAliveIntervalUSec", "0")),
        "keepcnt": int(properties.get("KeepAliveProbes", "0")),
        "defer_accept": _systemd.seconds(properties.get("DeferAcceptUSec", "0")),
    }


def listener_differences(properties: _systemd.Properties) -> t.Optional[t.List[str]]:
    """Say how the live listeners differ from the unit; None where they cannot be read (a kernel before 5.6)."""
    addresses = {(plain(host), port) for host, port in listen_addresses(properties.get("Listen", ""))}
    try:
        read = PortableReader().read(1, [number for number, _inode in _procfs.socket_descriptors(1)])
        listeners = [
            values
            for _number, values in read
            if values and values.state == LISTEN and (plain(values.local[0]), values.local[1]) in addresses
        ]
    except (Unreadable, PermissionError):
        return None
    return [difference for values in listeners for difference in _differences(values, properties)]


def _differences(values: SocketValues, properties: _systemd.Properties) -> t.List[str]:
    where = f"the listener on {values.local[0]} port {values.local[1]}"
    if properties.get("KeepAlive") != "yes":
        return [f"{where} has keepalive on, the unit says off"] if values.keepalive else []
    wanted = Expectation(properties["Id"], frozenset(), directives(properties), frozenset(), 0)
    subject = Subject(values.protocol, "LISTEN", "listening", True, values.keepalive, values.options)
    return [f"{where} has {item.option} {item.value}, the unit says {item.expected}" for item in compare(subject, wanted)]
