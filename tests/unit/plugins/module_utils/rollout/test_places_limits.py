# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rollout may write, at the limits."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import places as rollout_places
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.places import NeededPlace, place_problem
from ansible_collections.netops.keepalive.tests.unit.support.statvfs import System


@pytest.mark.parametrize(
    ("system", "needed", "problem"),
    [
        (System(), 10240, ""),
        (System(), 10241, "DIR has 10 KiB left, the x may need 10; free some space"),
        (System(f_bavail=3), 4096, "DIR has 3 KiB left, the x may need 4; free some space"),
        (System(f_bavail=0), 0, ""),
        (System(f_favail=16), 1, ""),
        (System(f_favail=15), 1, "DIR has 15 inodes left, and the x must be written there; remove some files"),
        (System(f_favail=0), 0, ""),
        (System(f_files=0, f_favail=0), 1, ""),
        (System(f_flag=os.ST_RDONLY | os.ST_NOSUID), 1,
         "DIR is read-only, and the x must be written there; remount it, or leave this host out"),
        (System(f_flag=os.ST_NOSUID), 1, ""),
    ],
)  # fmt: skip
def test_what_a_file_system_must_have(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, system: System, needed: int, problem: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(rollout_places.os, "statvfs", {str(tmp_path): system}.__getitem__)
    for path in (tmp_path, tmp_path / "a" / "b", tmp_path / "file"):
        found = place_problem(NeededPlace(str(path), needed, "the x"))
        assert found == (problem.replace("DIR", str(tmp_path)) or None)


@pytest.mark.parametrize("right", [os.W_OK, os.X_OK])
def test_a_folder_that_not_even_root_may_write_to(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, right: int
) -> None:
    monkeypatch.setattr(rollout_places.os, "access", lambda _path, wanted: not wanted & right)
    assert place_problem(NeededPlace(str(tmp_path), 0, "the x")) == (
        f"{tmp_path} cannot be written to, not by root either, and the x must be; see 'lsattr -d {tmp_path}'"
    )


def test_what_is_wrong_with_several_places_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"/a": "one", "/b": None, "/c": "two", "/d": "one", "/lib": "one"}
    changes = [NeededPlace(path, 0, "") for path in ("/a", "/b", "/c", "/d")]
    monkeypatch.setattr(rollout_places, "places_of_changes", lambda: changes)
    monkeypatch.setattr(rollout_places, "place_of_libraries", lambda: NeededPlace("/lib", 0, ""))
    monkeypatch.setattr(rollout_places, "place_problem", lambda place: said[place.path])
    assert rollout_places.unwritable(True) == {"changes": ["one", "two"], "libraries": ["one"]}
    assert rollout_places.unwritable(False) == {"changes": ["one", "two"], "libraries": []}


def test_what_each_place_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places, "place_problem", lambda place: place.purpose)
    changes = ["the drop-ins", "what has to be put back if it fails", "the lock of the rollout"]
    assert rollout_places.unwritable(True) == {"changes": changes, "libraries": ["the libraries"]}


def test_which_programs_a_build_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: None)
    monkeypatch.setattr(rollout_places, "find_program", {"gcc": "/bin/gcc"}.get)
    assert rollout_places.missing_for_build("gcc -m64") == ["make"]
    assert rollout_places.missing_for_build("cc") == ["cc", "make"]
