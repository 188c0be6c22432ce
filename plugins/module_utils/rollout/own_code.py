# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of this collection that runs now, once more as one file: what a module brought goes away with the module.

It is taken from where each part was loaded from, a zip of Ansible's or files, and keeps its names. What is imported
only where it is needed belongs to it: a module brings that as well.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import re
import sys
import typing as t
import zipfile

from ..linux.carried import IMPORT

_PACKAGE = __name__.rpartition(".rollout.")[0]

_MAIN = """\
import sys

from {module} import {function}

sys.exit({function}(sys.argv[1:]))
"""


class NoSource(Exception):
    """A part was loaded from where its text is not to be had; the text says which."""


def zipped_code(entry: t.Callable[[t.Sequence[str]], int]) -> bytes:
    """Return a zip that Python runs, with all of the rooms that is loaded now, and what that imports later.

    :param entry: what is run.
    :raises NoSource: a part has none.
    """
    members = {"__main__.py": _MAIN.format(module=entry.__module__, function=entry.__name__)}
    parts = _PACKAGE.split(".")
    for depth in range(1, len(parts) + 1):
        members["/".join([*parts[:depth], "__init__.py"])] = ""
    members.update(_reached(name for name in list(sys.modules) if name.startswith(f"{_PACKAGE}.")))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def _reached(loaded: t.Iterable[str]) -> t.Dict[str, str]:
    """Return the texts of these parts and of all that they import of the rooms, by their paths in the zip."""
    found: t.Dict[str, str] = {}
    todo, seen = list(loaded), set()
    while todo:
        name = todo.pop()
        spec = None if name in seen else _spec_of(name)
        seen.add(name)
        if spec is not None:
            text = _source_of(spec)
            found[name.replace(".", "/") + ("/__init__.py" if _is_package(spec) else ".py")] = text
            todo += _imported_by(text, name if _is_package(spec) else name.rpartition(".")[0])
    return dict(sorted(found.items()))


def _imported_by(text: str, package: str) -> t.Iterator[str]:
    """Yield the parts that a text imports of the rooms; no part is loaded for that, but for the rooms themselves."""
    for dots, module, names in IMPORT.findall(text):
        where = ".".join([package.rsplit(".", len(dots) - 1)[0], *filter(None, [module])])
        spec = _spec_of(where) if where.startswith(f"{_PACKAGE}.") else None
        if spec is not None and _is_package(spec):
            listed = re.sub(r"#.*|[()]", "", names).split(",")
            yield from (f"{where}.{name.split()[0]}" for name in listed if name.strip())
        elif spec is not None:
            yield where


def _spec_of(name: str) -> t.Optional[importlib.machinery.ModuleSpec]:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # what it would be a part of is none that has parts
        return None


def _is_package(spec: importlib.machinery.ModuleSpec) -> bool:
    return spec.submodule_search_locations is not None


def _source_of(spec: importlib.machinery.ModuleSpec) -> str:
    get_source: t.Optional[t.Callable[[str], t.Optional[str]]] = getattr(spec.loader, "get_source", None)
    source = get_source(spec.name) if get_source else None
    if source is None:
        raise NoSource(f"the text of {spec.name} is not to be had, so nothing can be started from it")
    return source
