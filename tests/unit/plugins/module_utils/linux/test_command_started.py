# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which program is started and with what, how its end is put into words, and why another one is not started."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import (
    Ended,
    TimedOut,
    absence,
    look_for,
    run,
)
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (1, "ended with status 1"),
        (-1, "was ended by signal 1 (SIGHUP)"),
        (-9, "was ended by signal 9 (SIGKILL)"),
        (-99, "was ended by signal 99"),
    ],
)
def test_an_end_in_words(status: int, words: str) -> None:
    assert str(Ended(status, "", "")) == words


def test_a_time_that_was_over_in_words() -> None:
    error = TimedOut("cc", "printed too much")
    assert (str(error), error.what) == ("cc printed too much", "printed too much")


def test_a_program_has_the_folder_the_environment_and_the_input_that_it_is_given(tmp_path: pathlib.Path) -> None:
    script = "pwd; echo $A-$LC_ALL-$PATH; cat"
    with nothing_left_open():
        assert run(["sh", "-c", script], 30, str(tmp_path), {"A": "1"}, "in\udcff\n") == Ended(
            0, f"{tmp_path}\n1-C-{command._search_path()}\nin\ufffd\n", ""
        )
        assert run(["sh", "-c", script], 30, environment={"LC_ALL": "x", "PATH": "/bin"}).stdout == "/\n-x-/bin\n"
        assert run(["sh", "-c", "kill -9 $$"], 30).status == -signal.SIGKILL
    with pytest.raises(TimedOut) as raised:
        run(["sleep", "600"], 0.05)
    assert str(raised.value) == "sleep was still running after 0.05 s"


def test_what_cannot_be_started_is_an_error_with_its_name(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "x"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o777)
    with pytest.raises(FileNotFoundError) as missing:
        run(["no-such-program", "x"], 30)
    assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, "no-such-program")
    assert missing.value.strerror == "No such file or directory"
    with pytest.raises(PermissionError) as refused:
        run([str(program), "x"], 30)
    assert (refused.value.errno, refused.value.filename) == (errno.EPERM, str(program))
    assert refused.value.strerror == look_for(str(program))[1] != ""


def test_what_runs_us_is_taken_as_it_is(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "python"
    own.symlink_to(sys.executable)
    os.chmod(tmp_path, 0o777)
    assert look_for(str(own))[0] is None
    monkeypatch.setattr(command.sys, "executable", str(own))
    assert look_for(str(own)) == (str(own), "")
    itself = f"{tmp_path}/started-as-another"
    assert look_for(itself) == (None, "")
    monkeypatch.setattr(command.os.path, "realpath", {"/proc/self/exe": itself}.__getitem__)
    assert look_for(itself) == (itself, "")


@pytest.fixture(name="folders")
def folders_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("#!/bin/sh\n")
        (tmp_path / name / "x").chmod(0o755)
    monkeypatch.setattr(command, "SEARCH_PATH", f"{tmp_path}/a:{tmp_path}/b:{tmp_path}/c")
    return tmp_path


def test_a_program_is_the_first_that_may_be_run(folders: pathlib.Path) -> None:
    assert look_for("x") == (f"{folders}/a/x", "")
    (folders / "a" / "x").chmod(0o644)
    assert look_for("x") == (f"{folders}/b/x", "")
    (folders / "b" / "x").unlink()
    (folders / "b" / "x").mkdir()
    assert look_for("x") == (f"{folders}/c/x", "")
    (folders / "c" / "x").unlink()
    assert look_for("x") == (None, "")
    assert look_for(f"{folders}/a/x") == (None, "")


def test_all_reasons_are_said_once(folders: pathlib.Path) -> None:
    wrong = {}
    for name in ("a", "b"):
        (folders / name / "x").chmod(0o777)
        path = f"{folders}/{name}/x"
        wrong[name] = f"{path} belongs to user {os.geteuid()} and has mode 0777: nobody else may write there"
    (folders / "c" / "x").unlink()
    both = "; ".join(f"{wrong[name]}, so {folders}/{name}/x is not run" for name in ("a", "b"))
    assert look_for("x") == (None, both)
    assert look_for(f"{folders}/a/x") == (None, wrong["a"])
    (folders / "c" / "x").symlink_to("../a/x")
    assert look_for(f"{folders}/c/x") == (None, wrong["a"])
    (folders / "c" / "x").unlink()
    where = f"not found in {command.SEARCH_PATH}"
    assert absence("x", "y") == f"x and y {where} ({both})"
    assert absence("y") == f"y {where}"
    assert absence("y", "sh") == f"y and sh {where}"
    (folders / "a" / "y").write_text("#!/bin/sh\n")
    (folders / "a" / "y").chmod(0o755)
    assert absence("y") == ""
    assert absence("y", "x") == f"x {where} ({both})"


def test_a_path_of_no_folders_is_not_the_current_one(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(command, "OF_THE_SYSTEM", f"{tmp_path}:{tmp_path}/none")
    assert command._search_path() == os.devnull
    monkeypatch.setattr(command, "OF_THE_SYSTEM", f"{tmp_path}:/etc:/proc")
    assert command._search_path() == "/etc:/proc"


def test_a_program_may_print_so_much() -> None:
    print_so_much = "head -c {} /dev/zero"
    assert len(run(["sh", "-c", print_so_much.format(16 << 20)], 60).stdout) == 16 << 20
    for redirect in ("", " >&2"):
        with pytest.raises(TimedOut, match=r"^sh printed more than 16 MiB$"):
            run(["sh", "-c", print_so_much.format((16 << 20) + 1) + redirect], 60)


def test_where_the_kernel_collects_children_itself_a_program_has_ended_all_the_same() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert run(["sh", "-c", "echo x; exit 3"], 30)[1:] == ("x\n", "")
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_program_that_we_may_not_end_any_more_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_group: int, _signal: int) -> t.NoReturn:
        raise PermissionError

    monkeypatch.setattr(command.os, "killpg", refuse)
    with nothing_left_open():
        assert run(["true"], 30) == Ended(0, "", "")
