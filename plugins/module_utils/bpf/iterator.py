# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All TCP sockets of a network namespace at once, with their options and their cgroup, by an iterator of the kernel's.

A program runs for each socket, asks its options as getsockopt(2) does, and writes a record. No process is touched: what
nobody has accepted yet is found as well, and no owner can make us wait for more than his socket's lock. Linux 6.1.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

from .btf import Description, this_kernel
from .instruction import (
    CALL,
    CONTEXT,
    FRAME,
    JIFFIES,
    JUMP,
    JUMP_ABOVE_REGISTER,
    JUMP_EQUAL,
    JUMP_NOT_EQUAL,
    LOAD,
    LOAD_BYTE,
    LOAD_HALF,
    LOAD_LONG,
    MOVE_REGISTER,
    STORE,
    STORE_HALF,
    STORE_LONG,
    STORE_LONG_VALUE,
    SUBTRACT_HALVES,
    SWAP,
    Instruction,
    packed,
)
from .iterator_code import OPTIONS_ASKED, UNKNOWN, asked, beginning, numbers_of_socket, to_its_end, whole, written
from .program import LICENCE_FOR_STRUCTURES, NAME, TO_END
from .system_call import ITERATOR, load_program, start_iterator

_FUNCTION = "bpf_iter_tcp"
"""What the kernel calls for each socket; by it, it knows what an iterator goes through."""

_BLOCK = struct.Struct(f"={len(OPTIONS_ASKED)}i")
_RECORD = struct.Struct(f"=QqQ16s16sHHHHII{_BLOCK.size}s")
_PLACES = {
    "cgroup": 0,
    "key": 8,
    "inode": 16,
    "local": 24,
    "peer": 40,
    "family": 56,
    "state": 58,
    "port": 60,
    "peer_port": 62,
    "silent": 64,
    "deferred": 68,
    "options": 72,
}
_DEFERRED, _RECEIVED = "icsk_accept_queue.rskq_defer_accept", "icsk_ack.lrcvtime"
_PIECE = 1 << 16
"""Bytes to read at once; the kernel has a buffer of half as many."""
_WIDTHS = {1: LOAD_BYTE, 2: LOAD_HALF, 4: LOAD, 8: LOAD_LONG}
_STORES = {2: STORE_HALF, 4: STORE, 8: STORE_LONG}
_CLOCK_OF_TICKS = 6
"""CLOCK_MONOTONIC_COARSE, which goes by the kernel's ticks (jiffies)."""


class SocketRecord(t.NamedTuple):
    """What an iterator tells of one socket, as the kernel has it."""

    cgroup: int
    """The inode of the folder of its cgroup, which it was created in; 0: not known."""
    key: int
    """Its inode, as in /proc/PID/fd; below 0: it waits to be accepted; 0: neither. See numbers_of_socket()."""
    inode: int
    """As in the tables of /proc/net; 0 for what waits, or was closed."""
    local: bytes
    """The address, of an IPv4 socket in the first four bytes."""
    peer: bytes
    family: int
    state: int
    port: int
    peer_port: int
    silent: int
    """For how many of the kernel's ticks no data went either way."""
    deferred: int
    """How often a listener that waits for data answers a SYN once more, see deferred_seconds()."""
    options: bytes
    """See options_of(). Many sockets have the same, so it is worth to take it apart once."""


def read_sockets() -> t.Iterator[SocketRecord]:
    """Yield the TCP sockets of the network namespace that we are in; of multipath connections, the parts.

    :raises BpfRefused: This kernel has no such iterator, or does not let us.
    """
    return map(SocketRecord._make, records_in(read_content()))


def records_in(content: bytes) -> t.Iterator[t.Tuple[t.Any, ...]]:
    """Yield the fields of each record, in the order of SocketRecord."""
    return _RECORD.iter_unpack(content)


def read_content() -> bytes:
    """Return the records of the network namespace that we are in.

    :raises BpfRefused: This kernel has no such iterator, or does not let us.
    """
    described = this_kernel()
    return run_program(reading(described), described)


def run_program(code: t.Iterable[Instruction], described: Description, function: str = _FUNCTION) -> bytes:
    """Have a program run for each TCP socket of this network namespace; returns what it has written.

    :param function: What the kernel calls for each of another sort, by which it knows what to go through.
    :raises BpfRefused: This kernel has no such iterator, or does not let us.
    """
    about = described.function(function)
    program = load_program(packed(code), f"{NAME}_iter", LICENCE_FOR_STRUCTURES, ITERATOR, about)
    try:
        descriptor = start_iterator(program)
    finally:
        os.close(program)
    try:
        return b"".join(iter(lambda: _read(descriptor), b""))
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """Read what the program has written next; after a million objects of which that is nothing, the kernel says so."""
    while True:
        try:
            return os.read(descriptor, _PIECE)
        except BlockingIOError:
            continue


