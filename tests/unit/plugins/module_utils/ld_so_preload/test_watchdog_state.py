# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a trial's files and of the mounts, whatever stands there."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import watchdog
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

MOUNTED = b"36 35 98:0 /.ld.so.preload.keepalive-new /etc/ld.so.preload rw,noatime - ext4 /dev/root rw\n"


@pytest.fixture(name="place")
def place_fixture(tmp_path: pathlib.Path) -> watchdog.GuardedFile:
    place = watchdog.guarded(str(tmp_path / "ld.so.preload"))
    pathlib.Path(place.state).mkdir()
    return place


@pytest.mark.parametrize(
    "others",
    [
        b"",
        b"37 36 0:50 / /home/eve/a\rb rw,nosuid - fuse.x x rw\n",
        b"37 36 0:50 /\r1 2 3 /evil /etc/ld.so.preload rw,nosuid - fuse.x x rw\n",
        b"37 36 0:50 / /home/eve/\xff\x85\x1c\x0b rw - fuse.x x rw\n",
        b"37 36\n",
    ],
)
def test_a_mount_of_a_user_is_no_mount_of_ours_whatever_its_name(tmp_path: pathlib.Path, others: bytes) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(others)
    assert watchdog.mounted_from("/etc/ld.so.preload", str(table)) is None
    table.write_bytes(MOUNTED + others)
    assert watchdog.mounted_from("/etc/ld.so.preload", str(table)) == "/.ld.so.preload.keepalive-new"


def test_what_was_remembered_comes_back_and_what_is_damaged_excuses_nothing(place: watchdog.GuardedFile) -> None:
    lines = ["ERROR: ld.so: object '/\udcff' cannot be preloaded", "a\x1b[2J"]
    watchdog.remember(place, "1", lines)
    assert watchdog.remembered(place, "1") == lines
    pathlib.Path(place.state_file("before", "2")).mkdir()
    assert watchdog.remembered(place, "2") == []


def test_a_watchdogs_word_is_shown_whatever_it_is(place: watchdog.GuardedFile) -> None:
    word = pathlib.Path(place.state_file("result", "1"))
    word.write_bytes(b"committed\n")
    assert watchdog.trial_state(place, "1") == {"armed": False, "result": "committed"}
    word.write_bytes(b"\xff\x1b[2J\0")
    shown = watchdog.trial_state(place, "1")["result"]
    assert shown.isprintable() and "[2J" in shown
    word.unlink()
    word.mkdir()
    assert watchdog.trial_state(place, "1")["result"] == "its word cannot be read"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_a_watchdog_where_nothing_is_executed_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    """systemd starts it later, and would tell nobody here that it could not."""
    program = """
from .module_utils.ld_so_preload import watchdog
try:
    watchdog.begin(watchdog.guarded(f"{asked}/file"), f"{asked}/watchdog", b"", "t", 60, lambda _path: None)
except watchdog.WatchdogError as error:
    print(json.dumps(str(error)))
"""
    mounts = f"mount -t tmpfs -o noexec,mode=0755 tmpfs {tmp_path}\ncp /bin/true {tmp_path}/watchdog"
    assert run_mounted(mounts, program, str(tmp_path)) == (
        f"{tmp_path}/watchdog cannot be started: it lies on {tmp_path}, which is mounted noexec"
    )


def test_the_name_of_its_mount_is_shown_whatever_it_is(
    place: watchdog.GuardedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written for a watchdog that cannot be started."""
    before = sorted(os.listdir(os.path.dirname(place.path)))
    monkeypatch.setattr(watchdog, "fault", lambda _program: "")
    monkeypatch.setattr(watchdog, "noexec_mount", {"/w": "/m\x1b"}.__getitem__)
    with pytest.raises(watchdog.WatchdogError) as seen:
        watchdog.begin(place, "/w", b"", "t", 60, lambda _path: None)
    assert str(seen.value) == "/w cannot be started: it lies on /m\\x1b, which is mounted noexec"
    assert sorted(os.listdir(os.path.dirname(place.path))) == before
