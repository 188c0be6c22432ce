# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way is found before anything is written, with what would be right."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import Executable, describe_executable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import assignments
from ansible_collections.netops.keepalive.plugins.module_utils.units.preflight import (
    Obstacle,
    environment_problems,
    executable_problems,
    host_wide_problems,
    state_problems,
    unit_problems,
)
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import foreign_assignments, problems_of

DROP_IN = "/etc/systemd/system/a.service.d/zz-keepalive.conf"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("not-found", "there is no such unit on this host; install its software first, or correct the name"),
        ("masked", "the unit is masked; 'systemctl unmask a.service', or take the entry out"),
        ("bad-setting", "systemd could not load the unit (bad-setting); see 'systemctl status a.service'"),
        ("error", "systemd could not load the unit (error); see 'systemctl status a.service'"),
    ],
)
def test_a_unit_must_be_there(state: str, text: str) -> None:
    assert unit_problems("a.service", state) == [Obstacle(None, f"a.service: {text}")]


def test_a_loaded_unit_is_right() -> None:
    assert unit_problems("a.service", "loaded") == []


PLAIN = describe_executable(sys.executable)
ORDINARY = Executable("/opt/run", "dynamic", "glibc", False, False, False, None, "")
ACCEPT_STATIC = (
    "a preloaded library never sees its sockets; "
    "take the entry out, or add 'accept: [static_executable]' to write the drop-in all the same"
)
RIGHTS = (
    "the loader drops LD_PRELOAD for it; give the service its rights with AmbientCapabilities= (systemd.exec(5)) "
    "instead, or add 'accept: [secure_exec]'"
)
PROGRAMS: t.List[t.Tuple[str, Executable, t.Optional[str], str]] = [
    ("static", ORDINARY._replace(kind="static"), "static_executable", f"is statically linked: {ACCEPT_STATIC}"),
    ("Go, dynamic", ORDINARY._replace(go=True), "static_executable",
     f"is a Go program, which makes its system calls itself: {ACCEPT_STATIC}"),
    ("Go, static", ORDINARY._replace(kind="static", go=True), "static_executable",
     f"is a Go program, which makes its system calls itself: {ACCEPT_STATIC}"),
    ("missing", ORDINARY._replace(kind="missing", detail="No such file or directory"), None,
     "No such file or directory; the library of this host cannot be loaded into it"),
    ("foreign", ORDINARY._replace(kind="foreign", detail="a 32 bit x86 program on a 64 bit x86-64 host"), None,
     "a 32 bit x86 program on a 64 bit x86-64 host; the library of this host cannot be loaded into it"),
    ("setuid", ORDINARY._replace(setuid=True), "secure_exec", f"is setuid or setgid: {RIGHTS}"),
    ("capabilities", ORDINARY._replace(capabilities=True), "secure_exec", f"has file capabilities: {RIGHTS}"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "reason", "text"), [row[1:] for row in PROGRAMS], ids=[row[0] for row in PROGRAMS])
def test_a_program_that_takes_no_library(program: Executable, reason: t.Optional[str], text: str) -> None:
    for found in (program, ORDINARY._replace(path="/opt/script", kind="script", interpreter=program)):
        (problem,) = executable_problems("a.service", found)
        assert problem.reason == reason
        assert problem.text.startswith("a.service: /opt/run")
        assert problem.text.endswith(text)


def test_real_programs(tmp_path: pathlib.Path) -> None:
    assert executable_problems("a.service", PLAIN) == []
    script = tmp_path / "script"
    script.write_text(f"#!{sys.executable}\n")
    script.chmod(0o755)
    assert executable_problems("a.service", describe_executable(str(script))) == []
    (missing,) = executable_problems("a.service", describe_executable(str(tmp_path / "none")))
    assert missing.text.startswith(f"a.service: {tmp_path}/none: No such file or directory")
    shutil.copy(os.path.realpath(sys.executable), tmp_path / "setuid")
    (tmp_path / "setuid").chmod(0o4755)
    assert [p.reason for p in executable_problems("a.service", describe_executable(str(tmp_path / "setuid")))] == [
        "secure_exec"
    ]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64", "i686", "ppc64le"])
def test_a_program_of_another_libc(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """Where the libraries make their system calls themselves they need no libc, and may be loaded beside any."""
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", "6.1", "#1", machine)))
    texts = [problem.text for problem in executable_problems("a.service", ORDINARY._replace(libc="musl"))]
    refused = [f"a.service: /opt/run uses musl; on {machine} the library of this host needs glibc"]
    assert texts == ([] if machine in ("x86_64", "aarch64", "riscv64") else refused)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_real_static_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "s.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-static", "-o", "s", "s.c"], cwd=tmp_path, check=True)
    assert executable_problems("a.service", describe_executable(str(tmp_path / "s"))) == [
        Obstacle("static_executable", f"a.service: {tmp_path}/s is statically linked: {ACCEPT_STATIC}", "unit")
    ]


