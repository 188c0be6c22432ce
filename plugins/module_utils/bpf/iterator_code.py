# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the programs of iterators have in common: which socket is looked at, and how its options are asked for.

The instructions, which the kernel is told are under a licence that it knows, may be used under ISC as well.
"""

from __future__ import annotations

import typing as t

from ..settings.options import OPTIONS
from .btf import Description
from .instruction import (
    ADD,
    CALL,
    CONTEXT,
    COOKIE,
    EXIT,
    FRAME,
    GETSOCKOPT,
    JUMP,
    JUMP_EQUAL,
    JUMP_NOT_EQUAL,
    JUMP_NOT_EQUAL_REGISTER,
    LOAD_BYTE,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    NEGATE,
    READ_KERNEL,
    SEQUENCE_WRITE,
    STORE_LONG,
    STORE_LONG_VALUE,
    STORE_VALUE,
    TO_TCP_SOCK,
    Instruction,
)
from .program import IPPROTO_TCP, SETTABLE, SO_KEEPALIVE, SOL_SOCKET, TO_END
from .system_call import BpfRefused

OPTIONS_ASKED = (
    ("keepalive", SOL_SOCKET, SO_KEEPALIVE),
    *((name, IPPROTO_TCP, OPTIONS[name].sockopt) for name in SETTABLE),
)
"""What a program can ask for and set: name, level and number, in the order of records."""

UNKNOWN = -1
"""The value of an option that the kernel does not tell."""

META, _SOCKET = 7, 8
"""Registers: what keeps what the kernel tells besides the socket; and for a while, what a process would have of it."""

ESTABLISHED, CLOSE_WAIT = 1, 8
"""The states of a connection that nobody has accepted yet. What is closed has no owner either, and other states."""

_META, _COMMON, _SEQUENCE = 0, 8, 0
"""Where struct bpf_iter__tcp has its parts, and the first of these where to write."""


def beginning() -> t.List[Instruction]:
    """Return the instructions that find the socket; they end where it is none, or what is left of one."""
    return [
        Instruction(LOAD_LONG, META, 1, _META),
        Instruction(LOAD_LONG, CONTEXT, 1, _COMMON),
        Instruction(JUMP_EQUAL, CONTEXT, 0, TO_END, 0),
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(CALL, value=TO_TCP_SOCK),
        Instruction(JUMP_EQUAL, 0, 0, TO_END, 0),
        Instruction(MOVE_REGISTER, CONTEXT, 0),
    ]


def numbers_of_socket(described: Description, place: int) -> t.List[Instruction]:
    """Write two numbers: the key that a socket is known by, and behind it its inode.

    The key is the inode, as in /proc/PID/fd; below 0: it is connected and nobody has accepted it yet, and this is its
    cookie, negated; 0: it is the kernel's own, its owner has closed it, or it is a part of a multipath connection. The
    inode is that of the tables in /proc/net, which the kernel's own have as well, and parts have of the whole.
    """
    inode = described.field("socket_alloc", "vfs_inode") + described.field("inode", "i_ino")
    try:
        part_of_another = [
            Instruction(LOAD_BYTE, 2, CONTEXT, described.field("tcp_sock", "is_mptcp")),
            Instruction(JUMP_EQUAL, 2, 0, 1, 0),
            Instruction(JUMP, 0, 0, TO_END),
        ]
    except BpfRefused:  # a kernel without them
        part_of_another = []
    waiting = [
        Instruction(LOAD_BYTE, 2, CONTEXT, described.field("sock_common", "skc_state")),
        Instruction(JUMP_EQUAL, 2, 0, 1, ESTABLISHED),
        Instruction(JUMP_NOT_EQUAL, 2, 0, TO_END, CLOSE_WAIT),
        *part_of_another,
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(CALL, value=COOKIE),
        Instruction(NEGATE, 0),
        Instruction(STORE_LONG, FRAME, 0, place),
    ]
    held = [
        Instruction(MOVE_REGISTER, _SOCKET, 1),
        Instruction(MOVE_REGISTER, 3, 1),
        Instruction(ADD, 3, 0, 0, inode),
        Instruction(MOVE_REGISTER, 1, FRAME),
        Instruction(ADD, 1, 0, 0, place + 8),
        Instruction(MOVE, 2, 0, 0, 8),
        Instruction(CALL, value=READ_KERNEL),
        Instruction(LOAD_LONG, 2, _SOCKET, described.field("socket", "sk")),
        Instruction(JUMP_NOT_EQUAL_REGISTER, 2, CONTEXT, TO_END),
        Instruction(LOAD_LONG, 2, _SOCKET, described.field("socket", "file")),
        Instruction(JUMP_EQUAL, 2, 0, TO_END, 0),
        Instruction(LOAD_LONG, 1, FRAME, place + 8),
        Instruction(STORE_LONG, FRAME, 1, place),
    ]
    return to_its_end(
        [
            Instruction(STORE_LONG_VALUE, FRAME, 0, place),
            Instruction(STORE_LONG_VALUE, FRAME, 0, place + 8),
            Instruction(LOAD_LONG, 1, CONTEXT, described.field("sock", "sk_socket")),
            Instruction(JUMP_EQUAL, 1, 0, len(held) + 1, 0),
            *held,
            Instruction(JUMP, 0, 0, TO_END),
            *waiting,
        ]
    )


def asked(level: int, option: int, place: int, base: int = FRAME) -> t.List[Instruction]:
    """Ask for an option. A kernel that refuses writes a 0, which must not be taken for its value."""
    return [
        Instruction(STORE_VALUE, base, 0, place, UNKNOWN),
        *called(GETSOCKOPT, level, option, place, base),
        Instruction(JUMP_EQUAL, 0, 0, 1, 0),
        Instruction(STORE_VALUE, base, 0, place, UNKNOWN),
    ]


def called(function: int, level: int, option: int, place: int, base: int = FRAME) -> t.List[Instruction]:
    """Call what asks for an option, or sets it, with four bytes in memory.

    :param base: The register that points to that memory: of the stack, or of a value in a map.
    """
    return [
        Instruction(MOVE_REGISTER, 1, CONTEXT),
        Instruction(MOVE, 2, 0, 0, level),
        Instruction(MOVE, 3, 0, 0, option),
        Instruction(MOVE_REGISTER, 4, base),
        Instruction(ADD, 4, 0, 0, place),
        Instruction(MOVE, 5, 0, 0, 4),
        Instruction(CALL, value=function),
    ]


def written(place: int, size: int, base: int = FRAME) -> t.List[Instruction]:
    """Hand a part of memory to who reads the iterator.

    Where that does not fit into what he reads just then, the kernel runs the program for this socket once more.
    """
    return [
        Instruction(LOAD_LONG, 1, META, _SEQUENCE),
        Instruction(MOVE_REGISTER, 2, base),
        Instruction(ADD, 2, 0, 0, place),
        Instruction(MOVE, 3, 0, 0, size),
        Instruction(CALL, value=SEQUENCE_WRITE),
    ]


def to_its_end(code: t.Sequence[Instruction]) -> t.List[Instruction]:
    """Have what jumps to the end do so: behind these instructions."""
    end = len(code)
    return [one._replace(offset=end - at - 1) if one.offset == TO_END else one for at, one in enumerate(code)]


def whole(code: t.Sequence[Instruction]) -> t.List[Instruction]:
    """Return these instructions with the end of a program."""
    return [*to_its_end(code), Instruction(MOVE, 0, 0, 0, 0), Instruction(EXIT)]
