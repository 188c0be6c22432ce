# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the libraries find the function that they stand in front of: in the loader's list of objects, without dlsym."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from csrc_support import CALL, CONNECT, LIBRARIES, PROBES, Probe, Run, compile_c, run, stages, tool

IDLE = {"TCP_KEEPIDLE": "60"}


@pytest.mark.parametrize("early", [False, True], ids=["late", "early"])
def test_without_dlsym(preloaded: Run, probe: Probe, early: bool) -> None:
    """A dlsym that finds nothing (and spoils errno) makes no difference, nor to a call before the constructor."""
    company = [probe("early.so")] if early else []
    usual = preloaded(probe("errors"), with_=[*LIBRARIES, *company], env=IDLE)
    assert preloaded(probe("errors"), with_=[*LIBRARIES, probe("nodlsym.so"), *company], env=IDLE) == usual
    assert usual.status == 0
    assert usual.out.startswith("socket 60 listen 0: 60 connect 0: 60 errno 0\n") is early


def without_errno(text: str) -> list[str]:
    return [line.partition(" errno ")[0] for line in text.splitlines()]


def test_calls_without_the_loaders_list(preloaded: Run, probe: Probe) -> None:
    """The bare system calls then serve; libc's errno is out of reach where they fail, and untouched where not."""
    found = preloaded(probe("errors"), with_=[*LIBRARIES, probe("noloader.so")])
    real = preloaded(probe("errors"), with_=())
    assert found.status == 0
    assert without_errno(found.out) == without_errno(real.out)
    succeeded = [line for line in real.out.splitlines() if " -1 errno " not in line]
    assert [line for line in found.out.splitlines() if " -1 errno " not in line] == succeeded


@pytest.mark.parametrize("family", ["4", "6"])
def test_options_without_the_loaders_list(preloaded: Run, probe: Probe, family: str) -> None:
    """The defaults: whether the process is setuid cannot be asked, so its environment is not trusted."""
    found = preloaded(probe("options"), family, with_=[*LIBRARIES, probe("noloader.so")], env=IDLE)
    assert {stage: options["TCP_KEEPIDLE"] for stage, options in stages(found).items()} == dict.fromkeys(
        ("socket", "listener", "client", "accepted"), 15
    )
    assert stages(found)["listener"]["BACKLOG"] == 5


def test_early_calls_without_the_loaders_list(preloaded: Run, probe: Probe) -> None:
    """They go through untouched: the environment, which may say "disable", cannot be found."""
    found = preloaded("/bin/true", with_=[*LIBRARIES, probe("noloader.so"), probe("early.so")], env=IDLE)
    untouched = preloaded("/bin/true", with_=[probe("early.so")], env=IDLE)
    assert found == untouched


def test_nothing_behind_the_hook(built: Path, probe: Probe, tmp_path: Path) -> None:
    """Where nobody has the function, the bare system call serves, and errno says what libc's would."""
    libraries = []
    for number, name in zip((1, 2, 4), LIBRARIES):
        inside = (built / name).read_bytes()
        hook = number.to_bytes(4, "little") + CALL[name].encode() + b"\0"
        assert inside.count(hook) == 1, "the hook's record, with the name that is looked up"
        (tmp_path / name).write_bytes(inside.replace(hook, hook.replace(CALL[name].encode(), b"x" * len(CALL[name]))))
        (tmp_path / name).chmod(0o755)
        libraries.append(tmp_path / name)
    found = run(probe("errors"), preload=libraries)
    assert found == run(probe("errors"))
    options = stages(run(probe("options"), preload=libraries, env=IDLE))
    assert {values["TCP_KEEPIDLE"] for values in options.values()} == {60}


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_both_kinds_of_hash_table(preloaded: Run, probe: Probe, tmp_path: Path, style: str) -> None:
    """The next library is found whichever table it was linked with."""
    flags = ("-shared", "-fPIC", f"-Wl,--hash-style={style}", "-ldl")
    behind = compile_c(PROBES / "next.c", tmp_path / "next.so", *flags)
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, behind])
    assert (found.status, found.err) == (0, "default\n")


