# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keepalive-watchdog on files of the tests' own: whoever decides, and whatever ends it, one whole file is in force."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.held import open_in
from csrc_support import CSRC, WATCHDOG, make, run, tool
from watchdog_support import BUILDS, LONG, NEW, OLD, TOKEN, UNSHARE, Guarded, build, needs_root


@pytest.fixture(scope="module", params=BUILDS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize("before", [OLD, None])
def test_a_commit_leaves_the_new_file_alone_in_the_folder(program: Path, tmp_path: Path, before: str | None) -> None:
    guarded = Guarded(program, tmp_path, old=before)
    with guarded.running() as process:
        assert guarded.target.read_text() == NEW, "in force while it waits"
        guarded.decide("commit")
        assert process.wait(30) == 0
    assert guarded.result() == "committed\n"
    assert guarded.files() == {"target": NEW}


@pytest.mark.parametrize("before", [OLD, None])
@pytest.mark.parametrize(
    ("how", "word"),
    [("abort", "on request"), ("time", "in time")]
    + [(name, "on a signal") for name in ("SIGTERM", "SIGHUP", "SIGINT")],
)  # fmt: skip
def test_all_else_puts_the_very_file_back(
    program: Path, tmp_path: Path, how: str, word: str, before: str | None
) -> None:
    guarded = Guarded(program, tmp_path, old=before, seconds=1 if how == "time" else LONG)
    status = guarded.target.stat() if before else None
    with guarded.running() as process:
        if how == "abort":
            guarded.decide("abort")
        elif how != "time":
            process.send_signal(getattr(signal, how))
        assert process.wait(30) == 0
    assert guarded.result() == f"reverted {word}\n"
    assert guarded.files() == ({"target": before} if before else {})
    if status is not None:
        now = guarded.target.stat()
        assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_a_state_folder_that_vanishes_counts_as_no(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    with guarded.running() as process:
        (guarded.state / f"armed.{TOKEN}").unlink()
        process.wait(30)
    assert guarded.files() == {"target": OLD}


def test_a_decision_that_comes_too_late_finds_nothing_to_rename(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path, seconds=1)
    with guarded.running() as process:
        process.wait(30)
        with pytest.raises(FileNotFoundError):
            guarded.decide("commit")
    assert guarded.files() == {"target": OLD}


def test_a_race_of_the_end_with_the_word_has_one_winner(program: Path, tmp_path: Path) -> None:
    """Again and again a commit against a signal: what the result says is what is in force."""
    outcomes = set()
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        guarded = Guarded(program, folder)
        with guarded.running() as process:
            process.send_signal(signal.SIGTERM)
            won = True
            try:
                guarded.decide("commit")
            except FileNotFoundError:
                won = False
            assert process.wait(30) == 0
        assert guarded.result() == ("committed\n" if won else "reverted on a signal\n")
        assert guarded.files() == {"target": NEW if won else OLD}
        outcomes.add(won)
    assert outcomes, "either may win"


def test_a_result_that_is_not_written_whole_is_not_shown(program: Path, tmp_path: Path) -> None:
    """With room for the first 4 bytes, as on a disk that fills up; what was decided is done all the same."""
    guarded = Guarded(program, tmp_path)
    with guarded.running(tool("prlimit", "util-linux"), "--fsize=4") as process:
        guarded.decide("commit")
        assert process.wait(30) == 4
    assert sorted(path.name for path in guarded.state.iterdir()) == [f"commit.{TOKEN}", "lock", f"part.{TOKEN}"]
    assert guarded.files() == {"target": NEW}


def test_a_second_one_does_not_begin(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    with guarded.running() as process:
        second = run(*guarded.command)
        assert second.status == 3
        assert guarded.files() == {"target": NEW, "old": OLD}
        guarded.decide("abort")
        process.wait(30)
    assert guarded.files() == {"target": OLD}


@pytest.mark.parametrize("obstacle", ["folder", "link", "no new file"])
def test_what_cannot_begin_changes_nothing_and_says_why(program: Path, tmp_path: Path, obstacle: str) -> None:
    guarded = Guarded(program, tmp_path, old=None)
    if obstacle == "folder":
        guarded.target.mkdir()
    elif obstacle == "link":
        guarded.target.symlink_to("/etc/passwd")
    else:
        guarded.new.unlink()
    with guarded.running() as process:
        assert process.wait(30) == 4
    assert re.fullmatch(r"not begun: (the file is not a regular file|rename): .+\n", guarded.result())
    assert not guarded.old.exists()
    assert (guarded.state / f"armed.{TOKEN}").exists() is False


@pytest.mark.parametrize(
    "words", [[], ["--wrong"], ["move", "/a", "b", "c", "d", "t", "1"], ["rename", "a", "b", "c", "d", "t", "1"],
              ["rename", "/a", "b", "c", "d", "t/../x", "1"], ["rename", "/a", "b", "c", "d", "t", "0"],
              ["rename", "/a", "b", "c", "d", "t", "5s"], ["rename", "/a", "b", "c", "d", "t", "99999999999999999999"]]
)  # fmt: skip
def test_wrong_words_are_told(program: Path, words: list[str]) -> None:
    found = run(program, *words)
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("usage: keepalive-watchdog mount|rename TARGET")


def test_help(program: Path) -> None:
    found = run(program, "--help")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("usage:")


def test_it_holds_nothing_of_the_session_that_started_it(program: Path, tmp_path: Path) -> None:
    """The pipe to its starter is closed at once, so that an ssh session can end, and it leads a session of its own."""
    guarded = Guarded(program, tmp_path)
    process = subprocess.Popen(guarded.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdout is not None and process.stdout.read() == b"", "closed, and nothing was said"
        guarded.wait_for("armed")
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        kinds = {name for _number, name in open_in(process.pid)}
        own = {"/dev/null", str(guarded.state), str(guarded.state / "lock")}
        assert {kind for kind in kinds if not kind.startswith("anon_inode:")} <= own
        assert os.readlink(f"/proc/{process.pid}/cwd") == "/"
        guarded.decide("abort")
        process.wait(30)


def test_it_executes_nothing_and_opens_no_library(program: Path, tmp_path: Path) -> None:
    """From the moment at which the new file is in force, whatever happens next."""
    guarded = Guarded(program, tmp_path)
    trace = tmp_path / "trace" / "of"
    trace.parent.mkdir()
    with guarded.running(tool("strace", "strace"), "-f", "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0"):
        guarded.decide("abort")
        guarded.result()
    calls = trace.read_text()
    begun = calls.index(" rename(")
    assert not re.search(r"\b(execve|execveat|vfork|clone3?|fork)\(", calls[begun:])
    assert not re.search(r"open(at)?\([^)]*\.so", calls[begun:])


def test_the_normal_build_is_static(tmp_path: Path) -> None:
    make(tmp_path, str(tmp_path / WATCHDOG))
    assert "INTERP" not in run(tool("readelf", "binutils"), "-lW", tmp_path / WATCHDOG).out


def test_without_a_static_libc_it_is_dynamic_and_bound_at_once(tmp_path: Path) -> None:
    """A compiler wrapper that refuses -static, as one does where there is no libc.a."""
    wrapper = tmp_path / "cc"
    wrapper.write_text('#!/bin/sh\nfor word; do [ "$word" != -static ] || exit 1; done\nexec gcc "$@"\n')
    wrapper.chmod(0o755)
    make(tmp_path / "build", str(tmp_path / "build" / WATCHDOG), cc=str(wrapper))
    found = run(tool("readelf", "binutils"), "-lWd", tmp_path / "build" / WATCHDOG).out
    assert "INTERP" in found and "NOW" in found


@pytest.mark.parametrize("cc", ["gcc", "clang", "musl-gcc"])
def test_no_warnings(tmp_path: Path, cc: str) -> None:
    flags = "-O2 -Wall -Wextra -Wconversion -Wshadow -Werror"
    assert CSRC.is_dir()
    make(tmp_path, f"CFLAGS={flags}", str(tmp_path / WATCHDOG), cc=cc)


def seen_by(process: subprocess.Popen[bytes], path: Path) -> str | None:
    """The content of a file as a process in another mount namespace sees it."""
    there = Path(f"/proc/{process.pid}/root{path}")
    return there.read_text() if there.exists() else None


@needs_root
@pytest.mark.parametrize("before", [OLD, None])
def test_a_mount_touches_no_file_until_the_commit(program: Path, tmp_path: Path, before: str | None) -> None:
    """What is on the disk, and would be after a power cut, is the old content; a file that was missing is empty."""
    guarded = Guarded(program, tmp_path, how="mount", old=before)
    with guarded.running(*UNSHARE) as process:
        assert seen_by(process, guarded.target) == NEW
        assert guarded.files() == {"target": before or "", "new": NEW}
        guarded.decide("commit")
        assert process.wait(30) == 0
    assert guarded.result() == "committed\n"
    assert guarded.files() == {"target": NEW}


@needs_root
@pytest.mark.parametrize("before", [OLD, None])
@pytest.mark.parametrize("how", ["abort", "time", "SIGTERM"])
def test_a_mount_is_taken_away_again(program: Path, tmp_path: Path, how: str, before: str | None) -> None:
    guarded = Guarded(program, tmp_path, how="mount", old=before, seconds=1 if how == "time" else LONG)
    with guarded.running(*UNSHARE) as process:
        if how == "abort":
            guarded.decide("abort")
        elif how == "SIGTERM":
            process.terminate()
        assert process.wait(30) == 0
    assert guarded.result().startswith("reverted ")
    assert guarded.files() == ({"target": before} if before else {})


@needs_root
def test_a_mount_in_use_is_taken_away_all_the_same(program: Path, tmp_path: Path) -> None:
    """A program that has the file open, or hangs while it reads it, must not keep a bad one in force."""
    guarded = Guarded(program, tmp_path, how="mount")
    with guarded.running(*UNSHARE) as process, open(f"/proc/{process.pid}/root{guarded.target}"):
        guarded.decide("abort")
        assert process.wait(30) == 0
    assert guarded.result() == "reverted on request\n"
    assert guarded.files() == {"target": OLD}


def test_where_mounting_is_not_allowed_that_is_told(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path, how="mount", old=None)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        tmp_path.chmod(0o777)
        for parent in (tmp_path, guarded.state, *tmp_path.parents[:-2], *program.parents[:-2]):
            parent.chmod(parent.stat().st_mode | 0o055)
        guarded.state.chmod(0o777)
        prefix = (tool("setpriv", "util-linux"), "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    with guarded.running(*prefix) as process:
        assert process.wait(30) == 4
    assert guarded.result() == "not begun: mount: Operation not permitted\n"
    assert guarded.files() == {"new": NEW}
