# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs show what a library does to them, by LD_PRELOAD and by the real file in a mount namespace."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import programs
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.trial import Trial
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd

BUILD = t.Callable[[pathlib.Path], pathlib.Path]
LD_SO_PRELOAD = "/etc/ld.so.preload"
"""Only ever mounted over, in a namespace that ends with the program that is tried."""
TRUE = [shutil.which("true") or "/bin/true"]
PYTHON = [sys.executable, "-c", "pass"]


@pytest.fixture(name="folder")
def folder_fixture() -> t.Iterator[pathlib.Path]:
    with bad_libraries.open_folder() as folder:
        yield folder


def by_file(trial: Trial, *libraries: pathlib.Path) -> t.List[str]:
    """The reasons that the file shows; where this machine may not make namespaces, that is the test's end."""
    content = "".join(f"{library}\n" for library in libraries).encode()
    before = os.path.lexists(LD_SO_PRELOAD)
    problems, obstacle = trial.file(LD_SO_PRELOAD, b"", content, [TRUE])
    assert os.path.lexists(LD_SO_PRELOAD) == before, "nothing was left on this machine"
    if obstacle:
        assert os.geteuid() != 0, obstacle
        pytest.skip(obstacle)
    return [problem.reason for problem in problems]


def test_a_good_library_passes_both_ways(folder: pathlib.Path) -> None:
    path = bad_libraries.good(folder / "l.so")
    trial = Trial(20)
    commands = programs.default_commands()
    assert trial.preload([str(path)], commands) == []
    assert by_file(trial, path) == []
    assert any("python" in command for command in trial.tried)
    assert len(trial.tried) == len(set(trial.tried)) == len(commands)


@pytest.mark.parametrize("build", bad_libraries.IN_A_PROGRAM, ids=lambda build: build.__name__)
def test_a_bad_library_is_refused_by_ld_preload(folder: pathlib.Path, build: BUILD) -> None:
    path = str(build(folder / "l.so"))
    harmless = str(bad_libraries.good(folder / "harmless.so"))
    problems = Trial(20).preload([harmless, path], [TRUE, PYTHON])
    assert [(problem.program, problem.library) for problem in problems] == [(TRUE[0], path)], "named, and only once"
    assert re.search(f"with the library it .*({bad_libraries.IN_A_PROGRAM[build]})", problems[0].reason)
    assert problems[0].reason.endswith("; without, it ended with status 0")


@pytest.mark.parametrize(
    "build",
    # A function that is bound lazily shows with LD_BIND_NOW only, which goes with LD_PRELOAD.
    [build for build in bad_libraries.IN_A_PROGRAM if build is not bad_libraries.undefined_function],
    ids=lambda build: build.__name__,
)
def test_a_bad_library_is_refused_by_the_file_itself(folder: pathlib.Path, build: BUILD) -> None:
    path = build(folder / "l.so")
    (reason,) = by_file(Trial(20), path)
    assert re.search(bad_libraries.IN_A_PROGRAM[build], reason)


def test_a_library_that_harms_one_program_is_named_with_it(folder: pathlib.Path) -> None:
    path = str(bad_libraries.only_in_python(folder / "l.so"))
    harmless = str(bad_libraries.good(folder / "harmless.so"))
    python = [os.path.realpath(sys.executable), "-c", "pass"]
    problems = Trial(20).preload([harmless, path], [TRUE, python])
    assert [(problem.program.split()[0], problem.library) for problem in problems] == [(python[0], path)]


def test_a_program_that_fails_by_itself_is_no_problem(folder: pathlib.Path) -> None:
    """Times and process numbers in what it says do not count as a difference."""
    path = str(bad_libraries.good(folder / "l.so"))
    command = ["/bin/sh", "-c", 'echo "it is $(date +%N), I am $$" >&2; exit 3']
    assert Trial(20).preload([path], [TRUE, command]) == []


