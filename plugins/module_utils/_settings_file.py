# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/etc/libkeepalive.conf as the libraries read it (csrc/settings.c): the lines that are for one process, the last wins.

A broken line is skipped, and a section whose heading is broken fits nobody, as there. Patterns are those of
csrc/match.c, except that a class such as [:alpha:] makes the heading a broken one.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._options import OPTIONS, as_integer, problem_with
from ansible_collections.netops.keepalive.plugins.module_utils._pattern import fits
from ansible_collections.netops.keepalive.plugins.module_utils._procfs import PROC

PATH = "/etc/libkeepalive.conf"

DISABLE = "LIBKEEPALIVE_DISABLE"
RESPECT = "LIBKEEPALIVE_RESPECT"
_FLAGS = (DISABLE, RESPECT, "LIBKEEPALIVE_DEBUG")
_BY_VARIABLE = {option.variable: option for option in OPTIONS.values()}
_BLANKS = " \t\r"
_LONGEST_LINE = 1023
_LIMIT = 1 << 20


def value_of(variable: str, text: str) -> t.Optional[int]:
    """Return the number that the libraries take from a pair; None where they ignore it."""
    number = as_integer(text)
    if variable in _BY_VARIABLE:
        return None if problem_with(_BY_VARIABLE[variable], text) else number
    return number if variable in _FLAGS and number in (0, 1) else None


def parse(text: str, unit: str, program: str) -> t.Dict[str, int]:
    """Return variable → number for a process of that unit and executable; '' where there is none."""
    values: t.Dict[str, int] = {}
    applies = True
    for raw in text.split("\n"):
        line = _without_comment(raw).strip(_BLANKS)
        if not line and "#" in raw:
            continue
        if len(os.fsencode(raw)) > _LONGEST_LINE:
            applies = applies and bool(line) and not line.startswith("[")
        elif line.startswith("["):
            applies = _fits(line, unit, program)
        elif applies:
            variable, equals, number = line.partition("=")
            variable = variable.rstrip(_BLANKS)
            taken = value_of(variable, number.lstrip(_BLANKS)) if equals else None
            if taken is not None:
                values[variable] = taken
    return values


def _without_comment(line: str) -> str:
    for at, character in enumerate(line):
        if character == "#" and (at == 0 or line[at - 1] in _BLANKS):
            return line[:at]
    return line


def _fits(heading: str, unit: str, program: str) -> bool:
    if not heading.endswith("]"):
        return False
    words = heading[1:-1].strip(_BLANKS).replace("\t", " ").split(" ", 1)
    if len(words) != 2 or "[:" in words[1]:
        return False
    kind, pattern = words[0], words[1].strip(_BLANKS)
    if kind == "unit":
        return bool(unit) and ("." in pattern or "*" in pattern) and fits(_bytes(pattern), _bytes(unit))
    if kind == "program":
        return bool(program) and pattern.startswith(("/", "*")) and fits(_bytes(pattern), _bytes(program))
    return False


def _bytes(text: str) -> str:
    """Return a text in which each byte is a character, as it is one for C(?) in C."""
    return os.fsencode(text).decode("latin-1")


class Settings(t.NamedTuple):
    """What the file says to one process."""

    values: t.Dict[str, int]
    written: float
    """When the file was last changed, in seconds since the epoch."""


def read(pid: int, unit: str, program: str, root: str = PROC) -> t.Optional[Settings]:
    """Read the file that this process sees; None where there is none, or none that the libraries would trust."""
    try:
        with open(os.path.join(root, str(pid), "root") + PATH, "rb", opener=_without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
                return None
            text = os.fsdecode(stream.read(_LIMIT))
    except OSError:
        return None
    return Settings(parse(text, unit, program), status.st_mtime)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
