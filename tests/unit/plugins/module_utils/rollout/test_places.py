# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rollout writes: read-only, full, or such that nothing is loaded from there. The file systems are real."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import file_lock, scratch
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import places as rollout_places
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.places import KIB, NeededPlace
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

PROGRAM = """
from .module_utils.rollout.places import NeededPlace, place_problem
print(json.dumps([place_problem(NeededPlace(*place)) for place in asked]))
"""


def test_a_file_system_that_is_read_only_full_or_out_of_inodes(tmp_path: pathlib.Path) -> None:
    for name in ("ro", "full", "inodes", "good"):
        (tmp_path / name).mkdir()
    mounts = f"""
        mount -t tmpfs -o ro tmpfs {tmp_path}/ro
        mount -t tmpfs -o size=1m tmpfs {tmp_path}/full
        head -c 1000K /dev/zero > {tmp_path}/full/filler
        mount -t tmpfs -o size=1m,nr_inodes=5 tmpfs {tmp_path}/inodes
        mount -t tmpfs -o size=1m tmpfs {tmp_path}/good
    """
    places = [
        NeededPlace(f"{tmp_path}/{name}/a/b", 128 * KIB, "the drop-ins") for name in ("ro", "full", "inodes", "good")
    ]
    libraries = rollout_places.place_of_libraries()
    places.append(libraries._replace(path=f"{tmp_path}/ro"))
    assert run_mounted(mounts, PROGRAM, places) == [
        f"{tmp_path}/ro is read-only, and the drop-ins must be written there; remount it, or leave this host out",
        f"{tmp_path}/full has 24 KiB left, the drop-ins may need 128; free some space",
        f"{tmp_path}/inodes has 4 inodes left, and the drop-ins must be written there; remove some files",
        None,
        f"{tmp_path}/ro is read-only, and the libraries must be written there; remount it, or put them into the image"
        " that it comes with, or leave this host out",
    ]


@pytest.mark.parametrize("where", ["usr/lib", "usr/lib/libkeepalive"])
def test_libraries_are_not_put_where_no_program_could_load_them(tmp_path: pathlib.Path, where: str) -> None:
    """The mount is named, which may lie above the folder; drop-ins are only read, so there it does not matter."""
    folder = tmp_path / "usr/lib/libkeepalive"
    folder.mkdir(parents=True)
    point = tmp_path / where
    mounts = f"mount --bind {point} {point}\nmount -o remount,bind,noexec {point}"
    program = """
from .module_utils.rollout import places
from .module_utils.rollout.places import NeededPlace, place_problem
said = []
for places.LIBRARY_DIR in asked:
    said += [places.load_problem(), place_problem(NeededPlace(places.LIBRARY_DIR, 0, "the drop-ins"))]
print(json.dumps(said))
"""
    said = (
        f"lies on {point}, which is mounted noexec, so that no program can load a library from there; take noexec away"
        f" (mount -o remount,exec {point}, and in /etc/fstab or the mount unit), or leave this host out"
    )
    asked = [str(folder), f"{folder}/not/yet", str(tmp_path)]
    assert run_mounted(mounts, program, asked) == [
        *([f"{folder} {said}"], None),
        *([f"{folder}/not/yet {said}"], None),
        *([], None),
    ]


def test_how_much_room_each_needs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places, "LIBRARY_DIR", str(tmp_path / "lib"))
    changes = [("/etc/systemd/system", 128 * 1024), (undo.FOLDER, 128 * 1024), (file_lock.FOLDER, 16 * 1024)]
    assert [place[:2] for place in rollout_places.places_of_changes()] == changes
    assert rollout_places.place_of_libraries()[:2] == (str(tmp_path / "lib"), 2048 * 1024)
    # Those that are there already are at most replaced, one by one.
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: Manifest({}, {}))
    assert rollout_places.place_of_libraries()[:2] == (str(tmp_path / "lib"), 0)
    assert rollout_places.missing_for_build("no-such-compiler") == []


def test_a_build_needs_a_place_with_room_that_may_execute(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs: t.List[scratch.Need] = []

    def nowhere(need: scratch.Need) -> str:
        needs.append(need)
        raise scratch.NoScratch("none is right")

    monkeypatch.setattr(rollout_places, "LIBRARY_DIR", str(tmp_path / "lib"))
    monkeypatch.setattr(rollout_places.multilib, "find_place", nowhere)
    assert rollout_places.obstacle_to_build() == "the libraries cannot be compiled: none is right"
    assert needs == [scratch.Need(8 << 20, True, str(tmp_path))]
    monkeypatch.setattr(rollout_places.multilib, "find_place", lambda _need: "/tmp")
    assert rollout_places.obstacle_to_build() == ""
    monkeypatch.setattr(rollout_places.multilib, "find_place", nowhere)
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: Manifest({}, {}))
    assert rollout_places.obstacle_to_build() == "", "nothing is compiled"


def test_what_a_build_lacks() -> None:
    assert rollout_places.missing_for_build("no-such-compiler -m64") == ["no-such-compiler"]