def test_a_complaint_of_the_loader_may_go_but_none_may_come(folder: pathlib.Path) -> None:
    """glibc takes a comment behind another for entries in a short file, and for a comment in a longer one."""
    path = str(bad_libraries.good(folder / "l.so"))
    complaint = "echo \"ERROR: ld.so: object 'x' from y cannot be preloaded: ignored.\" >&2"
    gone = ["/bin/sh", "-c", f'[ -n "$LD_PRELOAD" ] || {complaint}']
    come = ["/bin/sh", "-c", f'[ -z "$LD_PRELOAD" ] || {complaint}']
    assert Trial(20).preload([path], [TRUE, gone]) == []
    assert len(Trial(20).preload([path], [TRUE, come])) == 1


def test_what_is_told_of_a_program_is_what_the_library_added(folder: pathlib.Path) -> None:
    """An entry of others that is missing makes each program complain; that is no word on the library."""
    path = str(bad_libraries.good(folder / "l.so"))
    others = "echo \"ERROR: ld.so: object 'x' from y cannot be preloaded: ignored ($$).\" >&2"
    command = ["/bin/sh", "-c", f'{others}; [ -z "$LD_PRELOAD" ] || {{ echo oh dear >&2; exit 3; }}']
    (problem, *_more) = Trial(20).preload([path], [TRUE, command])
    with_it, without = problem.reason.split("; without, it ")
    assert with_it == "with the library it ended with status 3 and said: oh dear"
    assert without.startswith("ended with status 0 and said: ERROR: ld.so: object 'x'")


