# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of this collection that runs now, once more as one file: what a module brought goes away with the module.

It is taken from where each part was loaded from, a zip of Ansible's or files, and keeps its names. Some parts are
imported only where they are needed, by what runs later: so all that is named in an import goes with the rest.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import typing as t
import zipfile
from importlib.machinery import ModuleSpec

from ..linux.carried import relative_imports

_PACKAGE = __name__.rpartition(".rollout.")[0]

_MAIN = """\
import sys

from {module} import {function}

sys.exit({function}(sys.argv[1:]))
"""


class NoSource(Exception):
    """A part was loaded from where its text is not to be had; the text says which."""


def zipped_code(entry: t.Callable[[t.Sequence[str]], int]) -> bytes:
    """Return a zip that Python runs, with all of the rooms that is loaded now, and what that may yet import.

    :param entry: what is run.
    """
    members = {"__main__.py": _MAIN.format(module=entry.__module__, function=entry.__name__)}
    parts = _PACKAGE.split(".")
    for depth in range(1, len(parts) + 1):
        members["/".join([*parts[:depth], "__init__.py"])] = ""
    todo = [name for name in sorted(sys.modules) if name.startswith(f"{_PACKAGE}.")]
    while todo:
        spec = _spec_of(todo.pop())
        if spec is not None and spec.name.startswith(_PACKAGE) and _path_of(spec) not in members:
            members[_path_of(spec)] = text = _source_of(spec)
            todo += _imported_by(spec, text)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def _imported_by(spec: ModuleSpec, text: str) -> t.Iterator[str]:
    """Yield the names of what a part imports, and of the rooms; some of them are of functions and classes."""
    for dots, module, names in relative_imports(text):
        where = importlib.util.resolve_name(f"{dots}{module}", spec.parent)
        yield from (where.rpartition(".")[0], where, *(f"{where}.{name}" for name in names))


def _spec_of(name: str) -> t.Optional[ModuleSpec]:
    """Return where a part is loaded from; None for what is none."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name in a file that is no folder
        return None


def _path_of(spec: ModuleSpec) -> str:
    package = spec.submodule_search_locations is not None
    return spec.name.replace(".", "/") + ("/__init__.py" if package else ".py")


def _source_of(spec: ModuleSpec) -> str:
    get_source: t.Optional[t.Callable[[str], t.Optional[str]]] = getattr(spec.loader, "get_source", None)
    source = get_source(spec.name) if get_source else None
    if source is None:
        raise NoSource(f"the text of {spec.name} is not to be had, so nothing can be started from it")
    return source
