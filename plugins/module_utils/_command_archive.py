# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command keepalive-sockets as one executable file: a zip of the modules it needs, with an interpreter in front.

The controller collects the modules (collect), the host makes the file of them (assemble), which then runs without
Ansible: the modules keep their full names, so that the same files serve both. The same input gives the same bytes.
"""

from __future__ import annotations

import ast
import io
import os
import sys
import typing as t
import zipfile

from ansible_collections.netops.keepalive.plugins.module_utils._run import find_program

NAME = "keepalive-sockets"
ENTRY = "_sockets_command"
_PACKAGE = "ansible_collections.netops.keepalive.plugins.module_utils"

_MAIN = f"""\
import sys

if sys.version_info < (3, 8):
    sys.exit("{NAME} needs Python 3.8 or newer")
from {_PACKAGE}.{ENTRY} import main

sys.exit(main())
"""

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python")
"""Tried in this order, then the one that runs this module."""


def collect(folder: str = os.path.dirname(__file__)) -> t.Dict[str, str]:
    """Return the text of the command's module and of all that it imports from the collection, by module name.

    :param folder: where the modules lie.
    """
    found: t.Dict[str, str] = {}
    todo = [ENTRY]
    while todo:
        name = todo.pop()
        if name not in found:
            with open(os.path.join(folder, f"{name}.py"), encoding="utf-8") as stream:
                found[name] = stream.read()
            todo += imported_by(found[name])
    return dict(sorted(found.items()))


def imported_by(text: str) -> t.List[str]:
    """Name the modules of the collection that a module imports."""
    names: t.List[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == _PACKAGE:
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(_PACKAGE + "."):
            names.append(node.module[len(_PACKAGE) + 1 :])
    return names


def assemble(modules: t.Mapping[str, str], interpreter: t.Optional[str] = None) -> bytes:
    """Make the file.

    :param modules: what collect returned.
    :param interpreter: the Python that runs it, by default the first of INTERPRETERS that root may run.
    """
    buffer = io.BytesIO()
    parts = _PACKAGE.split(".")
    members = {"__main__.py": _MAIN}
    for depth in range(1, len(parts) + 1):
        members["/".join([*parts[:depth], "__init__.py"])] = ""
    for name, text in modules.items():
        members["/".join([*parts, f"{name}.py"])] = text
    # Stored, because what another release of zlib makes of it would be other bytes.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(members):
            archive.writestr(zipfile.ZipInfo(path), members[path])
    python = interpreter or next(filter(find_program, INTERPRETERS), sys.executable)
    # Isolated: neither the caller's folder nor PYTHONPATH may bring other modules of these names.
    return f"#!{python} -I\n".encode() + buffer.getvalue()
