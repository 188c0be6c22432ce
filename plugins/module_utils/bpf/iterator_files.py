# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who holds which socket, of all processes at once, by an iterator of the kernel's over their open files. Linux 5.10.

It goes through the processes of our PID namespace, and through a thread where it has descriptors of its own.
"""

from __future__ import annotations

import itertools
import typing as t

from .btf import Description, this_kernel
from .instruction import (
    ADD,
    ADD_REGISTER,
    AND,
    CALL,
    CURRENT_TASK,
    FRAME,
    JUMP_EQUAL,
    JUMP_NOT_EQUAL,
    LOAD,
    LOAD_LONG,
    MOVE,
    MOVE_REGISTER,
    MULTIPLY,
    READ_KERNEL,
    STORE_LONG,
    Instruction,
)
from .iterator import run_program
from .iterator_code import META, whole, written
from .program import TO_END

Tables = t.Dict[int, t.Dict[int, t.Dict[int, int]]]
"""Process → a thread for each table of descriptors that it has, itself first → descriptor → inode of a socket."""

_FUNCTION = "bpf_iter_task_file"
_META, _TASK, _DESCRIPTOR, _FILE = 0, 8, 16, 24
"""Where struct bpf_iter__task_file has its parts."""
_SOCKFS = 0x534F434B
"""The file system that all sockets are in. A socket's path that was opened (O_PATH) has its mode, and is in another."""

_WORDS = 4
_INODE, _TABLE, _PID, _THREAD, _NUMBER, _SCRATCH = -32, -24, -16, -12, -8, -40
"""Where the record is on the stack: four words of 64 bits, of which the third is two numbers; and room below it."""
_TASK_LOOKED_AT, _LEVEL = 8, 6
"""Registers: the thread; and how far its number in our PID namespace is behind that in the outermost one."""
_DEEPEST = 63
"""PID namespaces are nested up to 32 deep; the kernel wants to see that the number has a limit."""


def tables_now() -> bytes:
    """Return what tables_in() understands: the sockets in all tables of descriptors.

    :raises BpfRefused: This kernel has no such iterator, or does not let us.
    """
    described = this_kernel()
    return run_program(listing(described), described, _FUNCTION)


def tables_in(content: bytes) -> Tables:
    """Take the records apart, those of a thread together: there is one for each of all sockets."""
    words = memoryview(content).cast("Q")
    inodes, tables, owners, numbers = (words[part::_WORDS].tolist() for part in range(_WORDS))
    found: Tables = {}
    seen: t.Set[t.Tuple[int, int]] = set()
    runs: t.List[t.Tuple[int, int, int, int]] = []
    start = 0
    for owner, group in itertools.groupby(owners):
        end = start + sum(1 for _same in group)
        runs.append((owner & 0xFFFFFFFF, owner >> 32, start, end))
        start = end
    for pid, thread, start, end in sorted(runs, key=lambda run: (run[0] != run[1], run)):
        place = found.setdefault(pid, {})
        if thread not in place and (pid, tables[start]) in seen:  # it shares it with another
            continue
        seen.add((pid, tables[start]))
        place.setdefault(thread, {}).update(zip(numbers[start:end], inodes[start:end]))
    return found


def listing(described: Description) -> t.List[Instruction]:
    """Return the program that writes a record of each open file that is a socket."""
    return whole(
        [
            Instruction(LOAD_LONG, META, 1, _META),
            Instruction(LOAD_LONG, _TASK_LOOKED_AT, 1, _TASK),
            Instruction(JUMP_EQUAL, _TASK_LOOKED_AT, 0, TO_END, 0),
            Instruction(LOAD, 2, 1, _DESCRIPTOR),
            Instruction(STORE_LONG, FRAME, 2, _NUMBER),
            Instruction(LOAD_LONG, 1, 1, _FILE),
            Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
            *_socket(described),
            Instruction(LOAD_LONG, 1, _TASK_LOOKED_AT, described.field("task_struct", "files")),
            Instruction(STORE_LONG, FRAME, 1, _TABLE),
            *_level(described),
            Instruction(LOAD_LONG, 1, _TASK_LOOKED_AT, described.field("task_struct", "group_leader")),
            *_number(described, _PID),
            Instruction(MOVE_REGISTER, 1, _TASK_LOOKED_AT),
            *_number(described, _THREAD),
            *written(_INODE, 8 * _WORDS),
        ]
    )


def _socket(described: Description) -> t.List[Instruction]:
    """Write the inode of a file that is a socket."""
    return [
        Instruction(LOAD_LONG, 1, 1, described.field("file", "f_inode")),
        Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
        Instruction(LOAD_LONG, 2, 1, described.field("inode", "i_sb")),
        Instruction(JUMP_EQUAL, 2, 0, TO_END, 0),
        Instruction(LOAD_LONG, 2, 2, described.field("super_block", "s_magic")),
        Instruction(JUMP_NOT_EQUAL, 2, 0, TO_END, _SOCKFS),
        Instruction(LOAD_LONG, 2, 1, described.field("inode", "i_ino")),
        Instruction(STORE_LONG, FRAME, 2, _INODE),
    ]


def _level(described: Description) -> t.List[Instruction]:
    """Find how deep our own PID namespace is: threads have a number in each that they are in, the outermost first."""
    own = ((8, described.field("task_struct", "thread_pid")), (4, described.field("pid", "level")))
    code = [Instruction(CALL, value=CURRENT_TASK), Instruction(MOVE_REGISTER, 3, 0)]
    for size, offset in own:
        code += [
            Instruction(ADD, 3, 0, 0, offset),
            *_read(_SCRATCH, size),
            Instruction(LOAD_LONG if size == 8 else LOAD, 3, FRAME, _SCRATCH),
        ]
    size = described.field("upid", "ns") + 8
    return [
        *code,
        Instruction(AND, 3, 0, 0, _DEEPEST),
        Instruction(MULTIPLY, 3, 0, 0, size),
        Instruction(MOVE_REGISTER, _LEVEL, 3),
    ]


def _number(described: Description, place: int) -> t.List[Instruction]:
    """Write the number of a thread in our PID namespace; one that has just ended has none."""
    return [
        Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
        Instruction(LOAD_LONG, 3, 1, described.field("task_struct", "thread_pid")),
        Instruction(JUMP_EQUAL, 3, 0, TO_END, 0),
        Instruction(ADD, 3, 0, 0, described.field("pid", "numbers")),
        Instruction(ADD_REGISTER, 3, _LEVEL),
        *_read(place, 4),
        Instruction(LOAD, 1, FRAME, place),
        Instruction(JUMP_EQUAL, 1, 0, TO_END, 0),
    ]


def _read(place: int, size: int) -> t.List[Instruction]:
    """Copy from where register 3 points to, to the stack; the end, where that cannot be read."""
    return [
        Instruction(MOVE_REGISTER, 1, FRAME),
        Instruction(ADD, 1, 0, 0, place),
        Instruction(MOVE, 2, 0, 0, size),
        Instruction(CALL, value=READ_KERNEL),
        Instruction(JUMP_NOT_EQUAL, 0, 0, TO_END, 0),
    ]
