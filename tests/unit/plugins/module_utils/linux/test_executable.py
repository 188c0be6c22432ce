# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are told apart from their files: every kind is a real one, compiled or assembled here."""

from __future__ import annotations

import os
import pathlib
import struct
import subprocess
import sys
import typing

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, read_elf
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import describe_executable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.libc import newest_glibc

GO_NOTE = """
struct note { int name_size, size, kind; char name[4]; char id[8]; };
__attribute__((section(".note.go.buildid"), used, aligned(4)))
static const struct note notes[] = {{4, 6, 4, "XYZ", "abcde"}, {4, 8, 4, "Go\\0", "abcdefg"}};
"""


@pytest.fixture(name="compiled")
def compiled_fixture(tmp_path: pathlib.Path):
    """A function that compiles a C program with the given flags."""

    def compile_program(*flags: str, source: str = "", name: str = "program") -> str:
        file = tmp_path / (name + ".c")
        file.write_text(source + "int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-o", tmp_path / name, file, *flags], check=True)
        return str(tmp_path / name)

    return compile_program


def script(folder: pathlib.Path, first_line: str, name: str = "script") -> str:
    path = folder / name
    path.write_text(first_line + "\necho hello\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("flags", [(), ("-no-pie",), ("-s",)])
def test_a_normal_program_is_dynamic_glibc(compiled, flags) -> None:
    found = describe_executable(compiled(*flags))
    assert found[1:] == ("dynamic", "glibc", False, False, False, None, "")
    assert found.runs is found


@pytest.mark.parametrize("flags", [("-static",), ("-static-pie",), ("-static", "-s")])
def test_a_static_program_has_no_libc_to_hook(compiled, flags) -> None:
    found = describe_executable(compiled(*flags))
    assert (found.kind, found.libc) == ("static", "none")


def test_the_loader_of_the_program_tells_musl(compiled) -> None:
    found = describe_executable(compiled("-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"))
    assert (found.kind, found.libc) == ("dynamic", "musl")


@pytest.mark.parametrize("flags", [(), ("-s",), ("-static",)])
def test_go_is_told_by_its_note_even_when_stripped(compiled, flags) -> None:
    assert describe_executable(compiled(*flags, source=GO_NOTE)).go is True
    assert describe_executable(compiled(*flags, name="other")).go is False


def test_go_without_a_build_id_is_told_by_its_section(compiled) -> None:
    source = '__attribute__((section(".go.buildinfo"), used)) static char info[32] = "\\xff Go buildinf:";\n'
    assert describe_executable(compiled(source=source)).go is True


def test_the_loader_started_by_hand_counts_as_dynamic() -> None:
    loader = read_elf(sys.executable).interpreter
    assert loader is not None
    assert describe_executable(loader)[1:3] == ("dynamic", "glibc")


@pytest.mark.parametrize(
    ("mode", "setuid"), [(0o755, False), (0o4755, True), (0o2755, True), (0o2745, False), (0o6755, True)]
)
def test_privileged_mode_bits(compiled, mode: int, setuid: bool) -> None:
    path = compiled()
    os.chmod(path, mode)
    assert describe_executable(path).setuid is setuid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file capabilities")
def test_file_capabilities(compiled) -> None:
    path = compiled()
    # struct vfs_cap_data, revision 2, effective, CAP_NET_BIND_SERVICE permitted
    os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
    assert describe_executable(path).capabilities is True
    assert describe_executable("/bin/true").capabilities is False


def test_a_script_is_described_by_its_interpreter(compiled, tmp_path) -> None:
    path = script(tmp_path, f"#! {compiled('-static')} -x")
    os.chmod(path, 0o4755)
    found = describe_executable(path)
    assert (found.kind, found.runs.kind, found.libc) == ("script", "static", "none")
    assert found.setuid is False, "the kernel ignores the bit on scripts"


@pytest.mark.parametrize("line", ["#!/usr/bin/env sh", "#!/usr/bin/env -S A=1 sh -e", "#!/usr/bin/env /bin/sh"])
def test_env_counts_as_the_program_it_starts(tmp_path, line: str) -> None:
    found = describe_executable(script(tmp_path, line))
    assert os.path.basename(found.runs.path) == "sh"
    assert (found.runs.kind, found.libc) == ("dynamic", "glibc")


def test_a_script_of_a_script_is_followed_once(tmp_path) -> None:
    inner = script(tmp_path, "#!/bin/sh", "inner")
    found = describe_executable(script(tmp_path, "#!" + inner))
    assert found.runs.kind == "script"
    assert found.runs.interpreter is None


def test_a_script_whose_interpreter_is_gone(tmp_path) -> None:
    assert describe_executable(script(tmp_path, "#!/nowhere/sh")).runs.kind == "missing"
    assert describe_executable(script(tmp_path, "#!")).kind == "foreign"


def test_links_are_followed_and_loops_are_missing(tmp_path) -> None:
    (tmp_path / "link").symlink_to("/bin/true")
    (tmp_path / "loop").symlink_to("loop")
    assert describe_executable(str(tmp_path / "link")).kind == "dynamic"
    assert describe_executable(str(tmp_path / "loop")).kind == "missing"
    assert describe_executable("/etc/passwd/nothing").kind == "missing"


def test_what_is_no_program_says_why(tmp_path) -> None:
    text = tmp_path / "text"
    text.write_text("hello")
    assert describe_executable(str(text)).detail == "not executable: no x bit in its mode"
    text.chmod(0o755)
    assert describe_executable(str(text)).detail == "neither an ELF program nor a script with #!"
    text.write_bytes(b"\x7fELF\x02\x01")
    assert "damaged" in describe_executable(str(text)).detail
    assert describe_executable(str(tmp_path)).detail == "not a regular file"


def test_a_32_bit_program_is_foreign_to_a_64_bit_host(tmp_path) -> None:
    (tmp_path / "a.s").write_text(".globl _start\n_start: ret\n")
    subprocess.run(["as", "--32", "-o", tmp_path / "a.o", tmp_path / "a.s"], check=True)
    shared = ["-shared", "-soname=small.so", "-o", tmp_path / "small.so"]
    subprocess.run(["ld", "-m", "elf_i386", *shared, tmp_path / "a.o"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", tmp_path / "a", tmp_path / "a.o", tmp_path / "small.so"], check=True)
    assert describe_executable(str(tmp_path / "a")).detail == "a 32 bit i386 program on a 64 bit x86_64 host"
    assert (read_elf(str(tmp_path / "small.so")).bits, read_elf(str(tmp_path / "small.so")).soname) == (32, "small.so")
    assert describe_executable(str(tmp_path / "a"), reference=str(tmp_path / "small.so")).kind == "dynamic"


def test_needed_soname_and_versions_are_those_that_readelf_prints(tmp_path) -> None:
    source = tmp_path / "lib.c"
    source.write_text(
        "#include <stdlib.h>\n#include <math.h>\n#include <string.h>\n#include <sys/random.h>\n"
        'void *f(double x) { return memcpy(malloc(pow(x, x)), "", 1 + (long)getrandom(0, 0, 0)); }\n'
    )
    library = str(tmp_path / "lib.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,lib.so", "-o", library, str(source), "-lm"], check=True)
    elf = read_elf(library)
    shown = subprocess.run(["readelf", "-dVW", library], check=True, capture_output=True, text=True).stdout
    assert (elf.soname, elf.needed) == ("lib.so", ("libm.so.6", "libc.so.6"))
    printed: typing.Dict[str, typing.List[str]] = {}
    for line in shown.splitlines():
        words = line.replace(":", " ").split()
        if "File" in words:
            printed[words[words.index("File") + 1]] = current = []
        elif "Name" in words and "Flags" in words and "Version" in words:
            current.append(words[words.index("Name") + 1])
    assert {name: list(versions) for name, versions in elf.versions.items()} == printed
    assert len(printed["libc.so.6"]) >= 2, "the test is about lists of versions"
    assert newest_glibc(elf) == (2, 29), "pow has had the version GLIBC_2.29 since then"


def test_a_damaged_file_never_raises_anything_but_elferror(compiled, tmp_path) -> None:
    """Cut at every header byte and scribbled over at every word of the headers: an error or an answer, no crash."""
    data = pathlib.Path(compiled()).read_bytes()
    victim = tmp_path / "victim"
    errors = 0
    for position in range(0, 1200, 4):
        for content in (data[:position], data[:position] + b"\xff\xff\xff\xff" + data[position + 4 :]):
            victim.write_bytes(content)
            try:
                read_elf(str(victim))
            except ElfError:
                errors += 1
    assert errors > 300


def test_a_program_with_many_names_is_read_all_the_same(compiled) -> None:
    """Node.js exports so many functions that their names take 5 MB."""
    names = "".join(f"void {'x' * 4000}{number}(void) {{}}\n" for number in range(300))
    path = compiled("-rdynamic", source=names)
    assert os.path.getsize(path) > 1 << 20
    assert (describe_executable(path).kind, read_elf(path).needed) == ("dynamic", ("libc.so.6",))


@pytest.mark.parametrize("end", ["\r", "\v", "\x1c"])
def test_only_what_the_kernel_takes_for_a_blank_divides_a_scripts_first_line(tmp_path: pathlib.Path, end: str) -> None:
    found = describe_executable(script(tmp_path, f"#!/bin/sh{end}x"))
    assert (found.runs.path, found.runs.kind) == (f"/bin/sh{end}x", "missing")


def test_a_nul_ends_the_name_of_a_scripts_interpreter_as_it_does_for_the_kernel(tmp_path: pathlib.Path) -> None:
    path = script(tmp_path, "#!/bin/ec\0ho")
    assert describe_executable(path).runs.path == "/bin/ec"
    (tmp_path / "sh").symlink_to("/bin/sh")
    path = script(tmp_path, f"#!{tmp_path}/sh\0x")
    assert describe_executable(path).runs.kind == "dynamic"
    assert subprocess.run([path], capture_output=True, check=True).stdout == b"hello\n"


def test_what_is_no_path_is_no_program(tmp_path: pathlib.Path) -> None:
    assert describe_executable("/bin/s\0h").kind == "missing"
    assert describe_executable("/" + "x" * 5000).kind == "foreign"
