# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libkeepalive_inspect.so by itself, from C: what it says of each kind of descriptor, and under the sanitizers.

What the readers of the collection make of it is in tests/unit/plugins/module_utils/sockets/test_access.py.
"""

from __future__ import annotations

import errno
import os
import platform
from pathlib import Path

import pytest
from csrc_support import CSRC, INSPECT, PROBES, compile_c, make, run, tool

WARNINGS = ("-Wall", "-Wextra", "-Werror")
FAILS = "exitcode=77:abort_on_error=0:verify_asan_link_order=0:halt_on_error=1:print_stacktrace=1"
SANITIZED = {"ASAN_OPTIONS": FAILS, "UBSAN_OPTIONS": FAILS}

NONE = -(2**31) + 1
READ = f"""\
listener 6 v4 state 10 keepalive 0 keepidle 4321 alone timeless 0.0
client 6 v4 state 1 keepalive 0 keepidle 7200 connected timed 127.0
accepted 6 v4 state 1 keepalive 0 keepidle 4321 connected timed 127.0
fresh 6 v6 state 7 keepalive 0 keepidle 7200 alone timeless 0.0
mapped 6 v6 state 1 keepalive 0 keepidle 7200 connected timed 0.1
udp 0
unix 0
pipe 0
closed -{errno.EBADF}
"""
APPLIED = f"""\
listener 1 keepalive 1 keepidle 4321 error 0 then 60
client 1 keepalive 1 keepidle 7200 error 0 then 61
accepted 0
fresh 1 keepalive 1 keepidle 7200 error {errno.EINVAL} then 7200
mapped 1 keepalive 1 keepidle 7200 error 0 then 64
udp 1 keepalive 1 keepidle {NONE} error {errno.ENOPROTOOPT} then {NONE}
unix 1 keepalive 1 keepidle {NONE} error {errno.EOPNOTSUPP} then {NONE}
pipe 1 keepalive {NONE} keepidle {NONE} error {errno.ENOTSOCK} then {NONE}
closed -{errno.EBADF}
"""


def probe(folder: Path, *flags: str, cc: str = "gcc", name: str = "inspect") -> Path:
    """The program, with the library of the same build."""
    make(folder, f"CFLAGS=-O1 -g {' '.join(flags)}", str(folder / INSPECT), cc=cc)
    return compile_c(
        PROBES / f"{name}.c", folder / name, "-I", str(CSRC), str(folder / INSPECT), f"-Wl,-rpath,{folder}",
        *WARNINGS, *flags, cc=cc,
    )  # fmt: skip


def check(*command: str | Path, env: dict[str, str] | None = None) -> None:
    found = run(*command, env=env)
    assert (found.status, found.err) == (0, ""), found.err[-3000:]
    assert found.out == READ + APPLIED


COMPILERS = ["gcc", "clang"]
if platform.machine() == "x86_64":
    COMPILERS.append("gcc -m32")


@pytest.mark.parametrize("cc", COMPILERS)
def test_every_kind_of_descriptor(tmp_path: Path, cc: str) -> None:
    check(probe(tmp_path, "-Werror", cc=cc))


def test_without_asm(tmp_path: Path) -> None:
    """The way of the processors whose system calls libc makes."""
    header = tmp_path / "sys.h"
    text = (CSRC / "sys.h").read_text(encoding="utf-8")
    assert "#define KEEPALIVE_DIRECT 1" in text
    for source in (*CSRC.glob("*.[ch]"), CSRC / "Makefile"):
        (tmp_path / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    header.write_text(text.replace("#define KEEPALIVE_DIRECT 1", "#define KEEPALIVE_DIRECT 0"), encoding="utf-8")
    make(tmp_path / "build", f"{tmp_path}/build/{INSPECT}", directory=tmp_path)
    library = tmp_path / "build" / INSPECT
    flags = ("-I", str(CSRC), str(library), f"-Wl,-rpath,{library.parent}")
    check(compile_c(PROBES / "inspect.c", tmp_path / "inspect", *flags))


def test_under_asan_and_ubsan(tmp_path: Path) -> None:
    """The arrays end where the heap's red zones begin, and nothing undefined is done."""
    check(probe(tmp_path, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"), env=SANITIZED)


@pytest.fixture(scope="module")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    return probe(tmp_path_factory.mktemp("namespaces"), *flags, name="inspect_namespaces")


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are for root")
@pytest.mark.parametrize("number", [1, 2, 7, 8, 9, 17, 40])
def test_the_namespaces_of_the_sockets(namespaces: Path, number: int) -> None:
    """Eight are remembered; of more none is mistaken for another."""
    found = run(namespaces, str(number), env=SANITIZED)
    assert (found.status, found.out) == (0, "right\n"), found.err[-3000:]


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are for root")
@pytest.mark.parametrize(("words", "asked"), [("1", 1), ("8", 8), ("9", 18), ("2 old", 6)])
def test_each_namespace_is_asked_for_once(namespaces: Path, tmp_path: Path, words: str, asked: int) -> None:
    """While eight are enough, however many sockets it has: three system calls for each of them would be dear. But
    each time by a kernel that has no cookie to tell them apart (before Linux 5.14)."""
    trace = tmp_path / "trace"
    env = {**SANITIZED, "ASAN_OPTIONS": f"{FAILS}:detect_leaks=0"}
    found = run(tool("strace", "strace"), "-e", "trace=ioctl", "-o", trace, namespaces, *words.split(), env=env)
    assert (found.status, found.out) == (0, "right\n"), found.err[-3000:]
    lines = trace.read_text().splitlines()
    assert sum("SIOCGSKNS" in line or "0x894c" in line.lower() for line in lines) == asked, lines
