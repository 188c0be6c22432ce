# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of this collection that runs now, once more as one file: what a module brought goes away with the module.

It is taken from where each part was loaded from, a zip of Ansible's or files, and keeps its names.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import typing as t
import zipfile

_PACKAGE = __name__.rpartition(".rollout.")[0]

_MAIN = """\
import sys

from {module} import {function}

sys.exit({function}(sys.argv[1:]))
"""


class NoSource(Exception):
    """A part was loaded from where its text is not to be had; the text says which."""


def zipped_code(entry: t.Callable[[t.Sequence[str]], int]) -> bytes:
    """Return a zip that Python runs, with all of the rooms that is loaded now.

    :param entry: what is run; all that it imports is loaded.
    """
    members = {"__main__.py": _MAIN.format(module=entry.__module__, function=entry.__name__)}
    parts = _PACKAGE.split(".")
    for depth in range(1, len(parts) + 1):
        members["/".join([*parts[:depth], "__init__.py"])] = ""
    for name in sorted(sys.modules):
        if name.startswith(f"{_PACKAGE}."):
            members[_path_of(name)] = _source_of(name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def _path_of(name: str) -> str:
    package = hasattr(sys.modules[name], "__path__")
    return name.replace(".", "/") + ("/__init__.py" if package else ".py")


def _source_of(name: str) -> str:
    spec = importlib.util.find_spec(name)
    get_source: t.Optional[t.Callable[[str], t.Optional[str]]] = getattr(spec and spec.loader, "get_source", None)
    source = get_source(name) if get_source else None
    if source is None:
        raise NoSource(f"the text of {name} is not to be had, so nothing can be started from it")
    return source
