# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trial before the installation refuses each kind of library that would end or mislead the host's programs."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import selftest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import (
    Refused,
    try_files,
    try_libraries,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import FILES, PROGRAM, File
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES

CSRC = pathlib.Path(__file__).parents[5] / "csrc"
CONSTRUCTOR = "#include <unistd.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { %s; }\n"


def library(folder: pathlib.Path, source: str, *flags: str, name: str = "libkeepalive_test.so") -> str:
    (folder / "l.c").write_text(source)
    path = folder / name
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", path, folder / "l.c", *flags], check=True)
    return str(path)


def test_a_harmless_library_passes(tmp_path: pathlib.Path) -> None:
    try_libraries([library(tmp_path, CONSTRUCTOR % "getpid()")])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("abort()", r"true with it was ended by signal 6 \(SIGABRT\)"),
        ("*(volatile int *)0 = 1", r"true with it was ended by signal 11 \(SIGSEGV\)"),
        ("_exit(7)", "true with it ended with status 7"),
        ('write(2, "hello\\n", 6)', "ended with status 0 and said: hello"),
    ],
)
def test_a_constructor_that_harms_is_refused(tmp_path: pathlib.Path, body: str, said: str) -> None:
    with pytest.raises(Refused, match=rf"^libkeepalive_test\.so: .*{said}"):
        try_libraries([library(tmp_path, CONSTRUCTOR % body)])


@pytest.mark.parametrize("flag", ["DISABLE", "RESPECT", "DEBUG"])
def test_the_hosts_own_settings_do_not_decide(tmp_path: pathlib.Path, flag: str) -> None:
    """The environment wins over the settings file, so the trial says there what it relies on."""
    body = f"const char *flag = getenv(\"LIBKEEPALIVE_{flag}\"); if (!flag || flag[0] != '0' || flag[1]) abort()"
    try_libraries([library(tmp_path, CONSTRUCTOR % body)])


def test_an_undefined_symbol_is_refused(tmp_path: pathlib.Path) -> None:
    path = library(tmp_path, "extern int nowhere; int *f(void) { return &nowhere; }", "-Wl,-z,now")
    with pytest.raises(Refused, match=r"status 127 and said: .*undefined symbol: nowhere"):
        try_libraries([path])


def test_a_missing_dependency_is_refused(tmp_path: pathlib.Path) -> None:
    other = library(tmp_path, "int g(void) { return 1; }", "-Wl,-soname,libgone.so", name="libgone.so")
    path = library(tmp_path, "int g(void); int f(void) { return g(); }", other)
    pathlib.Path(other).unlink()
    with pytest.raises(Refused, match=r"libgone\.so: cannot open shared object file"):
        try_libraries([path])


@pytest.mark.parametrize("size", [0, 64, 2000])
def test_a_file_that_was_cut_off_is_refused(tmp_path: pathlib.Path, size: int) -> None:
    path = pathlib.Path(library(tmp_path, "int f(void) { return 1; }"))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(Refused):
        try_libraries([str(path)])


def test_a_library_for_another_architecture_is_refused(tmp_path: pathlib.Path) -> None:
    """The loader only complains and goes on: the status alone would not tell."""
    path = pathlib.Path(library(tmp_path, "int f(void) { return 1; }"))
    content = bytearray(path.read_bytes())
    content[18] = 183  # e_machine: aarch64
    path.write_bytes(content)
    with pytest.raises(Refused, match="status 0 and said: ERROR"):
        try_libraries([str(path)])


def test_a_library_that_hangs_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_SECONDS", 0.5)
    with pytest.raises(Refused, match="still running"):
        try_libraries([library(tmp_path, CONSTRUCTOR % "pause()")])


def test_a_library_that_sets_nothing_is_refused_by_the_conversation(tmp_path: pathlib.Path) -> None:
    path = library(tmp_path, CONSTRUCTOR % "getpid()", name="libkeepalive.so")
    with pytest.raises(Refused, match=r"^libkeepalive\.so: after connect\(\) on loopback SO_KEEPALIVE reads 0 instead"):
        try_libraries([path])


def test_a_library_that_breaks_connect_is_refused_by_the_conversation(tmp_path: pathlib.Path) -> None:
    source = "#include <errno.h>\nint connect(int a, void *b, int c) { errno = EPERM; return -1; }"
    path = library(tmp_path, source, name="libkeepalive.so")
    with pytest.raises(Refused, match=r"conversation over loopback ended with status 1 and said: PermissionError"):
        try_libraries([path])


