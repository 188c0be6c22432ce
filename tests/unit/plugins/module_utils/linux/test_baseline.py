# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is held against a run, and what the host does without it, too."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import baseline
from ansible_collections.netops.keepalive.plugins.module_utils.linux.baseline import (
    Attempt,
    FailsAnyway,
    held_against,
    new_lines,
    run_once,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, read_elf

GOOD = Ended(0, "", "")
HUNG = TimedOut("x", "was still running after 3 s")


def attempt(ended: t.Any) -> Attempt:
    return Attempt(None, ended.what) if isinstance(ended, TimedOut) else Attempt(ended, str(ended))


def with_and_without(tried: t.Any, plain: t.Any) -> str:
    try:
        return held_against(attempt(tried), lambda: attempt(plain))
    except FailsAnyway as failure:
        return f"anyway: {failure}"


@pytest.mark.parametrize(
    ("tried", "plain", "said"),
    [
        (Ended(0, "", "a 1\nb 2\n"), Ended(0, "", "b 3\nc\na 4\n"), ""),
        (Ended(0, "", "noise\none\ntwo\n"), Ended(0, "", "noise\n"), "ended with status 0 and said: one"),
        (Ended(1, "", "one\ntwo\nnoise\n"), Ended(0, "", "noise\n"), "ended with status 1 and said: two"),
        (Ended(1, "", "noise\n"), Ended(0, "", "noise\n"), "ended with status 1"),
        (Ended(1, "out", ""), GOOD, "ended with status 1"),
        (Ended(-11, "", ""), GOOD, "was ended by signal 11 (SIGSEGV)"),
        (HUNG, Ended(0, "", "noise\n"), "was still running after 3 s"),
        (Ended(1, "", "noise\n"), Ended(2, "", "one\ntwo\x1b\n"), "anyway: ended with status 2 and said: two\\x1b"),
        (Ended(0, "", "noise\n"), Ended(1, "", ""), "anyway: ended with status 1"),
        (HUNG, HUNG, "anyway: was still running after 3 s"),
    ],
)
def test_what_counts_is_what_is_new(tried: t.Any, plain: t.Any, said: str) -> None:
    assert with_and_without(tried, plain) == said


def test_a_line_is_shown_up_to_its_300th_character() -> None:
    assert with_and_without(Ended(0, "", "x" * 301), GOOD) == f"ended with status 0 and said: {'x' * 300}...(+1)"
    assert with_and_without(Ended(0, "", "x" * 300), GOOD) == f"ended with status 0 and said: {'x' * 300}"


@pytest.mark.parametrize("ended", [GOOD, Ended(0, "much", " \n\n")])
def test_what_succeeds_in_silence_is_compared_with_nothing(ended: Ended) -> None:
    assert held_against(attempt(ended), lambda: pytest.fail("run once more")) == ""


def test_lines_count_one_by_one_and_their_numbers_do_not() -> None:
    assert new_lines(["a 12", "b", "b", "a12", "a"], ["a 7", "c"]) == ["b", "b", "a12", "a"]


def test_how_a_program_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(*arguments: t.Any, **named: t.Any) -> Ended:
        asked.append((arguments, named))
        return Ended(3, "", " one\ntwo \n")

    monkeypatch.setattr(baseline, "run", run)
    done = run_once(["/x", "y"], 7, {"A": "b"})
    assert done == Attempt(Ended(3, "", " one\ntwo \n"), "ended with status 3")
    assert (done.succeeded, done.lines) == (False, ["one", "two"])
    assert run_once(["/x"], 7).succeeded is False
    assert asked == [((["/x", "y"], 7), {"environment": {"A": "b"}}), ((["/x"], 7), {"environment": None})]
    assert Attempt(None, "").lines == [] and attempt(GOOD).succeeded


@pytest.mark.parametrize(
    ("number", "there", "interpreter", "words"),
    [
        (2, True, "/nowhere/ld\x1b.so", "the loader that it names, /nowhere/ld\\x1b.so, is not on this host"),
        (2, True, "/dev/null", "No such file"),
        (2, True, None, "No such file"),
        (2, True, ElfError("is cut off"), "No such file"),
        (2, True, OSError(5, "Input/output error"), "No such file"),
        (2, False, "/nowhere/ld.so", "No such file"),
        (13, True, "/nowhere/ld.so", "No such file"),
    ],
)
def test_why_a_program_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, number: int, there: bool, interpreter: t.Any, words: str
) -> None:
    """The kernel says that a program were not there where its loader is not."""

    def run(*_arguments: t.Any, **_named: t.Any) -> Ended:
        raise OSError(number, "No such file")

    def read(path: str) -> t.Any:
        assert path == program
        if isinstance(interpreter, Exception):
            raise interpreter
        return read_elf("/proc/self/exe")._replace(interpreter=interpreter)

    program = str(tmp_path / "program")
    if there:
        pathlib.Path(program).write_text("")
    monkeypatch.setattr(baseline, "run", run)
    monkeypatch.setattr(baseline, "read_elf", read)
    assert run_once([program, os.devnull], 7) == Attempt(None, f"cannot be started: {words}")


def test_a_program_that_does_not_end_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_arguments: t.Any, **_named: t.Any) -> Ended:
        raise HUNG

    monkeypatch.setattr(baseline, "run", run)
    assert run_once(["x"], 3) == Attempt(None, "was still running after 3 s")
