# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks that no other user can take, and that nobody waits for without end."""

from __future__ import annotations

import fcntl
import os
import pathlib
import time
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked, locked, open_file
from ansible_collections.netops.keepalive.tests.unit.support.audited import open_to_all

NOBODY = 65534


class Child:
    """A process of ours that does one thing with a lock, says so, and ends when it is told to."""

    def __init__(self, work: t.Callable[[t.Callable[[], None]], None]) -> None:
        ready, self._ready = os.pipe()
        self._go, go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(go)
            os.close(ready)

            def stay() -> None:
                os.write(self._ready, b"x")
                os.read(self._go, 1)

            try:
                work(stay)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(self._ready)
        os.close(self._go)
        self._end = go
        assert os.read(ready, 1) == b"x", "the child did not get as far"
        os.close(ready)

    def end(self) -> None:
        os.close(self._end)
        assert os.waitpid(self.pid, 0) == (self.pid, 0)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "locks")


def test_a_second_run_waits_for_the_first(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(stay: t.Callable[[], None]) -> None:
        with locked("install", "/somewhere", folder=folder):
            stay()

    child = Child(hold)
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        child.end()

    monkeypatch.setattr(time, "sleep", nap)
    with locked("install", "/somewhere", folder=folder):
        assert len(naps) == 1


def test_the_wait_has_an_end_that_says_for_what_and_for_whom(folder: str) -> None:
    def hold(stay: t.Callable[[], None]) -> None:
        with locked("preload-file", "/etc/ld.so.preload", folder=folder):
            stay()

    child = Child(hold)
    with pytest.raises(NotLocked) as error, locked("preload-file", "/etc/ld.so.preload", 0.2, folder):
        pass
    assert str(error.value) == (
        f"/etc/ld.so.preload: waited 0.2 s for another run that is changing it, process {child.pid} (preload file); "
        "nothing was changed here; see what it waits for, and run again when it has ended"
    )
    child.end()


def test_who_is_killed_holds_nothing(folder: str) -> None:
    def hold(stay: t.Callable[[], None]) -> None:
        with locked("install", "/somewhere", folder=folder):
            stay()
            os.kill(os.getpid(), 9)

    child = Child(hold)
    os.close(child._end)
    os.waitpid(child.pid, 0)
    with locked("install", "/somewhere", 0, folder):
        pass


def test_different_places_do_not_wait_for_each_other(folder: str) -> None:
    with locked("install", "/here", 0, folder), locked("install", "/there", 0, folder):
        pass


def test_a_lock_on_what_everybody_may_open_keeps_nobody_out(tmp_path: pathlib.Path, folder: str) -> None:
    """The folder that is changed, the one above it, and that of the locks: a user tries each of them."""
    libraries = tmp_path / "lib" / "libkeepalive"
    libraries.mkdir(parents=True)
    open_to_all(libraries)
    with locked("install", str(libraries), 0, folder):
        pass  # the file is there by now
    denied = tmp_path / "denied"
    denied.write_text("")
    denied.chmod(0o666)

    def attack(stay: t.Callable[[], None]) -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        held = []
        for place in (
            libraries.parent,
            libraries,
            pathlib.Path(folder),
        ):
            try:
                descriptor = os.open(place, os.O_RDONLY)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(descriptor)
            except OSError as error:
                denied.write_text(f"{denied.read_text()}{place}: {error.strerror}\n")
        stay()

    child = Child(attack)
    with locked("install", str(libraries), 0, folder):
        pass
    child.end()
    assert f"{folder}: Permission denied" in denied.read_text()


@pytest.mark.parametrize("kind", ["symbolic link", "file", "mode", "owner"])
def test_a_folder_that_others_could_enter_or_have_made_is_refused(
    folder: str, tmp_path: pathlib.Path, kind: str
) -> None:
    place = pathlib.Path(folder)
    if kind == "symbolic link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to("elsewhere")
    elif kind == "file":
        place.write_text("")
    else:
        place.mkdir(mode=0o700)
        if kind == "mode":
            place.chmod(0o755)
        else:
            os.chown(place, NOBODY, NOBODY)
    seen = {
        "mode": "belongs to user 0 and has mode 0755",
        "owner": f"belongs to user {NOBODY} and has mode 0700",
    }.get(kind, "is a symbolic link, or no folder")
    with pytest.raises(NotLocked) as error:
        open_file("rollout.lock", folder)
    expected = "expected a folder of user 0 with mode 0700; see who made it, and remove it"
    assert str(error.value) == f"{folder}: {seen}: {expected}"


@pytest.mark.parametrize("kind", ["symbolic link", "fifo", "mode", "owner"])
def test_a_file_that_others_could_have_opened_is_refused(folder: str, kind: str) -> None:
    path = pathlib.Path(folder) / "rollout.lock"
    os.close(open_file(path.name, folder))
    if kind == "mode":
        path.chmod(0o644)
    elif kind == "owner":
        os.chown(path, NOBODY, NOBODY)
    else:
        path.unlink()
        path.symlink_to("elsewhere") if kind == "symbolic link" else os.mkfifo(path, 0o600)
    with pytest.raises(NotLocked, match=str(path)):
        open_file(path.name, folder)


def test_the_folder_cannot_be_made(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotLocked, match="none/locks: the folder for locks cannot be made: No such file or directory"):
        open_file("rollout.lock", str(tmp_path / "none" / "locks"))
