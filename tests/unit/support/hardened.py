# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that not even root may change. Done as C(chattr) does it, which a small machine may lack."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pathlib
import typing as t

import pytest

_GET, _SET = 0x80086601, 0x40086602
"""FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of x86-64 and of most others, see ioctl_iflags(2)."""
IMMUTABLE, APPEND_ONLY = 0x10, 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL."""


@contextlib.contextmanager
def hardened(path: pathlib.Path, flag: int = IMMUTABLE) -> t.Iterator[None]:
    """Have a file or a folder unchangeable for a while; the test is skipped where that is not to be had."""
    descriptor = os.open(path, os.O_RDONLY)
    flags = array.array("l", [0])
    try:
        try:
            fcntl.ioctl(descriptor, _GET, flags)
            fcntl.ioctl(descriptor, _SET, array.array("l", [flags[0] | flag]))
        except OSError as error:
            pytest.skip(f"nothing is made immutable here: {error.strerror}")
        try:
            yield
        finally:
            fcntl.ioctl(descriptor, _SET, flags)
    finally:
        os.close(descriptor)
