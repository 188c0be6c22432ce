# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder that is root's own is written to where it was seen, and nothing through a link."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import held_folder, trusted
from ansible_collections.netops.keepalive.plugins.module_utils.linux.held_folder import NotOurs, write_held


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    place = tmp_path / "above" / "textfile"
    place.mkdir(parents=True, mode=0o755)
    return place


def test_a_file_is_replaced_readable_for_all_and_nothing_else_is_left(folder: pathlib.Path) -> None:
    before = os.umask(0o077)
    try:
        write_held(f"{folder}/a.prom", b"1\n")
        first = os.stat(folder / "a.prom").st_ino
        write_held(f"{folder}/a.prom", b"2\n")
    finally:
        os.umask(before)
    assert (folder / "a.prom").read_bytes() == b"2\n" and os.stat(folder / "a.prom").st_ino != first
    assert stat.S_IMODE(os.stat(folder / "a.prom").st_mode) == 0o644
    assert os.listdir(folder) == ["a.prom"]


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(folder: pathlib.Path) -> None:
    (folder / "precious").write_text("kept")
    (folder / "a.prom").symlink_to("precious")
    write_held(f"{folder}/a.prom", b"1\n")
    assert (folder / "precious").read_text() == "kept" and not (folder / "a.prom").is_symlink()


def test_a_link_on_the_way_is_refused(folder: pathlib.Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    for place in (link, link.parent / "also" / ".."):
        with pytest.raises(NotOurs):
            write_held(f"{place}/a.prom", b"")
    with pytest.raises(NotOurs, match=f"{link} is a symbolic link: name the folder that it leads to"):
        write_held(f"{link}/a.prom", b"")
    assert os.listdir(folder) == []


def test_where_others_may_write_nothing_is_written(folder: pathlib.Path) -> None:
    for mode in (0o777, 0o775, 0o1777):
        os.chmod(folder, mode)
        with pytest.raises(NotOurs, match=f"has mode {mode:04o}: it must belong to root, and nobody else may write"):
            write_held(f"{folder}/a.prom", b"")
    assert os.listdir(folder) == []


def test_a_folder_of_another_user_is_refused(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_folder, "owners", lambda: frozenset((4242,)))
    with pytest.raises(NotOurs, match="it must belong to root"):
        write_held(f"{folder}/a.prom", b"")


def test_above_it_others_may_have_their_say(folder: pathlib.Path) -> None:
    """Whoever may rename it leads nobody elsewhere: what was opened is what is written to."""
    os.chmod(folder.parent, 0o777)
    assert trusted.fault(str(folder))
    write_held(f"{folder}/a.prom", b"1")
    with held_folder.held_folder(str(folder)) as held:
        folder.rename(folder.parent / "away")
        folder.mkdir()
        assert os.listdir(held) == ["a.prom"]


def test_what_is_not_there_is_said_with_its_place(folder: pathlib.Path) -> None:
    with pytest.raises(NotOurs, match="/nowhere: No such file or directory"):
        write_held(f"{folder}/nowhere/a.prom", b"")
    with pytest.raises(NotOurs, match="is not an absolute path"):
        write_held("a.prom", b"")
    (folder / "file").touch()
    with pytest.raises(NotOurs, match="/file: Not a directory"):
        write_held(f"{folder}/file/a.prom", b"")


def test_what_cannot_be_replaced_names_the_file_and_leaves_nothing(folder: pathlib.Path) -> None:
    (folder / "a.prom").mkdir()
    with pytest.raises(OSError) as error:
        write_held(f"{folder}/a.prom", b"")
    assert error.value.filename == f"{folder}/a.prom"
    assert os.listdir(folder) == ["a.prom"]
