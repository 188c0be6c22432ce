# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keepalive-watchdog where a step fails: which file is in force then, what is left of the others, and what is said."""

from __future__ import annotations

import re
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from csrc_support import clean_environment, run, tool
from watchdog_support import NEW, OLD, TOKEN, UNSHARE, Guarded, build, needs_root

MISSING = "No such file or directory"


@pytest.fixture(scope="module", params=["static", "sanitized"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp(request.param), request.param)


def state_of(guarded: Guarded) -> list[str]:
    return sorted(path.name for path in guarded.state.iterdir())


def ended(guarded: Guarded) -> int:
    """The status of one that does not begin, or has nothing to wait for."""
    return run(*guarded.command).status


def test_a_target_that_cannot_be_looked_at(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    guarded.command[2] = f"{guarded.target}/below"
    assert ended(guarded) == 4
    assert guarded.result() == "not begun: look at the file: Not a directory\n"
    assert guarded.files() == {"target": OLD, "new": NEW}


def test_an_old_file_that_cannot_be_kept(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    guarded.command[4] = str(tmp_path / "nowhere" / "old")
    assert ended(guarded) == 4
    assert guarded.result() == f"not begun: keep the old file: {MISSING}\n"
    assert guarded.files() == {"target": OLD, "new": NEW}


def test_a_new_file_that_is_missing_leaves_no_second_name_of_the_old_one(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    guarded.new.unlink()
    assert ended(guarded) == 4
    assert guarded.result() == f"not begun: rename: {MISSING}\n"
    assert guarded.files() == {"target": OLD}
    assert guarded.target.stat().st_nlink == 1


def test_an_old_file_of_an_earlier_trial_is_not_what_is_put_back(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    guarded.old.write_text("of an earlier trial")
    with guarded.running() as process:
        guarded.decide("abort")
        assert process.wait(30) == 0
    assert guarded.files() == {"target": OLD}


@pytest.mark.parametrize("before", [OLD, None])
def test_where_the_time_cannot_be_said_to_run_nothing_stays_in_force(
    program: Path, tmp_path: Path, before: str | None
) -> None:
    """No result either: what cannot be written under one name cannot be under the other."""
    guarded = Guarded(program, tmp_path, old=before)
    (guarded.state / f"part.{TOKEN}").mkdir()
    assert ended(guarded) == 4
    assert state_of(guarded) == ["lock", f"part.{TOKEN}"]
    assert guarded.files() == ({"target": before} if before else {})


def test_where_it_cannot_be_said_the_reason_is_told(program: Path, tmp_path: Path) -> None:
    """armed.TOKEN is a folder, so only that name cannot be taken."""
    guarded = Guarded(program, tmp_path)
    (guarded.state / f"armed.{TOKEN}").mkdir()
    assert ended(guarded) == 4
    assert guarded.result() == "not begun: say that the time runs: Is a directory\n"
    assert guarded.files() == {"target": OLD}


STRACE = ("-f", "-E", "ASAN_OPTIONS=detect_leaks=0")


@pytest.mark.parametrize(
    "call", ["signalfd4", "timerfd_create", "inotify_init1", "inotify_add_watch", "timerfd_settime"]
)
def test_what_it_would_wait_for_is_there_before_anything_is_in_force(program: Path, tmp_path: Path, call: str) -> None:
    guarded = Guarded(program, tmp_path)
    fails = ("-o", str(tmp_path / "state" / "trace"), "-e", f"trace={call}", "-e", f"inject={call}:error=EMFILE")
    assert run(tool("strace", "strace"), *STRACE, *fails, *guarded.command).status == 4
    assert guarded.result() == "not begun: prepare to wait: Too many open files\n"
    assert guarded.files() == {"target": OLD, "new": NEW}


@pytest.mark.parametrize(("error", "result"), [("EINTR", "committed\n"), ("ENOMEM", "reverted in time\n")])
def test_a_wait_that_fails(program: Path, tmp_path: Path, error: str, result: str) -> None:
    """Interrupted it goes on; where it cannot wait the old file is better than one that nobody takes back."""
    guarded = Guarded(program, tmp_path)
    trace = tmp_path / "state" / "trace"
    fails = ("-o", str(trace), "-e", "trace=/^p?poll$", "-e", f"inject=/^p?poll$:error={error}:when=1")
    with guarded.running(tool("strace", "strace"), *STRACE, *fails) as process:
        deadline = time.monotonic() + 30
        while "INJECTED" not in trace.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        if error == "EINTR":
            guarded.decide("commit")
        assert process.wait(30) == 0
    assert guarded.result() == result
    assert guarded.files() == {"target": NEW if error == "EINTR" else OLD}


def test_a_commit_that_finds_no_old_file_says_so(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    with guarded.running() as process:
        guarded.old.unlink()
        guarded.decide("commit")
        assert process.wait(30) == 4
    assert guarded.result() == f"not committed: remove the old file: {MISSING}\n"
    assert guarded.files() == {"target": NEW}


@needs_root
@pytest.mark.parametrize("before", [OLD, None])
def test_a_commit_that_finds_no_new_file_has_the_old_one_in_force(
    program: Path, tmp_path: Path, before: str | None
) -> None:
    guarded = Guarded(program, tmp_path, how="mount", old=before)
    with guarded.running(*UNSHARE) as process:
        guarded.new.unlink()
        guarded.decide("commit")
        assert process.wait(30) == 4
    assert guarded.result() == f"not committed: rename: {MISSING}\n"
    assert guarded.files() == ({"target": before} if before else {})


@needs_root
def test_a_commit_that_cannot_rename_leaves_nothing_of_the_trial(program: Path, tmp_path: Path) -> None:
    """The target has become a folder below the mount, which a file cannot replace."""
    guarded = Guarded(program, tmp_path, how="mount", old=None)
    with guarded.running(*UNSHARE) as process:
        guarded.target.unlink()
        guarded.target.mkdir()
        guarded.decide("commit")
        assert process.wait(30) == 4
    assert guarded.result() == "not committed: rename: Is a directory\n"
    assert not guarded.new.exists()


@needs_root
def test_a_commit_that_cannot_unmount_goes_no_further(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path, how="mount")
    with guarded.running(*UNSHARE) as process:
        guarded.target.unlink()
        guarded.decide("commit")
        assert process.wait(30) == 4
    assert guarded.result() == f"not committed: unmount: {MISSING}\n"
    assert guarded.files() == {"new": NEW}


@needs_root
@pytest.mark.parametrize("decision", ["commit", "abort"])
def test_a_mount_that_somebody_else_has_taken_away_is_as_good(program: Path, tmp_path: Path, decision: str) -> None:
    guarded = Guarded(program, tmp_path, how="mount")
    with guarded.running(*UNSHARE) as process:
        command = [tool("nsenter", "util-linux"), f"--mount=/proc/{process.pid}/ns/mnt", "umount", str(guarded.target)]
        subprocess.run(command, check=True)
        guarded.decide(decision)
        assert process.wait(30) == 0
    assert guarded.files() == {"target": NEW if decision == "commit" else OLD}


@needs_root
def test_a_mount_over_a_missing_file_that_cannot_be_made(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path, how="mount", old=None)
    guarded.command[2] = str(tmp_path / "nowhere" / "target")
    assert run(*UNSHARE, *guarded.command).status == 4
    assert guarded.result() == f"not begun: make an empty file: {MISSING}\n"


@needs_root
def test_the_empty_file_is_one_that_every_program_may_read(program: Path, tmp_path: Path) -> None:
    """Whatever umask the starter had: after a power cut every user's programs read it."""
    guarded = Guarded(program, tmp_path, how="mount", old=None)
    with guarded.running("sh", "-c", 'umask 077 && exec unshare --mount "$0" "$@"') as process:
        assert guarded.target.stat().st_mode & 0o7777 == 0o644, "seen from outside of the mount"
        guarded.decide("abort")
        assert process.wait(30) == 0


def test_what_was_put_aside_and_is_missing_is_waited_for(program: Path, tmp_path: Path) -> None:
    """It is tried again and again, and when it succeeds nothing is said of the failures before."""
    guarded = Guarded(program, tmp_path)
    trace, aside = tmp_path / "of" / "trace", tmp_path / "of" / "aside"
    trace.parent.mkdir()
    options = ("-f", "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0")
    with guarded.running(tool("strace", "strace"), *options) as process:
        guarded.old.rename(aside)
        guarded.decide("abort")
        deadline = time.monotonic() + 30
        while not re.search(r' rename\(".*/old", ".*"\) += -1 ENOENT', trace.read_text()):
            assert time.monotonic() < deadline, trace.read_text()[-2000:]
            time.sleep(0.005)
        aside.rename(guarded.old)
        assert process.wait(30) == 0
    assert guarded.result() == "reverted on request\n"
    assert guarded.files() == {"target": OLD}


def test_a_new_file_that_somebody_else_has_taken_away_is_as_good(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path, old=None)
    with guarded.running() as process:
        guarded.target.unlink()
        guarded.decide("abort")
        assert process.wait(30) == 0
    assert guarded.result() == "reverted on request\n"
    assert guarded.files() == {}


@needs_root
@pytest.mark.parametrize(
    ("how", "before", "said"),
    [("rename", OLD, f"put the old file back: {MISSING}"), ("rename", None, "remove the file: Is a directory"),
     ("mount", None, "remove the empty file: Is a directory"), ("mount", OLD, f"unmount: {MISSING}")],
)  # fmt: skip
def test_what_never_succeeds_is_given_up_in_the_end_and_said(
    program: Path, tmp_path: Path, how: str, before: str | None, said: str
) -> None:
    """After ten minutes of trying, a second apart; strace has each second over at once."""
    guarded = Guarded(program, tmp_path, how=how, old=before)
    trace = tmp_path / "of" / "trace"
    trace.parent.mkdir()
    options = ("-f", "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=/nanosleep$",
               "-e", "inject=/nanosleep$:retval=0")  # fmt: skip
    with guarded.running(*UNSHARE, tool("strace", "strace"), *options) as process:
        (guarded.old if how == "rename" and before else guarded.target).unlink()
        if before is None:
            guarded.target.mkdir()
        guarded.decide("abort")
        assert process.wait(30) == 4
    assert guarded.result() == f"not reverted: {said}\n"
    assert re.findall(r"nanosleep\(.*tv_sec=(\d+), tv_nsec=(\d+)", trace.read_text()) == [("1", "0")] * 600


@needs_root
@pytest.mark.parametrize("how", ["rename", "mount"])
@pytest.mark.parametrize("decision", ["commit", "abort"])
def test_the_folder_is_synced_when_its_names_have_changed(
    program: Path, tmp_path: Path, how: str, decision: str
) -> None:
    """A commit by rename changes none any more: NEW has its name since the trial began."""
    guarded = Guarded(program, tmp_path, how=how)
    trace = tmp_path / "of" / "trace"
    trace.parent.mkdir()
    options = ("-f", "-y", "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0")
    with guarded.running(*UNSHARE, tool("strace", "strace"), *options) as process:
        guarded.decide(decision)
        assert process.wait(30) == 0
    text = trace.read_text()
    begin = text.index(' rename("' if how == "rename" else " mount(")
    steps = re.findall(rf'(fsync)\(\d+<{tmp_path}>|(rename)\("|(umount2)\(', text[begin:])
    expected = {
        ("rename", "commit"): "rename fsync",
        ("rename", "abort"): "rename fsync rename fsync",
        ("mount", "commit"): "umount2 rename fsync",
        ("mount", "abort"): "umount2 fsync",
    }
    assert " ".join("".join(step) for step in steps) == expected[how, decision]


def test_it_asks_to_be_the_last_to_be_ended_for_want_of_memory(program: Path, tmp_path: Path) -> None:
    """Before NEW is in force. Whether the kernel lets it is another question, which a container answers with no."""
    guarded = Guarded(program, tmp_path)
    trace = tmp_path / "of" / "trace"
    trace.parent.mkdir()
    options = ("-f", "-y", "-o", str(trace), "-E", "ASAN_OPTIONS=detect_leaks=0")
    with guarded.running(tool("strace", "strace"), *options) as process:
        guarded.decide("abort")
        assert process.wait(30) == 0
    text = trace.read_text()
    asked = re.search(r'write\((\d+)<[^>]*/oom_score_adj>, "-1000", 5\) += (5|-1 EACCES)', text)
    assert asked is not None and asked.start() < text.index(' rename("'), text
    assert f"close({asked[1]}<" in text[asked.end() :].split("\n", 2)[1]


@needs_root
def test_it_never_waits_for_memory_of_its_own(tmp_path: Path) -> None:
    """All of it is locked, and what it would get later (a sanitizer has too much for that, and does not lock)."""
    guarded = Guarded(build(tmp_path / "static", "static"), tmp_path)
    with guarded.running() as process:
        text = Path(f"/proc/{process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        assert int(fields["VmLck"].split()[0]) > int(fields["VmRSS"].split()[0]) / 2 > 0
        guarded.decide("abort")
        assert process.wait(30) == 0


def words(guarded: Guarded, **other: t.Any) -> list[str]:
    """The command line with some words replaced."""
    places = {"target": 2, "state": 5, "token": 6, "seconds": 7}
    command = list(guarded.command)
    for name, word in other.items():
        command[places[name]] = str(word)
    return command


@pytest.mark.parametrize(
    ("name", "last", "first_wrong"),
    [("seconds", 86400, 86401), ("token", "t" * 64, "t" * 65), ("seconds", 1, 0), ("seconds", 1, -1),
     ("target", "/" + "x" * 4094, "/" + "x" * 4095), ("seconds", 5, ""), ("seconds", 5, "5 ")],
    ids=["a day", "a token", "a second", "a negative number", "a path", "no number", "a blank"],
)  # fmt: skip
def test_the_last_word_that_is_right_and_the_first_that_is_wrong(
    program: Path, tmp_path: Path, name: str, last: t.Any, first_wrong: t.Any
) -> None:
    """The right one gets as far as finding no new file, or a name that is too long for the kernel."""
    guarded = Guarded(program, tmp_path)
    guarded.new.unlink()
    assert run(*words(guarded, **{name: last})).status == 4
    token = last if name == "token" else TOKEN
    said = (guarded.state / f"result.{token}").read_text()
    assert said in (f"not begun: rename: {MISSING}\n", "not begun: look at the file: File name too long\n")
    found = run(*words(guarded, **{name: first_wrong}))
    assert (found.status, found.err[:6]) == (2, "usage:")


@pytest.mark.parametrize("count", [6, 8])
def test_a_word_too_few_or_too_many(program: Path, tmp_path: Path, count: int) -> None:
    guarded = Guarded(program, tmp_path)
    found = run(*[*guarded.command, "1"][: count + 1])
    assert (found.status, found.err[:6]) == (2, "usage:")
    assert run(program, "--help", "--help").status == 2
    assert guarded.files() == {"target": OLD, "new": NEW}


def test_help_that_cannot_be_said(program: Path) -> None:
    command = ["sh", "-c", 'exec "$0" --help >&-', str(program)]
    assert subprocess.run(command, env=clean_environment(), check=False, timeout=30).returncode == 2


def test_a_state_folder_that_is_none(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    assert run(*words(guarded, state=tmp_path / "nowhere")).status == 4
    assert run(*words(guarded, state=guarded.target)).status == 4
    assert guarded.files() == {"target": OLD, "new": NEW}


def test_a_lock_that_is_a_link_is_not_followed(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    (guarded.state / "lock").symlink_to(tmp_path / "elsewhere")
    assert ended(guarded) == 3
    assert guarded.files() == {"target": OLD, "new": NEW}
    assert state_of(guarded) == ["lock"] and not (tmp_path / "elsewhere").exists()


def test_what_it_writes_is_its_owners_alone(program: Path, tmp_path: Path) -> None:
    guarded = Guarded(program, tmp_path)
    with guarded.running() as process:
        guarded.decide("abort")
        assert process.wait(30) == 0
    for name in ("lock", f"result.{TOKEN}"):
        assert (guarded.state / name).stat().st_mode & 0o7777 == 0o600, name
