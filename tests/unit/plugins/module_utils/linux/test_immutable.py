# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""It is known beforehand what the kernel would not do for root either. The files are real."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import immutable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.immutable import not_replaceable
from ansible_collections.netops.keepalive.tests.unit.support.hardened import APPEND_ONLY, IMMUTABLE, hardened


@pytest.mark.parametrize(("flag", "what", "letter"), [(IMMUTABLE, "immutable", "i"), (APPEND_ONLY, "append-only", "a")])
@pytest.mark.parametrize("name", ["file", "folder"])
def test_what_cannot_be_replaced(tmp_path: pathlib.Path, flag: int, what: str, letter: str, name: str) -> None:
    """The kernel's own answer is asked for beside ours."""
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    file = folder / "file"
    file.write_text("old")
    other.write_text("new")
    assert not_replaceable(str(file)) == ""
    hard, thing = (file, "it") if name == "file" else (folder, "file in it")
    with hardened(hard, flag):
        assert not_replaceable(str(file)) == (
            f"{hard} is {what}, so that not even root can replace {thing}; take that away first"
            f" (chattr -{letter} {hard})"
        )
        with pytest.raises(PermissionError):
            os.rename(other, file)
        with pytest.raises(PermissionError):
            file.unlink()
        assert bool(not_replaceable(f"{folder}/not/yet")) is (hard == folder)
        assert not_replaceable(str(other)) == ""
    os.rename(other, file)


def test_a_link_is_replaced_itself_and_a_linked_folder_is_written_to(tmp_path: pathlib.Path) -> None:
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    (real / "file").write_text("")
    (tmp_path / "link").symlink_to(real / "file")
    linked.symlink_to(real)
    with hardened(real / "file"):
        assert not_replaceable(str(tmp_path / "link")) == ""
    with hardened(real):
        assert f"{linked} is immutable, so that not even root can replace file in it" in not_replaceable(
            f"{linked}/file"
        )
        assert not_replaceable(str(linked)) == ""


@pytest.mark.parametrize("library", [None, object()])
def test_where_it_cannot_be_seen_nothing_is_said(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, library: t.Any
) -> None:
    """A Python without ctypes, and a C library without statx(2)."""
    (tmp_path / "file").write_text("")
    with hardened(tmp_path / "file"):
        if library is None:
            monkeypatch.setattr(immutable, "ctypes", None)
        else:
            monkeypatch.setattr(immutable.ctypes, "CDLL", lambda _name: library)
        assert not_replaceable(str(tmp_path / "file")) == ""


def test_what_is_not_there_can_be_made(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [not_replaceable(path) for path in (f"{tmp_path}/a/b/c", "a", "a/b", "/nowhere/a", "/nowhere")] == [""] * 5
