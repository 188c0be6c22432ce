# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy beside a file is what that file was, under a name of its own."""

from __future__ import annotations

import os
import pathlib
import re
import time

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.backup import copy_beside


def test_the_copy_has_all_of_the_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    path = tmp_path / "ld.so.preload"
    path.write_bytes(b"/usr/lib/other.so\n\xff")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1, 2)
    os.utime(path, ns=(1_500_000_000_000_000_000, 1_600_000_000_000_000_000))
    before = path.stat()
    copy = pathlib.Path(copy_beside(str(path)))
    assert copy.parent == tmp_path
    assert re.fullmatch(rf"ld\.so\.preload\.{os.getpid()}\.\d{{4}}-\d\d-\d\d@\d\d:\d\d:\d\d~", copy.name)
    assert (copy.read_bytes(), path.read_bytes()) == (b"/usr/lib/other.so\n\xff",) * 2
    same = ("st_mode", "st_uid", "st_gid", "st_mtime_ns")
    assert [getattr(copy.stat(), name) for name in same] == [getattr(before, name) for name in same]


def test_what_cannot_be_copied_says_so_as_the_file_system_does(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_beside(str(tmp_path / "gone"))
    assert list(tmp_path.iterdir()) == []
