# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A map of the kernel's, in which a program looks things up: filled in one call, and gone when it is let go."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import typing as t

from .system_call import call_bpf, with_locked_memory

_MAP_CREATE, _MAP_UPDATE_BATCH = 0, 26
_HASH = 1
_CREATE = struct.Struct("=IIIII")
_BATCH = struct.Struct("=QQQQIIQQ")


@contextlib.contextmanager
def filled_map(keys: bytes, values: bytes, count: int) -> t.Iterator[int]:
    """Hold the descriptor of a map with so many keys and values, one after the other, as long as this lasts.

    :raises BpfRefused: The kernel makes none.
    """
    attributes = _CREATE.pack(_HASH, len(keys) // count, len(values) // count, count, 0)
    descriptor = with_locked_memory(lambda: call_bpf(_MAP_CREATE, attributes))[0]
    try:
        buffers = [ctypes.create_string_buffer(part, len(part)) for part in (keys, values)]
        call_bpf(_MAP_UPDATE_BATCH, _BATCH.pack(0, 0, *map(ctypes.addressof, buffers), count, descriptor, 0, 0))
        yield descriptor
    finally:
        os.close(descriptor)
