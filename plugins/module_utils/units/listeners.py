# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does systemd's own listener have what its .socket unit says? The directives count only when it starts listening."""

from __future__ import annotations

import typing as t

from ..linux import answering, systemd
from ..linux.procfs import HOST
from ..linux.procnet import LISTEN, STATES, plain
from ..linux.systemd import listen_addresses, socket_directives
from ..linux.unreadable import Unreadable
from ..settings.expectation import SYSTEMD_OPTIONS, Expectation
from ..settings.options import SYSTEM
from ..sockets.compare import Subject, compare
from ..sockets.portable import PortableReader
from ..sockets.values import SocketValues

ESTABLISHED = 1


def listener_differences(properties: systemd.Properties) -> t.Optional[t.List[str]]:
    """Say how the live listeners differ from the unit; None where they cannot be read (a kernel before 5.6)."""
    addresses = {(plain(host), port) for host, port in listen_addresses(properties)}
    try:
        return [
            f"the listener on {values.local[0]} port {values.local[1]} {difference}"
            for values in _sockets(1)
            if values.state == LISTEN and (plain(values.local[0]), values.local[1]) in addresses
            for difference in _differences(values, properties, "listening")
        ]
    except (Unreadable, PermissionError):
        return None


def slipped_through(properties: systemd.Properties, service: str) -> int:
    """Count the connections of the triggered service that were made too early for the .socket unit's directives.

    systemd calls listen() first and sets the options then: what connects in between (clients that were cut off by the
    restart do) does not inherit them.
    """
    ports = {port for _host, port in listen_addresses(properties)}
    try:
        return sum(
            1
            for pid in answering.answering()
            if HOST.unit_of(pid) == service
            for values in _sockets(pid)
            if values.state == ESTABLISHED and values.local[1] in ports
            if _differences(values, properties, "accepted")
        )
    except (Unreadable, PermissionError):
        return 0


def _sockets(pid: int) -> t.List[SocketValues]:
    reader = PortableReader()
    return [
        values
        for thread in reader.tables(pid)
        for _number, values in reader.read(pid, reader.descriptors(pid, thread=thread), thread)
        if values
    ]


def _differences(values: SocketValues, properties: systemd.Properties, direction: str) -> t.List[str]:
    if properties.get("KeepAlive") != "yes":
        return ["has keepalive on, the unit says off"] if values.keepalive else []
    wanted = Expectation(properties["Id"], frozenset(), _wanted(properties), frozenset(), 0)
    state = STATES.get(values.state, "")
    subject = Subject(values.protocol, state, direction, True, values.keepalive, values.options)
    return [f"has {item.option} {item.value}, the unit says {item.expected}" for item in compare(subject, wanted)]


def _wanted(properties: systemd.Properties) -> t.Dict[str, int]:
    """Return the directives as expected values; one that is not set leaves the system's default."""
    return {name: value or SYSTEM for name, value in socket_directives(properties).items() if name in SYSTEMD_OPTIONS}
