# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the module have in common: small sources, and how a folder is compared."""

from __future__ import annotations

import pathlib
import typing as t

COLLECTION = pathlib.Path(__file__).parents[5]
MAKEFILE = """
CFLAGS = -O2
install:
\t$(CC) $(CFLAGS) -shared -fPIC $(LDFLAGS) -o one.so one.c
\t$(CC) $(CFLAGS) -shared -fPIC $(LDFLAGS) -o two.so two.c
\tmkdir -p $(DESTDIR)$(LIBDIR)
\tcp one.so two.so $(DESTDIR)$(LIBDIR)
"""
TINY = {"Makefile": MAKEFILE, "one.c": "int one(void) { return 1; }\n", "two.c": "int two(void) { return 2; }\n"}
CONSTRUCTOR = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }\n"

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


def snapshot(folder: pathlib.Path) -> t.Dict[str, t.Tuple[int, int, bytes]]:
    """Name → inode, mode and content; empty where there is no folder."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mode, path.read_bytes())
        for path in (folder.iterdir() if folder.exists() else ())
    }