@pytest.mark.parametrize("constant", ["KEEPIDLE", "KEEPCNT", "KEEPINTVL", "USER_TIMEOUT"])
def test_a_library_that_sets_one_option_wrong_is_refused(tmp_path: pathlib.Path, constant: str) -> None:
    """The collection's own libraries, with one option that they set under another number than the kernel's."""
    wrong = tmp_path / "wrong.h"
    wrong.write_text(f"#include <netinet/tcp.h>\n#undef TCP_{constant}\n#define TCP_{constant} 9999\n")
    flags = f"-D_GNU_SOURCE -include {wrong}"
    command = ["make", "-s", "-j2", "-C", CSRC, f"BUILD={tmp_path}/built", f"CFLAGS={flags}"]
    subprocess.run(command, check=True, capture_output=True)
    for hook, name in LIBRARIES.items():
        with pytest.raises(Refused, match=rf"after {hook}\(\) on loopback TCP_{constant} reads \d+ instead of \d+$"):
            try_libraries([str(tmp_path / "built" / name)])
    subprocess.run(["make", "-s", "-j2", "-C", CSRC, f"BUILD={tmp_path}/right"], check=True, capture_output=True)
    try_libraries([str(tmp_path / "right" / name) for name in LIBRARIES.values()])


def test_libraries_that_only_harm_together_are_refused(tmp_path: pathlib.Path) -> None:
    """A unit may preload several: the collection's own, made to crash where LD_PRELOAD has a second entry."""
    crash = tmp_path / "crash.h"
    crash.write_text(
        "#include <stdlib.h>\n#include <string.h>\n"
        "__attribute__((constructor)) static void crash(void) { if (strchr(getenv(\"LD_PRELOAD\"), ' ')) abort(); }\n"
    )
    command = ["make", "-s", "-j2", "-C", CSRC, f"BUILD={tmp_path}/built", f"CFLAGS=-include {crash}"]
    subprocess.run(command, check=True, capture_output=True)
    paths = [str(tmp_path / "built" / name) for name in LIBRARIES.values()]
    for path in paths:
        try_libraries([path])
    title = r"libkeepalive\.so with libkeepalive_listen\.so with libkeepalive_socket\.so"
    with pytest.raises(Refused, match=rf"^{title}: a TCP conversation over loopback was ended by signal 6"):
        try_libraries(paths)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo usage; exit 0", ""),
        ("exit 3", "ended with status 3"),
        ("echo oh dear >&2", "ended with status 0 and said: oh dear"),
        ("kill -SEGV $$", r"was ended by signal 11 \(SIGSEGV\)"),
    ],
)
def test_a_program_has_to_say_how_it_is_used(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setitem(FILES, "tool", File("tool", PROGRAM, 0o755))
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\n[ "$*" = --help ] && [ -z "$LD_PRELOAD" ] || exit 9\n{body}\n')
    tool.chmod(0o755)
    if not said:
        try_files([str(tool)])
        return
    with pytest.raises(Refused, match=f"^tool --help {said}$"):
        try_files([str(tool)])


def test_a_program_that_cannot_be_started_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "tool", File("tool", PROGRAM, 0o755))
    (tmp_path / "tool").write_text("#!/nowhere/python\n")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(Refused, match=r"^tool --help cannot be started: /nowhere: No such file or directory$"):
        try_files([str(tmp_path / "tool")])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("IPPROTO_TCP, variable)", "IPPROTO_TCP, 9999)", "does not find the values of its own socket"),
        ("return KEEPALIVE_INSPECT_VERSION;", "return 0;", "it says that it has no version"),
        ("keepalive_inspect_read(", "keepalive_inspect_lead(", "undefined symbol: keepalive_inspect_read"),
        ("keepalive_inspect_list(", "keepalive_inspect_lost(", "undefined symbol: keepalive_inspect_list"),
        ("fds[count++] =", "fds[count++] = 1000 +", "does not list its own socket"),
        ("&inodes[count])", "&inodes[count]) && 0", "does not list its own socket"),
        ("    record->kind = protocol;", "    __builtin_trap();", r"was ended by signal 4 \(SIGILL\)"),
        ("union name {", "extern void nowhere(void); void f(void) { nowhere(); }\nunion name {", "symbol: nowhere"),
    ],
)
def test_the_inspect_library_has_to_find_the_values_of_its_own_socket(
    tmp_path: pathlib.Path, old: str, new: str, said: str
) -> None:
    source = (CSRC / "libkeepalive_inspect.c").read_text()
    assert old in source
    flags = ("-D_DEFAULT_SOURCE", "-I", str(CSRC), "-Wl,-z,now")
    path = library(tmp_path, source.replace(old, new), *flags, name="libkeepalive_inspect.so")
    if not said:
        try_files([path])
        return
    with pytest.raises(Refused, match=rf"^libkeepalive_inspect\.so: .*{said}"):
        try_files([path])
