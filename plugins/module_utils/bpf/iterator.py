# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All TCP sockets of a network namespace at once, with their options and their cgroup, by an iterator of the kernel's.

A program runs for each socket, asks its options as getsockopt(2) does, and writes a record. No process is touched: what
nobody has accepted yet is found as well, and no owner can make us wait for more than his socket's lock. Linux 6.1.

The instructions, which the kernel is told are under a licence that it knows, may be used under ISC as well.
"""

from __future__ import annotations

import os
import socket
import struct
import typing as t

from ..settings.options import OPTIONS
from .btf import Description, this_kernel
from .instruction import (
    ADD,
    CALL,
    CONTEXT,
    EXIT,
    FRAME,
    GETSOCKOPT,
    JUMP,
    JUMP_EQUAL,
    JUMP_NOT_EQUAL,
    LOAD,
    LOAD_BYTE,
    LOAD_HALF,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    SEQUENCE_WRITE,
    STORE,
    STORE_HALF,
    STORE_LONG,
    STORE_LONG_VALUE,
    STORE_VALUE,
    SWAP,
    TO_TCP_SOCK,
    Instruction,
    packed,
)
from .program import IPPROTO_TCP, LICENCE_FOR_STRUCTURES, NAME, SETTABLE, SO_KEEPALIVE, SOL_SOCKET, TO_END
from .system_call import ITERATOR, load_program, start_iterator

_FUNCTION = "bpf_iter_tcp"
"""What the kernel calls for each socket; by it, it knows what an iterator goes through."""

_META, _COMMON, _SEQUENCE = 0, 8, 0
"""Where struct bpf_iter__tcp has its parts, and the first of these where to write."""

ASKED = SETTABLE
"""The options in a record, in this order, behind SO_KEEPALIVE."""

_BLOCK = struct.Struct(f"={1 + len(ASKED)}i")
"""SO_KEEPALIVE and the options, as numbers."""
_RECORD = struct.Struct(f"=QQ16s16sHHHH{_BLOCK.size}s")
_PLACES = {"cgroup": 0, "inode": 8, "local": 16, "peer": 32, "family": 48, "state": 50, "port": 52, "peer_port": 54}
_OPTIONS_AT = 56
_SIZE = (_RECORD.size + 7) // 8 * 8
_PIECE = 1 << 20
_UNKNOWN = -1
"""The value of an option that the kernel does not tell."""
_META_REGISTER = 7
_AF_INET6 = 10
_WIDTHS = {1: LOAD_BYTE, 2: LOAD_HALF, 4: LOAD, 8: LOAD_LONG}
_STORES = {2: STORE_HALF, 4: STORE, 8: STORE_LONG}


class SocketRecord(t.NamedTuple):
    """What an iterator tells of one socket."""

    cgroup: int
    """The inode of the folder of its cgroup, which it was created in; 0: not known."""
    inode: int
    """As in /proc/PID/fd; 0 for a connection that nobody has accepted yet."""
    family: int
    state: int
    local: t.Tuple[str, int]
    peer: t.Tuple[str, int]
    keepalive: bool
    options: t.Mapping[str, t.Optional[int]]
    """The options of ASKED; None: the kernel does not tell."""


def read_sockets() -> t.List[SocketRecord]:
    """Return the TCP sockets of the network namespace that we are in; of MPTCP, the parts of a connection.

    :raises BpfRefused: This kernel has no such iterator, or does not let us.
    """
    names = {family: _Names(family) for family in (socket.AF_INET, socket.AF_INET6)}
    blocks = _Blocks()
    return [
        SocketRecord(
            cgroup,
            inode,
            family,
            state,
            (names[family][local], port),
            (names[family][peer], peer_port),
            *blocks[block],
        )
        for cgroup, inode, local, peer, family, state, port, peer_port, block in _RECORD.iter_unpack(_read_all())
    ]


class _Names(t.Dict[bytes, str]):
    """Addresses as text, each made once for all sockets that have it."""

    def __init__(self, family: int) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, address: bytes) -> str:
        name = socket.inet_ntop(self._family, address if self._family == _AF_INET6 else address[:4])
        self[address] = name
        return name


class _Blocks(t.Dict[bytes, t.Tuple[bool, t.Mapping[str, t.Optional[int]]]]):
    """Whether keepalive is on, and the options, made once for all sockets that have the same."""

    def __missing__(self, block: bytes) -> t.Tuple[bool, t.Mapping[str, t.Optional[int]]]:
        keepalive, *values = _BLOCK.unpack(block)
        options = {name: None if value == _UNKNOWN else value for name, value in zip(ASKED, values)}
        self[block] = found = (keepalive == 1, options)
        return found


def reading(described: Description) -> t.List[Instruction]:
    """Return the instructions that write the record of one socket."""
    code = [
        Instruction(LOAD_LONG, _META_REGISTER, 1, _META),
        Instruction(LOAD_LONG, CONTEXT, 1, _COMMON),
        Instruction(JUMP_EQUAL, CONTEXT, 0, TO_END, 0),
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(CALL, value=TO_TCP_SOCK),
        Instruction(JUMP_EQUAL, 0, 0, TO_END, 0),  # what is left of one, or not one yet
        Instruction(MOVE_REGISTER, CONTEXT, 0),
        *(Instruction(STORE_LONG_VALUE, FRAME, 0, _at(place)) for place in range(0, _OPTIONS_AT, 8)),
        *_followed_to("cgroup", described, "sock.sk_cgrp_data.cgroup", "cgroup.kn", "kernfs_node.id"),
        *_followed_to("inode", described, "sock.sk_socket", "socket.file", "file.f_inode", "inode.i_ino"),
        *_copied("family", described, "skc_family", 2),
        *_copied("state", described, "skc_state", 1),
        *_copied("port", described, "skc_num", 2),
        *_copied("peer_port", described, "skc_dport", 2, Instruction(SWAP, 1, 0, 0, 16)),
    ]
    of_6 = _addresses(described, ("skc_v6_rcv_saddr", "skc_v6_daddr"), 8, 2)
    of_4 = _addresses(described, ("skc_rcv_saddr", "skc_daddr"), 4, 1)
    code += [
        Instruction(LOAD_HALF, 1, FRAME, _at(_PLACES["family"])),
        Instruction(JUMP_NOT_EQUAL, 1, 0, len(of_6) + 1, _AF_INET6),
        *of_6,
        Instruction(JUMP, 0, 0, len(of_4)),
        *of_4,
    ]
    asked = [(SOL_SOCKET, SO_KEEPALIVE), *((IPPROTO_TCP, OPTIONS[name].sockopt) for name in ASKED)]
    for number, (level, option) in enumerate(asked):
        code += _asked(level, option, _at(_OPTIONS_AT + 4 * number))
    code += [
        Instruction(LOAD_LONG, 1, _META_REGISTER, _SEQUENCE),
        Instruction(MOVE_REGISTER, 2, FRAME),
        Instruction(ADD, 2, 0, 0, _at(0)),
        Instruction(MOVE, 3, 0, 0, _RECORD.size),
        Instruction(CALL, value=SEQUENCE_WRITE),
    ]
    end = len(code)
    return [
        *(one._replace(offset=end - at - 1) if one.offset == TO_END else one for at, one in enumerate(code)),
        Instruction(MOVE, 0, 0, 0, 0),
        Instruction(EXIT),
    ]


def _read_all() -> bytes:
    described = this_kernel()
    code, about = packed(reading(described)), described.function(_FUNCTION)
    program = load_program(code, f"{NAME}_iter", LICENCE_FOR_STRUCTURES, ITERATOR, about)
    try:
        descriptor = start_iterator(program)
    finally:
        os.close(program)
    try:
        return b"".join(iter(lambda: os.read(descriptor, _PIECE), b""))
    finally:
        os.close(descriptor)


def _at(place: int) -> int:
    """Return where a part of the record is on the stack."""
    return place - _SIZE


def _followed_to(part: str, described: Description, *way: str) -> t.List[Instruction]:
    """Follow pointers from the socket to a number; one that leads nowhere leaves 0."""
    places = [place.partition(".") for place in way]
    loads = [Instruction(LOAD_LONG, 1, 1, described.field(structure, path)) for structure, _dot, path in places]
    code = [Instruction(MOVE_REGISTER, 1, CONTEXT)]
    for left, one in zip(range(len(loads) - 1, 0, -1), loads):
        code += [one, Instruction(JUMP_EQUAL, 1, 0, 2 * left, 0)]
    return [*code, loads[-1], Instruction(STORE_LONG, FRAME, 1, _at(_PLACES[part]))]


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


def _asked(level: int, option: int, place: int) -> t.List[Instruction]:
    """Ask for an option. A kernel that refuses writes a 0, which must not be taken for its value."""
    return [
        Instruction(STORE_VALUE, FRAME, 0, place, _UNKNOWN),
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(MOVE, 2, 0, 0, level),
        Instruction(MOVE, 3, 0, 0, option),
        Instruction(MOVE_REGISTER, 4, FRAME),
        Instruction(ADD, 4, 0, 0, place),
        Instruction(MOVE, 5, 0, 0, 4),
        Instruction(CALL, value=GETSOCKOPT),
        Instruction(JUMP_EQUAL, 0, 0, 1, 0),
        Instruction(STORE_VALUE, FRAME, 0, place, _UNKNOWN),
    ]
