# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was kept compiled is taken for the same text and the same Python alone, whole, and from root's hands."""

from __future__ import annotations

import importlib.util
import marshal
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import compiled
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARY_DIR

TEXT = "what was carried"
CODES = {"room/file.py": compile("X = 1", "/dev/null/room/file.py", "exec")}


@pytest.fixture(name="kept")
def kept_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "lib" / compiled.NAME
    path.parent.mkdir()
    path.write_bytes(compiled.content_kept(TEXT, CODES))
    return path


def read(path: pathlib.Path, text: str = TEXT) -> t.Any:
    return compiled.read_compiled(text, str(path))


def test_it_is_what_was_kept(kept: pathlib.Path) -> None:
    assert read(kept) == CODES
    assert os.path.dirname(compiled.PLACE) == LIBRARY_DIR


def test_of_another_text_it_is_not(kept: pathlib.Path) -> None:
    assert read(kept, TEXT + "!") is None


def test_of_another_python_it_is_not(kept: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "MAGIC_NUMBER", b"odd!")
    assert read(kept) is None


@pytest.mark.parametrize("cut", [0, 1, 60, -1])
def test_a_file_that_was_cut_off_is_none(kept: pathlib.Path, cut: int) -> None:
    kept.write_bytes(kept.read_bytes()[:cut])
    assert read(kept) is None


def test_a_file_with_another_byte_is_none(kept: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even unmarshalled, which may end the process."""
    monkeypatch.setattr(marshal, "loads", lambda _body: pytest.fail("unmarshalled"))
    whole = kept.read_bytes()
    for at in range(len(whole)):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read(kept) is None


def test_where_nothing_is(tmp_path: pathlib.Path) -> None:
    assert read(tmp_path / "none" / "none") is None


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_none(kept: pathlib.Path, mode: int) -> None:
    kept.chmod(mode)
    assert read(kept) is None


@pytest.mark.parametrize("mode", [0o775, 0o1777])
def test_in_a_folder_that_others_may_write_is_none(kept: pathlib.Path, mode: int) -> None:
    kept.parent.chmod(mode)
    assert read(kept) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_a_user_owns_is_none(kept: pathlib.Path, level: int) -> None:
    os.chown([kept, *kept.parents][level], 65534, 65534)
    assert read(kept) is None


def test_links_are_not_followed(kept: pathlib.Path, tmp_path: pathlib.Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(kept)
    assert read(link) is None
    (tmp_path / "folder").symlink_to(kept.parent)
    assert read(tmp_path / "folder" / kept.name) is None


def test_a_pipe_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert read(tmp_path / "pipe") is None
