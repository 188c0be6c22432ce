# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is answered, whole, and what becomes of the file; the library that reads it first and the caller are played."""

from __future__ import annotations

import base64
import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import change as host_wide_change
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import check as host_wide_check
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.change import (
    NO_SETTINGS,
    SettingsRefused,
    SettingsRequest,
    change_settings,
    restoring,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

MARKER = "# Managed by netops.keepalive"
TEXT = f"{MARKER}: x\n# Every process.\nTCP_KEEPIDLE=60\n[unit a.service]\nTCP_KEEPIDLE=30\n"
OTHER = TEXT.replace("=30", "=33")
OWNER = f"{os.geteuid()}:{os.getegid()}"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


class Played:
    """What was asked of others, and what they answer."""

    def __init__(self) -> None:
        self.checked: t.List[t.Tuple[str, str]] = []
        self.complaints: t.List[str] = []
        self.labelled: t.List[str] = []
        self.taken = 0
        self.others: t.Callable[[], t.Any] = lambda: None
        """What others do until the host is taken."""

    def read(self, text: str, library: str) -> t.List[str]:
        self.checked.append((text, library))
        return self.complaints

    def take(self) -> None:
        self.taken += 1
        self.others()

    def label(self, path: str) -> None:
        self.labelled.append(path)


@pytest.fixture(name="played")
def played_fixture(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(host_wide_check, "complaints", played.read)
    return played


@pytest.fixture(name="path")
def path_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "libkeepalive.conf"


@pytest.fixture(name="library")
def library_fixture(tmp_path: pathlib.Path) -> str:
    (tmp_path / "l.so").write_bytes(b"")
    return str(tmp_path / "l.so")


@pytest.fixture(name="run")
def run_fixture(path: pathlib.Path, library: str, played: Played) -> Run:
    def run(check: bool = False, restore: t.Optional[Result] = None, **wanted: t.Any) -> Result:
        given = {"path": str(path), "libraries": ["/nonexistent.so", library, "/bin/sh"], **wanted}
        request = SettingsRequest(**given) if restore is None else restoring(restore)._replace(**given)
        try:
            return change_settings(request, check=check, take=played.take, label=played.label)
        except SettingsRefused as refused:
            return {"failed": True, "msg": str(refused), **refused.told}

    return run


def put(path: pathlib.Path, text: str) -> None:
    path.write_text(text, errors="surrogateescape")
    path.chmod(0o644)
    os.utime(path, ns=(123_456_789, 123_456_789))


def encoded(text: str) -> Result:
    """The previous of a file that was put()."""
    return {"base64": base64.b64encode(text.encode()).decode(), "mtime_ns": 123_456_789}


def diff(path: pathlib.Path, before: str, after: str) -> Result:
    return {"before_header": str(path), "after_header": str(path), "before": before, "after": after}


@pytest.mark.parametrize("check", [False, True])
def test_the_whole_answer_of_a_file_that_changes_and_of_one_that_goes(
    run: Run, path: pathlib.Path, library: str, played: Played, check: bool
) -> None:
    put(path, TEXT)
    common = {"changed": True, "previous": encoded(TEXT)}
    assert run(check, content=OTHER) == {
        **common, "changed_headings": ["[unit a.service]"], "checked_by": library, "diff": diff(path, TEXT, OTHER),
    }  # fmt: skip
    assert played.checked == [(OTHER, library)]
    put(path, TEXT)
    assert run(check, content=None) == {
        **common, "changed_headings": ["", "[unit a.service]"], "checked_by": None, "diff": diff(path, TEXT, ""),
    }  # fmt: skip
    assert path.exists() is check


def test_what_is_there_already_is_not_read_again(run: Run, path: pathlib.Path, played: Played) -> None:
    put(path, TEXT)
    answer = run(content=TEXT)
    assert answer == {
        "changed": False, "previous": encoded(TEXT), "changed_headings": [], "checked_by": None,
        "diff": diff(path, TEXT, TEXT),
    }  # fmt: skip
    assert (played.checked, played.labelled, path.stat().st_mtime_ns) == ([], [], 123_456_789)


def test_a_file_that_is_not_ours_stays_and_that_is_said(run: Run, path: pathlib.Path) -> None:
    put(path, "TCP_KEEPIDLE=7\n")
    assert run(content=None) == {
        "changed": False, "previous": NO_SETTINGS, "changed_headings": [], "checked_by": None,
        "msg": f"{path} is not ours and stays",
    }  # fmt: skip
    for arguments in ({"content": TEXT}, {"restore": NO_SETTINGS}):
        assert run(**arguments) == {
            "failed": True,
            "msg": f"nothing was changed: {path} is not ours (its first line is not '{MARKER}…'): rename or remove it",
        }
    assert path.read_text() == "TCP_KEEPIDLE=7\n"


def test_what_cannot_be_read_is_neither_ours_nor_replaced(run: Run, path: pathlib.Path) -> None:
    with path.open("w") as file:
        file.truncate(2 << 20)
    answer = run(content=TEXT)
    assert answer["msg"].startswith(f"nothing was changed: {path} cannot be read: ")
    assert answer["msg"].endswith("; rename or remove it")
    path.unlink()
    os.mkfifo(path)
    assert run(content=TEXT)["msg"] == f"nothing was changed: {path} is not a regular file; rename or remove it"


@pytest.mark.parametrize("content", ["", "x"])
def test_a_text_without_our_first_line_is_refused(run: Run, content: str) -> None:
    msg = f"content: the text must begin with '{MARKER}', or it could never be removed again"
    assert run(content=content) == {"failed": True, "msg": msg}


# ------------------------------------------------------------------ the library that reads it


@pytest.mark.parametrize("check", [False, True])
def test_what_the_library_complains_of_is_told_whole(
    run: Run, path: pathlib.Path, library: str, played: Played, check: bool
) -> None:
    played.complaints = ["line 1: x", "line 2: y"]
    assert run(check, content=TEXT) == {
        "failed": True,
        "msg": f"nothing was changed: {library} does not understand the file: line 1: x; line 2: y",
        "complaints": ["line 1: x", "line 2: y"],
    }
    assert not path.exists()


def test_where_it_cannot_be_tried_the_way_out_is_told(
    run: Run, path: pathlib.Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_text: str, _library: str) -> t.NoReturn:
        raise host_wide_check.CannotCheck("unshare is missing")

    monkeypatch.setattr(host_wide_check, "complaints", cannot)
    assert run(content=TEXT)["msg"] == (
        f"nothing was changed: {library} cannot check the file: unshare is missing; where this host may not make mount "
        "namespaces (a container without CAP_SYS_ADMIN), set validate: false (keepalive_host_validate)"
    )
    answer = run(content=TEXT, validate=False)
    assert (answer["changed"], answer["checked_by"], path.read_text()) == (True, None, TEXT)


def test_without_any_library_it_is_said_which_were_looked_for(run: Run, played: Played) -> None:
    given = {"content": TEXT, "libraries": ["/none/a.so", "/none/b.so"]}
    assert run(**given)["msg"] == (
        "nothing was changed: none of /none/a.so, /none/b.so is there to check the file; install the libraries first "
        "(role keepalive_build)"
    )
    foretold = run(check=True, **given)
    assert (foretold["changed"], foretold["checked_by"], played.checked) == (True, None, [])


# ------------------------------------------------------------------ the way back


def test_the_way_back_asks_no_library(run: Run, path: pathlib.Path, played: Played) -> None:
    """What was there was in force; whether a library is still there that could read it matters to nobody."""
    put(path, TEXT)
    answer = run(restore=encoded(OTHER), libraries=["/none.so"])
    assert (answer["changed"], answer["checked_by"], played.checked) == (True, None, [])
    assert (path.read_text(), path.stat().st_mtime_ns) == (OTHER, 123_456_789)
    assert (path.stat().st_mode & 0o7777, played.labelled) == (0o644, [str(path)])


def test_bytes_that_are_no_text_come_back_as_they_were(run: Run, path: pathlib.Path) -> None:
    content = TEXT + "# \udcff\n"
    put(path, content)
    before = path.read_bytes()
    previous = run(content=TEXT)["previous"]
    run(restore={**previous, "mtime_ns": str(previous["mtime_ns"])})
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, 123_456_789)


@pytest.mark.parametrize("restore", [NO_SETTINGS, {}])
def test_where_nothing_was_there_nothing_is_left(run: Run, path: pathlib.Path, played: Played, restore: Result) -> None:
    put(path, TEXT)
    assert run(restore=restore)["changed"] is True
    assert (path.exists(), played.labelled) == (False, [])
    assert run(restore=restore)["changed"] is False


def test_a_time_that_nobody_noted_is_left_to_the_clock(run: Run, path: pathlib.Path) -> None:
    put(path, TEXT)
    run(restore={"base64": encoded(OTHER)["base64"]})
    assert path.read_text() == OTHER
    assert path.stat().st_mtime_ns != 123_456_789


# ------------------------------------------------------------------ mode and owner


@pytest.mark.parametrize(
    ("mode", "owner", "group"),
    [(0o600, 0, 0), pytest.param(0o644, 1, 0, marks=needs_root), pytest.param(0o644, 0, 1, marks=needs_root)],
)
def test_mode_owner_and_group_are_shown_as_they_are_and_put_right(
    run: Run, path: pathlib.Path, played: Played, mode: int, owner: int, group: int
) -> None:
    put(path, TEXT)
    path.chmod(mode)
    if owner or group:
        os.chown(path, owner, group)
    was = path.stat()
    for check in (True, False):
        answer = run(check, content=TEXT)
        assert (answer["changed"], answer["changed_headings"]) == (True, [])
        assert answer["diff"] == diff(
            path, f"mode {mode:04o}, owner {was.st_uid}:{was.st_gid}\n", f"mode 0644, owner {OWNER}\n"
        )
        assert ((path.stat().st_ino, path.stat().st_ctime_ns) == (was.st_ino, was.st_ctime_ns)) is check
    right = path.stat()
    assert (right.st_mode & 0o7777, f"{right.st_uid}:{right.st_gid}", path.read_text()) == (0o644, OWNER, TEXT)
    assert (right.st_ino == was.st_ino) is (owner == 0), "another user may have it open for writing"
    assert played.labelled == [str(path)]
    assert in_force.history(str(path)).versions == (), "its text is as it was"


def test_with_another_text_the_text_is_what_the_diff_shows(run: Run, path: pathlib.Path) -> None:
    put(path, TEXT)
    path.chmod(0o600)
    assert run(content=OTHER)["diff"] == diff(path, TEXT, OTHER)
    assert path.stat().st_mode & 0o7777 == 0o644


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device: {path}"),
        (OSError(errno.EIO, "Input/output error", "/x"), "Input/output error: /x"),
    ],
    ids=["no file", "file"],
)
@pytest.mark.parametrize("stage", ["noted", "written"])
def test_what_cannot_be_written_is_told_with_what_would_have_been(
    run: Run, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str, stage: str
) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise error

    put(path, TEXT)
    foretold = run(check=True, content=OTHER)
    monkeypatch.setattr(*((in_force, "note") if stage == "noted" else (host_wide_change, "apply_changes")), fail)
    msg = f"nothing was changed: {said.format(path=path)}"
    assert run(content=OTHER) == {**foretold, "failed": True, "msg": msg}
    assert path.read_text() == TEXT