def options_of(block: bytes) -> t.Dict[str, t.Optional[int]]:
    """Return the options of a record by name, C(keepalive) among them; None: the kernel does not tell."""
    values = zip(OPTIONS_ASKED, _BLOCK.unpack(block))
    return {name: None if value == UNKNOWN else value for (name, _level, _option), value in values}


def deferred_seconds(times: int) -> int:
    """Return what getsockopt(2) says of TCP_DEFER_ACCEPT: how long so many answers take, each twice the one before."""
    return sum(min(1 << time, 120) for time in range(times))


def ticks_of_a_second() -> int:
    """Return how often the kernel's clock ticks in a second."""
    return round(1 / time.clock_getres(_CLOCK_OF_TICKS))


def name_of_address(family: int, address: bytes) -> str:
    """Write an address of a record."""
    return socket.inet_ntop(family, address if family == socket.AF_INET6 else address[:4])


def reading(described: Description) -> t.List[Instruction]:
    """Return the program that writes the record of each socket."""
    of_6 = _addresses(described, ("skc_v6_rcv_saddr", "skc_v6_daddr"), 8, 2)
    of_4 = _addresses(described, ("skc_rcv_saddr", "skc_daddr"), 4, 1)
    code = [
        *beginning(),
        *(Instruction(STORE_LONG_VALUE, FRAME, 0, _at(place)) for place in range(0, _PLACES["options"], 8)),
        *_cgroup(described),
        *numbers_of_socket(described, _at(_PLACES["key"])),
        *_copied("family", described, "skc_family", 2),
        *_copied("state", described, "skc_state", 1),
        *_copied("port", described, "skc_num", 2),
        *_copied("peer_port", described, "skc_dport", 2, Instruction(SWAP, 1, 0, 0, 16)),
        Instruction(LOAD_HALF, 1, FRAME, _at(_PLACES["family"])),
        Instruction(JUMP_NOT_EQUAL, 1, 0, len(of_6) + 1, socket.AF_INET6),
        *of_6,
        Instruction(JUMP, 0, 0, len(of_4)),
        *of_4,
        *_silent(described),
        Instruction(LOAD_BYTE, 1, CONTEXT, described.field("inet_connection_sock", _DEFERRED)),
        Instruction(STORE, FRAME, 1, _at(_PLACES["deferred"])),
    ]
    for number, (_name, level, option) in enumerate(OPTIONS_ASKED):
        code += asked(level, option, _at(_PLACES["options"] + 4 * number))
    return whole([*code, *written(_at(0), _RECORD.size)])


def _at(place: int) -> int:
    """Return where a part of the record is on the stack."""
    return place - _RECORD.size


def _cgroup(described: Description) -> t.List[Instruction]:
    ways = (("sock", "sk_cgrp_data.cgroup"), ("cgroup", "kn"), ("kernfs_node", "id"))
    code = [Instruction(MOVE_REGISTER, 1, CONTEXT)]
    for structure, path in ways[:2]:
        code += [
            Instruction(LOAD_LONG, 1, 1, described.field(structure, path)),
            Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
        ]
    code += [
        Instruction(LOAD_LONG, 1, 1, described.field(*ways[2])),
        Instruction(STORE_LONG, FRAME, 1, _at(_PLACES["cgroup"])),
    ]
    return to_its_end(code)


def _silent(described: Description) -> t.List[Instruction]:
    """Write the time since data last went, in whichever direction that was."""
    sent, received = described.field("tcp_sock", "lsndtime"), described.field("inet_connection_sock", _RECEIVED)
    return [
        Instruction(CALL, value=JIFFIES),
        Instruction(MOVE_REGISTER, 1, 0),
        Instruction(LOAD, 2, CONTEXT, sent),
        Instruction(LOAD, 3, CONTEXT, received),
        Instruction(SUBTRACT_HALVES, 0, 2),
        Instruction(SUBTRACT_HALVES, 1, 3),
        Instruction(JUMP_ABOVE_REGISTER, 0, 1, 1),
        Instruction(MOVE_REGISTER, 1, 0),
        Instruction(STORE, FRAME, 1, _at(_PLACES["silent"])),
    ]


def _copied(part: str, described: Description, field: str, width: int, *then: Instruction) -> t.List[Instruction]:
    offset = described.field("sock_common", field)
    load = Instruction(_WIDTHS[width], 1, CONTEXT, offset)
    return [load, *then, Instruction(STORE_HALF, FRAME, 1, _at(_PLACES[part]))]


def _addresses(described: Description, fields: t.Sequence[str], width: int, pieces: int) -> t.List[Instruction]:
    return [
        instruction
        for part, field in zip(("local", "peer"), fields)
        for at in range(0, width * pieces, width)
        for instruction in (
            Instruction(_WIDTHS[width], 1, CONTEXT, described.field("sock_common", field) + at),
            Instruction(_STORES[width], FRAME, 1, _at(_PLACES[part] + at)),
        )
    ]
