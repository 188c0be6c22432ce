# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether something is executed where it lies is a matter of its mount, which is named."""

from __future__ import annotations

import pathlib

from ansible_collections.netops.keepalive.plugins.module_utils.linux.mounts import noexec_mount
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

PROGRAM = """
from .module_utils.linux.command import look_for
from .module_utils.linux.mounts import noexec_mount
print(json.dumps([noexec_mount(path) for path in asked] + [look_for(asked[0])]))
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
    assert found[:-1] == [str(folder)] * 4 + [""] * 3
    assert found[-1] == [None, f"{program} lies on {folder}, which is mounted noexec"], "it is there, and not found"
    assert noexec_mount(str(program)) == ""