# Names with the hash of "connect": in DT_GNU_HASH (33 times the one before), and in DT_HASH (16 times).
SAME_HASH = {"gnu": "dNnnect", "sysv": "d_nnect"}


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_libraries_without_the_function_are_passed_over(
    preloaded: Run, probe: Probe, tmp_path: Path, style: str
) -> None:
    """Their name has the same hash, they only call the function, or they have no name at all."""
    flags = ("-shared", "-fPIC", f"-Wl,--hash-style={style}", "-ldl")
    alike = compile_c(PROBES / "next.c", tmp_path / "alike.so", f"-DNAME={SAME_HASH[style]}", *flags)
    caller = compile_c(PROBES / "early.c", tmp_path / "caller.so", *flags)
    empty = tmp_path / "empty.so"
    command = [tool("gcc", "gcc"), "-x", "c", "-", "-o", str(empty), "-nostdlib", *flags[:3]]
    subprocess.run(command, input="", text=True, check=True)
    behind = compile_c(PROBES / "next.c", tmp_path / "next.so", *flags)
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, alike, caller, empty, behind])
    assert found.status == 0
    # Two calls: the one of the library's constructor and the program's.
    assert sorted(found.err.split()) == ["default", "default", "done", "early"]


def place_of_table(library: Path, style: str) -> int:
    """Where in a file the hash table begins, with the number of its buckets."""
    sections = subprocess.run(
        [tool("readelf", "binutils"), "-SW", str(library)], capture_output=True, text=True, check=True
    )
    place = re.search({"gnu": r"GNU_HASH", "sysv": r" HASH"}[style] + r" +\S+ (\S+)", sections.stdout)
    assert place is not None
    return int(place[1], 16)


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_a_table_without_buckets(preloaded: Run, probe: Probe, tmp_path: Path, style: str) -> None:
    """Nothing to divide by; the loader passes over such a library, too."""
    flags = ("-shared", "-fPIC", f"-Wl,--hash-style={style}", "-ldl")
    library = compile_c(PROBES / "next.c", tmp_path / "next.so", *flags)
    place = place_of_table(library, style)
    content = bytearray(library.read_bytes())
    content[place : place + 4] = bytes(4)
    library.write_bytes(content)
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, library])
    assert (found.status, found.err) == (0, ""), "libc's own was called"


def test_a_table_with_one_bucket(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """A library with the function and nothing else; being called it ends the process."""
    library = tmp_path / "one.so"
    command = [tool("gcc", "gcc"), "-shared", "-fPIC", "-nostdlib", "-Wl,--hash-style=sysv", "-x", "c", "-", "-o",
               str(library)]  # fmt: skip
    subprocess.run(command, input="int connect(void) { return *(volatile int *)8; }", text=True, check=True)
    place = place_of_table(library, "sysv")
    assert int.from_bytes(library.read_bytes()[place : place + 4], sys.byteorder) == 1
    assert preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, library]).status == -signal.SIGSEGV


def test_a_library_above_its_own_addresses(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """As with a prelinked one whose place was taken: the base that is added to its addresses is negative."""
    high = f"-Wl,-Ttext-segment={0x800000000000 if sys.maxsize > 2**32 else 0xF0000000:#x}"
    behind = compile_c(PROBES / "next.c", tmp_path / "next.so", "-shared", "-fPIC", high, "-ldl")
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, behind])
    assert (found.status, found.err) == (0, "default\n")


def test_an_indirect_function_is_passed_over(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """What has to be called to learn an address is not the function itself."""
    source = tmp_path / "indirect.c"
    source.write_text(
        "#include <unistd.h>\n"
        "static int elsewhere(void) { return 0; }\n"
        'static int (*choose(void))(void) { return write(2, "chosen", 6) > 0 ? elsewhere : NULL; }\n'
        'int connect(void) __attribute__((ifunc("choose")));\n'
    )
    indirect = compile_c(source, tmp_path / "indirect.so", "-shared", "-fPIC", "-fno-builtin")
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, indirect])
    assert (found.status, found.err) == (0, ""), "libc's own was called"


