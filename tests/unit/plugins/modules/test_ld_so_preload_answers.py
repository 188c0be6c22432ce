# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module answers, whole, when it writes without preflight and watchdog."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import change, watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.modules import ld_so_preload
from ansible_collections.netops.keepalive.tests.unit.support.played_preload import (  # noqa: F401 # pylint: disable=unused-import
    Result,
    Run,
    Warnings,
    file_fixture,
    lib_fixture,
    loaders_fixture,
    run_fixture,
    warnings_fixture,
)

OWNER = f"{os.geteuid()}:{os.getegid()}"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def diff(file: pathlib.Path, before: t.Optional[str], after: t.Optional[str]) -> Result:
    missing = f"{file} (no such file)"
    return {
        "before": before or "", "before_header": missing if before is None else str(file),
        "after": after or "", "after_header": missing if after is None else str(file),
    }  # fmt: skip


def said(file: pathlib.Path) -> t.List[t.Optional[str]]:
    return [version.text for version in in_force.history(str(file)).versions]


def put(file: pathlib.Path, content: t.Union[str, bytes]) -> None:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(0o644)


@pytest.mark.parametrize("check", [False, True])
def test_the_whole_answer_of_a_file_that_is_made_and_of_one_that_vanishes(
    run: Run, file: pathlib.Path, lib: pathlib.Path, check: bool
) -> None:
    line = f"{lib}/libkeepalive_listen.so"
    common = {"path": str(file), "notes": [], "trial": "none", "watchdog": ""}
    made = {**common, "changed": True, "entries": [line], "removed": [], "diff": diff(file, None, f"{line}\n")}
    assert run(check, use=["listen"]) == made
    assert file.exists() is not check
    put(file, f"{line}\n")
    file.chmod(0o600)
    gone = {**common, "changed": True, "entries": [], "removed": [line], "diff": diff(file, f"{line}\n", None)}
    assert run(check, state="absent") == {**gone, "mapped_by": []}
    assert file.exists() is check


@pytest.mark.parametrize("content", [None, "", "# of the operator\n/usr/lib/foreign.so"])
@pytest.mark.parametrize("check", [False, True])
def test_where_nothing_of_ours_is_there_nothing_is_taken_away(
    run: Run, file: pathlib.Path, content: t.Optional[str], check: bool
) -> None:
    if content is not None:
        put(file, content)
    answer = run(check, state="absent")
    assert (answer["changed"], answer["diff"]) == (False, diff(file, content, content))
    assert (file.read_text() if file.exists() else None) == content
    assert said(file) == []


def test_what_is_of_others_stays_with_the_entries_that_replace_ours(
    run: Run, file: pathlib.Path, lib: pathlib.Path
) -> None:
    put(file, f"/usr/lib/foreign.so\n{lib}/old.so {lib}/libkeepalive.so\n")
    answer = run(use=["socket", "connect"])
    assert answer["entries"] == [f"{lib}/libkeepalive.so", f"{lib}/libkeepalive_socket.so"], "in the libraries' order"
    assert answer["removed"] == [f"{lib}/old.so"]
    assert file.read_text() == f"/usr/lib/foreign.so\n{lib}/libkeepalive.so\n{lib}/libkeepalive_socket.so\n"
    answer = run(state="absent", watchdog=60)
    assert (answer["trial"], "armed" in answer) == ("none", False), "nothing new is loaded, so nobody has to watch"
    assert file.read_text() == "/usr/lib/foreign.so\n"