@pytest.mark.parametrize(
    ("properties", "wrong"),
    [
        ({"SubState": "running"}, False),
        ({"SubState": "auto-restart", "Result": "success"}, False),  # Restart=always, for what does a bit now and then
        ({"SubState": "auto-restart", "Result": "exit-code", "NRestarts": "7"}, True),
        ({"SubState": "auto-restart-queued", "Result": "exit-code", "NRestarts": "7"}, True),  # systemd 254
        ({"SubState": "failed", "Result": "exit-code", "NRestarts": "5"}, False),  # it stays down
        ({}, False),
    ],
)
def test_what_crashes_again_and_again(properties: t.Dict[str, str], wrong: bool) -> None:
    text = (
        "a.service: it does not stay up (result exit-code), and systemd starts it again and again "
        "(7 restarts until now); see 'journalctl -u a.service' and put that right first, or take the entry out"
    )
    assert state_problems("a.service", properties) == ([Obstacle(None, text)] if wrong else [])


@pytest.mark.parametrize(
    ("parts", "instead"),
    [
        (
            ["postgresql@15-main.service"],
            "postgresql@15-main.service instead, or postgresql@.service for all of them",
        ),
        (["b@2.service", "b@1.service"], "b@1.service and b@2.service instead, or b@.service for all of them"),
        (["b.service", "a@1.service"], "a@1.service and b.service instead"),
        (["a.service"], "a.service instead"),
    ],
)
def test_a_unit_that_stands_for_others(parts: t.List[str], instead: str) -> None:
    text = f"a.service: it is active and has no process, so its settings would reach nobody; name {instead}"
    assert state_problems("a.service", {"SubState": "exited"}, parts) == [Obstacle(None, text)]


def problems(*files: t.Tuple[str, str]) -> t.List[str]:
    foreign = assignments([(path, f"[Service]\n{text}\n") for path, text in files])._replace(fragment=UNIT)
    found = environment_problems("a.service", DROP_IN, foreign)
    assert all(problem.reason is None for problem in found), "nothing lets these pass"
    return [problem.text for problem in found]


UNIT = "/lib/systemd/system/a.service"


def test_an_environment_file_that_sets_what_is_ours(tmp_path: pathlib.Path) -> None:
    (tmp_path / "one.env").write_text("X=1\nLD_PRELOAD=/x.so\nTCP_KEEPIDLE=5\n")
    (tmp_path / "two.env").write_text("# LD_PRELOAD=/x.so\nOTHER=1\n")
    for entry in (f"{tmp_path}/one.env", f"-{tmp_path}/one.env", f"-{tmp_path}/*.env"):
        assert problems((UNIT, f"EnvironmentFile={entry}")) == [
            f"a.service: EnvironmentFile={entry} sets {variable}, which beats every drop-in; "
            f"take {variable} out of {tmp_path}/one.env"
            for variable in ("LD_PRELOAD", "TCP_KEEPIDLE")
        ]
    for entry in (f"{tmp_path}/two.env", f"-{tmp_path}/none.env"):
        assert problems((UNIT, f"EnvironmentFile={entry}")) == []


@pytest.mark.parametrize("word", ["LD_PRELOAD", "TCP_USER_TIMEOUT", "LIBKEEPALIVE_DEBUG", "LD_PRELOAD=/x.so"])
def test_what_is_unset(word: str) -> None:
    assert problems((UNIT, f"UnsetEnvironment=HOME {word}")) == [
        f"a.service: UnsetEnvironment={word} removes the variable again; take it out of the unit"
    ]


@pytest.mark.parametrize(
    ("path", "wins"),
    [
        (UNIT, False),
        ("/srv/config/a/10.conf", False),  # a .d folder that is a link, as systemd shows it
        ("/srv/config/a/zzz.conf", True),
        ("/etc/systemd/system/a.service.d/50-vendor.conf", False),
        ("/usr/lib/systemd/system/a.service.d/zz-a.conf", False),
        ("/usr/lib/systemd/system/a.service.d/zz-local.conf", True),
        ("/run/systemd/system/service.d/zzz.conf", True),
    ],
)
def test_a_drop_in_that_sorts_behind_ours(path: str, wins: bool) -> None:
    """By the file's name alone, whatever the folder."""
    expected = f"a.service: {path} sets LD_PRELOAD and sorts behind {DROP_IN}, so it wins; rename it"
    assert problems((path, "Environment=LD_PRELOAD=/x.so")) == ([expected] if wins else [])
    assert problems((path, "Environment=OTHER=1")) == []


