# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is compared of a program's two runs, and what programs say as they are now; the programs are made up."""

from __future__ import annotations

import os
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import trial
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.check import LibraryProblem
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.trial import Trial, programs_start
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf

GOOD = Ended(0, "", "")
LOADER = Loader("/lib/ld.so", read_elf("/proc/self/exe"), "/lib/libc.so.6")
PYTHON = os.path.realpath("/proc/self/exe")
START = [["/bin/true"], ["/bin/sh", "-c", ":"], [PYTHON, "-c", "pass"], ["/lib/ld.so", "/lib/libc.so.6"]]
ERRORS = [OSError(12, "Cannot allocate memory"), TimedOut("x", "was still running after 15 s")]


class Programs:
    """Programs that end as is said of their words, and otherwise well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says: t.Dict[str, t.Any] = {}
        self.asked: t.List[t.Tuple[t.List[str], t.Dict[str, str]]] = []
        monkeypatch.setattr(trial, "run", self.run)
        monkeypatch.setattr(trial, "find_program", lambda _name: None)
        monkeypatch.setattr(trial.loaders, "find_loaders", lambda: [LOADER])

    def run(
        self, command: t.Sequence[str], _seconds: float, environment: t.Optional[t.Mapping[str, str]] = None
    ) -> Ended:
        self.asked.append((list(command), dict(environment or {})))
        words = " ".join([*(f"{name}={value}" for name, value in (environment or {}).items()), *command])
        for word, ended in self.says.items():
            if word in words:
                if isinstance(ended, list):
                    ended = ended.pop(0) if len(ended) > 1 else ended[0]
                if isinstance(ended, Exception):
                    raise ended
                return t.cast(Ended, ended)
        return GOOD


@pytest.fixture(name="programs")
def programs_fixture(monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(monkeypatch)


def test_programs_of_each_kind_are_started(programs: Programs) -> None:
    assert programs_start([]) == ""
    assert trial.noise() == []
    assert [command for command, _environment in programs.asked] == [*START, *START]


@pytest.mark.parametrize("error", ERRORS)
def test_a_program_that_cannot_be_started_now_is_named(programs: Programs, error: Exception) -> None:
    programs.says["/bin/sh"] = error
    assert programs_start([]) == f"/bin/sh: {error}"
    assert trial.noise() == []
    programs.says = {"/bin/true": error, "/lib/ld.so": Ended(0, "", "one\ntwo\n")}
    assert trial.noise() == ["one", "two"], "what the others say is known all the same"


def test_what_programs_said_before_is_no_complaint_of_now(programs: Programs) -> None:
    programs.says["ld.so"] = Ended(0, "", "old\nnew\nERROR: ld.so: new\x1b\n")
    known = ["old", "new", "ERROR: ld.so: new\x1b"]
    assert programs_start(known) == ""
    assert programs_start(known[:1]) == "/lib/ld.so ended with status 0 and said: ERROR: ld.so: new\\x1b"
    programs.says["ld.so"] = Ended(0, "", "at 7: old\n")
    assert programs_start(["at 12: old"]) == "", "numbers do not count"
    programs.says["ld.so"] = Ended(127, "", "old\n")
    assert programs_start(known) == "/lib/ld.so ended with status 127"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("", ""),
        (" \n\n", ""),
        ("one\ntwo\n", " and said: one"),
        ("\n  \none\nan Error\nlater ld.so\n", " and said: an Error"),
        ("one\nld.so\n", " and said: ld.so"),
        ("x" * 301, f" and said: {'x' * 300}...(+1)"),
    ],
)
def test_the_line_that_is_shown_is_the_loaders_or_an_error(stderr: str, said: str) -> None:
    assert trial.said(stderr.splitlines()) == said


TRUE, SHELL = ["/bin/true"], ["/bin/sh", "-c", ":"]
L, M = "/l.so", "/m.so"


def test_each_library_is_tried_alone_and_all_of_them_with_every_program(programs: Programs) -> None:
    tried = Trial(5)
    assert tried.preload([L, M], [TRUE, SHELL]) == []
    now = {"LD_BIND_NOW": "1"}
    both = {"LD_PRELOAD": f"{L} {M}"}
    assert programs.asked == [
        (TRUE, {}), (TRUE, {"LD_PRELOAD": L}), (TRUE, {"LD_PRELOAD": L, **now}), (TRUE, {"LD_PRELOAD": M}),
        (TRUE, {"LD_PRELOAD": M, **now}), (TRUE, both), (SHELL, {}), (SHELL, both),
    ]  # fmt: skip
    assert tried.tried == ["/bin/true", "/bin/sh -c :"]


def test_every_library_that_is_bad_is_named_before_others_are_bothered(programs: Programs) -> None:
    programs.says["/l.so"] = Ended(1, "", "")
    programs.says["LD_BIND_NOW"] = Ended(0, "", "symbol lookup error: 7\n")
    assert Trial(5).preload([L, M], [TRUE, SHELL]) == [
        LibraryProblem("/bin/true", L, "with the library it ended with status 1; without, it ended with status 0"),
        LibraryProblem("/bin/true", M, "with the library it ended with status 0 and said: symbol lookup error: 7; "
                                       "without, it ended with status 0"),
    ]  # fmt: skip
    assert all(command == TRUE for command, _environment in programs.asked)


def test_who_harms_a_program_alone_is_named_and_else_all_together(programs: Programs) -> None:
    programs.says[f"{L} {M} /bin/sh"] = programs.says["/m.so /bin/sh"] = Ended(-6, "", "")
    reason = "with the library it was ended by signal 6 (SIGABRT); without, it ended with status 0"
    assert Trial(5).preload([L, M], [TRUE, SHELL]) == [LibraryProblem("/bin/sh -c :", M, reason)]
    del programs.says["/m.so /bin/sh"]
    assert Trial(5).preload([L, M], [TRUE, SHELL]) == [LibraryProblem("/bin/sh -c :", "", reason)]


@pytest.mark.parametrize(
    ("plain", "found", "reason"),
    [
        ([GOOD], [Ended(1, "", ""), GOOD], None),
        ([GOOD, Ended(1, "", "")], [Ended(1, "", "")], None),
        ([OSError(2, "No such file or directory")], [OSError(2, "No such file or directory")], None),
        ([GOOD], [OSError(8, "Exec format error")], "with the library it could not be started: Exec format error; "
         "without, it ended with status 0"),
        ([GOOD], [TimedOut("x", "was still running after 5 s"), GOOD], "with the library it was still running after "
         "5 s; without, it ended with status 0"),
        ([TimedOut("x", "hung")], [TimedOut("x", "hung")], None),
        ([Ended(0, "", "at 12:30 by 77\n")], [Ended(0, "", "at 9:5 by 123\n")], None),
        ([Ended(0, "", "a 1\n")], [Ended(0, "", "a 2\nb\n"), Ended(0, "", "a 3\nb 7\n")], "with the library it ended "
         "with status 0 and said: b 7; without, it ended with status 0 and said: a 1"),
        ([Ended(0, "", "a 1\nb\n")], [Ended(0, "", "a 2\n")], "with the library it ended with status 0; without, it "
         "ended with status 0 and said: b"),
        ([Ended(0, "", "ERROR: ld.so: object 1\nb\n")], [Ended(0, "", "b\n")], None),
        ([Ended(0, "", "ERROR: ld.so: object 1\n")], [Ended(0, "", "ERROR: ld.so: object 1\n")], None),
    ],
)  # fmt: skip
def test_what_counts_as_a_difference(
    programs: Programs, plain: t.List[t.Any], found: t.List[t.Any], reason: t.Optional[str]
) -> None:
    """A first difference may be chance, but not that a program hangs: nobody waits for that twice."""
    programs.says.update({"LD_PRELOAD": list(found), "/bin/true": list(plain)})
    problem = Trial(5)._compare(TRUE, [], {"LD_PRELOAD": L}, L)
    assert problem == (LibraryProblem("/bin/true", L, reason) if reason else None)
    hangs = any(isinstance(one, TimedOut) for one in found)
    if hangs:
        assert len(programs.asked) == 2


@pytest.fixture(name="there")
def there_fixture(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setattr(trial, "find_program", lambda name: f"/usr/bin/{name}")
    return programs


def test_each_candidate_can_be_read_by_every_user(there: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that is tried may become somebody else."""
    seen = set()

    def run(command: t.Sequence[str], _seconds: float, **_more: t.Any) -> Ended:
        if command[0] == "/usr/bin/unshare":
            candidate = command[6]
            assert command[:6] == ["/usr/bin/unshare", "--mount", "/usr/bin/sh", "-c", command[4], "sh"]
            assert command[7:9] == ["/etc/p", os.path.dirname(candidate)]
            with open(candidate, "rb") as file:
                seen.add((os.path.basename(candidate), file.read(), stat.S_IMODE(os.stat(candidate).st_mode)))
        return Ended(0, "new", "") if "while IFS" in " ".join(command) else Ended(len(command), "", "")

    monkeypatch.setattr(trial, "run", run)
    before = os.umask(0o077)
    try:
        assert Trial(5).file("/etc/p", b"old\xff", b"new", [TRUE])[1] == ""
    finally:
        os.umask(before)
    assert seen == {("before", b"old\xff", 0o644), ("after", b"new", 0o644)}


