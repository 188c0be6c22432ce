# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of an ELF file is read: what is within each limit is read, and one more is an error that says so."""

from __future__ import annotations

import io
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf, ElfError, parse_elf

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_NOTE = 1, 2, 3, 4
MB = 1 << 20


def program(
    segments: t.Sequence[t.Tuple[int, int, int]], parts: t.Mapping[int, bytes], entry: int = 56, start: int = 64
) -> io.BytesIO:
    """Return a 64 bit program with segments (kind, offset, size), which lie in memory as they do in the file."""
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, start, 0, 0, 64, entry, len(segments), 0, 0, 0
    )  # fmt: skip
    table = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, offset, offset, 0, size, size, 8).ljust(entry, b"\0")
        for kind, offset, size in segments
    )
    whole = bytearray(max((offset + len(part) for offset, part in parts.items()), default=0))
    for offset, part in {**parts, 0: header, start: table}.items():
        whole[offset : offset + len(part)] = part
    return io.BytesIO(bytes(whole))


def read(*arguments: t.Any, **named: t.Any) -> Elf:
    return parse_elf(program(*arguments, **named))


DYNAMIC, STRINGS, VERSIONS = 0x100, 0x400, 0x40000


def named(strings: bytes, *entries: t.Tuple[int, int], size: t.Optional[int] = None, more: bytes = b"") -> Elf:
    """Return what is read of a program with a table of strings, which ends with the file, and so many bytes of it."""
    told = [(5, STRINGS), (10, len(strings) if size is None else size), *entries, (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in told)
    return read(
        [(_PT_LOAD, 0, 1 << 30), (_PT_DYNAMIC, MB, len(dynamic))], {STRINGS: strings, MB: dynamic, VERSIONS: more}
    )


@pytest.mark.parametrize("length", [255, 256, 257, 4095])
def test_a_name_may_be_as_long_as_a_path(length: int) -> None:
    assert named(b"\0" + b"x" * length + b"\0y\0", (1, 1), (14, length + 2))[6:8] == ("y", ("x" * length,))


def test_a_longer_name_is_damage() -> None:
    with pytest.raises(ElfError, match=r"^string 1 lies outside the table of dynamic strings, or has no end$"):
        named(b"\0" + b"x" * 4096 + b"\0", (1, 1))


def test_a_table_of_strings_may_be_the_end_of_the_file() -> None:
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in ((1, 1), (5, STRINGS), (10, 6), (0, 0)))
    segments = [(_PT_LOAD, 0, 1 << 30), (_PT_DYNAMIC, DYNAMIC, len(dynamic))]
    assert read(segments, {DYNAMIC: dynamic, STRINGS: b"\0libx\0"}).needed == ("libx",)
    with pytest.raises(ElfError, match=r"^cut off: a dynamic string should be at bytes 1025 to 1030$"):
        read(segments, {DYNAMIC: dynamic, STRINGS: b"\0libx"})


def test_a_table_of_strings_without_a_size_has_none() -> None:
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in ((1, 0), (5, STRINGS), (0, 0)))
    with pytest.raises(ElfError, match=r"^string 0 lies outside the table of dynamic strings, or has no end$"):
        read([(_PT_LOAD, 0, MB), (_PT_DYNAMIC, DYNAMIC, len(dynamic))], {DYNAMIC: dynamic, STRINGS: b"\0x\0"})


def test_a_program_may_need_so_many_libraries() -> None:
    assert named(b"\0x\0", *[(1, 1)] * 4096).needed == ("x",) * 4096
    with pytest.raises(ElfError, match=r"^it needs 4097 libraries$"):
        named(b"\0x\0", *[(1, 1)] * 4097)


def asked(count: int) -> bytes:
    """One library, of which so many versions are wanted, one and the same."""
    return struct.pack("<HHIII", 1, count, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 0, 3, 0)


def test_a_program_may_ask_for_so_many_versions() -> None:
    where = ((0x6FFFFFFE, VERSIONS), (0x6FFFFFFF, 1))
    assert named(b"\0x\0y\0", *where, more=asked(4096)).versions == {"x": ("y",) * 4096}
    with pytest.raises(ElfError, match=r"^it asks for more than 4096 versions$"):
        named(b"\0x\0y\0", *where, more=asked(4097))
    assert named(b"\0x\0y\0", where[0], more=asked(1)).versions == {}, "it does not say of how many libraries"


def test_a_program_may_have_so_many_headers() -> None:
    header = (_PT_LOAD, 0, 5)
    assert read([header] * 1024, {}, entry=64).loaded_bytes == 5
    with pytest.raises(ElfError, match=r"^1025 program headers of 64 bytes are more than the kernel takes$"):
        read([header] * 1025, {}, entry=64)


@pytest.mark.parametrize("more", [0, 1])
def test_all_that_is_looked_at_together_has_a_limit(more: int) -> None:
    """Each look costs 64 bytes at least; here 2 for the header, and 17 for the segments."""
    left = 16 * MB - 64 * (2 + 17) - 15 * MB - 64
    segments = [(_PT_NOTE, 0, 16), *[(_PT_NOTE, 0, MB)] * 15, (_PT_NOTE, 0, left + more)]
    file = program(segments, {MB: b"\0"})
    if more:
        with pytest.raises(ElfError, match=r"^its tables have more entries than those of any program$"):
            parse_elf(file)
    else:
        assert not parse_elf(file).go


def test_a_table_is_read_where_the_file_says_that_it_is() -> None:
    interpreter = (_PT_INTERP, 200, 9)
    assert read([interpreter], {200: b"/lib/ld\0\0"}, start=128).interpreter == "/lib/ld"
    with pytest.raises(ElfError, match=r"^program header 0 is at an impossible offset \(18446744073709551615\)$"):
        parse_elf(
            io.BytesIO(b"\x7fELF\2\1\1" + bytes(9)
                       + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 2**64 - 1, 0, 0, 64, 56, 1, 0, 0, 0))
        )  # fmt: skip


def test_segments_end_where_the_last_of_those_that_are_loaded_ends() -> None:
    assert read([(_PT_LOAD, 0, 500), (_PT_LOAD, 100, 401), (_PT_LOAD, 0, 7), (_PT_NOTE, 0, 502)],
                {600: b"\0"}).loaded_bytes == 501  # fmt: skip
    assert read([], {200: b"\0"}).loaded_bytes == 0


def test_a_header_that_is_too_short_for_what_stands_in_it_is_damage() -> None:
    with pytest.raises(ElfError, match=r"^cut off inside a table \(.*40.*\)$"):
        read([(_PT_LOAD, 0, 500)], {600: b"\0"}, entry=39)
    assert read([(_PT_LOAD, 0, 500)], {600: b"\0"}, entry=40).loaded_bytes == 500
