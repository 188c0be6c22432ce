# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the two ends of a connection are, and what it says of the listener that it came through.

Users have sockets, too: an address or a port of somebody else's proves nothing in their hands.
"""

from __future__ import annotations

import typing as t

from ..linux import procnet
from ..sockets.record import Record


class Ends:
    """The ends of all connections of a host."""

    def __init__(self, connections: t.Iterable[Record]) -> None:
        self._by_addresses: t.Dict[t.Tuple[procnet.Address, t.Optional[procnet.Address]], t.List[Record]] = {}
        for record in connections:
            self._by_addresses.setdefault((record.local, record.remote), []).append(record)

    def are_here(self, record: Record) -> bool:
        """Tell whether both ends of a connection are on this host, whichever network namespaces they are in.

        In a namespace of his own a user can give himself any address: there his word counts for his own alone.
        """
        remote = t.cast(procnet.Address, record.remote)
        return stays(record.local, remote) or any(
            other.namespace == record.namespace or other.account.shown_user is None or other.account == record.account
            for other in self._by_addresses.get((remote, record.local), ())
        )


def came_through(record: Record, records: t.Mapping[int, Record]) -> t.Iterator[int]:
    """Yield the listeners that a connection says something about.

    Whoever has bound an address before somebody else listens on its port may connect from there; what a user has set on
    such a connection says nothing about that listener.
    """
    for inode in record.listeners:
        listener = records.get(inode)
        if not record.account.of_sessions or (listener is not None and listener.account == record.account):
            yield inode


def stays(local: procnet.Address, remote: procnet.Address) -> bool:
    """Tell whether addresses alone show that a connection never leaves the host."""
    return is_loopback(remote[0]) or procnet.plain(remote[0]) == procnet.plain(local[0])


def is_loopback(address: str) -> bool:
    """Tell whether an address is one of the host's own loopback."""
    plain = procnet.plain(address)
    return plain.startswith("127.") or plain == "::1"
