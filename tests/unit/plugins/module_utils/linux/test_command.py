# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are run with an environment of their own, and never outlive their time."""

from __future__ import annotations

import os
import pathlib
import select
import signal

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import (
    Ended,
    TimedOut,
    absence,
    find_program,
    run,
)


def test_nothing_of_the_callers_environment_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    monkeypatch.setenv("MAKEFLAGS", "-n")
    names = {line.split("=")[0] for line in run(["env"], 10, environment={"OWN": "1"}).stdout.splitlines()}
    assert names == {"PATH", "LC_ALL", "OWN"}


def test_status_signal_output_and_input_come_back() -> None:
    assert run(["sh", "-c", "cat; echo err >&2; exit 3"], 10, stdin="in") == Ended(3, "in", "err\n")
    assert str(run(["sh", "-c", "exit 3"], 10)) == "ended with status 3"
    assert str(run(["sh", "-c", "kill -SEGV $$"], 10)) == "was ended by signal 11 (SIGSEGV)"


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: pathlib.Path) -> None:
    """The pipe's other end closes when the last process of the group is gone: an event, not a wait."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TimedOut, match=r"sh was still running after 0.5 s"):
        run(["sh", "-c", f"exec 9>{fifo}; sleep 600 & wait"], 0.5)
    assert select.select([reader], [], [], 30)[0], "a child outlived its time"
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_programs_are_not_looked_for_in_the_callers_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "cc").write_text("#!/bin/sh\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("cc") != str(tmp_path / "cc")
    assert find_program(str(tmp_path / "cc")) == str(tmp_path / "cc")


def test_which_programs_are_missing_is_said_and_why(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SEARCH_PATH", str(tmp_path))
    for name in ("good", "open"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755 if name == "good" else 0o777)
    assert absence("good") == absence() == ""
    assert absence("good", "none") == f"none not found in {tmp_path}"
    said = absence("none", "open", "good")
    assert said.startswith(f"none and open not found in {tmp_path} ({tmp_path}/open belongs to user ")
    assert said.endswith(f"so {tmp_path}/open is not run)")


def test_a_child_that_has_left_and_keeps_the_outputs_open_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    """It would be for ten minutes. What was printed before the program's end comes back all the same."""
    pid = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ >{pid}; exec sleep 600' & while [ ! -s {pid} ]; do :; done; echo said"
    try:
        assert run(["sh", "-c", script], 60) == Ended(0, "said\n", "")
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_child_that_has_left_does_not_keep_us_beyond_the_time_either(tmp_path: pathlib.Path) -> None:
    pid = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ >{pid}; exec sleep 600' & while [ ! -s {pid} ]; do :; done; sleep 600"
    try:
        with pytest.raises(TimedOut):
            run(["sh", "-c", script], 1)
    finally:
        while not pid.exists():
            pass
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_program_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_LIMIT", 1 << 20)
    with pytest.raises(TimedOut, match="sh printed more than 1 MiB") as raised:
        run(["sh", "-c", "while :; do echo yes; done"], 60)
    assert raised.value.what == "printed more than 1 MiB"


def test_much_output_comes_back_whole() -> None:
    ended = run(["sh", "-c", "head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2"], 60)
    assert (ended.status, len(ended.stdout), len(ended.stderr)) == (0, 3000000, 2000000)


def test_no_descriptor_of_ours_and_no_terminal_reaches_the_program(tmp_path: pathlib.Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        listed = run(["sh", "-c", "ls /proc/$$/fd; cut -d' ' -f6,7 /proc/$$/stat; echo $$"], 30).stdout.split()
    finally:
        os.close(descriptor)
    *descriptors, session, terminal, pid = listed
    assert [int(number) for number in descriptors if int(number) < 10] == [0, 1, 2]
    assert str(descriptor) not in descriptors[3:]
    assert (session, terminal) == (pid, "0")
