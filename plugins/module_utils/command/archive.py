# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program of ours as one executable file: a zip of the modules that it needs, with an interpreter in front.

There are two: the command keepalive-sockets, and keepalive-bpf for hosts on which nothing can be compiled.

The controller collects the modules (collect), the host makes the file of them (assemble), which then runs without
Ansible: the modules keep their full names, so that the same files serve both. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import sys
import typing as t
import zipfile

from ..linux.carried import PACKAGE, files_reached
from ..linux.command import find_program

ENTRY = "command.main.main"
"""Room, file and function."""
ATTACHING = "command.attaching.run_helper"
"""What C(keepalive-bpf) is made of where it is not compiled."""

_MAIN = """\
import sys

if sys.version_info < (3, 8):
    sys.exit(sys.argv[0] + " needs Python 3.8 or newer")
from {module} import {function}

sys.exit({function}())
"""

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python")
"""Tried in this order, then the one that runs this module."""


def collect(entry: str = ENTRY) -> t.Dict[str, str]:
    """Return the texts of a program's file and of all that it imports from the collection.

    :param entry: where the program begins.
    """
    return files_reached([entry.rpartition(".")[0]])


def assemble(files: t.Mapping[str, str], interpreter: str = "", entry: str = ENTRY) -> bytes:
    """Make the file.

    :param files: what collect returned, for the same entry.
    :param interpreter: the Python that runs it, by default the first of INTERPRETERS that root may run.
    """
    module, _dot, function = entry.rpartition(".")
    buffer = io.BytesIO()
    parts = PACKAGE.split(".")
    members = {"__main__.py": _MAIN.format(module=f"{PACKAGE}.{module}", function=function)}
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
