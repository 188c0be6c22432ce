# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders for what is only needed now are nobody else's, and go at the end."""

from __future__ import annotations

import errno
import os
import pathlib
import tempfile

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.scratch import scratch


@pytest.mark.parametrize("mode", [0o777, 0o2775])
def test_nothing_of_ours_is_made_where_others_could_exchange_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    tmp_path.chmod(mode)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(
        PermissionError, match=f"TMPDIR.*{tmp_path} belongs to user {os.geteuid()} and has mode"
    ), scratch():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_our_own_is_for_nobody_else_and_goes_at_the_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch() as folder:
        assert os.stat(folder).st_mode & 0o7777 == 0o700
        assert folder.startswith(f"{tmp_path}/keepalive-")
        pathlib.Path(folder, "file").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_it_goes_whatever_happens_and_nobody_minds_where_it_has_gone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), scratch():
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with scratch() as folder:
        os.rmdir(folder)


def test_where_there_is_no_place_for_it_that_is_said(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(PermissionError) as raised, scratch():
        pass
    seen = f"{tmp_path} belongs to user {os.geteuid()} and has mode 0777: nobody else may write there"
    assert (raised.value.errno, raised.value.strerror, raised.value.filename) == (
        errno.EPERM, f"no place for temporary files (TMPDIR): {seen}", str(tmp_path)
    )  # fmt: skip
