# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether something is executed where it lies is a matter of its mount, which is named."""

from __future__ import annotations

import io
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import mounts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.mounts import noexec_mount
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

PROGRAM = """
from .module_utils.linux.command import look_for
from .module_utils.linux.mounts import noexec_mount
print(json.dumps([noexec_mount(path) for path in asked] + [look_for(asked[0]), look_for(asked[1])]))
"""


def test_the_mount_that_executes_nothing_is_named(tmp_path: pathlib.Path) -> None:
    """A bind mount of the same file system shows in no number of a device; a blank is escaped in mountinfo."""
    folder = tmp_path / "two words"
    (folder / "open").mkdir(parents=True)
    program = folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "link").symlink_to(folder)
    mounts = f"""
        mount --bind "{folder}" "{folder}"
        mount -o remount,bind,noexec "{folder}"
        mount -t tmpfs -o exec tmpfs "{folder}/open"
    """
    asked = [program, folder, folder / "not/there/yet", tmp_path / "link", folder / "open", tmp_path, "/"]
    found = run_mounted(mounts, PROGRAM, list(map(str, asked)))
    assert found[:-2] == [str(folder)] * 4 + [""] * 3
    assert found[-2] == [None, f"{program} lies on {folder}, which is mounted noexec"], "it is there, and not found"
    assert found[-1] == [None, ""], "a folder is no program"
    assert noexec_mount(str(program)) == ""


class Status(t.NamedTuple):
    """As fstatvfs(3) says it."""

    f_flag: int


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"7 1 0:1 / /a\\040b\\134 rw\n", "/a b\\"),
        (b"17 1 0:1 / /not rw\n7 1 0:1 / /a rw\n7 1 0:1 / /later rw\n", "/a"),
        (b"17 1 0:1 / /not rw\n", "HERE"),
        (b"7 1 0:1 / /\xff rw\n", "/\udcff"),
    ],
)
def test_the_mount_by_its_number(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, line: bytes, point: str
) -> None:
    """A mount that the process does not see, as one that a chroot hides, has no name."""
    (tmp_path / "mountinfo").write_bytes(line)
    monkeypatch.setattr(mounts, "_number_of", lambda _descriptor: 7)
    monkeypatch.setattr(mounts, "open", lambda *_arguments: io.FileIO(tmp_path / "mountinfo"), raising=False)
    for flags, found in ((mounts.os.ST_NOEXEC | mounts.os.ST_NOSUID, point), (mounts.os.ST_NOSUID, "")):
        monkeypatch.setattr(mounts.os, "fstatvfs", lambda _descriptor, flags=flags: Status(flags))
        assert noexec_mount(f"{tmp_path}/no/such") == found.replace("HERE", str(tmp_path))


@pytest.mark.parametrize("name", ["open", "fstatvfs"])
def test_what_cannot_be_looked_at_is_not_said_to_be_noexec(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise PermissionError(13, "Permission denied")

    with nothing_left_open():
        monkeypatch.setattr(mounts.os, name, fail)
        assert noexec_mount("/usr") == noexec_mount("nowhere") == ""
