# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One instruction of a BPF program, as plain data, and the few that are used here."""

from __future__ import annotations

import struct
import typing as t

_LAYOUT = struct.Struct("=BBhi")
"""Of a machine whose lowest byte stands first, which are all that are known here."""

SIZE = _LAYOUT.size

CONTEXT, FRAME = 6, 10
"""Registers: what a program was called with, kept where calls leave it alone; and the end of its stack."""

GETSOCKOPT, SETSOCKOPT, TO_TCP_SOCK, SEQUENCE_WRITE = 57, 49, 137, 127
LOOK_UP, COOKIE, JIFFIES, READ_KERNEL, CURRENT_TASK = 1, 46, 118, 113, 35
"""Functions of the kernel: bpf_getsockopt, bpf_setsockopt, bpf_skc_to_tcp_sock, bpf_seq_write; bpf_map_lookup_elem,
bpf_get_socket_cookie, bpf_jiffies64, bpf_probe_read_kernel, bpf_get_current_task."""

MOVE, MOVE_REGISTER, ADD, ADD_REGISTER, MULTIPLY, MULTIPLY_REGISTER = 0xB7, 0xBF, 0x07, 0x0F, 0x27, 0x2F
AND, XOR, XOR_REGISTER, SWAP = 0x57, 0xA7, 0xAF, 0xDC
LOAD, LOAD_HALF, LOAD_BYTE, LOAD_LONG = 0x61, 0x69, 0x71, 0x79
STORE, STORE_HALF, STORE_LONG, STORE_VALUE, STORE_LONG_VALUE = 0x63, 0x6B, 0x7B, 0x62, 0x7A
JUMP, JUMP_EQUAL, JUMP_NOT_EQUAL, JUMP_NOT_ABOVE, JUMP_ABOVE_REGISTER = 0x05, 0x15, 0x55, 0xB5, 0x2D
JUMP_EQUAL_REGISTER, JUMP_NOT_EQUAL_REGISTER = 0x1D, 0x5D
JUMP_IF_SET, NEGATE, SUBTRACT_HALVES, LOAD_VALUE, OF_MAP = 0x45, 0x87, 0x1C, 0x18, 1
"""JUMP_IF_SET: where a bit is. SUBTRACT_HALVES goes by the lower 32 bits. LOAD_VALUE takes two instructions; with
OF_MAP as its source, the value is a map's descriptor."""
CALL, EXIT = 0x85, 0x95


class Instruction(t.NamedTuple):
    """What the processor of BPF does in one step."""

    code: int
    to: int = 0
    """The register that is written to, or compared."""
    source: int = 0
    offset: int = 0
    """Bytes in memory, or instructions of a jump behind the next one."""
    value: int = 0

    def packed(self) -> bytes:
        """Return it as the kernel takes it."""
        return _LAYOUT.pack(self.code, self.to | self.source << 4, self.offset, self.value)


def packed(code: t.Iterable[Instruction]) -> bytes:
    """Return a program as the kernel takes it."""
    return b"".join(instruction.packed() for instruction in code)


def unpacked(code: bytes) -> t.List[Instruction]:
    """Return the instructions of a program; what is left over at its end is none."""
    whole = code[: len(code) // SIZE * SIZE]
    return [
        Instruction(operation, registers & 15, registers >> 4, offset, value)
        for operation, registers, offset, value in _LAYOUT.iter_unpack(whole)
    ]
