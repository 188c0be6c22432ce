# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What headers that no compiler makes are taken for; real programs are read in test_executable.py."""

from __future__ import annotations

import io
import struct

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf, ElfError, parse_elf

_PT_DYNAMIC, _PT_NOTE = 2, 4
_START = 64 + 56
"""Where the one segment begins: behind the header and its own program header."""


def read_program(kind: int, content: bytes) -> Elf:
    """Return what is read of a 64 bit program with one segment."""
    header = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    table = struct.pack("<IIQQQQQQ", kind, 4, _START, _START, 0, len(content), len(content), 8)
    return parse_elf(io.BytesIO(header + table + content))


def note(name: bytes, kind: int, content: bytes) -> bytes:
    """Return one note, whose parts are filled up to four bytes each."""
    parts = b"".join(part + b"\0" * (-len(part) % 4) for part in (name, content))
    return struct.pack("<III", len(name), len(content), kind) + parts


_OF_GO = note(b"Go\0\0", 4, b"id of the build")


@pytest.mark.parametrize(
    ("notes", "go"),
    [
        (_OF_GO, True),
        (note(b"GNU\0", 3, b"build id") + _OF_GO, True),
        (note(b"XYZ\0", 4, b"odd") + _OF_GO, True),
        (note(b"Go\0\0", 3, b"id of the build"), False),
        (note(b"GNU\0", 4, b"id of the build"), False),
        (note(b"Gone", 4, b"id of the build"), False),
        (note(b"Go\0\0Go\0\0", 4, b"id of the build"), False),
        (note(b"GNU\0", 3, _OF_GO), False),
        (_OF_GO[:12], False),
        (b"", False),
    ],
    ids=["go", "behind", "behind odd", "kind", "name", "begins so", "longer", "inside of another", "cut", "none"],
)
def test_a_note_of_go_is_one_by_its_kind_and_its_name(notes: bytes, go: bool) -> None:
    assert read_program(_PT_NOTE, notes).go is go


def test_a_dynamic_section_without_strings_names_nothing() -> None:
    """As that of a static-pie program may be; DT_NEEDED and DT_SONAME without DT_STRTAB have nothing to point into."""
    elf = read_program(_PT_DYNAMIC, struct.pack("<6q", 1, 8, 14, 8, 0, 0))
    assert (elf.dynamic, elf.soname, elf.needed, elf.versions) == (True, None, (), {})


@pytest.mark.parametrize("name", range(9))
@pytest.mark.parametrize("content", range(5))
def test_notes_are_filled_up_to_four_bytes_each(name: int, content: int) -> None:
    before = note(b"x" * name, 4, b"y" * content)
    assert read_program(_PT_NOTE, before + _OF_GO).go
    assert read_program(_PT_NOTE, before + note(b"Go\0\0", 4, b"")).go, "it may be the last, and without a content"
    assert not read_program(_PT_NOTE, before + b"z" * 4 + _OF_GO[:-4]).go


def test_a_note_of_megabytes_is_read_as_far_as_the_limit() -> None:
    assert read_program(_PT_NOTE, _OF_GO + bytes((1 << 20) + 1)).go
    assert not read_program(_PT_NOTE, note(b"GNU\0", 3, bytes(1 << 20)) + _OF_GO).go


def test_a_program_that_is_no_more_than_its_header() -> None:
    wide = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 0, 0, 64, 56, 0, 0, 0, 0)
    narrow = b"\x7fELF\1\2\1" + bytes(9) + struct.pack(">HHIIIIIHHHHHH", 3, 8, 1, 0, 0, 0, 0, 52, 32, 0, 0, 0, 0)
    assert parse_elf(io.BytesIO(wide)) == Elf(64, "x86_64", False, True, None, False, None, (), {}, False, 0)
    assert parse_elf(io.BytesIO(narrow)) == Elf(32, "mips", True, True, None, False, None, (), {}, False, 0)
    for cut in (wide[:-1], narrow[:-1]):
        with pytest.raises(ElfError, match=rf"^cut off: the header should be at bytes 16 to {len(cut) + 1}$"):
            parse_elf(io.BytesIO(cut))


@pytest.mark.parametrize("machine", [3, 8, 20, 21, 22, 40, 62, 183, 243, 258, 259])
def test_machines_go_by_the_names_of_uname(machine: int) -> None:
    names = {3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390", 40: "arm", 62: "x86_64", 183: "aarch64",
             243: "riscv", 258: "loongarch"}  # fmt: skip
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 0, 0, 64, 56, 0, 0, 0, 0)
    assert parse_elf(io.BytesIO(header)).machine == names.get(machine, "machine 259")


def test_an_odd_end_of_a_dynamic_section_is_no_entry() -> None:
    entry = struct.pack("<qQ", 14, 8)
    assert read_program(_PT_DYNAMIC, entry + struct.pack("<q", 5)) == read_program(_PT_DYNAMIC, entry)
    with pytest.raises(ElfError, match=r"^address 0x8 lies in no segment of the file$"):
        read_program(_PT_DYNAMIC, entry + struct.pack("<qQ", 5, 8))


SECTIONS = 0x200


@pytest.mark.parametrize(
    ("size", "count", "names", "go"),
    [(64, 2, 0, True), (80, 2, 0, True), (64, 1, 0, False), (64, 2, 1, False), (64, 0, 0, False), (64, 2, 2, False),
     (39, 2, 0, False), (64, 3, 0, False)],
)  # fmt: skip
def test_the_sections_of_a_file_need_not_be_right(size: int, count: int, names: int, go: bool) -> None:
    """They only help to recognise Go: a third one lies beyond the end of the file, and is no error."""
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, SECTIONS, 0, 64, 56, 0, size, count, names)
    strings = b"\0.go.buildinfo\0"
    table = [(0, 3, 0, 0, 64, len(strings)), (1, 1, 0, 0, 0, 0)]
    sections = b"".join(struct.pack("<IIQQQQ", *section).ljust(size, b"\0") for section in table)
    assert parse_elf(io.BytesIO((header + strings).ljust(SECTIONS, b"\0") + sections)).go is go
