# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files go to a host, what each import of a file brings, and how the host imports them."""

from __future__ import annotations

import ast
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import carried


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
    found = carried.files_reached(["command.main"], str(rooms))
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
    assert carried.imported_by(text, "command/main.py", str(rooms)) == ["command/__init__.py", *paths]


def test_imports_are_found_as_python_finds_them() -> None:
    """In every file of every room, without parsing it."""
    rooms = pathlib.Path(carried.__file__).parents[1]
    for file in sorted(rooms.rglob("*.py")):
        text, room = file.read_text(encoding="utf-8"), file.parent.name
        wanted = [f"{room}/__init__.py"]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                where = "/".join([room][: 2 - node.level] + (node.module.split(".") if node.module else []))
                names = [f"{where}/{alias.name}.py" for alias in node.names]
                wanted += names if (rooms / where).is_dir() else [f"{where}.py"]
        found = carried.imported_by(text, str(file.relative_to(rooms)), str(rooms))
        assert sorted(found) == sorted(wanted), file


@pytest.mark.parametrize("compiled", [False, True])
def test_a_host_that_has_nothing_imports_them_under_their_own_names(tmp_path: pathlib.Path, compiled: bool) -> None:
    """And no file of the folder in which root happens to be is opened, not for the lines of a traceback either."""
    (tmp_path / "other").mkdir()
    os.mkfifo(tmp_path / "other" / "two.py")
    files = {
        "command/__init__.py": "", "command/main.py": "from ..other import two\nfrom .one import X\n",
        "command/one.py": "X = 'é'\n", "other/__init__.py": "", "other/two.py": "def fail():\n    return 1 // 0\n",
    }  # fmt: skip
    parts = carried.PACKAGE.split(".")
    folder = tmp_path.joinpath(*parts)
    (folder / "linux").mkdir(parents=True)
    for name in ("__init__.py", "zipped.py", "carried.py", "compiled.py"):
        (folder / "linux" / name).write_text((pathlib.Path(carried.__file__).parent / name).read_text())
    kept = tmp_path / "kept"
    if compiled:
        kept.write_bytes(carried.compiled_content(carried.text_of_files(files)))
    program = f"""
import importlib, sys, traceback
sys.path.insert(0, {str(tmp_path)!r})
from {carried.PACKAGE}.linux import carried
if {compiled}:
    carried.compile = lambda *_of, **_how: sys.exit("compiled again")
carried.importable(sys.stdin.read(), {str(kept)!r})
main = importlib.import_module(carried.PACKAGE + ".command.main")
print(ascii(main.X), main.__name__, main.__file__, main.two.__package__)
try:
    main.two.fail()
except ZeroDivisionError:
    print([line for line in traceback.format_exc().splitlines() if "two.py" in line or "1 // 0" in line])
try:
    importlib.import_module(carried.PACKAGE + ".command.three")
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=carried.text_of_files(files),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            f"'\\xe9' {carried.PACKAGE}.command.main /dev/null/command/main.py {carried.PACKAGE}.other",
            """['  File "/dev/null/other/two.py", line 2, in fail', '    return 1 // 0']""",
            f"{carried.PACKAGE}.command.three",
        ],
    )


@pytest.mark.parametrize("entry", ["look.on_host", "command.main"])
def test_what_is_collected_holds_all_that_it_imports(entry: str) -> None:
    files = carried.files_reached([entry])
    rooms = str(pathlib.Path(carried.__file__).parents[1])
    assert entry.replace(".", "/") + ".py" in files
    for path, text in files.items():
        assert set(carried.imported_by(text, path, rooms)) <= set(files)