@pytest.mark.parametrize("lacks", ["unshare", "sh"])
def test_without_the_programs_for_a_namespace_nothing_is_tried(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    monkeypatch.setattr(trial, "find_program", lambda name: None if name == lacks else f"/bin/{name}")
    monkeypatch.setattr(trial, "absence", lambda *names: f"one of {names} is missing")
    assert Trial(5).file("/etc/p", b"", b"", [TRUE]) == ([], "one of ('unshare', 'sh') is missing")
    assert programs.asked == []


@pytest.mark.parametrize(
    ("ended", "obstacle"),
    [
        (Ended(0, "new\n", ""), ""),
        (Ended(0, "new", "said"), ""),
        (Ended(0, "old\n", ""), "the new file is not seen there"),
        (Ended(0, "", "one\ntwo\n"), "two"),
        (Ended(1, "new\n", "mount: denied\n"), "mount: denied"),
        (Ended(1, "new\n", ""), "the new file is not seen there"),
        (OSError(12, "Cannot allocate memory"), "[Errno 12] Cannot allocate memory"),
        (TimedOut("unshare", "was still running"), "unshare was still running"),
    ],
)
def test_the_namespace_is_looked_into_before_a_program_is_run_in_it(
    there: Programs, ended: t.Any, obstacle: str
) -> None:
    there.says = {"while IFS": ended, "/after": Ended(3, "", "")}
    problems, why = Trial(5).file("/etc/p", b"old\n", b"new\n", [TRUE, SHELL])
    assert why == obstacle
    reason = "with the library it ended with status 3; without, it ended with status 0"
    assert problems == ([] if obstacle else [
        LibraryProblem("/bin/true", "", reason), LibraryProblem("/bin/sh -c :", "", reason),
    ])  # fmt: skip
    in_one = [command for command, _environment in there.asked if 'exec "$@"' in " ".join(command)]
    assert [command[9:] for command in in_one] == ([] if obstacle else [*[TRUE] * 3, *[SHELL] * 3])
    if not obstacle:
        assert [os.path.basename(command[6]) for command in in_one] == 2 * ["after", "before", "after"]
