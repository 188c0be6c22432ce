# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is told of a program file, made of what its headers say: this machine need not be able to run it."""

from __future__ import annotations

import io
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import executable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf, ElfError
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import Executable, describe_executable
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads what nobody but root may read")

HOST = Elf(64, "x86_64", False, True, "/lib64/ld-linux-x86-64.so.2", True, None, ("libc.so.6",), {}, False)
STATIC = HOST._replace(interpreter=None, needed=())


@pytest.fixture(name="elf")
def elf_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Dict[str, t.Any]:
    """What is read of a file behind ELF's first four bytes, by its content; of the reference it is HOST."""
    elfs: t.Dict[str, t.Any] = {}

    def parse(stream: io.BufferedReader) -> Elf:
        stream.seek(4)
        found = elfs[stream.read().decode()]
        if isinstance(found, Exception):
            raise found
        return t.cast(Elf, found)

    def read(path: str) -> Elf:
        assert path == "/proc/self/exe"
        return HOST

    monkeypatch.setattr(executable, "read_elf", read)
    monkeypatch.setattr(executable, "parse_elf", parse)
    return elfs


def program(path: pathlib.Path, content: bytes = b"\x7fELFa", mode: int = 0o755) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("facts", "kind", "libc"),
    [
        (HOST, "dynamic", "glibc"),
        (HOST._replace(interpreter="/x/ld-linux.so.2", needed=()), "dynamic", "glibc"),
        (HOST._replace(interpreter="/x/ld64.so.2", needed=()), "dynamic", "glibc"),
        (HOST._replace(interpreter="/x/ld.so.1", needed=()), "dynamic", "glibc"),
        (HOST._replace(interpreter="/ld-linux/other", needed=("libc.so.6",)), "dynamic", "glibc"),
        (HOST._replace(interpreter="/ld-linux/other", needed=("libc.so", "xlibc.so.6")), "dynamic", "none"),
        (HOST._replace(interpreter="/lib/ld-musl-x86_64.so.1"), "dynamic", "musl"),
        (HOST._replace(needed=("libx.so", "libc.musl-x86_64.so.1")), "dynamic", "musl"),
        (STATIC, "static", "none"),
        (STATIC._replace(needed=("libc.so.6",)), "static", "none"),
        (STATIC._replace(soname="libx.so"), "static", "none"),
        (STATIC._replace(soname="ld-linux-x86-64.so.2"), "dynamic", "glibc"),
        (STATIC._replace(soname="ld-musl-x86_64.so.1"), "dynamic", "musl"),
        (STATIC._replace(soname="xld.so"), "static", "none"),
    ],
)
def test_a_program_is_told_by_its_loader_and_what_it_needs(
    tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], facts: Elf, kind: str, libc: str
) -> None:
    elf["a"] = facts
    path = program(tmp_path / "a")
    assert describe_executable(path) == Executable(path, kind, libc, False, False, False, None, "")
    elf["a"] = facts._replace(go=True)
    assert describe_executable(path).go


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (HOST._replace(executable=False), "an ELF file that is no program"),
        (HOST._replace(bits=32), "a 32 bit x86_64 program on a 64 bit x86_64 host"),
        (HOST._replace(machine="mips", big_endian=True), "a 64 bit mips big-endian program on a 64 bit x86_64 host"),
        (ElfError("cut off"), "a damaged ELF file: cut off"),
        (OSError(5, "Input/output error"), "cannot be read: Input/output error"),
    ],
)
def test_what_is_no_program_of_this_host_says_why(
    tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], facts: t.Any, why: str
) -> None:
    elf["a"] = facts
    path = program(tmp_path / "a")
    with nothing_left_open():
        assert describe_executable(path) == Executable(path, "foreign", "none", False, False, False, None, why)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("none", "No such file or directory"),
        ("a/x", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("a\0", "not a path"),
    ],
)
def test_what_is_not_there_is_missing(tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], path: str, why: str) -> None:
    program(tmp_path / "a")
    (tmp_path / "loop").symlink_to("loop")
    full = f"{tmp_path}/{path}"
    assert describe_executable(full) == Executable(full, "missing", "none", False, False, False, None, why)


