# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the text of systemd unit files says about a service's environment: systemd.exec(5), systemd.syntax(7).

Pure functions over text. C(systemctl show) gives only the merged result, with our own drop-in in it; what was there
before us stands in the files alone.
"""

from __future__ import annotations

import re
import typing as t

from .quoting import words

_LINE_END = re.compile(r"\r\n|\n\r|[\r\n\0]")
"""What ends a line for systemd; str.splitlines() knows more."""
_BLANKS = " \t\r"


class Assignments(t.NamedTuple):
    """The lines of a section that touch the environment, in the order of the files."""

    environment: t.Dict[str, str]
    """V(Environment=): the last assignment of each variable; specifiers (V(%n)) stand as written."""
    origin: t.Dict[str, str]
    """The path of the file whose assignment that is."""
    files: t.List[str]
    """V(EnvironmentFile=) paths; a leading V(-) (the file may be missing) is kept."""
    unset: t.List[str]
    """V(UnsetEnvironment=) names or assignments."""
    emptied: str
    """The path of the last file with an empty V(Environment=), which takes away what files before it set; else ''."""
    unread: t.Tuple[str, ...] = ()
    """Files that could not be read, each with the reason: what they say is not known."""
    fragment: str = ""
    """The path of the unit's own file, before which no drop-in counts."""


def directives_in(text: str, section: str) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the (name, value) pairs of one section of a unit file, continuation lines joined."""
    current, pending = "", ""
    lines = _LINE_END.split(text)
    for number, raw in enumerate(lines, 1):
        if raw.strip(_BLANKS).startswith(("#", ";")):
            continue  # also between continued lines: systemd.syntax(7)
        if raw.endswith("\\"):
            pending += raw[:-1] + " "
            if number < len(lines):
                continue
            raw = ""
        line, pending = (pending + raw).strip(_BLANKS), ""
        if line.startswith("[") and line.endswith("]"):
            current = line[1:-1]
        elif current == section and "=" in line:
            name, value = line.split("=", 1)
            yield name.strip(_BLANKS), value.strip(_BLANKS)


def assignments(files: t.Iterable[t.Tuple[str, str]], section: str = "Service") -> Assignments:
    """Read (path, text) pairs, in the order in which systemd applies them."""
    environment: t.Dict[str, str] = {}
    origin: t.Dict[str, str] = {}
    environment_files: t.List[str] = []
    unset: t.List[str] = []
    emptied = ""
    for path, text in files:
        for name, value in directives_in(text, section):
            if name == "Environment":
                if not value:
                    environment.clear()
                    emptied = path
                for word in words(value):
                    key, separator, content = word.partition("=")
                    if separator:
                        environment[key], origin[key] = content, path
            elif name == "EnvironmentFile":
                environment_files = [*environment_files, value] if value else []
            elif name == "UnsetEnvironment":
                unset = unset + words(value) if value else []
    return Assignments(environment, origin, environment_files, unset, emptied)


def environment_file_names(text: str) -> t.List[str]:
    """Return the variables that an V(EnvironmentFile=) sets."""
    names = []
    for line in _LINE_END.split(text):
        found = re.match(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
        if found:
            names.append(found[1])
    return names


def exec_start(text: str) -> str:
    """Return the first V(ExecStart=) of a unit file in the form of systemctl's property; '' where there is none.

    For a template that has no instance yet: systemctl show knows only instances. A path with a specifier (V(%i)) is not
    known before there is one.
    """
    for name, value in directives_in(text, "Service"):
        program = (words(value) or [""])[0].lstrip("-@:+!|")
        if name == "ExecStart" and program.startswith("/") and "%" not in program:
            return f"path={program} ; argv[]={value}"
    return ""


def preload_entries(value: str) -> t.List[str]:
    """Split an LD_PRELOAD as ld.so(8) does: on spaces and colons."""
    return [entry for entry in re.split(r"[\s:]+", value) if entry]
