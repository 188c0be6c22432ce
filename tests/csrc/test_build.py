# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The build: what the files look like inside, with which compilers, and how they get to their place."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from csrc_support import (
    CONNECT,
    CSRC,
    HEADER,
    INSPECT,
    LIBRARIES,
    LISTEN,
    PROBES,
    PROGRAMS,
    SOCKET,
    compile_c,
    make,
    run,
    stages,
    tool,
)

STRICT = (
    "-O2 -Wall -Wextra -Wconversion -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror"
    " -Wframe-larger-than=6000"  # early callers may have the smallest stack, 16 KiB
)
EXPORT = {CONNECT: {"connect"}, LISTEN: {"listen"}, SOCKET: {"socket"}}
EXPORT[INSPECT] = {f"keepalive_inspect_{name}" for name in ("version", "open", "compare", "list", "read", "apply")}
ALL = (*LIBRARIES, INSPECT)
# Everything that the libraries ask of other objects: the loader's list, in glibc and in musl. A new name here is a
# decision: each one is a way to fail at start, and the loader looks it up in every process. Where system calls are not
# made directly libc makes them.
IMPORTS = {"_r_debug", "_dl_debug_addr"}
IMPORTS_INDIRECT = IMPORTS | {
    "__errno_location", "fstat", "fstat64", "__fxstat64", "getsockopt", "setsockopt", "syscall",
}  # fmt: skip
DIRECT = ("x86_64", "aarch64", "riscv64")