@pytest.mark.parametrize("mode", [0o100, 0o010, 0o001])
def test_whoever_may_execute_it_it_is_a_program(tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], mode: int) -> None:
    elf["a"] = HOST
    assert describe_executable(program(tmp_path / "a", mode=mode)).kind == "dynamic"
    assert describe_executable(program(tmp_path / "b", b"\x7fELX", mode)).detail == (
        "neither an ELF program nor a script with #!"
    )
    assert describe_executable(program(tmp_path / "c", mode=0o666)).detail == "not executable: no x bit in its mode"


@pytest.mark.parametrize(
    ("mode", "setuid"), [(0o4700, True), (0o2710, True), (0o2701, False), (0o2700, False), (0o0010, False)]
)
@pytest.mark.parametrize("capabilities", [b"", b"\0", None])
def test_a_script_has_the_rights_and_the_kind_of_its_interpreter(
    tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, mode: int, setuid: bool,
    capabilities: t.Optional[bytes],
) -> None:  # fmt: skip
    def getxattr(_descriptor: int, name: str) -> bytes:
        assert name == "security.capability"
        if capabilities is None:
            raise OSError(61, os.strerror(61))
        return capabilities

    monkeypatch.setattr(executable.os, "getxattr", getxattr)
    elf["a"] = HOST._replace(go=True)
    interpreter = program(tmp_path / "a", mode=mode)
    inner = Executable(interpreter, "dynamic", "glibc", True, setuid, bool(capabilities), None, "")
    assert describe_executable(interpreter) == inner == inner.runs
    script = program(tmp_path / "script", f"#!{interpreter} x\n\n{interpreter}".encode(), 0o4755)
    outer = describe_executable(script)
    assert outer == Executable(script, "script", "glibc", True, setuid, bool(capabilities), inner, "")
    assert outer.runs is outer.interpreter


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("#! \t/x/y \t-z /w ", "/x/y"),
        ("#!/x/y\0z /w", "/x/y"),
        ("#!", None),
        ("#! \t ", None),
        ("#!\0/x", None),
        ("#!/usr/bin/env", "/usr/bin/env"),
        ("#!/usr/bin/env -S A=1 /x/y z", "/x/y"),
        ("#!/usr/bin/env 'A", "/usr/bin/env"),
        ("#!/usr/bin/env -i", "/usr/bin/env"),
        ("#!/usr/bin/envy /x/y", "/usr/bin/envy"),
        ("#!/x/y\r", "/x/y\r"),
        ("#!/" + "x" * 300, "/" + "x" * 253),
    ],
)
def test_which_program_the_first_line_of_a_script_names(
    tmp_path: pathlib.Path, elf: t.Dict[str, t.Any], line: str, runs: t.Optional[str]
) -> None:
    found = describe_executable(program(tmp_path / "script", f"{line}\n/more".encode()))
    if runs is None:
        assert (found.kind, found.detail) == ("foreign", "a script whose first line names no interpreter")
    else:
        assert found.runs.path == runs


def test_env_looks_for_programs_in_the_order_of_the_systems_path(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        program(tmp_path / name / "both")
    program(tmp_path / "two" / "second")
    program(tmp_path / "one" / "second", mode=0o644)
    monkeypatch.setattr(executable, "SEARCH_PATH", f"{tmp_path}/one:{tmp_path}/two")
    monkeypatch.setattr(executable.os, "access", lambda path, mode: bool(
        os.path.exists(path) and mode == os.X_OK and stat.S_IMODE(os.stat(path).st_mode) & 0o111))  # fmt: skip
    answers = {
        "both": f"{tmp_path}/one/both", "second x": f"{tmp_path}/two/second", "none both": None,
        "-i both": f"{tmp_path}/one/both",
        "A=1 both": f"{tmp_path}/one/both", "": None, "-i A=1": None, '"bo"th': f"{tmp_path}/one/both", "'both": None,
        "/x/../y both": "/x/../y",
    }  # fmt: skip
    assert {argument: executable.env_program(argument) for argument in answers} == answers
