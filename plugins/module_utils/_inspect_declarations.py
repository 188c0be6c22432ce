# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cffi makes of csrc/keepalive_inspect.h. Made by tests/csrc/inspect_declarations.py; do not edit.

Reading the header itself takes cffi longer than the library takes to read thousands of sockets.
"""

from __future__ import annotations

import typing as t

SOURCE = (
    b"/* SPDX-License-Identifier: ISC */\n/*\n * libkeepalive_inspect.so: the TCP sockets of another"
    b" process, read and set through duplicates of its descriptors\n * (pidfd_getfd(2)). This file "
    b"is read by C compilers and, without the lines that begin with #, by cffi.\n */\n#ifndef KEEPAL"
    b"IVE_INSPECT_H\n#define KEEPALIVE_INSPECT_H\n\n#include <stdint.h>\n\nenum {\n    KEEPALIVE_INS"
    b"PECT_VERSION = 1,        /* goes up with every change below; keepalive_inspect_version() must ag"
    b"ree */\n    KEEPALIVE_INSPECT_NONE = -2147483647, /* an option that cannot be read from this "
    b"socket */\n};\n\n/* The options of TCP, each with its name in the collection; what counts what "
    b"is in README.md. */\nstruct keepalive_values {\n    int32_t keepidle;\n    int32_t keepcnt;\n   "
    b" int32_t keepintvl;\n    int32_t user_timeout;\n    int32_t syncnt;\n    int32_t defer_accept;\n"
    b"    int32_t maxseg;\n    int32_t window_clamp;\n};\n\n/* One socket. Where kind is not above 0, "
    b"only fd and kind mean anything. */\nstruct keepalive_record {\n    uint64_t inode;\n    uint64_"
    b"t netns;     /* inode of the socket's network namespace, 0 where the kernel does not tell us"
    b" */\n    int32_t fd;\n    int32_t kind;       /* IPPROTO_TCP or IPPROTO_MPTCP; 0: something el"
    b"se; -errno: there was nothing to duplicate */\n    int32_t version;    /* of IP: 4 or 6 */\n  "
    b"  int32_t state;      /* enum tcp_states of the kernel */\n    int32_t keepalive;  /* SO_KEEP"
    b"ALIVE */\n    int32_t idle;       /* milliseconds since data last went either way, -1 where t"
    b"hat means nothing */\n    int32_t local_port;\n    int32_t remote_port; /* -1: not connected *"
    b"/\n    uint8_t local[16];   /* of IPv4 the first 4 bytes */\n    uint8_t remote[16];\n    struc"
    b"t keepalive_values values;\n};\n\n/* One setsockopt(2) of an int, and what came of it. */\nstruc"
    b"t keepalive_setting {\n    int32_t level;\n    int32_t option;\n    int32_t value;\n    int32_t "
    b"error;  /* 0, or the errno with which the kernel refused it */\n    int32_t before; /* KEEPAL"
    b"IVE_INSPECT_NONE where it cannot be read */\n    int32_t after;  /* of all settings of the so"
    b"cket, once the last of them was made */\n};\n\n/* One socket whose options are set. */\nstruct k"
    b"eepalive_change {\n    uint64_t inode; /* that it must have: descriptors are reused */\n    in"
    b"t32_t fd;\n    int32_t kind;      /* 1: done; 0: another socket by now, untouched; -errno: th"
    b"ere was nothing to duplicate */\n    uint32_t settings; /* how many of the array are for this"
    b" socket */\n    uint32_t unused;\n};\n\n/* The version of this file that the library was compile"
    b"d with. */\nint32_t keepalive_inspect_version(void);\n\n/* Returns a descriptor that stands for"
    b" the process (the caller closes it), or -errno. */\nint32_t keepalive_inspect_open(int32_t pi"
    b"d);\n\n/*\n * Both work through their array from the beginning. They return how many entries th"
    b"ey have dealt with: fewer than\n * count where the kernel does not let us duplicate, and then"
    b" the next entry's kind says why (-EPERM, -ENOSYS, ...).\n */\nuint32_t keepalive_inspect_read("
    b"int32_t process, const int32_t *fds, uint32_t count, struct keepalive_record *records);\nuint"
    b"32_t keepalive_inspect_apply(int32_t process, struct keepalive_change *changes, uint32_t cou"
    b"nt,\n                                 struct keepalive_setting *settings);\n\n#endif\n"
)
"""The header that this was made from; any other has to be read itself."""

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