def test_a_long_name_in_the_old_table(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """getauxval is longer than the seven letters that fit into a hash value of 28 bits."""
    secure = compile_c(PROBES / "secure.c", tmp_path / "secure.so", "-shared", "-fPIC", "-Wl,--hash-style=sysv", "-ldl")
    found = stages(preloaded(probe("options"), with_=[*LIBRARIES, secure], env=IDLE))
    assert {values["TCP_KEEPIDLE"] for values in found.values()} == {15}


def test_the_default_version_of_a_name(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """An old version, kept for programs that were linked with it, is not what a new caller gets."""
    versions = tmp_path / "versions"
    versions.write_text("OLD { global: connect; }; NEW { global: connect; } OLD;\n")
    source = tmp_path / "both.c"
    source.write_text((PROBES / "next.c").read_text() + '__asm__(".symver new_connect,connect@@NEW");\n')
    flags = ("-shared", "-fPIC", "-DOLD", "-DNAME=new_connect", f"-Wl,--version-script={versions}", "-ldl")
    both = compile_c(source, tmp_path / "both.so", *flags, "-Wno-missing-prototypes")
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, both])
    assert (found.status, found.err) == (0, "default\n")


def test_a_name_that_has_only_an_old_version(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.write_text("OLD { global: connect; };\n")
    flags = ("-shared", "-fPIC", "-DOLD", "-DNAME=unused", f"-Wl,--version-script={versions}", "-ldl")
    old = compile_c(PROBES / "next.c", tmp_path / "old.so", *flags)
    found = preloaded(probe("once"), "connect", "tcp", with_=[CONNECT, old])
    assert (found.status, found.err) == (0, ""), "libc's own was called"


@pytest.mark.parametrize("first", [(), (CONNECT,)], ids=["alone", "preloaded too"])
def test_opened_with_dlopen(preloaded: Run, built: Path, probe: Probe, tmp_path: Path, first: tuple[str, ...]) -> None:
    """Nothing is behind the library then: what it stands in front of stands above it, in its order."""
    copy = shutil.copy(built / CONNECT, tmp_path / "copy.so")
    found = preloaded(probe("opened"), copy, with_=[*first, probe("next.so")], env=IDLE)
    assert found == (0, "connect 0 TCP_KEEPIDLE=60\n", "default\n")


@pytest.mark.parametrize("flags", [("-no-pie", "-fno-pic"), ("-pie", "-fPIE")], ids=["no-pie", "pie"])
def test_a_program_with_a_copy_of_the_lists_head(
    preloaded: Run, built: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    program = compile_c(PROBES / "copied.c", tmp_path / "copied", *flags, "-ldl", "-Wno-missing-prototypes")
    copy = shutil.copy(built / CONNECT, tmp_path / "copy.so")
    found = preloaded(program, copy, with_=LIBRARIES, env=IDLE)
    assert found == (0, "list there\nconnect 0 TCP_KEEPIDLE=60\n", "")


def test_built_for_glibc_and_loaded_beside_musl(preloaded: Run, tmp_path: Path) -> None:
    """A process has one libc, and a library that names none takes what is there."""
    tool("musl-gcc", "musl-tools")
    program = compile_c(PROBES / "options.c", tmp_path / "options", cc="musl-gcc")
    errors = compile_c(PROBES / "errors.c", tmp_path / "errors", cc="musl-gcc")
    options = stages(preloaded(program, with_=LIBRARIES, env=IDLE))
    assert {values["TCP_KEEPIDLE"] for values in options.values()} == {60}
    assert preloaded(errors, with_=LIBRARIES, env=IDLE) == run(errors)