def test_what_is_written_is_never_said_not_to_be(run: Run, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that hears so forgets the way back."""

    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    put(path, TEXT)
    foretold = run(check=True, content=OTHER)
    monkeypatch.setattr(os, "chmod", fail)
    msg = f"{path} is written, but not its owner, mode, time and label: Input/output error: {path}"
    assert run(content=OTHER) == {**foretold, "msg": msg}
    assert path.read_text() == OTHER
    assert [version.text for version in in_force.history(str(path)).versions] == [TEXT, OTHER]
    os.chown(path, os.geteuid(), os.getegid())
    monkeypatch.undo()
    path.chmod(0o600)
    monkeypatch.setattr(os, "chmod", fail)
    assert run(content=OTHER)["msg"] == f"nothing was changed: Input/output error: {path}", "its text is as it was"


def test_that_what_is_written_cannot_be_noted_takes_nothing_back(
    run: Run, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in force by then."""
    put(path, TEXT)
    note = in_force.note

    def once(*arguments: t.Any) -> None:
        note(*arguments)
        monkeypatch.setattr(in_force, "note", full)

    def full(*_arguments: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(in_force, "note", once)
    assert run(content=OTHER)["changed"] is True
    assert [version.text for version in in_force.history(str(path)).versions] == [TEXT]


# ------------------------------------------------------------------ who else is on the host


WANTED: t.List[Result] = [{"content": OTHER}, {"content": None}, {"restore": NO_SETTINGS}]


@pytest.mark.parametrize("wanted", WANTED, ids=["other", "absent", "put back"])
def test_other_runs_are_kept_away_before_the_file_is_changed(
    run: Run, path: pathlib.Path, played: Played, wanted: Result
) -> None:
    put(path, TEXT)
    seen: t.List[str] = []
    played.others = lambda: seen.append(path.read_text())
    assert run(check=True, **wanted)["changed"] is True
    assert played.taken == 0
    assert run(**wanted)["changed"] is True
    assert seen == [TEXT]
    assert run(**wanted)["changed"] is False
    assert played.taken == 1, "who changes nothing keeps nobody away"


@pytest.mark.parametrize("wanted", WANTED, ids=["other", "absent", "put back"])
def test_without_the_host_nothing_is_written(run: Run, path: pathlib.Path, played: Played, wanted: Result) -> None:
    def held() -> t.NoReturn:
        raise NotLocked("another run is changing this host")

    put(path, TEXT)
    played.others = held
    with pytest.raises(NotLocked, match=r"^another run is changing this host$"):
        run(**wanted)
    assert (path.read_text(), played.checked) == (TEXT, [])


def test_what_another_run_did_until_the_host_was_had_counts(run: Run, path: pathlib.Path, played: Played) -> None:
    put(path, TEXT)
    played.others = lambda: put(path, OTHER)
    third = TEXT.replace("30", "35")
    answer = run(content=third)
    assert (answer["previous"], answer["diff"], path.read_text()) == (encoded(OTHER), diff(path, OTHER, third), third)
    played.others = lambda: None
    run(restore=answer["previous"])
    assert path.read_text() == OTHER


@pytest.mark.parametrize("wanted", WANTED, ids=["other", "absent", "put back"])
def test_what_somebody_has_put_in_its_place_until_then_is_not_lost(
    run: Run, path: pathlib.Path, played: Played, wanted: Result
) -> None:
    put(path, TEXT)
    played.others = lambda: put(path, "TCP_KEEPIDLE=7\n")
    assert run(**wanted) == {
        "failed": True,
        "msg": f"nothing was changed: {path} is not ours (its first line is not '{MARKER}…'): rename or remove it",
    }
    assert path.read_text() == "TCP_KEEPIDLE=7\n"
