# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files are changed or none, whatever fails and wherever."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import files as linux_files
from ansible_collections.netops.keepalive.plugins.module_utils.linux.files import Change, apply_changes

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
def changes_fixture(tmp_path: pathlib.Path) -> t.List[Change]:
    """One file to replace, one to remove, one to make in a folder that is there, two in folders that are not."""
    for name, content in (("a.d/f", "old a"), ("b.d/f", "old b"), ("b.d/foreign", "not ours"), ("c.d/foreign", "c")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    wanted = {"new1.d": (None, "1"), "a.d": ("old a", "new a"), "b.d": ("old b", None), "c.d": (None, "new c"),
              "new2.d": (None, "2")}  # fmt: skip
    return [Change(str(tmp_path / name / "f"), *contents) for name, contents in wanted.items()]


def test_files_are_written_replaced_and_removed(tmp_path: pathlib.Path, changes: t.List[Change]) -> None:
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
    both = [Change(str(tmp_path / name / "f"), None, "x") for name in ("a.d", "b.d")]
    apply_changes(both)
    apply_changes([Change(change.path, "x", None) for change in both])
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["b.d", "b.d/foreign"]


def test_what_is_written_comes_back_byte_for_byte(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.d" / "f"
    apply_changes([Change(str(path), None, "\udcff\r\nä")])
    assert path.read_bytes() == b"\xff\r\n\xc3\xa4"


@pytest.mark.parametrize(
    ("call", "nth"),
    [(call, nth) for call in ("chmod", "fchmod", "fsync", "link", "mkdir") for nth in (1, 2)]
    + [("rename", 1), ("rename", 2), ("rename", 3), ("rename", 4), ("unlink", 1)],
)
def test_whatever_fails_everything_is_as_before(
    tmp_path: pathlib.Path, changes: t.List[Change], monkeypatch: pytest.MonkeyPatch, call: str, nth: int
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


def in_a_child(folder: pathlib.Path, changes: t.List[Change], prepare: str) -> str:
    """Apply the changes in a process of its own, where prepare has made that impossible; return what it said.

    Everything is loaded before prepare, and paths are relative: whoever the child becomes needs to read nothing else.
    """
    relative = [(os.path.relpath(change.path, folder), change.before, change.after) for change in changes]
    code = "\n".join(
        [
            pathlib.Path(linux_files.__file__).read_text(encoding="utf-8"),
            "import resource, signal, traceback",
            prepare,
            f"apply_changes([Change(*change) for change in {relative!r}])",
        ]
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode != 0
    return ended.stderr.splitlines()[-1]


def test_a_file_that_cannot_grow_leaves_everything_as_before(tmp_path: pathlib.Path, changes: t.List[Change]) -> None:
    """A write that ends in the middle, as on a full disk: the limit of a process is the same for the code."""
    prepare = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""
    before = files(tmp_path)
    longer = [*changes, Change(str(tmp_path / "new3.d" / "f"), None, "x" * 8192)]
    assert in_a_child(tmp_path, longer, prepare) == "OSError: [Errno 27] File too large"
    assert files(tmp_path) == before


def test_a_folder_that_must_not_be_written_leaves_everything_as_before(
    tmp_path: pathlib.Path, changes: t.List[Change]
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
    denied = in_a_child(tmp_path, [*changes, Change(str(tmp_path / "z.d" / "f"), None, "z")], prepare)
    assert denied.startswith("PermissionError: [Errno 13] Permission denied: ")
    assert "/z.d/" in denied
    assert files(tmp_path) == before