def test_a_drop_in_behind_ours_that_empties_the_environment() -> None:
    path = "/etc/systemd/system/a.service.d/zzz.conf"
    expected = f"a.service: {path} empties Environment= and sorts behind {DROP_IN}, so it wins; rename it"
    assert problems((path, "Environment=")) == [expected]
    assert problems((UNIT, "Environment="), ("/etc/systemd/system/a.service.d/10.conf", "Environment=")) == []


@pytest.mark.parametrize(
    ("detail", "reasons"),
    [
        ("a 32 bit x86 program on a 64 bit x86-64 host", []),
        ("a 64 bit s390 program on a 64 bit x86-64 host", [None]),
    ],
)
def test_host_wide_a_program_of_another_word_size_has_libraries_of_its_own(
    detail: str, reasons: t.List[t.Optional[str]]
) -> None:
    program = ORDINARY._replace(kind="foreign", detail=detail)
    script = ORDINARY._replace(path="/opt/script", kind="script", interpreter=program)
    for found in (program, script):
        told = host_wide_problems("a.service", found, assignments([]), {})
        assert [problem.reason for problem in told] == reasons
        assert len(executable_problems("a.service", found)) == 1, "with a drop-in of its own it would have none"
    static = program._replace(kind="static")
    assert [each.reason for each in host_wide_problems("a.service", static, assignments([]), {})] == [
        "static_executable"
    ]
    setuid = ORDINARY._replace(setuid=True)
    assert host_wide_problems("a.service", setuid, assignments([]), {}) == [], "the loader serves it there"


@pytest.mark.parametrize("mode", ["services", "host"])
@pytest.mark.parametrize("properties", [{}, {"ExecStart": "", "MainPID": "0"}, {"Type": "oneshot", "ExecStop": "/x"}])
def test_a_unit_without_a_program_has_no_problem_with_it(mode: str, properties: t.Dict[str, str]) -> None:
    foreign = foreign_assignments("", [])
    assert problems_of("a.service", "loaded", properties, foreign, DROP_IN, mode) == []


def test_host_wide_what_beats_the_settings_file_is_named_with_its_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.env").write_text("LD_PRELOAD=/x.so\nTCP_KEEPCNT=5\n")
    texts = f"[Service]\nEnvironment=TCP_KEEPIDLE=7 LD_PRELOAD=/y.so\nEnvironmentFile={tmp_path}/a.env\n"
    found = host_wide_problems(
        "a.service", None, assignments([(UNIT, texts)]), {"RootDirectory": "/r", "RootImage": ""}
    )
    assert [(problem.reason, problem.text) for problem in found] == [
        (None, f"a.service: {UNIT} sets TCP_KEEPIDLE, which beats /etc/libkeepalive.conf; take TCP_KEEPIDLE out of "
         "there"),
        (None, f"a.service: {tmp_path}/a.env sets TCP_KEEPCNT, which beats /etc/libkeepalive.conf; take TCP_KEEPCNT "
         "out of there"),
        (None, "a.service: RootDirectory=/r gives the service a root of its own, in which another /etc/ld.so.preload "
         "counts; take the entry out"),
    ]  # fmt: skip


def test_an_environment_file_that_is_a_users_fifo_is_named_and_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "env", 0o666)
    foreign = assignments([("", f"[Service]\nEnvironmentFile={tmp_path}/env\n")])
    for problems in (
        environment_problems("a.service", "/x/zz-keepalive.conf", foreign),
        host_wide_problems("a.service", None, foreign, {}),
    ):
        (problem,) = problems
        assert problem.reason is None
        assert f"{tmp_path}/env cannot be read (not a regular file), so nobody knows what it sets" in problem.text


def test_a_unit_file_that_has_become_a_fifo_is_named_and_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "a.service", 0o666)
    foreign = foreign_assignments(str(tmp_path / "a.service"), [])
    problems = problems_of("a.service", "loaded", {}, foreign, "/x/zz-keepalive.conf")
    assert [problem.text for problem in problems] == [
        f"a.service: {tmp_path}/a.service cannot be read (not a regular file): make it a regular file of root's"
    ]


def test_a_preload_that_cannot_be_seen_is_not_taken_over() -> None:
    content = '[Service]\nEnvironment="LD_PRELOAD=/opt/a\u200b.so"\n'
    (problem,) = environment_problems("a.service", DROP_IN, assignments([("/etc/x.service", content)]))
    assert problem.text.startswith("a.service: /etc/x.service sets LD_PRELOAD to '/opt/a\\u200b.so': what is invisible")
    plain = assignments([("/etc/x.service", content.replace("\u200b", "ä"))])
    assert environment_problems("a.service", DROP_IN, plain) == []
