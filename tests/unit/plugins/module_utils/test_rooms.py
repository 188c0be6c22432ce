# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each file stands in a room, rooms import downward only, tests stand where their subject stands, the docs agree."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest

PLUGINS = pathlib.Path(__file__).parents[4] / "plugins"
ROOMS = PLUGINS / "module_utils"
TESTS = pathlib.Path(__file__).parent

FLOORS = (
    ("linux",),
    ("settings",),
    ("bpf",),
    ("libraries", "host_wide", "sockets"),
    ("ld_so_preload", "units"),
    ("processes",),
    ("live", "audit"),
    ("verdicts",),
    ("monitor",),
    ("rollout",),
    ("command",),
    ("look",),
    ("report",),
)
"""From the ground up. A room may import what is on a lower floor, and nothing beside it."""

FILES = sorted(ROOMS.rglob("*.py"))
OTHERS = sorted(
    path for folder in ("modules", "action", "filter", "plugin_utils") for path in PLUGINS.glob(f"{folder}/*.py")
)
BELOW = {
    room: {lower for floor in FLOORS[:number] for lower in floor}
    for number, rooms in enumerate(FLOORS)
    for room in rooms
}


def imported_by(path: pathlib.Path, package: t.Sequence[str]) -> t.Iterator[str]:
    """Yield what a file imports of the collection, by its path below plugins/: V(module_utils/linux/procfs)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (
                "absolute/" + alias.name for alias in node.names if alias.name.startswith("ansible_collections")
            )
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if (node.module or "").startswith("ansible_collections"):
                yield f"absolute/{node.module}"
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            yield "/".join(filter(None, base))


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(PLUGINS))


def test_no_file_stands_outside_a_room() -> None:
    assert {path.name for path in ROOMS.iterdir() if path.name != "__pycache__"} == set(BELOW)
    assert [name(path) for path in FILES if path.parent.parent != ROOMS] == []


@pytest.mark.parametrize("room", BELOW)
def test_a_room_says_that_it_is_private(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOMS / room / "__init__.py").read_text()))
    assert docstring and docstring.startswith("Private to the collection.\n\n")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_rooms_import_downward_only(path: pathlib.Path) -> None:
    room = path.parent.name
    for imported in imported_by(path, ("module_utils", room)):
        top, _slash, rest = imported.partition("/")
        assert top == "module_utils", f"{name(path)} imports {imported}"
        assert rest.split("/")[0] in BELOW[room] | {room}, f"{name(path)} imports {imported}"


@pytest.mark.parametrize("path", OTHERS, ids=name)
def test_what_ansible_calls_is_imported_by_its_own_kind_only(path: pathlib.Path) -> None:
    kind = path.parent.name
    may = {"module_utils"} if kind == "modules" else {"module_utils", "plugin_utils", kind}
    assert [found for found in imported_by(path, (kind,)) if found.split("/")[0] not in may] == []


def test_each_test_stands_in_the_room_of_its_subject() -> None:
    for path in TESTS.rglob("test_*.py"):
        if path != pathlib.Path(__file__):
            room = path.parent.name
            subjects = [file.stem for file in (ROOMS / room).glob("*.py")]
            assert any(re.fullmatch(f"test_{subject}(_.+)?", path.stem) for subject in subjects), path


def test_the_architecture_shows_the_rooms() -> None:
    """As a table with a row for each, from the ground up."""
    text = (PLUGINS.parent / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)
    assert [row for row in rows if row in BELOW] == [room for floor in FLOORS for room in floor]


def test_a_name_has_one_meaning() -> None:
    """Whoever looks for a class or a function by its name finds one in all rooms."""
    places: t.Dict[str, t.List[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            for defined in names_defined(node):
                places.setdefault(defined, []).append(name(path))
    assert {defined: files for defined, files in places.items() if len(files) > 1} == {}


def names_defined(node: ast.stmt) -> t.Iterator[str]:
    """Yield the public class, type or function that a statement makes; a constant is named with its file."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        names = [node.name]
    elif isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name) and not target.id.isupper()]
    else:
        names = []
    yield from (defined for defined in names if not defined.startswith("_"))


def test_what_is_referred_to_is_there() -> None:
    """In the documentation, in comments and in docstrings, files of rooms are named as ROOM/FILE.py."""
    top = PLUGINS.parent
    texts = [
        *FILES,
        *OTHERS,
        *top.glob("*.md"),
        *top.glob("docs/*.md"),
        *top.glob("csrc/*.[ch]"),
        top / "csrc/README.md",
    ]
    reference = re.compile(rf"(?<![\w/])(?:module_utils/)?((?:{'|'.join(BELOW)})/\w+\.py)\b")
    named = [(path, found) for path in texts for found in reference.findall(path.read_text(encoding="utf-8"))]
    assert len(named) > 20
    assert [f"{path.name}: {found}" for path, found in named if not (ROOMS / found).exists()] == []
