# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the rooms that go to a host as one text.

The controller collects them (files_reached, text_of_files), the host imports them under their own names (importable).

For what each run asks of each host. Ansible parses each file that a module imports, once a run; with all that a look
needs this took a controller longer than all hosts took for it together.
"""

from __future__ import annotations

import base64
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import sys
import typing as t
import zlib

PACKAGE = "ansible_collections.netops.keepalive.plugins.module_utils"

IMPORT = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
"""Parsing the files as the Python they are would take a controller a tenth of a second in each run."""

Files = t.Mapping[str, str]
"""Texts by path below the folder of the rooms."""


def files_reached(entry: str, folder: str = os.path.dirname(os.path.dirname(__file__))) -> t.Dict[str, str]:
    """Return the text of a file and of all that it imports from the collection.

    :param entry: the file, as V(room.file).
    :param folder: where the rooms lie.
    """
    found: t.Dict[str, str] = {}
    todo = [entry.replace(".", "/") + ".py"]
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
    for dots, module, names in IMPORT.findall(text):
        where = "/".join([room][: 2 - len(dots)] + (module.split(".") if module else []))
        if os.path.isdir(os.path.join(folder, where)):
            listed = re.sub(r"#.*|[()]", "", names).split(",")
            paths += [f"{where}/{name.split()[0]}.py" for name in listed if name.strip()]
        else:
            paths.append(f"{where}.py")
    return paths


def text_of_files(files: Files) -> str:
    """Return files as one text that JSON can carry."""
    return base64.b64encode(zlib.compress(json.dumps(files).encode())).decode()


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.ExecutionLoader):
    def __init__(self, files: Files) -> None:
        self._paths = {_name_of(path): path for path in files}
        self._files = files

    def find_spec(
        self, fullname: str, _path: t.Any, _target: t.Any = None
    ) -> t.Optional[importlib.machinery.ModuleSpec]:
        return importlib.util.spec_from_loader(fullname, self) if fullname in self._paths else None

    def is_package(self, fullname: str) -> bool:
        return self._paths[fullname].endswith("/__init__.py")

    def get_filename(self, fullname: str) -> str:
        # Where no file can be: before a traceback shows a line, Python opens what is called so, and a relative name
        # would be one of the folder that root happens to be in, which may be anybody's.
        return f"/dev/null/{self._paths[fullname]}"

    def get_source(self, fullname: str) -> str:
        return self._files[self._paths[fullname]]


def _name_of(path: str) -> str:
    return ".".join([PACKAGE, *path[: -len(".py")].split("/")]).replace(".__init__", "")


def importable(text: str) -> None:
    """Let the files in a text that text_of_files returned be imported, for as long as this process lives."""
    sys.meta_path.insert(0, _Finder(json.loads(zlib.decompress(base64.b64decode(text)))))
