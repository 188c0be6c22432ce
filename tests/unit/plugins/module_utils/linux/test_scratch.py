# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders for what is only needed now are nobody else's, lie where they are of use, and go at the end."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import scratch
from ansible_collections.netops.keepalive.plugins.module_utils.linux.scratch import Need, NoScratch, find_place
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

PROGRAM = """
from .module_utils.linux import scratch
scratch.FOLDERS = asked["folders"]
def found(*need):
    try:
        return scratch.find_place(scratch.Need(*need))
    except scratch.NoScratch as error:
        return str(error)
print(json.dumps([found(*need) for need in asked["needs"]]))
"""


@pytest.fixture(autouse=True)
def no_other_place_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "FOLDERS", ("/nowhere",))
    monkeypatch.setattr(scratch, "ANSIBLES", [])


@pytest.mark.parametrize("mode", [0o777, 0o2775])
def test_nothing_of_ours_is_made_where_others_could_exchange_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.mkdir()
    bad.chmod(mode)
    monkeypatch.setenv("TMPDIR", str(bad))
    with pytest.raises(
        NoScratch,
        match=f"^no place for temporary files: {bad} belongs to user {os.geteuid()} and has mode .*: nobody else may"
        " write there; /nowhere: No such file or directory; set TMPDIR .* to a folder that can be written to"
        " and that nobody else can change$",
    ), scratch.scratch():
        pass
    good.mkdir()
    monkeypatch.setattr(scratch, "FOLDERS", ("/nowhere", str(good)))
    with scratch.scratch() as folder:
        assert os.path.dirname(folder) == str(good)
    assert list(bad.iterdir()) == []


def test_a_folder_of_our_own_is_for_nobody_else_and_goes_at_the_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with scratch.scratch() as folder:
        assert os.stat(folder).st_mode & 0o7777 == 0o700
        assert folder.startswith(f"{tmp_path}/keepalive-")
        pathlib.Path(folder, "file").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_it_goes_whatever_happens_and_nobody_minds_where_it_has_gone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), scratch.scratch():
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with scratch.scratch() as folder:
        os.rmdir(folder)


def test_who_runs_us_decides_first(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TMPDIR, where temporary files always are, Ansible's own place, others, and at last what it is made for."""
    places = [str(tmp_path / name) for name in ("environment", "tmp", "ansible", "other", "beside")]
    monkeypatch.setenv("TMPDIR", places[0])
    monkeypatch.setattr(scratch, "FOLDERS", (places[1], places[3]))
    monkeypatch.setattr(scratch, "ANSIBLES", [places[2]])
    found: t.List[str] = []
    for place in reversed(places):
        os.mkdir(place)
        found.append(find_place(Need(beside=places[4])))
    assert found == places[::-1]


def test_what_cannot_be_used_is_passed_over(tmp_path: pathlib.Path) -> None:
    """Real file systems; where only text is read, noexec does no harm."""
    names = ("noexec", "ro", "full", "inodes", "good")
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    mounts = f"""
        mount -t tmpfs -o noexec tmpfs {tmp_path}/noexec
        mkdir {tmp_path}/noexec/below
        mount -t tmpfs -o ro tmpfs {tmp_path}/ro
        mount -t tmpfs -o size=64k tmpfs {tmp_path}/full
        mount -t tmpfs -o size=1m,nr_inodes=5 tmpfs {tmp_path}/inodes
    """
    bad = [f"{tmp_path}/{name}" for name in ("noexec", "noexec/below", "ro", "file", "full", "inodes")]
    needs = [Need(), Need(128 << 10, executes=True)]
    asked = {"folders": [*bad, f"{tmp_path}/good"], "needs": needs}
    assert run_mounted(mounts, PROGRAM, asked, TMPDIR="") == [f"{tmp_path}/noexec", f"{tmp_path}/good"]
    assert run_mounted(mounts, PROGRAM, {**asked, "folders": bad}, TMPDIR="") == [
        f"{tmp_path}/noexec",
        f"no place for temporary files: {tmp_path}/noexec is mounted noexec; {tmp_path}/noexec/below lies on"
        f" {tmp_path}/noexec, mounted noexec; {tmp_path}/ro is read-only; {tmp_path}/file is no folder; {tmp_path}/full"
        f" has 64 KiB left; {tmp_path}/inodes has 4 inodes left; set TMPDIR (in the play's environment) to a folder"
        " that can be written to and that nobody else can change, whose file system is not mounted noexec, with 128 KiB"
        " left",
    ]
