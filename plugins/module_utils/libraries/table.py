# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of what csrc/Makefile installs: each file's kind, mode, and so how it is tried before it is installed.

A further file is one row here and one in INSTALLED of the Makefile; a test compares the two.
"""

from __future__ import annotations

import shlex
import typing as t

from ..settings.options import INSPECT, LIBRARIES

PRELOAD = "preload"
"""A library for LD_PRELOAD: tried under true(1), and in a conversation over loopback."""
LIBRARY = "library"
"""A library that programs load by themselves, never LD_PRELOAD: a Python process reads its own socket through it."""
PROGRAM = "program"
"""A program or a script: C(--help) must end with status 0 and say nothing on standard error."""
FOREIGN = "foreign"
"""In a folder of its own: a library for programs of another kind (32 bit), tried with their loader when it is made, or
a link by which C($LIB) leads programs of the host's own kind to the libraries."""
DATA = "data"
"""Read only by our own programs; nothing is tried."""

FOLDER_MODE = 0o755


class File(t.NamedTuple):
    """One file below /usr/lib/libkeepalive."""

    name: str
    kind: str
    mode: int = 0o644


WATCHDOG = "keepalive-watchdog"
"""The program that takes a new /etc/ld.so.preload back, see ld_so_preload/watchdog.py."""

BPF = "keepalive-bpf"
"""The program that attaches another one of the same values to its own cgroup, see bpf/attach.py."""

FILES: t.Dict[str, File] = {
    file.name: file
    for file in (
        *(File(name, PRELOAD) for name in LIBRARIES.values()),
        File(INSPECT, LIBRARY),
        File("keepalive_inspect.h", DATA),
        File(WATCHDOG, PROGRAM, 0o755),
        File(BPF, PROGRAM, 0o755),
    )
}


def file_of(name: str) -> File:
    """Return the row of a file. Sources and prebuilt folders of others may bring more than we know."""
    if "/" in name:
        return File(name, FOREIGN)
    return FILES.get(name) or File(name, PRELOAD if name.endswith(".so") else DATA)


def is_preload(name: str) -> bool:
    """Whether the file is for LD_PRELOAD."""
    return file_of(name).kind == PRELOAD


def is_tried(name: str) -> bool:
    """Whether something of it is run before it is installed."""
    return file_of(name).kind not in (DATA, FOREIGN)


def tools_for(cc: str) -> t.Tuple[str, ...]:
    """Return the programs without which nothing can be compiled.

    :param cc: The C compiler, perhaps with options.
    """
    try:
        words = shlex.split(cc)
    except ValueError:  # it is said where it is to be run
        words = cc.split()
    return (words[0] if words else "cc", "make")
