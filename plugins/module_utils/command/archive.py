# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command keepalive-sockets as one executable file: a zip of the modules it needs, with an interpreter in front.

The controller collects the modules (collect), the host makes the file of them (assemble), which then runs without
Ansible: the modules keep their full names, so that the same files serve both. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import os
import re
import sys
import typing as t
import zipfile

from ..libraries.command_file import NAME
from ..linux.command import find_program

ENTRY = "command.main"
_PACKAGE = "ansible_collections.netops.keepalive.plugins.module_utils"

_MAIN = f"""\
import sys

if sys.version_info < (3, 8):
    sys.exit("{NAME} needs Python 3.8 or newer")
from {_PACKAGE}.{ENTRY} import main

sys.exit(main())
"""

_IMPORT = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
"""Parsing the files as the Python they are would take a controller a tenth of a second in each run."""

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python")
"""Tried in this order, then the one that runs this module."""


def collect(folder: str = os.path.dirname(os.path.dirname(__file__))) -> t.Dict[str, str]:
    """Return the text of the command's file and of all that it imports from the collection, by path below the folder.

    :param folder: where the rooms lie.
    """
    found: t.Dict[str, str] = {}
    todo = [ENTRY.replace(".", "/") + ".py"]
    while todo:
        path = todo.pop()
        if path not in found:
            with open(os.path.join(folder, path), encoding="utf-8") as stream:
                found[path] = stream.read()
            todo += imported_by(found[path], path, folder)
    return dict(sorted(found.items()))


def imported_by(text: str, path: str, folder: str) -> t.List[str]:
    """Return the paths of what a file of a room imports from the collection, and of the room itself.

    :param path: of the file, below the folder.
    :param folder: where the rooms lie.
    """
    room = os.path.dirname(path)
    paths = [f"{room}/__init__.py"]
    for dots, module, names in _IMPORT.findall(text):
        where = "/".join([room][: 2 - len(dots)] + (module.split(".") if module else []))
        if os.path.isdir(os.path.join(folder, where)):
            listed = re.sub(r"#.*|[()]", "", names).split(",")
            paths += [f"{where}/{name.split()[0]}.py" for name in listed if name.strip()]
        else:
            paths.append(f"{where}.py")
    return paths


def assemble(files: t.Mapping[str, str], interpreter: str = "") -> bytes:
    """Make the file.

    :param files: what collect returned.
    :param interpreter: the Python that runs it, by default the first of INTERPRETERS that root may run.
    """
    buffer = io.BytesIO()
    parts = _PACKAGE.split(".")
    members = {"__main__.py": _MAIN}
    for depth in range(1, len(parts) + 1):
        members["/".join([*parts[:depth], "__init__.py"])] = ""
    for path, text in files.items():
        members["/".join([*parts, path])] = text
    # Stored, because what another release of zlib makes of it would be other bytes.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(members):
            archive.writestr(zipfile.ZipInfo(path), members[path])
    python = interpreter or next(filter(find_program, INTERPRETERS), sys.executable)
    # Isolated: neither the caller's folder nor PYTHONPATH may bring other modules of these names.
    return f"#!{python} -I\n".encode() + buffer.getvalue()
