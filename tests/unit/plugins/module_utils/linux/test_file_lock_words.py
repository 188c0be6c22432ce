# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a lock stands, what its holder says of itself, and what is said where there is none to be had."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import file_lock
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked, locked, open_file
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(file_lock, "FOLDER", str(tmp_path / "locks"))
    return tmp_path / "locks"


def test_a_lock_is_a_file_of_a_place_with_its_holder_in_it(folder: pathlib.Path) -> None:
    name = f"preload-file-{hashlib.sha256(b'/etc/x').hexdigest()[:16]}.lock"
    with nothing_left_open():
        for before in ("", "process 123456789 of before, which has said much more of itself"):
            if before:
                (folder / name).write_text(before)
            with locked("preload-file", "/etc/x"):
                assert (folder / name).read_text() == f"process {os.getpid()} (preload file)"
                assert [oct(path.stat().st_mode) for path in (folder, folder / name)] == ["0o40700", "0o100600"]
    assert os.listdir(folder) == [name]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "which does not say who it is"),
        (b"a\n\xff", "a\\x0a\ufffd"),
        (b"x" * 501, "x" * 500),
    ],
)
@pytest.mark.parametrize("limit", [0, None])
def test_who_has_it_is_told_as_it_says(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, said: bytes, told: str, limit: t.Optional[float]
) -> None:
    monkeypatch.setattr(file_lock, "LIMIT", 0.0)
    with locked("a", "/x"):
        (path,) = folder.iterdir()
        path.write_bytes(said)
        with nothing_left_open(), pytest.raises(NotLocked) as raised, locked("a", "/x", limit):
            pass
        assert str(raised.value) == (
            f"/x: waited 0 s for another run that is changing it, {told}; nothing was changed here; see what it waits "
            "for, and run again when it has ended"
        )
        assert path.read_bytes() == said
        with locked("b", "/x", limit), locked("a", "/y", limit):
            pass


def test_how_long_and_how_often_it_is_tried(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: t.List[t.Any] = []
    monkeypatch.setattr(file_lock, "poll_until", lambda ask, *given: (tried.append(given), ask())[1])
    with locked("a", "/x"), locked("a", "/y", 5):
        pass
    assert tried == [(300.0, 0.1), (5, 0.1)]


@pytest.mark.parametrize("create", [True, False])
def test_what_is_to_be_there_is_not_made(folder: pathlib.Path, create: bool) -> None:
    def opened() -> None:
        os.close(open_file("x.lock", create=create))

    with nothing_left_open():
        if create:
            opened()
            opened()
        else:
            for _made in range(2):
                with pytest.raises(FileNotFoundError):
                    opened()
                folder.mkdir(mode=0o700, exist_ok=True)
            assert list(folder.iterdir()) == []
            (folder / "x.lock").touch(0o600)
            opened()


@pytest.mark.parametrize(
    ("change", "seen", "what"),
    [
        (lambda path: path.chmod(0o640), "belongs to user 0 and has mode 0640", "file"),
        (lambda path: path.chmod(0o601), "belongs to user 0 and has mode 0601", "file"),
        (lambda path: os.chown(path, 5, 5), "belongs to user 5 and has mode 0600", "file"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "no file", "file"),
        (lambda path: path.parent.chmod(0o710), "belongs to user 0 and has mode 0710", "folder"),
        (lambda path: path.parent.chmod(0o2701), "belongs to user 0 and has mode 2701", "folder"),
    ],
)
def test_what_others_could_have_opened_is_refused_with_what_was_expected(
    folder: pathlib.Path, change: t.Callable[[pathlib.Path], t.Any], seen: str, what: str
) -> None:
    path = folder / "x.lock"
    os.close(open_file(path.name))
    path.chmod(0o600)
    change(path)
    with nothing_left_open(), pytest.raises(NotLocked) as raised:
        open_file(path.name)
    mode, place = ("0600", path) if what == "file" else ("0700", folder)
    assert str(raised.value) == (
        f"{place}: {seen}: expected a {what} of user 0 with mode {mode}; see who made it, and remove it"
    )


def test_what_cannot_be_opened_is_named(folder: pathlib.Path) -> None:
    os.close(open_file("x.lock"))
    (folder / "link").symlink_to("x.lock")
    (folder / "folder").mkdir()
    for name, why in (("link", "Too many levels of symbolic links"), ("folder", "Is a directory")):
        with nothing_left_open(), pytest.raises(NotLocked) as raised:
            open_file(name)
        assert str(raised.value) == f"{folder}/{name}: cannot be opened: {why}"


def test_another_folder_may_be_given(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    descriptor = open_file("x.lock", str(tmp_path / "other"))
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert (tmp_path / "other" / "x.lock").exists() and not folder.exists()