def readelf(option: str, path: Path) -> str:
    done = subprocess.run(
        [tool("readelf", "binutils"), "-W", option, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout


def dynamic(path: Path) -> list[tuple[str, str]]:
    """The dynamic section: (tag, value)."""
    return re.findall(r"^ 0x\S+ \((\w+)\)\s+(.*?)\s*$", readelf("-d", path), re.MULTILINE)


def symbols(path: Path) -> list[tuple[str, str]]:
    """The dynamic symbols: (section index, name with version)."""
    lines = [line.split() for line in readelf("--dyn-syms", path).splitlines()]
    return [(words[6], words[7]) for words in lines if len(words) >= 8 and words[0].rstrip(":").isdigit()]


@pytest.mark.parametrize("library", ALL)
def test_nothing_else_is_exported(built: Path, library: str) -> None:
    assert {name for index, name in symbols(built / library) if index != "UND"} == EXPORT[library]


@pytest.mark.parametrize("library", ALL)
def test_imports_are_on_the_list(built: Path, library: str) -> None:
    imported = {name.partition("@")[0] for index, name in symbols(built / library) if index == "UND"}
    expected = IMPORTS if library != INSPECT else set()
    if platform.machine() in DIRECT:
        assert imported == expected
    else:
        assert expected <= imported <= IMPORTS_INDIRECT | {"getpeername", "getsockname"}


@pytest.mark.parametrize("library", ALL)
def test_dynamic_section(built: Path, library: str) -> None:
    entries = dynamic(built / library)
    tags = {tag for tag, _value in entries}
    needed = {value.partition("[")[2].rstrip("]") for tag, value in entries if tag == "NEEDED"}
    assert needed == (set() if platform.machine() in DIRECT else {"libc.so.6"})
    assert ("SONAME", f"Library soname: [{library}]") in entries
    assert ("INIT_ARRAY" in tags) == (library != INSPECT), "nobody's process starts with the inspect library"
    assert not tags & {"INIT", "FINI", "TEXTREL", "RPATH", "RUNPATH"}
    assert any(tag == "FLAGS" and "BIND_NOW" in value for tag, value in entries)


@pytest.mark.parametrize("library", ALL)
def test_segments(built: Path, library: str) -> None:
    lines = [line.split() for line in readelf("-l", built / library).splitlines() if line.strip()]
    flags = {words[0]: "".join(words[6:-1]) for words in lines if words[0] in ("GNU_STACK", "GNU_RELRO")}
    assert flags == {"GNU_STACK": "RW", "GNU_RELRO": "R"}
    assert not [words for words in lines if words[0] == "LOAD" and {"W", "E"} <= set("".join(words[6:-1]))]
    assert "GNU_EH_FRAME" in {words[0] for words in lines}, "a cancelled thread is unwound through connect()"


@pytest.mark.parametrize("library", LIBRARIES)
def test_lowest_glibc(built: Path, library: str) -> None:
    """None at all: what is built on the newest host runs on the oldest."""
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", readelf("-V", built / library))
    assert platform.machine() not in DIRECT or not versions


FLAGS = [STRICT, "-O0 -g -Werror", "-O2 -Werror -D_GNU_SOURCE"]


@pytest.mark.parametrize(
    "cc, cflags", [*((cc, flags) for cc in ("gcc", "clang") for flags in FLAGS), ("gcc", "-O3 -flto -Werror")]
)
def test_no_warnings(tmp_path: Path, cc: str, cflags: str) -> None:
    tool(cc, cc)
    make(tmp_path, f"CFLAGS={cflags}", "check", cc=cc)
    for library in ALL:
        assert {name for index, name in symbols(tmp_path / library) if index != "UND"} == EXPORT[library]


def copy_sources(folder: Path) -> Path:
    folder.mkdir()
    for source in [*CSRC.glob("*.[ch]"), CSRC / "Makefile"]:
        shutil.copy(source, folder)
    return folder


@pytest.mark.parametrize("cflags", ["-O2", "-O2 -g"])
def test_the_build_is_reproducible_in_whatever_folder(tmp_path: Path, cflags: str) -> None:
    folders = []
    for number, name in enumerate(("one", "a longer name")):
        build = tmp_path / f"build-{number}"
        make(build, f"CFLAGS={cflags}", directory=copy_sources(tmp_path / name))
        folders.append(build)
    for library in [*ALL, *PROGRAMS]:
        first, second = ((folder / library).read_bytes() for folder in folders)
        assert first == second, library
        assert str(tmp_path).encode() not in first


def test_the_default_output_stays_out_of_git(tmp_path: Path) -> None:
    sources = copy_sources(tmp_path / "csrc")
    done = subprocess.run(["make", "-C", str(sources), "CC=gcc"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    new = {path.name for path in sources.iterdir()} - {path.name for path in CSRC.iterdir() if path.name != "build"}
    assert new == {"build"}
    assert "/build/" in (CSRC / ".gitignore").read_text().splitlines()
    subprocess.run(["make", "-C", str(sources), "clean"], capture_output=True, check=True)
    assert not (sources / "build").exists()


def test_install_replaces_and_never_overwrites(tmp_path: Path) -> None:
    target = tmp_path / "root" / "opt" / "lib"
    arguments = ("install", f"DESTDIR={tmp_path / 'root'}", "LIBDIR=/opt/lib")
    make(tmp_path / "build", *arguments)
    mapped = (target / CONNECT).open("rb")
    before = os.fstat(mapped.fileno())
    make(tmp_path / "build", *arguments)
    after = (target / CONNECT).stat()
    assert after.st_ino != before.st_ino, "the old file is still whole for those who have it mapped"
    assert os.fstat(mapped.fileno()).st_mtime_ns == before.st_mtime_ns
    mapped.close()
    assert sorted(path.name for path in target.iterdir()) == sorted([*ALL, HEADER, *PROGRAMS]), (
        "no temporary file is left"
    )
    assert (target / HEADER).read_bytes() == (CSRC / HEADER).read_bytes()
    assert (target / HEADER).stat().st_mode & 0o7777 == 0o644
    for library in [*ALL, *PROGRAMS]:
        assert (target / library).read_bytes() == (tmp_path / "build" / library).read_bytes()
        assert (target / library).stat().st_mode & 0o7777 == 0o755


def test_check_notices_a_library_that_does_not_load(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / LISTEN).write_bytes(b"not a library")
    command = ["make", "-C", str(CSRC), f"BUILD={tmp_path}", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{LISTEN} does not load" in done.stderr


def check_options(build: Path, probe: Path) -> None:
    """The three libraries of a build do their work in a program of its kind."""
    environment = {"TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "4"}
    found = stages(run(probe, preload=[build / library for library in LIBRARIES], env=environment))
    for stage in ("socket", "listener", "client", "accepted"):
        assert found[stage]["TCP_KEEPIDLE"] == 60, stage
        assert found[stage]["TCP_USER_TIMEOUT"] == (60 + 15 * 4) * 1000, stage


def test_musl(tmp_path: Path) -> None:
    tool("musl-gcc", "musl-tools")
    make(tmp_path, f"CFLAGS={STRICT}", cc="musl-gcc")
    probe = compile_c(PROBES / "options.c", tmp_path / "probe", cc="musl-gcc")
    check_options(tmp_path, probe)
    assert "musl" in readelf("-l", probe)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="gcc -m32 is for x86-64")
def test_32_bit(tmp_path: Path) -> None:
    make(tmp_path, f"CFLAGS={STRICT}", cc="gcc -m32")
    check_options(tmp_path, compile_c(PROBES / "options.c", tmp_path / "probe", cc="gcc -m32"))
    assert "ELF32" in readelf("-h", tmp_path / CONNECT)
