# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are run with an environment of their own, and never outlive their time."""

from __future__ import annotations

import os
import pathlib
import select

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils._run import Ended, TimedOut, find_program, run


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
