# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the compiler and make are called, what they leave behind, and what is shown of them."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build as libraries_build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import (
    BuildError,
    NoCompiler,
    build,
    compiler_version,
    machine_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut, find_program
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf

SELF = read_elf("/proc/self/exe")
COPIES = "install:\n\tmkdir -p $(DESTDIR)$(LIBDIR)\n\tcp data name $(DESTDIR)$(LIBDIR)/\n"


def program(path: pathlib.Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def failing(error: Exception) -> t.Callable[..., Ended]:
    def run(*_arguments: t.Any, **_more: t.Any) -> Ended:
        raise error

    return run


def test_sources_are_written_byte_for_byte(tmp_path: pathlib.Path) -> None:
    sources = {"Makefile": COPIES, "name": "é\n", "data": "a\r\n\udcff\n"}
    assert build(sources, str(tmp_path), "/usr/lib/x") == {"data": b"a\r\n\xff\n", "name": "é\n".encode()}
    digest = libraries_build.digest_of_sources
    assert digest(sources) != digest({**sources, "data": "a\r\n\udcfe\n"})


def test_single_files_are_made_without_an_installation(tmp_path: pathlib.Path) -> None:
    makefile = "build/%:\n\tmkdir -p build\n\techo $@ $(CC) > $@\ninstall:\n\texit 1\n"
    made = build({"Makefile": makefile}, str(tmp_path), "/usr/lib/x", "cc -m64", only=["b.so", "a.so"])
    cc = f"{find_program('cc')} -m64\n"
    assert made == {"b.so": f"build/b.so {cc}".encode(), "a.so": f"build/a.so {cc}".encode()}


def test_make_is_told_what_was_asked_and_nothing_else(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(command: t.Sequence[str], _seconds: float, *more: t.Any) -> Ended:
        asked.append((list(command), *more))
        if command[0] == "make":
            os.makedirs(f"{tmp_path}/stage/usr/lib/x")
            pathlib.Path(f"{tmp_path}/stage/usr/lib/x/a.so").write_bytes(b"a")
        return Ended(0, "", "")

    monkeypatch.setattr(libraries_build, "run", run)
    assert build({"Makefile": ""}, str(tmp_path), "/usr/lib/x", "cc -m64", "", None) == {"a.so": b"a"}
    (trial, folder, environment, source), make = asked
    assert trial == ["cc", "-m64", "-x", "c", "-", "-o", f"{tmp_path}/attempt"]
    assert (folder, environment) == (str(tmp_path), {"TMPDIR": str(tmp_path)})
    assert "#include <stdlib.h>" in source, "a header of the C library"
    command = [
        "make", "-j2", "install", f"CC={find_program('cc')} -m64", "CFLAGS=", "BUILD=build",
        f"DESTDIR={tmp_path}/stage", "LIBDIR=/usr/lib/x",
    ]  # fmt: skip
    assert make == (command, f"{tmp_path}/src", {"TMPDIR": f"{tmp_path}/src"}, "")


@pytest.mark.parametrize(
    ("print_", "shown"),
    [
        ("seq 1 30 >&2; echo out", "\n".join(map(str, range(11, 31)))),
        ("seq 1 30", "\n".join(map(str, range(11, 31)))),
        ("echo; echo one; echo", "one"),
    ],
)
def test_the_last_lines_of_a_compiler_that_fails_are_shown(tmp_path: pathlib.Path, print_: str, shown: str) -> None:
    cc = program(tmp_path / "my-cc", f"{print_}\nexit 3")
    with pytest.raises(NoCompiler) as error:
        libraries_build.check_toolchain(cc, str(tmp_path))
    title = f"no working C compiler: {cc} ended with status 3 on a program of three lines"
    assert str(error.value) == f"{title}:\n{shown}"


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), TimedOut("cc", "was still running")])
def test_a_compiler_that_cannot_be_run_is_an_error_of_the_build(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(libraries_build, "run", failing(error))
    with pytest.raises(BuildError) as seen:
        libraries_build.check_toolchain("cc", str(tmp_path))
    assert str(seen.value) == f"cannot run cc: {error}"
    assert not isinstance(seen.value, NoCompiler)
    assert compiler_version("cc") is None


@pytest.mark.parametrize(
    ("says", "version"),
    [("echo ' mycc 1 '; echo more", "mycc 1"), ("echo old; exit 1", None), ("exit 0", None), ("echo", "")],
)
def test_the_version_of_a_compiler_of_ones_own(tmp_path: pathlib.Path, says: str, version: t.Optional[str]) -> None:
    cc = program(tmp_path / "my-cc", f'[ "$*" = "-x --version" ] || exit 7\n{says}')
    assert compiler_version(f"{cc} -x") == version


@pytest.mark.parametrize("ask", [compiler_version, lambda cc: libraries_build.check_toolchain(cc, "/")])
def test_what_is_no_command_is_named(ask: t.Callable[[str], t.Any]) -> None:
    with pytest.raises(BuildError) as error:
        ask("gcc 'unclosed")
    assert str(error.value) == (
        "cc: \"gcc 'unclosed\" is no command: No closing quotation; expected one such as 'gcc' or 'ccache gcc'"
    )


def test_which_programs_are_missing_to_compile() -> None:
    assert libraries_build.no_compiler("cc -m64") == ""
    assert libraries_build.no_compiler("none-cc -m64").startswith("no C compiler: none-cc not found in /")


def test_processors_that_only_differ_in_their_order_of_bytes_are_told_apart() -> None:
    elf = SELF._replace(machine="mips", bits=32)
    assert machine_of(elf._replace(big_endian=False)) == "mips 32 bit"
    assert machine_of(elf._replace(big_endian=True)) == "mips 32 bit big-endian"


@pytest.mark.parametrize(
    ("loader", "said", "libc"),
    [
        ("ld-musl-x86_64.so.1", "musl libc\nVersion  1.2.3 \nVersion 9\n", "musl 1.2.3"),
        ("ld-musl-x86_64.so.1", "no version\n", "musl"),
        ("ld-linux-x86-64.so.2", "Version 1\n", "unknown"),
        (None, "", "unknown"),
    ],
)
def test_the_c_library_where_it_is_not_glibc(
    monkeypatch: pytest.MonkeyPatch, loader: t.Optional[str], said: str, libc: str
) -> None:
    path = loader and f"/lib/{loader}"
    monkeypatch.setattr(libraries_build, "glibc_here", lambda: ())
    monkeypatch.setattr(libraries_build, "read_elf", lambda _path: SELF._replace(interpreter=path))
    monkeypatch.setattr(
        libraries_build, "run", lambda command, _seconds: Ended(1, "", said if command == [path] else "")
    )
    assert libraries_build.describe_platform() == (machine_of(SELF), libc)
