# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A map of the kernel's, in which a program looks things up: filled in few calls, and gone when it is let go."""

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
_AT_ONCE = 512
"""Entries in one call: more of them would be so much memory that the pages for it take longer than the calls."""

Part = t.Tuple[bytes, bytes, int]
"""Keys, the values for them, one after the other, and how many they are."""


@contextlib.contextmanager
def filled_map(keys: bytes, which: t.Sequence[int], values: t.Sequence[bytes]) -> t.Iterator[int]:
    """Hold the descriptor of a map as long as this lasts.

    :param keys: One after the other.
    :param which: For each of them the position of its value: thousands may have the same.
    :raises BpfRefused: The kernel makes none.
    """
    attributes = _CREATE.pack(_HASH, len(keys) // len(which), len(values[0]), len(which), 0)
    descriptor = with_locked_memory(lambda: call_bpf(_MAP_CREATE, attributes))[0]
    try:
        for some, their, count in _parts(keys, which, values):
            places = [ctypes.cast(ctypes.c_char_p(part), ctypes.c_void_p).value or 0 for part in (some, their)]
            call_bpf(_MAP_UPDATE_BATCH, _BATCH.pack(0, 0, *places, count, descriptor, 0, 0))
        yield descriptor
    finally:
        os.close(descriptor)


def _parts(keys: bytes, which: t.Sequence[int], values: t.Sequence[bytes]) -> t.Iterator[Part]:
    width = len(keys) // len(which)
    for start in range(0, len(which), _AT_ONCE):
        some = which[start : start + _AT_ONCE]
        yield keys[start * width : (start + len(some)) * width], b"".join(map(values.__getitem__, some)), len(some)
