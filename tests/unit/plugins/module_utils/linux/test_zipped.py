# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is imported from a zip is compiled once, and is otherwise as Python's own importer would have it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t
import zipfile

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import zipped

ROOM = pathlib.Path(zipped.__file__).parent

FILES = {
    "linux/__init__.py": (ROOM / "__init__.py").read_text(),
    "linux/zipped.py": (ROOM / "zipped.py").read_text(),
    "early/__init__.py": "",  # its folder has been looked into before anything of ours is there
    "early/late.py": "",
    "other/__init__.py": "",
    "other/one.py": "from .deep import two",
    "other/deep/__init__.py": "",
    "other/deep/two.py": "",
}

PROGRAM = """
import json, sys
compiled = []
sys.addaudithook(lambda name, args: compiled.append(str(args[1])) if name == "compile" else None)
sys.path.insert(0, sys.argv[1])
import early
import linux
del compiled[:]
import other.one, early.late
names = ["other", "other.one", "other.deep", "other.deep.two", "early.late"]
specs = {name: sys.modules[name].__spec__ for name in names}
print(json.dumps({
    "compiled": [path for path in compiled if path.startswith(sys.argv[1])],
    "files": {name: sys.modules[name].__file__ for name in names},
    "origins": {name: spec.origin for name, spec in specs.items()},
    "packages": {name: spec.submodule_search_locations for name, spec in specs.items()},
    "sources": {name: spec.loader.get_source(name) for name, spec in specs.items()},
}))
"""


def imported(path: pathlib.Path, files: t.Mapping[str, str]) -> dict[str, t.Any]:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    ended = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
    told: dict[str, t.Any] = json.loads(ended.stdout)
    return told


def test_each_file_is_compiled_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "code.zip"
    below = ["other/__init__.py", "other/one.py", "other/deep/__init__.py", "other/deep/two.py", "early/late.py"]
    assert imported(path, FILES)["compiled"] == [f"{path}/{name}" for name in below]


def test_modules_are_as_pythons_own_importer_has_them(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "code.zip"
    ours = imported(path, FILES)
    own = imported(path, {**FILES, "linux/__init__.py": ""})
    assert {**ours, "compiled": []} == {**own, "compiled": []}


def test_what_is_not_in_the_zip_is_not_found(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "code.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("there.py", "")
    with pytest.raises(ImportError, match="missing"):
        zipped.ZipImporter(str(path)).get_filename("missing")


def test_code_that_comes_from_files_leaves_the_importers_alone() -> None:
    """On the controller, where all of Ansible is in the same process."""
    hooks, finders = list(sys.path_hooks), dict(sys.path_importer_cache)
    zipped.compile_once()
    assert (sys.path_hooks, sys.path_importer_cache) == (hooks, finders)
