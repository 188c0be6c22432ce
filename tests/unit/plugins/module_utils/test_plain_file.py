# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where somebody else says what is read, only a plain file is, and not more of it than there can be."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils._plain_file import read_plain


def test_a_plain_file_is_read_through_links(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\0")
    (tmp_path / "link").symlink_to("file")
    assert read_plain(str(tmp_path / "link"), 2) == b"\xff\0"
    assert read_plain("/dev/null", 2) == b"", "systemd takes a link to it for an empty file"


def test_what_is_no_plain_file_is_never_opened(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo")  # opening it to read would wait for ever
    for path in (tmp_path, tmp_path / "fifo", pathlib.Path("/dev/zero")):
        with pytest.raises(OSError, match="Is not a regular file") as caught:
            read_plain(str(path), 2)
        assert caught.value.filename == str(path)


def test_no_more_is_read_than_there_can_be(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="Has more than 100 bytes"):
        read_plain(str(tmp_path / "large"), 100)
