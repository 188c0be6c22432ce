# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that anybody may have made, and texts of the host's own files: facts, or an error that is expected."""

from __future__ import annotations

import io
import itertools
import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import security
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build
from ansible_collections.netops.keepalive.plugins.module_utils.linux import elf as linux_elf
from ansible_collections.netops.keepalive.plugins.module_utils.linux import executable, libc, preload_file
from ansible_collections.netops.keepalive.plugins.module_utils.settings import options
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import (
    ODD,
    bytes_of,
    fuzz,
    lines,
    texts,
)
from hypothesis import strategies as st

PAGE = 0x1000
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 7, 8, 15, 16, 0xFF, 0xFFFF, PAGE, PAGE + 64, 1 << 20, 1 << 31, 0xFFFFFFFF, 1 << 63]),
    st.integers(0, (1 << 64) - 1),
)


class Counting(io.BytesIO):
    """Knows how much was read of it, and how often."""

    looks = total = 0

    def read(self, size: t.Optional[int] = -1) -> bytes:
        content = super().read(size)
        self.looks, self.total = self.looks + 1, self.total + len(content)
        return content


def small_library() -> bytes:
    """A 64 bit library that needs two others, in two versions, and says that Go has linked it."""
    strings = b"\0libc.so.6\0GLIBC_2.34\0libown.so\0GLIBC_2.2.5\0"
    at = {text: strings.index(b"\0" + text + b"\0") + 1 for text in strings.split(b"\0") if text}
    versions = struct.pack("<HHIII", 1, 2, at[b"libc.so.6"], 16, 0)
    versions += struct.pack("<IHHII", 0, 0, 2, at[b"GLIBC_2.34"], 16)
    versions += struct.pack("<IHHII", 0, 0, 3, at[b"GLIBC_2.2.5"], 0)
    note = struct.pack("<III", 4, 4, 4) + b"Go\0\0abcd"
    tables = {"strings": strings, "versions": versions, "note": note}
    offsets = dict(zip(tables, itertools.accumulate([PAGE, *map(len, tables.values())])))
    entries = [
        (1, at[b"libc.so.6"]), (14, at[b"libown.so"]), (5, offsets["strings"]), (10, len(strings)),
        (0x6FFFFFFE, offsets["versions"]), (0x6FFFFFFF, 1), (0, 0),
    ]  # fmt: skip
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    start = offsets["note"] + len(note)
    size = start + len(dynamic)
    segments = [(1, 0, size), (2, start, len(dynamic)), (4, offsets["note"], len(note)), (3, PAGE + 1, 9)]
    header = b"\x7fELF\2\1\1".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 64, 0, 0)
    header += b"".join(struct.pack("<IIQQQQQQ", kind, 5, at, at, at, long, long, 1) for kind, at, long in segments)
    return header.ljust(PAGE, b"\0") + b"".join(tables.values()) + dynamic


LIBRARY = small_library()


@st.composite
def libraries(draw: t.Callable[[t.Any], t.Any]) -> bytes:
    """The library with some of its numbers changed, or cut off."""
    content = bytearray(LIBRARY)
    for _change in range(draw(st.integers(0, 4))):
        layout = draw(st.sampled_from("BHIQ"))
        place = draw(st.one_of(st.integers(0, 64 + 56 * 4), st.integers(PAGE, len(content))))
        place = min(place - place % struct.calcsize(layout), len(LIBRARY) - 8)
        struct.pack_into("<" + layout, content, place, draw(NUMBERS) & ((1 << 8 * struct.calcsize(layout)) - 1))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content)


def test_the_library_is_one() -> None:
    elf = linux_elf.parse_elf(io.BytesIO(LIBRARY))
    assert (elf.needed, elf.soname, elf.go, elf.interpreter) == (("libc.so.6",), "libown.so", True, "libc.so.6")
    assert elf.versions == {"libc.so.6": ("GLIBC_2.34", "GLIBC_2.2.5")}
    assert libc.newest_glibc(elf) == (2, 34)


@fuzz(st.one_of(libraries(), libraries(), st.binary(max_size=300).map(b"\x7fELF\2\1\1".__add__)), examples=250)
def test_an_elf_file_has_facts_or_is_damaged_and_costs_little(content: bytes) -> None:
    stream = Counting(content)
    try:
        elf = linux_elf.parse_elf(stream)
    except linux_elf.ElfError as error:
        assert str(error)
        return
    finally:
        assert stream.total <= 20 << 20 and stream.looks <= 300_000
    names = [*elf.needed, *elf.versions, *itertools.chain(*elf.versions.values()), elf.interpreter, elf.soname]
    assert all(os.fsencode(name) in content for name in names if name)
    assert all(isinstance(part, int) for part in libc.newest_glibc(elf) or ())


