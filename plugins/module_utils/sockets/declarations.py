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
    b"PECT_VERSION = 3,        /* goes up with every change below; keepalive_inspect_version() must ag"
    b"ree */\n    KEEPALIVE_INSPECT_NONE = -2147483647, /* an option that cannot be read from this "
    b"socket */\n    KEEPALIVE_INSPECT_ROOM = 128,         /* the least that a list needs */\n};\n\n/*"
    b" The options of TCP, each with its name in the collection; what counts what is in README.md."
    b" */\nstruct keepalive_values {\n    int32_t keepidle;\n    int32_t keepcnt;\n    int32_t keepint"
    b"vl;\n    int32_t user_timeout;\n    int32_t syncnt;\n    int32_t defer_accept;\n    int32_t maxs"
    b"eg;\n    int32_t window_clamp;\n};\n\n/* One socket. Where kind is not above 0, only fd and kind"
    b" mean anything. */\nstruct keepalive_record {\n    uint64_t inode;\n    uint64_t netns;     /* "
    b"inode of the socket's network namespace, 0 where the kernel does not tell us */\n    int32_t "
    b"fd;\n    int32_t kind;       /* IPPROTO_TCP or IPPROTO_MPTCP; 0: something else; -errno: ther"
    b"e was nothing to duplicate */\n    int32_t version;    /* of IP: 4 or 6 */\n    int32_t state;"
    b"      /* enum tcp_states of the kernel */\n    int32_t keepalive;  /* SO_KEEPALIVE */\n    int"
    b"32_t idle;       /* milliseconds since data last went either way, -1 where that means nothing */"
    b"\n    int32_t local_port;\n    int32_t remote_port; /* -1: not connected */\n    uint8_t local["
    b"16];   /* of IPv4 the first 4 bytes */\n    uint8_t remote[16];\n    struct keepalive_values v"
    b"alues;\n};\n\n/* One setsockopt(2) of an int, and what came of it. */\nstruct keepalive_setting "
    b"{\n    int32_t level;\n    int32_t option;\n    int32_t value;\n    int32_t error;  /* 0, or the"
    b" errno with which the kernel refused it */\n    int32_t before; /* KEEPALIVE_INSPECT_NONE whe"
    b"re it cannot be read */\n    int32_t after;  /* of all settings of the socket, once the last "
    b"of them was made */\n};\n\n/* One socket whose options are set. */\nstruct keepalive_change "
    b"{\n    uint64_t inode; /* that it must have: descriptors are reused */\n    int32_t fd;\n    in"
    b"t32_t kind;      /* 1: done; 0: another socket by now, untouched; -errno: there was nothing to d"
    b"uplicate */\n    uint32_t settings; /* how many of the array are for this socket */\n    uint3"
    b"2_t unused;\n};\n\n/* The version of this file that the library was compiled with. */\nint32_t k"
    b"eepalive_inspect_version(void);\n\n/*\n * Returns a descriptor that stands for the process, or "
    b"where thread is not 0 for that thread of it (the caller closes\n * it), or -errno. Before Lin"
    b"ux 6.9 a thread is -EINVAL.\n */\nint32_t keepalive_inspect_open(int32_t pid, int32_t thread);"
    b"\n\n/*\n * Compares the descriptor tables of two threads: 0, they share one; 1, 2: theirs are t"
    b"wo, the first before or after the\n * second in an order that stays; or -errno, -ENOSYS where"
    b" the kernel was built without kcmp(2).\n */\nint32_t keepalive_inspect_compare(int32_t one, in"
    b"t32_t other);\n\n/*\n * Goes on with the list of the sockets, of whatever kind, in a folder, th"
    b"e open /proc/PID/fd of a process. Returns how\n * many it has found in this call; 0: there ar"
    b"e no more; -errno. Both arrays have this much room; below\n * KEEPALIVE_INSPECT_ROOM it is -E"
    b"INVAL.\n */\nint32_t keepalive_inspect_list(int32_t folder, int32_t *fds, uint64_t *inodes, ui"
    b"nt32_t room);\n\n/*\n * Both work through their array from the beginning. They return how many "
    b"entries they have dealt with: fewer than\n * count where the kernel does not let us duplicate"
    b", and then the next entry's kind says why (-EPERM, -ENOSYS, ...).\n *\n * Call them in a proce"
    b"ss made for that. *left is how many duplicates they have left open because their close() cou"
    b"ld\n * wait (SO_LINGER): where it is not 0 that process has to end, which does not wait. And "
    b"an owner can make any question\n * about his socket wait for as long as he likes: give the pr"
    b"ocess up when it takes long.\n */\nuint32_t keepalive_inspect_read(int32_t process, const int3"
    b"2_t *fds, uint32_t count, struct keepalive_record *records,\n                                "
    b"uint32_t *left);\nuint32_t keepalive_inspect_apply(int32_t process, struct keepalive_change *"
    b"changes, uint32_t count,\n                                 struct keepalive_setting *settings"
    b", uint32_t *left);\n\n#endif\n"
)
"""The header that this was made from; any other has to be read itself."""