def test_libraries_that_only_harm_together_are_refused(folder: pathlib.Path) -> None:
    source = bad_libraries.CONSTRUCTOR % "char *p = getenv(\"LD_PRELOAD\"); while (p && *p) if (*p++ == ' ') abort()"
    paths = [str(bad_libraries.compile_library(folder / f"{name}.so", source)) for name in "ab"]
    (problem,) = Trial(20).preload(paths, [TRUE])
    assert (problem.program, problem.library) == (TRUE[0], "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_library_that_harms_setuid_programs_is_seen_in_the_namespace_only(folder: pathlib.Path) -> None:
    """LD_PRELOAD does not reach them, so it is blind for what /etc/ld.so.preload would do."""
    source = bad_libraries.CONSTRUCTOR.replace("unistd.h", "sys/auxv.h") % "if (getauxval(AT_SECURE)) abort()"
    path = bad_libraries.compile_library(folder / "l.so", source)
    trial = Trial(20)
    commands = programs.nobody_commands()
    assert commands
    assert trial.preload([str(path)], [TRUE, *commands]) == []
    problems, obstacle = trial.file(LD_SO_PRELOAD, b"", f"{path}\n".encode(), commands)
    assert obstacle == ""
    assert len(problems) == len(commands)
    assert all("SIGABRT" in problem.reason for problem in problems)


def test_the_file_is_tried_where_there_is_one_and_where_there_is_none(folder: pathlib.Path) -> None:
    """In a folder of the test's own, which no loader reads: what is seen there is the candidate, and nothing stays."""
    target = folder / "ld.so.preload"
    cat = [shutil.which("grep") or "grep", "-c", "two", str(target)]
    for before in (None, b"one\n"):
        if before is not None:
            target.write_bytes(before)
        problems, obstacle = Trial(20).file(str(target), before or b"", b"two\n", [cat])
        if obstacle and os.geteuid() != 0:
            pytest.skip(obstacle)
        assert obstacle == ""
        assert len(problems) == 1, "grep finds it with the candidate and does not without"
        assert "with the library it ended with status 0" in problems[0].reason
        assert (target.read_bytes() if target.exists() else None) == before


def test_an_obstacle_is_told_and_nothing_is_run(folder: pathlib.Path) -> None:
    marker = folder / "ran"
    problems, obstacle = Trial(20).file(f"{folder}/no/such/folder/file", b"", b"", [["/bin/touch", str(marker)]])
    assert problems == []
    assert obstacle
    assert not marker.exists()


def test_default_commands_are_there_and_end_well() -> None:
    commands = programs.default_commands()
    names = {os.path.basename(command[0]) for command in commands}
    assert names >= {"true", "sh"}
    assert any(name.startswith("python") for name in names)
    assert commands[0][0].endswith("true")


def test_given_commands_are_found_or_named() -> None:
    commands, problems = programs.given_commands(["true -x 'a b'", ["sh", "-c", ":"]], "programs")
    assert [command[1:] for command in commands] == [["-x", "a b"], ["-c", ":"]]
    assert all(os.path.isabs(command[0]) for command in commands)
    assert problems == []
    _commands, problems = programs.given_commands(["true", "nosuchprogram -v", "'", 7, ""], "extra_programs")
    assert [problem.split(":")[0] for problem in problems] == [f"extra_programs[{number}]" for number in (1, 2, 3, 4)]
    assert problems[0] == "extra_programs[1]: 'nosuchprogram -v': there is no such program on this host"


class Unit:
    """A program that tells who runs it, by a name with which it is tried, and the unit that it belongs to."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / "opt"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.program = self.folder / "nginx"
        self.said = folder / "said"
        self.said.write_text("")
        self.said.chmod(0o666)
        source = self.folder / "nginx.c"
        source.write_text(
            "#include <stdio.h>\n#include <stdlib.h>\n"
            "int main(void) { return system(\"{ id -u; id -g; id -G; grep -E 'CapBnd|CapPrm|CapInh|CapAmb|NoNewPrivs' "
            f'/proc/self/status; }} >{self.said}"); }}\n'
        )
        subprocess.run(["cc", "-o", self.program, source], check=True)

    def systemd(self, **properties: str) -> FakeSystemd:
        systemd = FakeSystemd()
        path = self.program
        systemd.add(
            "web.service", **{"ExecStart": f"{{ path={path} ; argv[]={path} -x ; ignore_errors=no }}", **properties}
        )
        return systemd

    def tried(self, **properties: str) -> t.List[str]:
        """What the program told, line by line; nothing where it was not run."""
        commands, _notes = programs.unit_commands(self.systemd(**properties).run, ["web.service"])
        Trial(20).preload([str(bad_libraries.good(self.folder / "l.so"))], [TRUE, *commands])
        return self.said.read_text().splitlines()

    def notes(self, **properties: str) -> t.List[str]:
        commands, notes = programs.unit_commands(self.systemd(**properties).run, ["web.service"])
        assert commands == []
        return notes


@pytest.fixture(name="unit")
def unit_fixture(folder: pathlib.Path) -> Unit:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    return Unit(folder)


WITHOUT_RIGHTS = [*(f"Cap{kind}:\t{0:016}" for kind in ("Inh", "Prm", "Bnd", "Amb")), "NoNewPrivs:\t1"]


@pytest.mark.parametrize("name", ["daemon", str(pwd.getpwnam("daemon").pw_uid)])
def test_a_units_program_is_tried_as_its_user_without_any_right(unit: Unit, name: str) -> None:
    user = pwd.getpwnam("daemon")
    uid, gid, groups, *rights = unit.tried(User=name, Group="root")
    assert (int(uid), int(gid)) == (user.pw_uid, user.pw_gid)
    assert {int(group) for group in groups.split()} == set(os.getgrouplist(user.pw_name, user.pw_gid))
    assert rights == WITHOUT_RIGHTS


@pytest.mark.parametrize("properties", [{}, {"User": "root"}, {"User": "0"}, {"User": "daemon", "DynamicUser": "yes"}])
def test_a_units_program_is_tried_as_nobody_where_root_or_systemd_would_run_it(
    unit: Unit, properties: t.Dict[str, str]
) -> None:
    assert unit.tried(**properties) == ["65534", "65534", "65534", *WITHOUT_RIGHTS]


@pytest.mark.parametrize("part", ["opt", "opt/nginx"])
@pytest.mark.parametrize("user", ["daemon", "root"])
def test_a_units_program_that_others_can_change_is_not_run_by_anybody(unit: Unit, part: str, user: str) -> None:
    os.chown(unit.folder.parent / part, pwd.getpwnam("daemon").pw_uid, -1)
    assert unit.tried(User=user) == []
    (note,) = unit.notes(User=user)
    assert note == (
        f"web.service: {unit.program} was not tried: {unit.folder.parent / part} belongs to user"
        f" {pwd.getpwnam('daemon').pw_uid} and has mode 0755: it must belong to root"
    )


def test_a_units_script_whose_interpreter_others_can_change_is_not_run(unit: Unit) -> None:
    home = unit.folder / "home"
    home.mkdir()
    unit.program.rename(home / "python3")
    os.chown(home / "python3", pwd.getpwnam("daemon").pw_uid, -1)
    unit.program.write_text(f"#!{home}/python3\n")
    unit.program.chmod(0o755)
    assert unit.tried(User="daemon") == []
    assert f"{home}/python3 belongs to user" in unit.notes(User="daemon")[0]


def test_units_that_are_not_tried_are_named_with_the_reason(unit: Unit) -> None:
    shutil.copy("/bin/true", unit.folder / "strange")
    strange = f"{{ path={unit.folder}/strange ; argv[]=strange ; ignore_errors=no }}"
    for properties, words in (
        ({"User": "nosuchuser"}, "because its user nosuchuser is not in this host's own /etc/passwd"),
        ({"User": "4000000000"}, "because its user 4000000000 is not in this host's own /etc/passwd"),
        ({"User": "99999999999999999999"}, "is not in this host's own /etc/passwd"),
        ({"RootDirectory": "/srv/root"}, "because it has a root of its own (/srv/root)"),
        ({"ExecStart": ""}, "because systemd knows no program of it"),
        ({"ExecStart": strange}, "because no argument is known with which it does nothing"),
        ({"ExecStart": "{ path=/nowhere/nginx ; argv[]=nginx }"}, "there is no such program on this host"),
    ):
        (note,) = unit.notes(**properties)
        assert note.startswith("web.service: ")
        assert note.endswith(words)


def test_a_library_that_harms_a_units_program_is_refused_though_nobody_runs_it(unit: Unit) -> None:
    body = 'if (strcmp(program_invocation_short_name, "nginx") == 0) abort()'
    head = "#define _GNU_SOURCE\n#include <errno.h>\n#include <string.h>\n"
    path = bad_libraries.compile_library(unit.folder / "l.so", head + bad_libraries.CONSTRUCTOR % body)
    commands, notes = programs.unit_commands(unit.systemd().run, ["web.service"])
    assert notes == []
    (problem,) = Trial(20).preload([str(path)], [TRUE, *commands])
    assert problem.program.endswith(f"{unit.program} -v")
    assert "SIGABRT" in problem.reason
    problems, obstacle = Trial(20).file(LD_SO_PRELOAD, b"", f"{path}\n".encode(), commands)
    assert obstacle == ""
    assert len(problems) == 1


def test_a_given_program_that_others_can_change_is_refused(unit: Unit) -> None:
    os.chown(unit.program, 12345, -1)
    commands, problems = programs.given_commands([f"{unit.program} -v", [str(unit.program)]], "extra_programs")
    assert commands == []
    assert [problem.split(":")[0] for problem in problems] == ["extra_programs[0]", "extra_programs[1]"]
    assert problems[0].endswith(
        f"root does not run it: {unit.program} belongs to user 12345 and has mode 0755: it must belong to root"
    )


def test_units_of_which_systemd_says_nothing_are_named_as_not_tried() -> None:
    commands, notes = programs.unit_commands(lambda _command: (1, "", "no bus\n"), ["a.service", "b.service"])
    why = "not tried, because systemctl show failed (1): no bus"
    assert (commands, notes) == ([], [f"a.service: {why}", f"b.service: {why}"])


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("/usr/sbin/nginx", ["-v"]),
        ("/usr/lib/postgresql/15/bin/postgres", ["--version"]),
        ("/usr/bin/python3.11", ["-c", "pass"]),
        ("/usr/sbin/php-fpm8.2", ["-v"]),
        ("/usr/bin/python3-config", None),
        ("/opt/own/daemon", None),
    ],
)
def test_harmless_arguments(program: str, arguments: t.Optional[t.List[str]]) -> None:
    assert programs.harmless_arguments(program) == arguments