def test_a_folder_may_be_written_with_a_slash_at_its_end(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    run(library_dir=f"{lib}/", use=["connect"])
    assert file.read_text() == f"{lib}/libkeepalive.so\n"
    assert run(library_dir=f"{lib}/", state="absent")["removed"] == [f"{lib}/libkeepalive.so"]


def test_entries_that_are_given_are_written_once_each(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    run(libraries=[f"{lib}/b.so", f"{lib}/a.so", f"{lib}/b.so"])
    assert file.read_text() == f"{lib}/b.so\n{lib}/a.so\n"


def test_with_several_loaders_the_entries_leave_the_folder_to_each(
    run: Run, file: pathlib.Path, lib: pathlib.Path, loaders: t.List[Loader]
) -> None:
    loaders += loaders
    assert run(use=["connect"])["entries"] == [f"{lib}/$LIB/libkeepalive.so"]


def test_what_a_killed_run_has_not_noted_any_more_is_noted_by_the_next(
    run: Run, file: pathlib.Path, lib: pathlib.Path
) -> None:
    run(use=["connect"])
    both = f"{lib}/libkeepalive.so\n{lib}/libkeepalive_listen.so\n"
    put(file, both)
    for check in (True, False):
        assert run(check, use=["connect", "listen"])["changed"] is False
        assert (said(file)[-1] == both) is not check


def test_bytes_that_are_no_text_are_kept_and_noted(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    put(file, b"/\xff.so\n")
    answer = run(use=["connect"])
    assert answer["diff"]["before"] == "/\\xff.so\n"
    assert said(file) == ["/\udcff.so\n", f"/\udcff.so\n{lib}/libkeepalive.so\n"]


def test_that_the_new_file_cannot_be_noted_takes_nothing_back(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in force by then. What was there before must be noted: else nothing is changed."""
    notes: t.List[t.Optional[str]] = []

    def note(_path: str, content: t.Optional[str]) -> None:
        notes.append(content)
        if len(notes) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(in_force, "note", note)
    assert run(use=["connect"])["changed"] is True
    notes.append(None)
    content = file.read_text()
    assert (notes[0], notes[1]) == (None, content)
    del notes[1:]
    answer = run(use=["listen"])
    assert answer["msg"] == f"{file}: No space left on device; nothing was changed"
    assert file.read_text() == content


@pytest.mark.parametrize("before", [None, "/usr/lib/foreign.so\n"])
def test_the_folder_is_synced_and_the_new_file_labelled_for_its_place(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch, before: t.Optional[str]
) -> None:
    synced: t.List[str] = []
    labelled: t.List[t.Any] = []
    monkeypatch.setattr(change, "sync_folder", synced.append)
    monkeypatch.setattr(ld_so_preload.Module, "label", lambda _self, *places: labelled.append(places))
    if before is not None:
        put(file, before)
    run(use=["connect"])
    place = watchdog.guarded(str(file))
    assert (synced, labelled) == ([str(file.parent)], [(place.new, str(file))])
    run(check=True, state="absent")
    run(use=["connect"])
    assert synced == [str(file.parent)], "once"
    run(state="absent")
    assert len(synced) == 2


@pytest.mark.parametrize(
    ("mode", "owner", "group"),
    [(0o600, 0, 0), pytest.param(0o644, 1, 0, marks=needs_root), pytest.param(0o644, 0, 1, marks=needs_root)],
)
def test_mode_owner_and_group_are_shown_as_they_are_and_put_right(
    run: Run, file: pathlib.Path, lib: pathlib.Path, mode: int, owner: int, group: int
) -> None:
    text = f"{lib}/libkeepalive.so\n"
    put(file, text)
    file.chmod(mode)
    (lib / "libkeepalive.so").chmod(0o666)  # with which nothing would be written
    if owner or group:
        os.chown(file, owner, group)
    status = file.stat()
    headers = {
        "before_header": f"{file} (mode {mode:04o}, owner {status.st_uid}:{status.st_gid})",
        "after_header": f"{file} (mode 0644, owner {OWNER})",
    }
    foretold = run(check=True, use=["connect"])
    assert (foretold["changed"], foretold["diff"]) == (True, {"before": text, "after": text, **headers})
    assert (file.stat().st_ino, file.stat().st_ctime_ns) == (status.st_ino, status.st_ctime_ns)
    done = run(use=["connect"], backup=True)
    assert (done["changed"], done["diff"], "backup_file" in done) == (True, foretold["diff"], False)
    right = file.stat()
    assert (right.st_mode & 0o7777, f"{right.st_uid}:{right.st_gid}", file.read_text()) == (0o644, OWNER, text)
    assert (right.st_ino == status.st_ino) is (owner == 0), "another user may have it open for writing"
    assert said(file) == [], "its text is as it was"


def test_of_a_file_that_was_not_there_there_is_no_backup(run: Run) -> None:
    assert "backup_file" not in run(use=["connect"], backup=True)


def test_of_a_file_that_is_a_mount_only_the_attributes_are_changed(
    run: Run, file: pathlib.Path, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "mounted_from", lambda _path: "/volumes/x")
    put(file, f"{lib}/libkeepalive.so\n")
    file.chmod(0o600)
    assert run(use=["connect"])["changed"] is True
    assert file.stat().st_mode & 0o7777 == 0o644
    for check in (True, False):
        assert run(check, use=["listen"])["msg"] == (
            f"{file} is a mount of its own (of /volumes/x), as container engines make them: it cannot be replaced from "
            "here; change the file that is mounted, where it is mounted from"
        )


@pytest.mark.parametrize(
    ("error", "said_of_it"),
    [
        (NotLocked("another module writes it"), "another module writes it"),
        (watchdog.Busy("a trial"), "a trial"),
        (watchdog.WatchdogError("no word"), "no word"),
        (TimedOut("umount", "was still running after 15 s"), "umount was still running after 15 s"),
        (OSError(errno.EROFS, "Read-only file system"), "{file}: Read-only file system; nothing was changed"),
        (OSError(errno.EIO, "Input/output error", "/x"), "{file}: Input/output error (/x); nothing was changed"),
    ],
    ids=["lock", "busy", "watchdog", "time", "system", "file"],
)
def test_what_keeps_it_from_being_done_is_told_with_the_file(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said_of_it: str
) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(change._Change, "make", fail)
    assert run() == {"failed": True, "msg": said_of_it.format(file=file), "path": str(file)}


@pytest.mark.parametrize("check", [True, False])
def test_during_a_trial_it_says_when_to_come_again(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    monkeypatch.setattr(watchdog, "running", lambda _place: True)
    place = watchdog.guarded(str(file))
    os.mkdir(place.state)
    (file.parent / place.state / "armed.token").touch()
    answer = run(check=check)
    assert answer == {"failed": True, "msg": answer["msg"], "path": str(file)}
    assert answer["msg"].startswith(f"another run has put a new {file} in force and has not confirmed it yet; ")


def test_check_mode_waits_for_a_watchdog_that_has_said_its_last_word(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [True, True, False]
    monkeypatch.setattr(watchdog, "running", lambda _place: there.pop(0) if there else False)
    assert run(check=True, state="absent")["changed"] is False
    assert there == []


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        (
            {"libraries": ["/usr/lib/other.so"]},
            "libraries: ['/usr/lib/other.so']: every entry must be below library_dir ({lib}), because what is elsewhere"
            " is not ours and would never be removed",
        ),
        (
            {"libraries": []},
            "libraries: empty: every entry must be below library_dir ({lib}), because what is elsewhere is not ours and"
            " would never be removed",
        ),
        ({"use": []}, "use: empty; name at least one of connect, listen, socket, or set state: absent"),
    ],
)
def test_entries_that_cannot_be_are_refused(run: Run, lib: pathlib.Path, arguments: Result, msg: str) -> None:
    assert run(**arguments)["msg"] == msg.format(lib=lib)


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"watchdog": -1}, False), ({"watchdog": 0}, True), ({"watchdog": 86400}, True), ({"watchdog": 86401}, False),
        ({"timeout": 0}, False), ({"timeout": 1}, True),
    ],
)  # fmt: skip
def test_the_times_that_may_be_given(run: Run, file: pathlib.Path, arguments: Result, accepted: bool) -> None:
    msg = "watchdog must be from 0 to 86400 seconds, timeout at least 1"
    refusal = {"failed": True, "msg": msg, "path": str(file)}
    assert (run(check=True, **arguments) == refusal) is not accepted


def test_a_link_is_named_with_what_it_points_to(run: Run, file: pathlib.Path) -> None:
    file.symlink_to("/somewhere")
    assert run()["msg"] == (
        f"{file} is a symbolic link to /somewhere, so somebody else manages it; give that file as path, or put a plain "
        "file in the link's place"
    )
    file.unlink()
    os.mkfifo(file)
    assert run()["msg"] == f"{file} is not a regular file", "and is not opened"


def test_a_folder_that_others_may_write_is_told_with_the_file(run: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    answer = run(path=f"{tmp_path}/open/preload")
    assert answer["path"] == f"{tmp_path}/open/preload"
    assert answer["msg"].startswith(f"path: {tmp_path}/open/preload: {tmp_path}/open belongs to ")
    assert answer["msg"].endswith("; nothing was changed")
