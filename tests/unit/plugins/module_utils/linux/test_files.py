# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files are changed or none, whatever fails and wherever."""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import files as linux_files
from ansible_collections.netops.keepalive.plugins.module_utils.linux.files import (
    FileChange,
    NotPutBack,
    apply_changes,
    replace_file,
    write_new,
)

Files = t.Dict[str, t.Tuple[int, int, bytes]]


def files(folder: pathlib.Path) -> Files:
    """Name → mode, time of change and content; folders have none."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns if path.is_file() else 0,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(name="changes")
def changes_fixture(tmp_path: pathlib.Path) -> t.List[FileChange]:
    """One file to replace, one to remove, one to make in a folder that is there, two in folders that are not."""
    for name, content in (("a.d/f", "old a"), ("b.d/f", "old b"), ("b.d/foreign", "not ours"), ("c.d/foreign", "c")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    wanted = {"new1.d": (None, "1"), "a.d": ("old a", "new a"), "b.d": ("old b", None), "c.d": (None, "new c"),
              "new2.d": (None, "2")}  # fmt: skip
    return [FileChange(str(tmp_path / name / "f"), *contents) for name, contents in wanted.items()]


def test_files_are_written_replaced_and_removed(tmp_path: pathlib.Path, changes: t.List[FileChange]) -> None:
    mask = os.umask(0o077)
    try:
        apply_changes(changes)
    finally:
        os.umask(mask)
    after = {name: (oct(mode), content) for name, (mode, _time, content) in files(tmp_path).items() if content}
    assert after == {
        "a.d/f": ("0o100644", b"new a"),
        "b.d/foreign": ("0o100644", b"not ours"),
        "c.d/f": ("0o100644", b"new c"),
        "c.d/foreign": ("0o100644", b"c"),
        "new1.d/f": ("0o100644", b"1"),
        "new2.d/f": ("0o100644", b"2"),
    }
    assert oct((tmp_path / "new1.d").stat().st_mode) == "0o40755"


def test_a_folder_that_is_emptied_goes_and_one_with_something_else_stays(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.d").mkdir()
    (tmp_path / "b.d").mkdir()
    (tmp_path / "b.d" / "foreign").write_text("stays")
    both = [FileChange(str(tmp_path / name / "f"), None, "x") for name in ("a.d", "b.d")]
    apply_changes(both)
    apply_changes([FileChange(change.path, "x", None) for change in both])
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["b.d", "b.d/foreign"]


def test_a_folder_that_is_a_link_stays(tmp_path: pathlib.Path) -> None:
    """And what is left when all is done is no failure: nobody must say that all is as before."""
    (real := tmp_path / "config").mkdir()
    (link := tmp_path / "a.service.d").symlink_to(real)
    (real / "x.conf").write_text("old")
    apply_changes([FileChange(str(link / "x.conf"), "old", None)])
    assert link.is_symlink() and list(real.iterdir()) == []


def test_a_folder_that_cannot_be_removed_stays(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "a.service.d").mkdir()
    (folder / "x.conf").write_text("old")

    def refuse(path: str) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", refuse)
        apply_changes([FileChange(str(folder / "x.conf"), "old", None)])
    assert not (folder / "x.conf").exists()


def test_what_cannot_be_put_back_is_named_and_the_others_are(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change fails, and then the way back of one file does."""
    paths = [tmp_path / name for name in ("new", "old", "third", "last")]
    for path in paths[1:]:
        path.write_text("before")
    changes = [FileChange(str(path), path.read_text() if path.exists() else None, "after") for path in paths]
    rename, unlink = os.rename, os.unlink

    def fail(old: str, new: str) -> None:
        if new == str(paths[3]) or (new == str(paths[1]) and ".old." in old):
            raise OSError(errno.EIO, os.strerror(errno.EIO), new)
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(NotPutBack) as caught:
        apply_changes(changes)
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(paths[1]))
    assert [path.exists() and path.read_text() for path in paths] == [False, "after", "before", "before"]
    (kept,) = set(tmp_path.iterdir()) - set(paths)
    assert kept.read_text() == "before", "what it was is not thrown away"
    unlink(kept)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "FILE"),
        (OSError(errno.EACCES, "Permission denied", "/label"), "/label"),
        (OSError("odd"), None),
    ],
)
def test_a_file_that_cannot_be_written_is_named_unless_another_is(
    tmp_path: pathlib.Path, error: OSError, named: t.Optional[str]
) -> None:
    def fail(_path: str) -> t.NoReturn:
        raise error

    path = str(tmp_path / "f")
    with pytest.raises(OSError, match=str(error.args[-1])) as caught:
        linux_files.write_new(path, b"x", 0o600, prepare=fail)
    assert caught.value.filename == (path if named == "FILE" else named)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_comes_back_byte_for_byte(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.d" / "f"
    apply_changes([FileChange(str(path), None, "\udcff\r\nä")])
    assert path.read_bytes() == b"\xff\r\n\xc3\xa4"


@pytest.mark.parametrize(
    ("call", "nth"),
    [(call, nth) for call in ("chmod", "fchmod", "fsync", "link", "mkdir") for nth in (1, 2)]
    + [("rename", 1), ("rename", 2), ("rename", 3), ("rename", 4), ("unlink", 1)],
)
def test_whatever_fails_everything_is_as_before(
    tmp_path: pathlib.Path, changes: t.List[FileChange], monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    real = getattr(os, call)
    calls: t.List[t.Any] = []

    def failing(*arguments: t.Any) -> t.Any:
        calls.append(arguments)
        if len(calls) == nth:
            raise OSError(5, f"the {nth}. {call} failed", str(arguments[0]))
        return real(*arguments)

    before = files(tmp_path)
    monkeypatch.setattr(linux_files.os, call, failing)
    with pytest.raises(OSError, match=f"the {nth}. {call} failed"):
        apply_changes(changes)
    assert files(tmp_path) == before


def in_a_child(folder: pathlib.Path, changes: t.List[FileChange], prepare: str) -> str:
    """Apply the changes in a process of its own, where prepare has made that impossible; return what it said.

    Everything is loaded before prepare, and paths are relative: whoever the child becomes needs to read nothing else.
    """
    relative = [(os.path.relpath(change.path, folder), change.before, change.after) for change in changes]
    code = "\n".join(
        [
            pathlib.Path(linux_files.__file__).read_text(encoding="utf-8"),
            "import resource, signal, traceback",
            prepare,
            f"apply_changes([FileChange(*change) for change in {relative!r}])",
        ]
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode != 0
    return ended.stderr.splitlines()[-1]


def test_a_file_that_cannot_grow_leaves_everything_as_before(
    tmp_path: pathlib.Path, changes: t.List[FileChange]
) -> None:
    """A write that ends in the middle, as on a full disk: the limit of a process is the same for the code."""
    prepare = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""
    before = files(tmp_path)
    longer = [*changes, FileChange(str(tmp_path / "new3.d" / "f"), None, "x" * 8192)]
    said = in_a_child(tmp_path, longer, prepare)
    assert said.startswith("OSError: [Errno 27] File too large: 'new3.d/.keepalive-"), "the place is named"
    assert files(tmp_path) == before


def test_a_folder_that_must_not_be_written_leaves_everything_as_before(
    tmp_path: pathlib.Path, changes: t.List[FileChange]
) -> None:
    """The last file's folder may be read and not be written, by who is not root."""
    prepare = ""
    (tmp_path / "z.d").mkdir(mode=0o555)
    if os.geteuid() == 0:
        for path in [tmp_path, *tmp_path.rglob("*")]:
            os.chown(path, 65534, 65534)
        # Below a root of its own, because not everyone may pass the folders above this one.
        prepare = "os.chroot('.'); os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    before = files(tmp_path)
    denied = in_a_child(tmp_path, [*changes, FileChange(str(tmp_path / "z.d" / "f"), None, "z")], prepare)
    assert denied.startswith("PermissionError: [Errno 13] Permission denied: ")
    assert "'z.d/" in denied
    assert files(tmp_path) == before


# ---------------------------------------------------------------- one file


def test_a_file_is_replaced_and_who_has_the_old_one_open_keeps_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    before = path.stat()
    with path.open("rb") as still_open:
        replace_file(str(path), b"new", 0o600)
        assert still_open.read() == b"old"
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"new", 0o600)
    assert path.stat().st_ino != before.st_ino
    assert os.listdir(tmp_path) == ["f"]


def test_mode_and_owner_are_those_asked_for_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    mask = os.umask(0o077)
    try:
        replace_file(str(tmp_path / "a"), b"", 0o644)
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o644
    owner = (1, 1) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    replace_file(str(tmp_path / "b"), b"", 0o4755, owner)
    status = (tmp_path / "b").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o4755, *owner), "the mode comes last"


def test_a_file_is_whole_and_on_the_disk_before_it_gets_its_name_and_then_its_folder_is(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: t.List[str] = []
    for call in ("fsync", "rename"):
        real = getattr(os, call)

        def noted(*arguments: t.Any, call: str = call, real: t.Any = real) -> None:
            what = os.path.basename(os.readlink(f"/proc/self/fd/{arguments[0]}")) if call == "fsync" else ""
            done.append(f"{call} {what}".strip())
            real(*arguments)

        monkeypatch.setattr(linux_files.os, call, noted)

    def prepare(path: str) -> None:
        done.append(f"prepare {pathlib.Path(path).read_bytes().decode()}, {os.stat(path).st_mode & 0o7777:04o}")

    replace_file(str(tmp_path / "f"), b"whole", 0o755, prepare=prepare, temporary=str(tmp_path / ".t"))
    assert done == ["fsync .t", "prepare whole, 0755", "rename", f"fsync {tmp_path.name}"]


@pytest.mark.parametrize("fails", ["fchmod", "fchown", "fsync", "prepare", "rename"])
@pytest.mark.parametrize("how", [OSError, SystemExit, KeyboardInterrupt])
def test_whatever_fails_the_old_file_is_in_force_and_nothing_is_left(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fails: str, how: t.Type[BaseException]
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def failing(*_arguments: t.Any) -> t.NoReturn:
        raise how("it fails")

    if fails != "prepare":
        monkeypatch.setattr(linux_files.os, fails, failing)
    prepare = failing if fails == "prepare" else None
    with pytest.raises(how, match="it fails"):
        replace_file(str(path), b"new", 0o644, (os.geteuid(), os.getegid()), prepare)
    assert (os.listdir(tmp_path), path.read_bytes()) == (["f"], b"old")


@pytest.mark.parametrize("left", ["file", "link"])
def test_what_a_run_that_was_killed_has_left_is_in_nobodys_way(tmp_path: pathlib.Path, left: str) -> None:
    """A link is not followed: what it names stays as it is."""
    (tmp_path / "other").write_bytes(b"other's")
    if left == "link":
        (tmp_path / ".t").symlink_to("other")
    else:
        (tmp_path / ".t").write_bytes(b"half")
    replace_file(str(tmp_path / "f"), b"new", temporary=str(tmp_path / ".t"))
    assert (tmp_path / "f").read_bytes() == b"new" and not (tmp_path / "f").is_symlink()
    assert (tmp_path / "other").read_bytes() == b"other's"
    assert sorted(os.listdir(tmp_path)) == ["f", "other"]


def test_until_it_is_whole_nobody_else_may_read_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: t.List[int] = []
    real = os.fchmod

    def noted(descriptor: int, mode: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o7777)
        real(descriptor, mode)

    monkeypatch.setattr(linux_files.os, "fchmod", noted)
    write_new(str(tmp_path / "f"), b"secret", 0o640)
    assert modes == [0o600]
