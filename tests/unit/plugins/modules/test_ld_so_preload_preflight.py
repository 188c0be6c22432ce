# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module asks of the preflight and of the watchdog, which are played here, and what comes of their answers."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import preflight as ld_so_preload_preflight
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import security, trial, watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.check import LibraryProblem
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.linux.trusted import fault
from ansible_collections.netops.keepalive.plugins.modules import ld_so_preload
from ansible_collections.netops.keepalive.tests.unit.support.played_preload import (  # noqa: F401 # pylint: disable=unused-import
    Result,
    Run,
    file_fixture,
    lib_fixture,
    loaders_fixture,
    run_fixture,
)


def test_where_no_loader_of_glibc_is_nothing_is_written(
    run: Run, file: pathlib.Path, lib: pathlib.Path, loaders: t.List[Loader]
) -> None:
    del loaders[:]
    msg = "no loader of glibc is on this host, and no other reads /etc/ld.so.preload"
    assert run() == {"failed": True, "msg": msg, "path": str(file)}
    file.write_text(f"{lib}/libkeepalive.so\n")
    assert run(state="absent")["changed"] is True, "which needs none"


def test_a_watchdog_that_is_missing_is_told_with_the_way_out(run: Run, file: pathlib.Path, lib: pathlib.Path) -> None:
    msg = (
        f"{lib}/keepalive-watchdog is missing: it puts the old file back when a new one harms the host; install it with"
        " preload_libraries (role keepalive_build), or do without it by watchdog: 0"
    )
    for seconds in (1, 60):
        assert run(watchdog=seconds) == {"failed": True, "msg": msg, "path": str(file)}


@pytest.mark.parametrize(
    ("gone", "watchdog_seconds", "note"),
    [
        (["libkeepalive.so"], 0, "not tried: {lib}/libkeepalive.so is not installed yet"),
        (["keepalive-watchdog"], 0, None),
        (["keepalive-watchdog"], 60, "not tried: {lib}/keepalive-watchdog is not installed yet"),
        (
            ["libkeepalive.so", "keepalive-watchdog"],
            1,
            "not tried: {lib}/libkeepalive.so, {lib}/keepalive-watchdog are not installed yet",
        ),
    ],
)
def test_check_mode_names_what_is_to_be_installed_first(
    run: Run, lib: pathlib.Path, gone: t.List[str], watchdog_seconds: int, note: t.Optional[str]
) -> None:
    for name in gone:
        (lib / name).unlink()
    answer = run(check=True, use=["connect"], watchdog=watchdog_seconds)
    assert (answer["changed"], answer["notes"]) == (True, [note.format(lib=lib)] if note else [])