def test_a_file_of_nothing_but_tables_is_given_up() -> None:
    """As many notes as a program can have that are the same half megabyte: half a minute's work."""
    headers = struct.pack("<IIQQQQQQ", 4, 0, PAGE, 0, 0, 1 << 19, 1 << 19, 1) * 1000
    header = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, PAGE + (1 << 19), 0, 0, 64, 56, 1000, 0, 0, 0)
    stream = Counting((b"\x7fELF\2\1\1".ljust(16, b"\0") + header).ljust(PAGE + (1 << 19), b"\0") + headers)
    with pytest.raises(linux_elf.ElfError, match="its tables have more entries than those of any program"):
        linux_elf.parse_elf(stream)
    assert stream.total <= 20 << 20


FIRST_LINE = texts("#!", "/bin/sh", "/usr/bin/env ", "-S ", "A=1 ", "python3", "'", " ", longest=6)


@fuzz(st.one_of(libraries(), bytes_of(FIRST_LINE), bytes_of(FIRST_LINE).map(b"#!".__add__)), examples=100)
def test_a_program_is_described_whatever_it_holds(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    path.chmod(0o755)
    found = executable.describe_executable(str(path))
    assert found.kind in ("dynamic", "static", "script", "missing", "foreign")
    assert found.interpreter is None or found.interpreter.path
    for runs in (found, found.runs):
        assert runs.kind not in ("missing", "foreign") or runs.detail


@fuzz(st.one_of(ODD, texts("/bin/", "sh")))
def test_a_path_is_described_whatever_it_is(path: str) -> None:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # a lone surrogate: no bytes of any path become one
        return
    assert executable.describe_executable("/" + path).kind


def settings_in(content: bytes) -> t.Dict[str, int]:
    """What a settings file says to a process, as all the rest has it."""
    return settings_file.parse_settings(os.fsdecode(content), "a.service", "/usr/bin/a")


SETTINGS = lines("TCP_KEEPIDLE=", "60", "LIBKEEPALIVE_DISABLE=1", "[unit ", "[program /", "a.service", "*", "]", "# ")


@fuzz(bytes_of(SETTINGS))
def test_a_setting_has_a_name_and_a_number_that_the_libraries_take(content: bytes) -> None:
    for variable, number in settings_in(content).items():
        assert variable.encode() in content and str(number).encode() in content
        assert settings_file.value_of(variable, str(number)) == number


HOST_FILE = lines(
    "TCP_KEEPIDLE=60", "[unit a.service]", "# since 2026-01-01T00:00:00.000000Z", " without [unit x]", "#"
)


@fuzz(HOST_FILE, HOST_FILE)
def test_the_sections_of_a_settings_file_keep_their_text(new: str, old: str) -> None:
    for heading, variables in settings_file.sections(new).items():
        assert heading in new and all(name in new and value in new for name, value in variables)
    assert set(settings_file.changed_headings(new, old)) <= {*settings_file.sections(new), *settings_file.sections(old)}
    assert settings_file.changed_headings(new, new) == []


@fuzz(bytes_of(lines("/lib/a.so", ":", "/usr/lib/libkeepalive/libkeepalive.so", "#")))
def test_an_entry_stands_in_the_file(content: bytes) -> None:
    assert all(os.fsencode(entry) in content for entry in preload_file.named_in(content))


@fuzz(bytes_of(lines("deny perm=any pattern=ld_preload", "avc:  denied ", "libkeepalive", "/usr/sbin/x (enforce)")))
def test_what_security_modules_say_is_read_whatever_it_is(tmp_path: pathlib.Path, content: bytes) -> None:
    for name, text in {
        "proc/1/comm": b"fapolicyd\n",
        "etc/fapolicyd/fapolicyd.rules": content,
        "sys/module/apparmor/parameters/enabled": b"Y\n",
        "sys/kernel/security/apparmor/profiles": content,
        "etc/apparmor.d/abstractions/base": content,
        "sys/fs/selinux/enforce": b"1\n",
        "var/log/syslog": content,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    assert all(isinstance(note, str) for note in security.notes(["/none.so"], "/usr/lib/libkeepalive", str(tmp_path)))


@fuzz(texts("cc", " -m32", "'", '"', "\\"))
def test_a_compiler_is_a_command_or_refused(cc: str) -> None:
    try:
        found = build.compiler_version(cc if "\0" not in cc else "")
    except build.BuildError as error:
        assert "cc: " in str(error)
        return
    assert found is None or found


@fuzz(st.one_of(ODD, st.integers(), st.text("0123456789-+_ x²", max_size=20)))
def test_a_number_is_what_its_digits_say(value: t.Any) -> None:
    number = options.as_integer(value)
    assert number is None or str(number) == str(value)
