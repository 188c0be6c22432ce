# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of the file asks of whoever calls it, and how it says that nothing was changed.

What becomes of the file, and every refusal, is tested through the module ld_so_preload.
"""

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import change, security, trial, watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.request import (
    PreloadRefused,
    PreloadRequest,
    TrialFailed,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux import files
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked


class Caller:
    """Who calls, in whose hands the lock, the label and the backup are; and what each was asked when."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.file = folder / "preload"
        self.lib = folder / "lib"
        self.lib.mkdir()
        for name in ("libkeepalive.so", "libkeepalive_listen.so", "keepalive-watchdog"):
            (self.lib / name).write_bytes(b"")
        self.asked: t.List[t.Any] = []

    def text(self) -> t.Optional[str]:
        return self.file.read_text() if self.file.exists() else None

    def take(self) -> None:
        self.asked.append(("take", self.text()))

    def label(self, path: str, place: str) -> None:
        self.asked.append(("label", path, place, self.text()))

    def backup(self, path: str) -> str:
        self.asked.append(("backup", path, self.text()))
        return f"{path}~"

    def change(self, check: bool = False, **wanted: t.Any) -> t.Dict[str, t.Any]:
        given = {"libraries": [f"{self.lib}/libkeepalive.so"], "preflight": False, "watchdog": 0, **wanted}
        request = PreloadRequest(path=str(self.file), library_dir=str(self.lib), **given)
        return change.change_preload_file(request, check=check, take=self.take, label=self.label, backup=self.backup)


@pytest.fixture(name="caller")
def caller_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(security, "notes", lambda _files, _folder: [])
    return Caller(tmp_path)


def test_other_runs_are_kept_away_before_anything_is_kept_or_written(caller: Caller) -> None:
    caller.file.write_text("/usr/lib/foreign.so\n")
    answer = caller.change(backup=True)
    before, path = "/usr/lib/foreign.so\n", str(caller.file)
    new = watchdog.guarded(path).new
    assert caller.asked == [("take", before), ("backup", path, before), ("label", new, path, before)]
    assert caller.text() == f"{before}{caller.lib}/libkeepalive.so\n"
    assert (answer["changed"], answer["backup_file"]) == (True, f"{path}~")


def test_who_changes_nothing_keeps_nobody_away(caller: Caller) -> None:
    caller.change(check=True)
    caller.change(absent=True)
    assert caller.asked == []
    caller.change()
    caller.asked.clear()
    assert (caller.change()["changed"], caller.asked) == (False, [])
    assert caller.change(check=True, absent=True)["changed"] is True
    assert caller.asked == []


def test_without_the_host_nothing_is_written(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def held() -> None:
        raise NotLocked("another run is changing this host")

    monkeypatch.setattr(caller, "take", held)
    with pytest.raises(NotLocked, match=r"^another run is changing this host$"):
        caller.change()
    assert caller.text() is None


def test_a_refusal_is_lines_and_what_is_told_beside_them(caller: Caller) -> None:
    (caller.lib / "libkeepalive.so").write_bytes(b"text")
    with pytest.raises(PreloadRefused) as refused:
        caller.change(preflight=True, programs=["none/such"])
    first, *others = refused.value.lines
    assert first == (
        f"refused: with these libraries in {caller.file}, programs of this host would not do what they do now. "
        "Nothing was changed."
    )
    problems = refused.value.told["problems"]
    assert [line[:2] for line in others] == ["- "] * len(problems)
    assert problems[0]["reason"].startswith("programs[0]: ")
    assert refused.value.told == {
        "changed": False, "path": str(caller.file), "notes": [], "tried": [], "problems": problems,
    }  # fmt: skip
    assert str(refused.value) == "\n".join(refused.value.lines)
    assert caller.text() is None


@pytest.mark.parametrize("where", [change, files], ids=["beside", "within"])
def test_what_is_changed_is_never_said_not_to_be(caller: Caller, monkeypatch: pytest.MonkeyPatch, where: t.Any) -> None:
    """A transaction that hears so forgets the way back."""
    note = f"{caller.file} is changed, but whether the disk has it is not known: Input/output error"
    folder, sync = str(caller.file.parent), where.sync_folder

    def fail(synced: str) -> None:
        sync(synced)
        if synced == folder:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(where, "sync_folder", fail)
    answer = caller.change()
    assert (answer["changed"], answer["notes"]) == (True, [note])
    assert caller.text() == f"{caller.lib}/libkeepalive.so\n"
    answer = caller.change(absent=True)
    assert (answer["changed"], answer["notes"]) == (True, [note] if where is change else [])
    assert caller.text() is None


def test_what_is_not_changed_is_said_not_to_be(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: t.Any, **_named: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(change, "replace_file", fail)
    with pytest.raises(PreloadRefused) as refused:
        caller.change()
    assert refused.value.lines == [f"{caller.file}: No space left on device; nothing was changed"]


ERRORS: t.List[t.Tuple[Exception, str]] = [
    (watchdog.Busy("a trial"), "a trial"),
    (TimedOut("umount", "was still running after 15 s"), "umount was still running after 15 s"),
    (OSError(errno.EROFS, "Read-only file system"), "{path}: Read-only file system; nothing was changed"),
    (OSError(errno.EIO, "Input/output error", "/x"), "{path}: Input/output error (/x); nothing was changed"),
]


@pytest.mark.parametrize(("error", "said"), ERRORS, ids=["watchdog", "time", "system", "file"])
def test_what_the_host_says_is_a_refusal_in_words(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise error

    path = str(caller.file)
    for name in ("clean_up", "remembered", "end", "trial_state"):
        monkeypatch.setattr(watchdog, name, fail)
    with pytest.raises(PreloadRefused) as refused:
        caller.change()
    assert (refused.value.lines, refused.value.told) == ([said.format(path=path)], {"path": path})
    for ask in (change.confirm, change.abort_trial, change.look_at_trial):
        with pytest.raises(TrialFailed) as failed:
            ask(path, "t")
        assert (failed.value.lines, failed.value.told) == ([said.format(path=path)], {"path": path})


def test_a_host_that_is_not_well_does_not_confirm(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: t.List[t.Any] = []
    monkeypatch.setattr(trial, "programs_start", lambda _known: "sh died")
    monkeypatch.setattr(watchdog, "end", lambda _place, *what: ended.append(what) or "reverted on request")
    with pytest.raises(TrialFailed) as failed:
        change.confirm(str(caller.file), "t")
    told = {"seen": "sh died", "healed": True, "result": "reverted on request"}
    assert (failed.value.lines, failed.value.told, ended) == (["sh died"], told, [("t", "abort")])
