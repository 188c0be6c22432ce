# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anybody can run a program whose headers would keep its reader busy, or fill its memory: it is read to a limit."""

from __future__ import annotations

import io
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, parse_elf

MB = 1 << 20
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4


class Sparse(io.RawIOBase):
    """A file of 1 TB that is zero but for its beginning; counts what is read."""

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self._start = start
        self._at = 0
        self.count = 0

    def seek(self, offset: int, _whence: int = 0) -> int:
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= MB, "each piece has a limit"
        self.count += size
        data = self._start[self._at : self._at + size]
        return data + b"\0" * (size - len(data))


def program(
    segments: t.Sequence[t.Tuple[int, int, int]], tail: bytes = b"", sections: t.Tuple[int, int] = (0, 0)
) -> Sparse:
    """Return a 64 bit program with segments (kind, offset, size) and what follows them."""
    header = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 4096 if sections[1] else 0, 0, 64, 56, len(segments), *sections, 0
    )  # fmt: skip
    table = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, offset, offset, 0, size, size, 8) for kind, offset, size in segments
    )
    return Sparse(header + table + tail)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (program([(_PT_NOTE, 0, MB)] * 1000), "its tables have more entries than those of any program"),
        (program([(_PT_NOTE, 0, 12)] * 1171), "1171 program headers of 56 bytes are more than the kernel takes"),
        (program([(_PT_DYNAMIC, 64 + 112, 16 * 5001), (_PT_LOAD, 0, MB)],
                 struct.pack("<qQ", 5, 64) + struct.pack("<qQ", 1, 0) * 5000), "it needs 5000 libraries"),
        (program([(_PT_DYNAMIC, 176, 64), (_PT_LOAD, 0, MB)],
                 struct.pack("<8Q", 5, 1000, 10, 8, 0x6FFFFFFE, 240, 0x6FFFFFFF, 9)
                 + struct.pack("<HHIII", 1, 65535, 0, 16, 16)), "it asks for more than 4096 versions"),
    ],
    ids=["notes", "headers", "libraries", "versions"],
)  # fmt: skip
def test_a_program_that_would_take_long_is_read_to_a_limit(file: Sparse, words: str) -> None:
    with pytest.raises(ElfError, match=words):
        parse_elf(t.cast("t.BinaryIO", file))
    assert file.count <= 17 * MB


def test_many_sections_with_long_names_are_no_matter() -> None:
    file = program([], sections=(64, 16000))
    assert not parse_elf(t.cast("t.BinaryIO", file)).go
    assert file.count <= 17 * MB
