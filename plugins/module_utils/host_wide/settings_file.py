# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/etc/libkeepalive.conf as the libraries read it (csrc/settings.c): the lines that are for one process, the last wins.

A broken line is skipped, and a section whose heading is broken fits nobody, as there. A file that is there and cannot
be used comes to LIBKEEPALIVE_DISABLE=1: it may have said that this process is to be left alone. Patterns are those of
csrc/match.c, except that a class such as [:alpha:] makes the heading a broken one.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ..linux import below_root, in_force, procfs
from ..linux.procfs import Proc
from ..settings.options import OPTIONS, as_integer, problem_with_value
from ..settings.pattern import fits

PATH = "/etc/libkeepalive.conf"

DISABLE = "LIBKEEPALIVE_DISABLE"
RESPECT = "LIBKEEPALIVE_RESPECT"
_DEBUG = "LIBKEEPALIVE_DEBUG"
_BY_VARIABLE = {option.variable: option for option in OPTIONS.values()}
_BLANKS = " \t\r"
_LONGEST_LINE = 1023
_LIMIT = 1 << 20
"""Bytes; a file that has so many, or more, is too long."""


def value_of(variable: str, text: str) -> t.Optional[int]:
    """Return the number that the libraries take from a pair; None where they ignore it."""
    number = as_integer(text)
    if variable in _BY_VARIABLE:
        return None if problem_with_value(_BY_VARIABLE[variable], text) else number
    if variable == _DEBUG:
        return int(text not in ("", "0"))
    return number if variable in (DISABLE, RESPECT) and number in (0, 1) else None


def parse_settings(text: str, unit: str, program: str) -> t.Dict[str, int]:
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
    at_start: t.Dict[str, int]
    """What it said when the process was started; as now, where nothing shows otherwise."""
    problem: str = ""
    """Why it cannot be used, and what would be right; then it comes to LIBKEEPALIVE_DISABLE=1."""
    certain: bool = True
    """Whether that was so for the process: not where it may have had other rights when it was started."""


class Unusable(Exception):
    """The file is there and cannot be used; the text says why, and what would be right."""


def read_settings(pid: int, unit: str, program: str, proc: Proc, started: t.Optional[float]) -> t.Optional[Settings]:
    """Read the file that this process sees, with its rights and not with ours; None where there is none.

    :param started: When the process was started, in seconds since boot; None where that is not known.
    """
    try:
        found = below_root.find(PATH, pid, proc)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _left_alone(f"cannot be opened: {error.strerror}", certain=not isinstance(error, PermissionError))
    with found:
        try:
            text = os.fsdecode(content_of(found, PATH, proc.owner_of_root_files(pid)))
        except Unusable as error:
            return Settings({DISABLE: 1}, {DISABLE: 1}, str(error))
        status = procfs.parse_status(proc.bytes_of(pid, "status"))
        if not status.may(4, found.status):
            mode = stat.S_IMODE(found.status.st_mode)
            return _left_alone(
                f"has mode {mode:04o}: the user of the process (uid {status.uid}) may not read it", False
            )
        before = in_force.history(PATH).at(started, text)
        return Settings(parse_settings(text, unit, program), parse_settings(before or "", unit, program))


def _left_alone(why: str, certain: bool) -> Settings:
    return Settings({DISABLE: 1}, {DISABLE: 1}, unusable(PATH, why), certain)


def content_of(found: below_root.Found, path: str, owner: t.Optional[int] = 0) -> bytes:
    """Return the content of a file that the libraries would trust.

    :param owner: Whose file it has to be.
    :raises Unusable: They would not.
    """
    status = found.status
    if stat.S_ISREG(status.st_mode) and status.st_uid != owner:
        raise Unusable(unusable(path, f"belongs to uid {status.st_uid}"))
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o022:
        raise Unusable(unusable(path, f"has mode {stat.S_IMODE(status.st_mode):04o}: others than root may write it"))
    try:
        with found.open() as stream:
            content = stream.read(_LIMIT)
    except OSError as error:
        raise Unusable(unusable(path, f"cannot be read: {error.strerror}")) from error
    if len(content) >= _LIMIT:
        raise Unusable(unusable(path, f"has {_LIMIT} bytes or more"))
    return content


def unusable(path: str, why: str) -> str:
    """Say why a file cannot be used, and what would be right."""
    return f"{path} {why}; right is a regular file of root's with mode 0644 and less than 1 MiB"


Sections = t.Dict[str, t.List[t.Tuple[str, str]]]


def sections(text: str) -> Sections:
    """Read a file that this collection has written: by heading its variables, '' stands for what is above the first."""
    found: Sections = {"": []}
    heading = ""
    for line in text.split("\n"):
        if line.startswith("["):
            heading = line.strip()
            found[heading] = []
        elif "=" in line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            found[heading].append((name.strip(), value.strip()))
    return found


def changed_headings(new: str, old: str) -> t.List[str]:
    """Name the sections that stand in one of two texts alone, or with other lines; '' is what is for every process."""
    after, before = sections(new), sections(old)
    return sorted(heading for heading in {*after, *before} if after.get(heading) != before.get(heading))
