# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that not even root may change, as hardening guides make them with chattr(1); see statx(2) and inode(7)."""

from __future__ import annotations

import os
import struct

try:
    import ctypes
except ImportError:  # a Python built without libffi
    ctypes = None  # type: ignore[assignment]

_KINDS = {0x10: ("immutable", "i"), 0x20: ("append-only", "a")}
"""STATX_ATTR_IMMUTABLE and STATX_ATTR_APPEND: what they are called, and chattr's letter."""
_HERE, _NO_LINK = -100, 0x100
"""AT_FDCWD and AT_SYMLINK_NOFOLLOW."""
_SIZE, _ATTRIBUTES = 256, 8
"""Bytes of struct statx, and where its stx_attributes stand."""


def not_replaceable(path: str) -> str:
    """Say why a file can be neither replaced nor removed nor made by whoever may do so else; '' where it can be.

    It is '' as well where that cannot be seen: the file system does not tell, or the C library is older than glibc
    2.28. What is wrong then shows when it is written.
    """
    folder = os.path.dirname(path)
    while not os.path.isdir(folder) and folder not in ("", "/"):
        folder = os.path.dirname(folder)
    name = os.path.basename(path)
    for hard, flags, thing in ((path, _NO_LINK, "it"), (folder or ".", 0, f"{name} in it")):
        attributes = _attributes(hard, flags)
        for bit, (what, letter) in _KINDS.items():
            if attributes & bit:
                return (
                    f"{hard} is {what}, so that not even root can replace {thing}; take that away first"
                    f" (chattr -{letter} {hard})"
                )
    return ""


def _attributes(path: str, flags: int) -> int:
    statx = getattr(ctypes.CDLL(None), "statx", None) if ctypes is not None else None
    if statx is None:
        return 0
    answer = ctypes.create_string_buffer(_SIZE)
    if statx(ctypes.c_int(_HERE), os.fsencode(path), ctypes.c_int(flags), ctypes.c_uint(0), answer):
        return 0
    return int(struct.unpack_from("=Q", answer, _ATTRIBUTES)[0])
