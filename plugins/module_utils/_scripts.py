# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which program runs inside an interpreter: the script, the module or the Java class, told from its arguments.

Nothing else of the arguments leaves this module: they may hold passwords.
"""

from __future__ import annotations

import os
import re
import typing as t

_INTERPRETERS = re.compile(r"(python|perl|ruby|node|nodejs|php|php-cgi|bash|sh|dash|java)[0-9.]*")

_INLINE = {"python": ("-c",), "perl": ("-e", "-E"), "ruby": ("-e",), "node": ("-e", "-p", "--eval", "--print"),
           "nodejs": ("-e", "-p"), "php": ("-r",), "bash": ("-c",), "sh": ("-c",), "dash": ("-c",)}  # fmt: skip
"""Options behind which the program itself stands, which has no name."""

_WITH_ARGUMENT = {
    "python": ("-W", "-X"),
    "perl": ("-I", "-M"),
    "ruby": ("-I", "-r"),
    "node": ("-r", "--require", "--import", "--loader"),
    "nodejs": ("-r", "--require"),
    "php": ("-c", "-d"),
    "java": ("-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens",
             "--add-exports", "--add-reads"),
}  # fmt: skip

_NAMING = {"python": ("-m",), "java": ("-jar", "-m", "--module")}
"""Options behind which its name stands."""


def script_of(program: str, arguments: t.Sequence[str]) -> str:
    """Return what an interpreter runs, '' for other programs and where it cannot be told.

    :param program: the path of the executable.
    :param arguments: argv, the program's own name first.
    """
    match = _INTERPRETERS.fullmatch(os.path.basename(program))
    if not match:
        return ""
    kind = match[1]
    rest = iter(arguments[1:])
    for word in rest:
        if word in _INLINE.get(kind, ()):
            return ""
        if word in _NAMING.get(kind, ()):
            return next(rest, "")
        if word in _WITH_ARGUMENT.get(kind, ()):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def arguments_of(block: bytes) -> t.List[str]:
    """Return argv from /proc/PID/cmdline; a process that set a title over it has one word with blanks."""
    return [os.fsdecode(word) for word in block.rstrip(b"\0").split(b"\0")] if block else []
