# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What headers that no compiler makes are taken for; real programs are read in test_executable.py."""

from __future__ import annotations

import io
import struct

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf, parse_elf

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
