# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/PID/net/tcp and tcp6: the TCP sockets of a network namespace, and who of them listens.

The kernel prints an address as 32-bit words in its own byte order and lists the listeners first.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import typing as t

from .procfs import HOST, Proc

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "NEW_SYN_RECV",
}
"""Names of enum tcp_states (linux/tcp_states.h), as ss and netstat know them."""

LISTEN = 10
_FEW = 50
"""So many sockets are searched for in the text of a table: for more, all of its lines are taken apart."""

TIMER_NONE = 0
TIMER_KEEPALIVE = 2
"""The timer column's value for a pending keepalive timer (proc_net_tcp)."""

_ADDRESS = re.compile(r"([0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}):([0-9A-Fa-f]{4})")
_HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
_TIMER = re.compile(r"([0-9A-Fa-f]{1,2}):([0-9A-Fa-f]{1,16})")
_IN_USE = re.compile(rb"^TCP6?: inuse ([0-9]{1,9})", re.MULTILINE)
_QUEUES = re.compile(r"[0-9A-Fa-f]{1,8}:([0-9A-Fa-f]{1,8})")
_INODE = re.compile(r"[0-9]{1,20}")

_TICKS = os.sysconf("SC_CLK_TCK")

WILDCARDS = frozenset(("0.0.0.0", "::"))

Address = t.Tuple[str, int]
"""An IP address without zone, and a port."""


class Row(t.NamedTuple):
    """One line of the table."""

    family: str
    local: Address
    remote: Address
    state: int
    timer: int
    inode: int
    expires: float = 0
    """Seconds until the timer is due."""
    user: int = 0
    """Who opened it."""
    queue: int = 0
    """Of a listener: how many connections wait to be accepted."""
    unit: str = ""
    """In whose cgroup it was made, where the kernel has told that elsewhere; it is not in the table."""


def parse_address(text: str, order: str = "=") -> Address:
    """Parse 0100007F:1F90; order is the struct module's sign for the byte order of the kernel that wrote it.

    :raises ValueError: it is no address.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an address as the kernel prints it")
    words, port = match.groups()
    packed = b"".join(struct.pack(order + "I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def parse_table(lines: t.Iterable[str], listening_only: bool = False, order: str = "=") -> t.Iterator[Row]:
    """Parse the lines after the header that are lines of sockets; with listening_only stop where the listeners end."""
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or not all(map(_ADDRESS.fullmatch, fields[1:3])):
            continue
        timer = _TIMER.fullmatch(fields[5])
        if not (timer and _HEX.fullmatch(fields[3]) and _INODE.fullmatch(fields[9])):
            continue
        state = int(fields[3], 16)
        if listening_only and state != LISTEN:
            return
        yield Row(
            family="ipv4" if len(fields[1]) == 13 else "ipv6",
            local=parse_address(fields[1], order),
            remote=parse_address(fields[2], order),
            state=state,
            timer=int(timer[1], 16),
            inode=int(fields[9]),
            expires=int(timer[2], 16) / _TICKS,
            user=int(fields[7]),
            queue=_queue_of(fields[4]) if state == LISTEN else 0,
        )


def _queue_of(field: str) -> int:
    match = _QUEUES.fullmatch(field)
    return int(match[1], 16) if match else 0


def read_tables(pid: int, listening_only: bool = False, proc: Proc = HOST) -> t.List[Row]:
    """Read both tables of the network namespace of a process; a table that is not there counts as empty.

    A socket can be there twice: where a table has grown while it was read, the kernel shows its last lines once more.
    """
    rows: t.List[Row] = []
    for name in ("tcp", "tcp6"):
        path = os.path.join(proc.root, str(pid), "net", name)
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace", newline="\n") as stream:
            stream.readline()
            rows.extend(parse_table(stream, listening_only))
    return rows


def count_sockets(pid: int, proc: Proc = HOST) -> int:
    """Return about how many TCP sockets the network namespace of a process has, without reading its tables."""
    count = 0
    for name in ("sockstat", "sockstat6"):
        with contextlib.suppress(OSError), open(os.path.join(proc.root, str(pid), "net", name), "rb") as stream:
            for found in _IN_USE.finditer(stream.read()):
                count += int(found[1])
    return count


def read_lines(pid: int, proc: Proc) -> t.Iterator[t.Tuple[int, str]]:
    """Yield the lines of both tables as they are, with the inode: parsing all of them would take ten times as long."""
    for name in ("tcp", "tcp6"):
        path = os.path.join(proc.root, str(pid), "net", name)
        with contextlib.suppress(OSError), open(path, encoding="ascii") as stream:
            stream.readline()
            for line in stream:
                fields = line.split(None, 10)
                if len(fields) > 9:
                    yield int(fields[9]), line


def find_lines(pid: int, inodes: t.Collection[int], proc: Proc) -> t.Dict[int, str]:
    """Return the lines of these sockets, by their inodes: few are found without looking at each line."""
    if len(inodes) > _FEW:
        return {inode: line for inode, line in read_lines(pid, proc) if inode in inodes}
    found: t.Dict[int, str] = {}
    for name in ("tcp", "tcp6"):
        path = os.path.join(proc.root, str(pid), "net", name)
        with contextlib.suppress(OSError), open(path, encoding="ascii") as stream:
            content = stream.read()
            for inode in inodes:
                at = content.find(f" {inode} ")
                while at >= 0:
                    line = content[content.rfind("\n", 0, at) + 1 : content.find("\n", at)]
                    fields = line.split(None, 10)
                    if len(fields) > 9 and fields[9] == str(inode):
                        found[inode] = line
                        break
                    at = content.find(f" {inode} ", at + 1)
    return found


def plain(address: str) -> str:
    """Return the IPv4 address inside a v4-mapped one, any other address as it is."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def as_dict(address: Address) -> t.Dict[str, t.Union[str, int]]:
    """Return an address in the form in which modules give it out."""
    return {"address": address[0], "port": address[1]}


def endpoint(address: str, port: t.Optional[int]) -> str:
    """Write an address with its port, if there is one."""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Listeners:
    """The listeners of one network namespace: who owns a local address?"""

    def __init__(self, rows: t.Iterable[Row] = ()) -> None:
        self._by_port: t.Dict[int, t.Dict[str, t.Set[int]]] = {}
        for row in rows:
            if row.state == LISTEN:
                self.add(row.local, row.inode)

    @property
    def ports(self) -> t.Collection[int]:
        """Return the ports on which somebody listens."""
        return self._by_port

    def add(self, local: Address, inode: int) -> None:
        """Remember one listener."""
        self._by_port.setdefault(local[1], {}).setdefault(plain(local[0]), set()).add(inode)

    def owners(self, local: Address) -> t.Set[int]:
        """Return the inodes of the listeners that a connection with this local address came through.

        An exact address wins over a wildcard, as in the kernel. Several inodes: SO_REUSEPORT.
        """
        addresses = self._by_port.get(local[1])
        if not addresses:
            return set()
        exact = addresses.get(plain(local[0]))
        if exact:
            return exact
        return {inode for wildcard in WILDCARDS for inode in addresses.get(wildcard, ())}
