# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file says does not depend on the locale that Ansible happens to have on a host."""

from __future__ import annotations

import ast
import pathlib
import typing as t

import pytest

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"
FILES = sorted(PLUGINS.glob("**/*.py"))
MODE = {"open": 1, "fdopen": 1, "read_text": None, "write_text": None}
"""Where the mode stands that says that it is not text."""


def without_encoding(source: str) -> t.List[int]:
    """Return the lines in which text is read or written in the encoding of the locale."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        on = node.func.value if isinstance(node.func, ast.Attribute) else None
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        of_ours = isinstance(on, ast.Name) and on.id == "below_root"  # it decodes by itself
        if name not in MODE or (name == "open" and on is not None) or of_ours:  # os.open(), Found.open(): bytes
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        place = MODE[name]
        mode = named.get("mode") or (node.args[place] if place is not None and len(node.args) > place else None)
        if "encoding" not in named and not (isinstance(mode, ast.Constant) and "b" in str(mode.value)):
            found.append(node.lineno)
    return found


def test_it_would_be_noticed() -> None:
    assert without_encoding("open(p)\nopen(p, 'w')\nos.fdopen(d, 'r')\npath.read_text()\n") == [1, 2, 3, 4]
    assert without_encoding("open(p, 'rb')\nos.open(p, 0)\nopen(p, encoding='ascii')\nopen(p, mode='wb')\n") == []


@pytest.mark.parametrize("file", FILES, ids=[str(path.relative_to(PLUGINS)) for path in FILES])
def test_text_has_an_encoding(file: pathlib.Path) -> None:
    assert without_encoding(file.read_text(encoding="utf-8")) == []
