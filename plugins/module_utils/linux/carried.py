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
import importlib.machinery
import json
import os
import re
import sys
import types
import typing as t
import zlib

from .compiled import PLACE, Compiled, content_kept, read_compiled

PACKAGE = "ansible_collections.netops.keepalive.plugins.module_utils"

_IMPORT = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
"""Parsing the files as the Python they are would take a controller a tenth of a second in each run."""

_LEVEL = 4
"""Of zlib: half of the time of its own choice, 6, for 6 % more to send."""

Files = t.Mapping[str, str]
"""Texts by path below the folder of the rooms."""


def files_reached(
    entries: t.Sequence[str], folder: str = os.path.dirname(os.path.dirname(__file__))
) -> t.Dict[str, str]:
    """Return the texts of files and of all that they import from the collection.

    :param entries: the files, each as V(room.file).
    :param folder: where the rooms lie.
    """
    found: t.Dict[str, str] = {}
    todo = [entry.replace(".", "/") + ".py" for entry in entries]
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
    for dots, module, names in relative_imports(text):
        where = "/".join([room][: 2 - len(dots)] + (module.split(".") if module else []))
        if os.path.isdir(os.path.join(folder, where)):
            paths += [f"{where}/{name}.py" for name in names]
        else:
            paths.append(f"{where}.py")
    return paths


def relative_imports(text: str) -> t.Iterator[t.Tuple[str, str, t.List[str]]]:
    """Yield the dots, the module and the names of each import from the collection, also of those within functions."""
    for dots, module, names in _IMPORT.findall(text):
        listed = re.sub(r"#.*|[()]", "", names).split(",")
        yield dots, module, [name.split()[0] for name in listed if name.strip()]


def text_of_files(files: Files) -> str:
    """Return files as one text that JSON can carry."""
    return base64.b64encode(zlib.compress(json.dumps(files).encode(), _LEVEL)).decode()


class _Finder:
    """Finds and loads, as importlib.abc describes it, which takes a host longer to import than half of these files."""

    def __init__(self, text: str, compiled: t.Optional[Compiled]) -> None:
        self._compiled = compiled
        self._files: Files = {} if compiled else files_in(text)
        self._text = text
        self._paths = {_name_of(path): path for path in compiled or self._files}

    def find_spec(
        self, fullname: str, _path: t.Any, _target: t.Any = None
    ) -> t.Optional[importlib.machinery.ModuleSpec]:
        if fullname not in self._paths:
            return None
        loader, origin = t.cast("t.Any", self), _origin(self._paths[fullname])
        spec = importlib.machinery.ModuleSpec(fullname, loader, origin=origin, is_package=self.is_package(fullname))
        spec.has_location = True  # or the module would have no __file__
        return spec

    def is_package(self, fullname: str) -> bool:
        return self._paths[fullname].endswith("/__init__.py")

    def get_source(self, fullname: str) -> str:
        self._files = self._files or files_in(self._text)
        return self._files[self._paths[fullname]]

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: types.ModuleType) -> None:
        path = self._paths[module.__name__]
        code = self._compiled[path] if self._compiled else _compiled(path, self._files[path])
        exec(code, module.__dict__)  # pylint: disable=exec-used  # that is what loading is


def _name_of(path: str) -> str:
    return ".".join([PACKAGE, *path[: -len(".py")].split("/")]).replace(".__init__", "")


def _origin(path: str) -> str:
    """Return where a file is said to be, which is where none can be.

    Before a traceback shows a line, Python opens what is called so, and a relative name would be one of the folder that
    root happens to be in, which may be anybody's.
    """
    return f"/dev/null/{path}"


def _compiled(path: str, text: str) -> types.CodeType:
    return compile(text, _origin(path), "exec", dont_inherit=True)


def files_in(text: str) -> Files:
    """Return the files in a text that text_of_files returned."""
    files: Files = json.loads(zlib.decompress(base64.b64decode(text)))
    return files


def compiled_content(text: str) -> bytes:
    """Return what a file says that keeps such a text compiled, see linux/compiled.py."""
    return content_kept(text, {path: _compiled(path, source) for path, source in files_in(text).items()})


def importable(text: str, kept: str = PLACE) -> None:
    """Let the files in a text that text_of_files returned be imported, for as long as this process lives.

    :param kept: where they may lie compiled.
    """
    sys.meta_path.insert(0, _Finder(text, read_compiled(text, kept)))