def test_what_the_hosts_security_says_of_the_files_is_among_the_notes(
    run: Run, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: t.List[t.Any] = []
    monkeypatch.setattr(security, "notes", lambda *what: asked.append(what) or ["SELinux is there"])
    assert run(use=["connect"], library_dir=f"{lib}/")["notes"] == ["SELinux is there"]
    assert asked == [([f"{lib}/libkeepalive.so"], str(lib))]


def test_without_the_preflight_only_what_others_could_change_is_refused(
    run: Run, file: pathlib.Path, lib: pathlib.Path
) -> None:
    (lib / "libkeepalive.so").chmod(0o666)
    (lib / "libkeepalive_listen.so").unlink()
    answer = run()
    said_of_it = fault(f"{lib}/libkeepalive.so")
    assert answer == {
        "failed": True,
        "path": str(file),
        "msg": "refused, without the preflight too, because every process of root would load what others could change: "
        f"{lib}/libkeepalive.so: {said_of_it}. Nothing was changed.",
    }
    (lib / "libkeepalive.so").chmod(0o644)
    assert run()["changed"] is True, "a library that is not there is no danger"


class Trial:
    """The trials, played: what each is asked, and the answers of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried = ["a", "b"]
        self.asked: t.List[t.Any] = []
        self.wrong_files: t.List[LibraryProblem] = []
        self.wrong_preloaded: t.List[LibraryProblem] = []
        self.wrong_in_file: t.List[LibraryProblem] = []
        self.obstacle = ""
        monkeypatch.setattr(trial, "Trial", self._made)
        monkeypatch.setattr(ld_so_preload_preflight.check, "check_files", lambda *_arguments: list(self.wrong_files))
        monkeypatch.setattr(ld_so_preload_preflight, "nobody_commands", lambda: [["as-nobody"]])
        monkeypatch.setattr(ld_so_preload_preflight, "default_commands", lambda: [["default"], ["more"]])

    def _made(self, seconds: float) -> Trial:
        self.asked.append(seconds)
        return self

    def preload(self, *arguments: t.Any) -> t.List[LibraryProblem]:
        self.asked.append(arguments)
        return self.wrong_preloaded

    def file(self, *arguments: t.Any) -> t.Tuple[t.List[LibraryProblem], str]:
        self.asked.append(arguments)
        return self.wrong_in_file, self.obstacle


@pytest.fixture(name="preflight")
def preflight_fixture(monkeypatch: pytest.MonkeyPatch) -> Trial:
    return Trial(monkeypatch)


def test_what_is_tried_first_alone_and_then_as_the_file_that_it_will_be(
    run: Run, file: pathlib.Path, lib: pathlib.Path, preflight: Trial, loaders: t.List[Loader]
) -> None:
    """The programs of another kind are tried by their loader, and what users start as nobody in the file alone."""
    native = loaders[0]
    other = native._replace(path="/lib/other-ld.so", elf=native.elf._replace(bits=32), libc="/lib/other-libc.so")
    assert other.elf.abi != native.elf.abi
    loaders.insert(0, other)
    file.write_text("/usr/lib/foreign.so\n")
    entry = f"{lib}/libkeepalive.so"
    answer = run(preflight=True, libraries=[entry], timeout=7)
    commands = [["default"], ["more"], ["/lib/other-ld.so", "/lib/other-libc.so"]]
    after = f"/usr/lib/foreign.so\n{entry}\n".encode()
    assert preflight.asked == [
        7,
        ([entry], commands),
        (str(file), b"/usr/lib/foreign.so\n", after, [*commands, ["as-nobody"]]),
    ]
    assert (answer["changed"], answer["tried"], answer["notes"]) == (True, ["a", "b"], [])


def test_a_host_whose_loaders_are_all_of_another_kind_is_tried_with_the_first(
    run: Run, lib: pathlib.Path, preflight: Trial, loaders: t.List[Loader]
) -> None:
    first, second = (
        loaders[0]._replace(path=f"/lib/{name}", elf=loaders[0].elf._replace(bits=32)) for name in ("a", "b")
    )
    loaders[:] = [first, second]
    run(preflight=True, libraries=[f"{lib}/libkeepalive.so"])
    assert preflight.asked[1][1] == [["default"], ["more"], second.program]


@pytest.mark.parametrize("stage", ["wrong_files", "wrong_preloaded", "wrong_in_file"])
@pytest.mark.parametrize("check", [False, True])
def test_what_is_wrong_is_told_whole_and_nothing_further_is_tried(
    run: Run, file: pathlib.Path, preflight: Trial, monkeypatch: pytest.MonkeyPatch, stage: str, check: bool
) -> None:
    problem = LibraryProblem("/bin/true", "/l.so", "was ended")
    setattr(preflight, stage, [problem])
    monkeypatch.setattr(security, "notes", lambda _files, _folder: ["N"])
    answer = run(check, preflight=True)
    assert answer == {
        "failed": True,
        "changed": False,
        "path": str(file),
        "notes": ["N"],
        "tried": ["a", "b"],
        "problems": [{"program": "/bin/true", "library": "/l.so", "reason": "was ended"}],
        "msg": f"refused: with these libraries in {file}, programs of this host would not do what they do now."
        " Nothing was changed.\n- /l.so: /bin/true: was ended\nNote: N",
    }
    assert len(preflight.asked) == {"wrong_files": 1, "wrong_preloaded": 2, "wrong_in_file": 3}[stage]
    assert not file.exists()


def test_where_the_file_cannot_be_tried_it_is_said_why(run: Run, preflight: Trial) -> None:
    preflight.obstacle = "unshare: not permitted"
    (note,) = run(preflight=True)["notes"]
    assert note == (
        "the file could not be tried in a mount namespace (unshare: not permitted); LD_PRELOAD alone was tried"
    )


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        ({}, [["default"], ["more"]]),
        ({"programs": []}, [["/bin/found-true"]]),
        ({"programs": ["/bin/sh -c :"]}, [["/bin/sh", "-c", ":"]]),
        (
            {"programs": ["/bin/sh -c :"], "extra_programs": ["/bin/sh -c :", "/bin/sh -c true"]},
            [["/bin/sh", "-c", ":"], ["/bin/sh", "-c", "true"]],
        ),
        ({"extra_programs": [["/bin/sh"]]}, [["default"], ["more"], ["/bin/sh"]]),
        ({"units": ["a.service"]}, [["default"], ["more"], ["of", "a.service"]]),
        (
            {"extra_programs": ["/bin/sh"], "units": ["a.service"]},
            [["default"], ["more"], ["/bin/sh"], ["of", "a.service"]],
        ),
    ],
)  # fmt: skip
def test_the_programs_that_are_tried(
    run: Run, preflight: Trial, monkeypatch: pytest.MonkeyPatch, arguments: Result, commands: t.List[t.List[str]]
) -> None:
    def of_units(_run: t.Any, units: t.Sequence[str]) -> t.Tuple[t.List[t.List[str]], t.List[str]]:
        return [["of", unit] for unit in units], [f"{unit}: a note" for unit in units]

    monkeypatch.setattr(ld_so_preload_preflight, "unit_commands", of_units)
    monkeypatch.setattr(ld_so_preload_preflight, "find_program", lambda name: f"/bin/found-{name}")
    answer = run(preflight=True, **arguments)
    assert preflight.asked[1][1] == commands
    assert answer["notes"] == [f"{unit}: a note" for unit in arguments.get("units", [])]


def test_without_a_program_named_true_its_usual_place_is_tried(
    run: Run, preflight: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ld_so_preload_preflight, "find_program", lambda _name: None)
    run(preflight=True, programs=[])
    assert preflight.asked[1][1] == [["/bin/true"]]


def test_in_check_mode_no_units_program_is_run_and_it_is_said(run: Run, preflight: Trial) -> None:
    answer = run(check=True, preflight=True, units=["a.service"])
    note = "the units' own programs are not run in check mode; without it they are tried before anything is written"
    assert (answer["notes"], preflight.asked[1][1]) == ([note], [["default"], ["more"]])
    assert run(check=True, preflight=True)["notes"] == [], "of units that were not named nothing is said"


def test_the_watchdog_is_told_all_that_it_needs(
    run: Run, file: pathlib.Path, lib: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, kept, begun, labelled = watchdog.guarded(str(file)), [], [], []
    monkeypatch.setattr(watchdog, "linking", lambda program: "static" if program.endswith("-watchdog") else "")
    monkeypatch.setattr(trial, "noise", lambda: ["noise"])
    monkeypatch.setattr(ld_so_preload.Module, "label", lambda _self, *places: labelled.append(places))
    monkeypatch.setattr(watchdog, "remember", lambda *what: kept.append(what))

    def begin(*what: t.Any) -> str:
        begun.append(what)
        what[-1]("/the/new/one")
        return "rename"

    monkeypatch.setattr(watchdog, "begin", begin)
    answer = run(use=["connect"], watchdog=1)
    token = answer["token"]
    assert len(token) == 16
    assert kept == [(place, token, ["noise"])]
    ((*asked, _label),) = begun
    assert asked == [place, f"{lib}/keepalive-watchdog", f"{lib}/libkeepalive.so\n".encode(), token, 1]
    assert labelled == [("/the/new/one", str(file))]
    assert (answer["armed"], answer["trial"], answer["watchdog"]) == (True, "rename", "static")
    assert run(use=["connect"], watchdog=1)["token"] != token


def test_a_look_and_an_abort_are_no_changes(run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: t.List[t.Any] = []
    monkeypatch.setattr(watchdog, "end", lambda *what: ended.append(what) or "reverted on request")
    assert run(phase="look", token="t") == {"changed": False, "armed": False, "result": ""}
    assert run(phase="look") == {"changed": False, "armed": False, "result": ""}
    assert run(phase="abort", token="t") == {"changed": False, "armed": False, "result": "reverted on request"}
    assert ended == [(watchdog.guarded(str(file)), "t", "abort")]


@pytest.mark.parametrize(
    ("seen", "word", "decision", "answer"),
    [
        ("", "committed", "commit", {"changed": True, "result": "committed"}),
        (
            "", "reverted in time", "commit",
            {"failed": True, "msg": "reverted in time", "healed": True,
             "seen": "the host is well, but the new file could not stay: reverted in time"},
        ),
        (
            "sh died", "reverted on request", "abort",
            {"failed": True, "msg": "sh died", "seen": "sh died", "healed": True, "result": "reverted on request"},
        ),
        (
            "sh died", "could not be taken back", "abort",
            {"failed": True, "msg": "sh died", "seen": "sh died", "healed": False, "result": "could not be taken back"},
        ),
    ],
    ids=["well", "late", "taken back", "stuck"],
)  # fmt: skip
def test_what_the_second_connection_sees_decides(
    run: Run, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch, seen: str, word: str, decision: str, answer: Result
) -> None:
    place, ended, known = watchdog.guarded(str(file)), [], []
    monkeypatch.setattr(watchdog, "remembered", lambda *what: [repr(what)])
    monkeypatch.setattr(trial, "programs_start", lambda lines: known.append(lines) or seen)
    monkeypatch.setattr(watchdog, "end", lambda *what: ended.append(what) or word)
    assert run(phase="confirm", token="t") == answer
    assert (known, ended) == ([[repr((place, "t"))]], [(place, "t", decision)])