ARGUMENTS: t.Dict[str, t.Any] = {
    "_version": 9729,
    "_types": b"\x00\x00\x01\r\x00\x00\x15\x01\x00\x00\x01\x03\x00\x00\x1f\x03\x00\x00\x16\x01"
    b"\x00\x00\x00\x0f\x00\x00\x01\r\x00\x00\x15\x01\x00\x00\x15\x01\x00\x00\x00\x0f"
    b"\x00\x00\x01\r\x00\x00\x00\x0f\x00\x00\x04\r\x00\x00\x15\x01\x00\x00\x01\x03"
    b"\x00\x00\x16\x01\x00\x00\x1c\x03\x00\x00\x04\x03\x00\x00\x00\x0f\x00\x00\x04\r"
    b"\x00\x00\x15\x01\x00\x00\x1b\x03\x00\x00\x16\x01\x00\x00\x1d\x03\x00\x00\x11\x11"
    b"\x00\x00\x00\x0f\x00\x00\x00\x0b\x00\x00\x00\t\x00\x00\x01\t\x00\x00\x02\t"
    b"\x00\x00\x03\t\x00\x00\x18\x01\x00\x00\x12\x01\x00\x00 \x05\x00\x00\x00\x10",
    "_globals": (
        b"\xff\xff\xff\x0bKEEPALIVE_INSPECT_NONE",
        -2147483647,
        b"\xff\xff\xff\x0bKEEPALIVE_INSPECT_ROOM",
        128,
        b"\xff\xff\xff\x0bKEEPALIVE_INSPECT_VERSION",
        3,
        b"\x00\x00\x13#keepalive_inspect_apply",
        0,
        b"\x00\x00\x06#keepalive_inspect_compare",
        0,
        b"\x00\x00\x00#keepalive_inspect_list",
        0,
        b"\x00\x00\x06#keepalive_inspect_open",
        0,
        b"\x00\x00\x0c#keepalive_inspect_read",
        0,
        b"\x00\x00\n#keepalive_inspect_version",
        0,
    ),
    "_struct_unions": (
        (
            b"\x00\x00\x00\x1b\x00\x00\x00\x02keepalive_change",
            b"\x00\x00\x1f\x11inode",
            b"\x00\x00\x01\x11fd",
            b"\x00\x00\x01\x11kind",
            b"\x00\x00\x04\x11settings",
            b"\x00\x00\x04\x11unused",
        ),
        (
            b"\x00\x00\x00\x1c\x00\x00\x00\x02keepalive_record",
            b"\x00\x00\x1f\x11inode",
            b"\x00\x00\x1f\x11netns",
            b"\x00\x00\x01\x11fd",
            b"\x00\x00\x01\x11kind",
            b"\x00\x00\x01\x11version",
            b"\x00\x00\x01\x11state",
            b"\x00\x00\x01\x11keepalive",
            b"\x00\x00\x01\x11idle",
            b"\x00\x00\x01\x11local_port",
            b"\x00\x00\x01\x11remote_port",
            b"\x00\x00!\x11local",
            b"\x00\x00!\x11remote",
            b"\x00\x00\x1e\x11values",
        ),
        (
            b"\x00\x00\x00\x1d\x00\x00\x00\x02keepalive_setting",
            b"\x00\x00\x01\x11level",
            b"\x00\x00\x01\x11option",
            b"\x00\x00\x01\x11value",
            b"\x00\x00\x01\x11error",
            b"\x00\x00\x01\x11before",
            b"\x00\x00\x01\x11after",
        ),
        (
            b"\x00\x00\x00\x1e\x00\x00\x00\x02keepalive_values",
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
    "_enums": (
        b"\x00\x00\x00\x1a\x00\x00\x00\x15$1\x00KEEPALIVE_INSPECT_VERSION,KEEPALIVE_INSPECT_N"
        b"ONE,KEEPALIVE_INSPECT_ROOM",
    ),
}
"""Of _cffi_backend.FFI."""
