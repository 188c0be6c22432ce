# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command's file is made of, and what each import of a module brings."""

from __future__ import annotations

import ast
import io
import pathlib
import typing as t
import zipfile

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive

PACKAGE = "ansible_collections/netops/keepalive/plugins/module_utils"


def opened(content: bytes) -> t.Tuple[bytes, zipfile.ZipFile]:
    return content.partition(b"\n")[0], zipfile.ZipFile(io.BytesIO(content))


def test_what_is_in_the_file() -> None:
    first, zipped = opened(archive.assemble({"command/main.py": "x = 'é'\n", "a/b.py": ""}, "/py"))
    assert first == b"#!/py -I"
    packages = ["/".join(PACKAGE.split("/")[:depth]) for depth in range(1, 6)]
    assert zipped.namelist() == sorted(
        [
            "__main__.py",
            *(f"{name}/__init__.py" for name in packages),
            f"{PACKAGE}/command/main.py",
            f"{PACKAGE}/a/b.py",
        ]
    )
    contents = {info.filename: zipped.read(info).decode() for info in zipped.infolist()}
    assert contents.pop(f"{PACKAGE}/command/main.py") == "x = 'é'\n"
    assert contents.pop("__main__.py") == (
        'import sys\n\nif sys.version_info < (3, 8):\n    sys.exit("keepalive-sockets needs Python 3.8 or newer")\n'
        "from ansible_collections.netops.keepalive.plugins.module_utils.command.main import main\n\nsys.exit(main())\n"
    )
    assert set(contents.values()) == {""}
    assert {(info.compress_type, info.date_time) for info in zipped.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}


@pytest.fixture(name="rooms")
def rooms_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    for path, text in {
        "command/__init__.py": "", "command/main.py": "from . import one\nfrom ..other import two, three\n",
        "command/one.py": "import os\nfrom os import path\nfrom ..other.four import x\nfrom .main import y\n",
        "other/__init__.py": "", "other/two.py": "", "other/three.py": "def f():\n    from ..late import five as six\n",
        "other/four.py": "", "other/unused.py": "", "late/__init__.py": "# é\n", "late/five.py": "",
    }.items():  # fmt: skip
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_all_that_is_imported_is_collected_and_no_more(rooms: pathlib.Path) -> None:
    found = archive.collect(str(rooms))
    assert list(found) == [
        "command/__init__.py", "command/main.py", "command/one.py", "late/__init__.py", "late/five.py",
        "other/__init__.py", "other/four.py", "other/three.py", "other/two.py",
    ]  # fmt: skip
    assert found["late/__init__.py"] == "# é\n"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("import os\nfrom os import path\n", []),
        ("from . import one, four\n", ["command/one.py", "command/four.py"]),
        ("from .one import x\n", ["command/one.py"]),
        ("from ..other import two\n", ["other/two.py"]),
        ("from ..other.four import x\n", ["other/four.py"]),
    ],
)
def test_what_an_import_brings(rooms: pathlib.Path, text: str, paths: t.List[str]) -> None:
    assert archive.imported_by(text, "command/main.py", str(rooms)) == ["command/__init__.py", *paths]


def test_imports_are_found_as_python_finds_them() -> None:
    """In every file of every room, without parsing it."""
    rooms = pathlib.Path(archive.__file__).parents[1]
    for file in sorted(rooms.rglob("*.py")):
        text, room = file.read_text(encoding="utf-8"), file.parent.name
        wanted = [f"{room}/__init__.py"]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                where = "/".join([room][: 2 - node.level] + (node.module.split(".") if node.module else []))
                names = [f"{where}/{alias.name}.py" for alias in node.names]
                wanted += names if (rooms / where).is_dir() else [f"{where}.py"]
        found = archive.imported_by(text, str(file.relative_to(rooms)), str(rooms))
        assert sorted(found) == sorted(wanted), file
