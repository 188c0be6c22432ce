# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rollout writes: read-only, full. The file systems are real, in a mount namespace of the test's own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import file_lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import places as rollout_places
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.places import KIB, NeededPlace

PROGRAM = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.places import NeededPlace, place_problem
print(json.dumps([place_problem(NeededPlace(*place)) for place in json.loads(sys.argv[2])]))
"""


def asked(mounts: str, *places: NeededPlace) -> t.List[t.Optional[str]]:
    """Ask in a mount namespace in which these commands were run."""
    script = f'{mounts}\nexec "$0" -c "$1" "$2" "$3"'
    paths = json.dumps([os.path.abspath(path) for path in sys.path if path])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, sys.executable, PROGRAM, paths, json.dumps(places)],
        check=True,
        capture_output=True,
        text=True,
    )
    return t.cast(t.List[t.Optional[str]], json.loads(done.stdout))


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
    found = asked(
        mounts,
        *(
            NeededPlace(f"{tmp_path}/{name}/a/b", 128 * KIB, "the drop-ins")
            for name in ("ro", "full", "inodes", "good")
        ),
    )
    assert found == [
        f"{tmp_path}/ro is read-only, and the drop-ins must be written there; remount it, or leave this host out",
        f"{tmp_path}/full has 24 KiB left, the drop-ins may need 128; free some space",
        f"{tmp_path}/inodes has 4 inodes left, and the drop-ins must be written there; remove some files",
        None,
    ]


def test_libraries_need_places_only_where_some_service_has_one() -> None:
    assert "the libraries" not in [place.purpose for place in rollout_places.places(False)]
    assert "the libraries" in [place.purpose for place in rollout_places.places(True)]


def test_how_much_room_each_needs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_places, "LIBRARY_DIR", str(tmp_path / "lib"))
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    always = [
        ("/etc/systemd/system", 128 * 1024),
        (undo.FOLDER, 128 * 1024),
        (file_lock.FOLDER, 16 * 1024),
    ]
    assert [place[:2] for place in rollout_places.places(False)] == always
    found = [place[:2] for place in rollout_places.places(True)]
    assert found == [*always, (str(tmp_path / "lib"), 2048 * 1024), ("/var/tmp", 8192 * 1024)]
    monkeypatch.delenv("TMPDIR")
    assert rollout_places.places(True)[-1].path == "/tmp"
    # Those that are there already are at most replaced, one by one.
    monkeypatch.setattr(rollout_places.manifest, "read_manifest", lambda _folder: Manifest({}, {}))
    assert [place[:2] for place in rollout_places.places(True)] == [*always, (str(tmp_path / "lib"), 0)]
    assert [place[:2] for place in rollout_places.places(False)] == always
    assert rollout_places.missing_for_build("no-such-compiler") == []


def test_what_a_build_lacks() -> None:
    assert rollout_places.missing_for_build("no-such-compiler -m64") == ["no-such-compiler"]


def test_the_family_of_a_distribution(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "os-release"
    path.write_text('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n')
    assert rollout_places.families(str(path)) == ["rocky", "rhel", "centos", "fedora"]
    assert rollout_places.families(str(tmp_path / "none")) == []
