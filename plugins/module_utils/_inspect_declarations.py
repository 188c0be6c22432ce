# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cffi makes of csrc/keepalive_inspect.h. Made by tests/csrc/inspect_declarations.py; do not edit.

Reading the header itself takes cffi longer than the library takes to read thousands of sockets.
"""

from __future__ import annotations

import typing as t

HEADER_SHA256 = "fb35b564070d4f8d9a46b978f122e4f2cce05df36be74c1857e628cf6d857af1"
"""Of the header that this was made from; any other has to be read itself."""

ARGUMENTS: t.Dict[str, t.Any] = {
    "_version": 9729,
    "_types": b"\x00\x00\x01\r\x00\x00\x15\x01\x00\x00\x00\x0f\x00\x00\x01\r\x00\x00\x00\x0f"
    b"\x00\x00\x08\r\x00\x00\x15\x01\x00\x00\x01\x03\x00\x00\x16\x01\x00\x00\x13\x03"
    b"\x00\x00\x00\x0f\x00\x00\x08\r\x00\x00\x15\x01\x00\x00\x12\x03\x00\x00\x16\x01"
    b"\x00\x00\x14\x03\x00\x00\x00\x0f\x00\x00\x00\x0b\x00\x00\x00\t\x00\x00\x01\t"
    b"\x00\x00\x02\t\x00\x00\x03\t\x00\x00\x18\x01\x00\x00\x12\x01\x00\x00\x17\x05"
    b"\x00\x00\x00\x10",
    "_globals": (
        b"\xff\xff\xff\x0bKEEPALIVE_INSPECT_NONE",
        -2147483647,
        b"\xff\xff\xff\x0bKEEPALIVE_INSPECT_VERSION",
        1,
        b"\x00\x00\x0b#keepalive_inspect_apply",
        0,
        b"\x00\x00\x00#keepalive_inspect_open",
        0,
        b"\x00\x00\x05#keepalive_inspect_read",
        0,
        b"\x00\x00\x03#keepalive_inspect_version",
        0,
    ),
    "_struct_unions": (
        (
            b"\x00\x00\x00\x12\x00\x00\x00\x02keepalive_change",
            b"\x00\x00\x16\x11inode",
            b"\x00\x00\x01\x11fd",
            b"\x00\x00\x01\x11kind",
            b"\x00\x00\x08\x11settings",
            b"\x00\x00\x08\x11unused",
        ),
        (
            b"\x00\x00\x00\x13\x00\x00\x00\x02keepalive_record",
            b"\x00\x00\x16\x11inode",
            b"\x00\x00\x16\x11netns",
            b"\x00\x00\x01\x11fd",
            b"\x00\x00\x01\x11kind",
            b"\x00\x00\x01\x11version",
            b"\x00\x00\x01\x11state",
            b"\x00\x00\x01\x11keepalive",
            b"\x00\x00\x01\x11idle",
            b"\x00\x00\x01\x11local_port",
            b"\x00\x00\x01\x11remote_port",
            b"\x00\x00\x18\x11local",
            b"\x00\x00\x18\x11remote",
            b"\x00\x00\x15\x11values",
        ),
        (
            b"\x00\x00\x00\x14\x00\x00\x00\x02keepalive_setting",
            b"\x00\x00\x01\x11level",
            b"\x00\x00\x01\x11option",
            b"\x00\x00\x01\x11value",
            b"\x00\x00\x01\x11error",
            b"\x00\x00\x01\x11before",
            b"\x00\x00\x01\x11after",
        ),
        (
            b"\x00\x00\x00\x15\x00\x00\x00\x02keepalive_values",
            b"\x00\x00\x01\x11keepidle",
            b"\x00\x00\x01\x11keepcnt",
            b"\x00\x00\x01\x11keepintvl",
            b"\x00\x00\x01\x11user_timeout",
            b"\x00\x00\x01\x11syncnt",
            b"\x00\x00\x01\x11defer_accept",
            b"\x00\x00\x01\x11maxseg",
            b"\x00\x00\x01\x11window_clamp",
        ),
    ),
    "_enums": (b"\x00\x00\x00\x11\x00\x00\x00\x15$1\x00KEEPALIVE_INSPECT_VERSION,KEEPALIVE_INSPECT_NONE",),
}
"""Of _cffi_backend.FFI."""
