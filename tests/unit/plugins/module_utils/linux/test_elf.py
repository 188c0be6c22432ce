# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ELF file says of itself, for every word size and byte order, most of which this machine cannot run."""

from __future__ import annotations

import io
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, parse_elf
from ansible_collections.netops.keepalive.plugins.module_utils.linux.libc import newest_glibc, release_of

KINDS = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]
BASE = 0x10000
"""Where the file begins in memory."""
LOADED = 4000
"""So many bytes of it."""
INTERPRETER, DYNAMIC, STRINGS, VERSIONS, NOTE, SECTIONS = 0x200, 0x300, 0x400, 0x500, 0x600, 0x700
TABLE = b"\0libc.so.6\0GLIBC_2.34\0GLIBC_2.17\0libx.so\0GLIBC_PRIVATE\0libm.so.6\0.go.buildinfo\0"


def at(text: str) -> int:
    return TABLE.index(b"\0" + text.encode() + b"\0") + 1


class Maker:
    """Puts a file together."""

    def __init__(self, bits: int, order: str, kind: int = 3, machine: int = 62) -> None:
        self.bits, self.order = bits, order
        self.kind, self.machine = kind, machine
        self.segments: t.List[t.Tuple[int, int, int]] = [(1, 0, LOADED)]
        """kind, offset, size"""
        self.sections: t.Tuple[int, int, int] = (0, 0, 0)
        """offset, count, index of the names"""
        self.parts: t.Dict[int, bytes] = {STRINGS: TABLE}

    def pack(self, layout: str, *numbers: int) -> bytes:
        return struct.pack(self.order + layout, *numbers)

    def part(self, kind: int, offset: int, content: bytes) -> None:
        self.segments.append((kind, offset, len(content)))
        self.parts[offset] = content

    def dynamic(self, *entries: t.Tuple[int, int]) -> None:
        layout = "qQ" if self.bits == 64 else "iI"
        self.part(2, DYNAMIC, b"".join(self.pack(layout, *entry) for entry in (*entries, (0, 0), (1, 9999))))

    def note(self, name: bytes, kind: int, before: bytes = b"") -> None:
        self.part(4, NOTE, before + self.pack("III", len(name), 5, kind) + name + b"\0" * (-len(name) % 4) + b"x" * 8)

    def file(self) -> io.BytesIO:
        wide = self.bits == 64
        start = 64 if wide else 52
        entry = 56 if wide else 32
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        shoff, shnum, shstrndx = self.sections
        header = self.pack(
            "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH",
            self.kind, self.machine, 1, 0, start, shoff, 0, start, entry, len(self.segments),
            64 if wide else 40, shnum, shstrndx,
        )  # fmt: skip
        table = b""
        for kind, offset, size in self.segments:
            address = BASE + offset
            if wide:
                table += self.pack("IIQQQQQQ", kind, 4, offset, address, 1, size, size + 77, 8)
            else:
                table += self.pack("IIIIIIII", kind, offset, address, 1, size, size + 77, 4, 8)
        whole = bytearray(LOADED)
        for offset, content in {0: ident + header, start: table, **self.parts}.items():
            whole[offset : offset + len(content)] = content
        return io.BytesIO(bytes(whole))


@pytest.fixture(name="maker", params=KINDS, ids=[f"{bits} bit {order}" for bits, order in KINDS])
def maker_fixture(request: pytest.FixtureRequest) -> Maker:
    return Maker(*request.param)


def test_a_file_of_nothing(maker: Maker) -> None:
    elf = parse_elf(maker.file())
    assert (elf.bits, elf.big_endian, elf.machine) == (maker.bits, maker.order == ">", "x86_64")
    assert elf.abi == (elf.bits, elf.machine, elf.big_endian)
    assert (elf.executable, elf.dynamic, elf.go, elf.loaded_bytes) == (True, False, False, LOADED)
    assert (elf.interpreter, elf.soname, elf.needed, elf.versions) == (None, None, (), {})


@pytest.mark.parametrize(("kind", "executable"), [(1, False), (2, True), (3, True), (4, False)])
def test_what_can_be_run(maker: Maker, kind: int, executable: bool) -> None:
    maker.kind = kind
    assert parse_elf(maker.file()).executable is executable


def test_a_machine_without_a_name_is_a_number(maker: Maker) -> None:
    maker.machine = 0xABCD
    assert parse_elf(maker.file()).machine == "machine 43981"


def test_the_loader_that_it_names(maker: Maker) -> None:
    maker.part(3, INTERPRETER, b"/lib/ld-\xff.so\0\0")
    assert parse_elf(maker.file()).interpreter == "/lib/ld-\udcff.so"


@pytest.mark.parametrize("kind", [2, 3])
def test_what_would_be_too_long_is_not_read(maker: Maker, kind: int) -> None:
    what = {2: "the dynamic section", 3: "the interpreter's name"}[kind]
    maker.segments.append((kind, 0, (1 << 20) + 1))
    with pytest.raises(ElfError, match=f"^{what} would be 1048577 bytes long$"):
        parse_elf(maker.file())
    maker.segments[-1] = (kind, 0, 1 << 20)
    with pytest.raises(ElfError, match=f"^cut off: {what} should be at bytes 0 to 1048576$"):
        parse_elf(maker.file())


def test_the_libraries_that_it_needs_in_their_order(maker: Maker) -> None:
    maker.dynamic((1, at("libx.so")), (5, BASE + STRINGS), (10, len(TABLE)), (1, at("libc.so.6")))
    elf = parse_elf(maker.file())
    assert (elf.dynamic, elf.needed, elf.soname, elf.versions) == (True, ("libx.so", "libc.so.6"), None, {})


def test_its_own_name(maker: Maker) -> None:
    maker.dynamic((14, at("libx.so")), (5, BASE + STRINGS), (10, len(TABLE)))
    assert parse_elf(maker.file()).soname == "libx.so"


def test_without_a_table_of_strings_nothing_is_named(maker: Maker) -> None:
    maker.dynamic((1, at("libx.so")))
    elf = parse_elf(maker.file())
    assert (elf.dynamic, elf.needed, elf.soname) == (True, (), None)


def test_a_name_outside_of_the_table_is_damage(maker: Maker) -> None:
    maker.dynamic((1, len(TABLE)), (5, BASE + STRINGS), (10, len(TABLE)))
    with pytest.raises(ElfError, match=f"string {len(TABLE)} lies outside"):
        parse_elf(maker.file())


@pytest.mark.parametrize(("address", "inside"), [(0, True), (LOADED - 1, True), (-1, False), (LOADED, False)])
def test_an_address_must_be_in_what_is_loaded(maker: Maker, address: int, inside: bool) -> None:
    maker.dynamic((5, BASE + address), (10, len(TABLE)))
    if inside:
        assert parse_elf(maker.file()).needed == ()
    else:
        with pytest.raises(ElfError, match=f"address {BASE + address:#x} lies in no segment"):
            parse_elf(maker.file())


def test_an_address_is_found_in_its_segment(maker: Maker) -> None:
    """Not every segment begins in memory where it does in the file."""
    maker.segments.insert(0, (1, 0x100, 0x10))
    maker.dynamic((1, at("libx.so")), (5, BASE + STRINGS), (10, len(TABLE)))
    assert parse_elf(maker.file()).needed == ("libx.so",)


def test_the_versions_that_it_asks_for(maker: Maker) -> None:
    maker.dynamic((5, BASE + STRINGS), (10, len(TABLE)), (0x6FFFFFFE, BASE + VERSIONS), (0x6FFFFFFF, 2))
    maker.parts[VERSIONS] = (
        maker.pack("HHIII", 1, 2, at("libc.so.6"), 16, 48)
        + maker.pack("IHHII", 1, 2, 3, at("GLIBC_2.17"), 16)
        + maker.pack("IHHII", 1, 2, 3, at("GLIBC_2.34"), 0)
        + maker.pack("HHIII", 1, 1, at("libm.so.6"), 16, 0)
        + maker.pack("IHHII", 1, 2, 3, at("GLIBC_PRIVATE"), 0)
    )
    elf = parse_elf(maker.file())
    assert elf.versions == {"libc.so.6": ("GLIBC_2.17", "GLIBC_2.34"), "libm.so.6": ("GLIBC_PRIVATE",)}
    assert newest_glibc(elf) == (2, 34)
    maker.segments.pop()
    maker.dynamic((5, BASE + STRINGS), (10, len(TABLE)), (0x6FFFFFFE, BASE + VERSIONS), (0x6FFFFFFF, 1))
    assert list(parse_elf(maker.file()).versions) == ["libc.so.6"], "as many as it says"


@pytest.mark.parametrize(
    ("name", "kind", "go"), [(b"Go\0\0", 4, True), (b"Go\0\0", 3, False), (b"GNU\0", 4, False), (b"Go\0", 4, False)]
)
@pytest.mark.parametrize("before", [b"", b"another"])
def test_a_note_of_go(maker: Maker, name: bytes, kind: int, go: bool, before: bytes) -> None:
    other = maker.pack("III", 3, 6, 4) + b"GNU\0" + b"123456\0\0" if before else b""
    maker.note(name, kind, other)
    assert parse_elf(maker.file()).go is go


@pytest.mark.parametrize(("name", "go"), [(".go.buildinfo", True), ("libx.so", False)])
def test_a_section_of_go(maker: Maker, name: str, go: bool) -> None:
    layout, rest = ("IIQQQQ", 24) if maker.bits == 64 else ("IIIIII", 16)
    names = maker.pack(layout, 0, 3, 0, 0, STRINGS, len(TABLE)) + bytes(rest)
    section = maker.pack(layout, at(name), 1, 0, 0, 1, 1) + bytes(rest)
    maker.sections = (SECTIONS, 2, 0)
    maker.parts[SECTIONS] = names + section
    assert parse_elf(maker.file()).go is go
    maker.sections = (SECTIONS, 2, 2)
    assert not parse_elf(maker.file()).go, "the names are said to be behind the end"
    maker.sections = (0, 2, 0)
    assert not parse_elf(maker.file()).go, "there is no table"


@pytest.mark.parametrize(
    ("ident", "words"),
    [
        (b"\x7fELG\2\1", "not an ELF file"),
        (b"\x7fELF\0\1", "neither a 32 nor a 64 bit"),
        (b"\x7fELF\3\1", "neither a 32 nor a 64 bit"),
        (b"\x7fELF\2\0", "neither a 32 nor a 64 bit"),
        (b"\x7fELF\2\3", "neither a 32 nor a 64 bit"),
        (b"\x7fELF\2\0\1", "neither a 32 nor a 64 bit"),
        (b"\x7fELF", "cut off: the identification should be at bytes 0 to 16"),
    ],
)
def test_what_is_none(ident: bytes, words: str) -> None:
    rest = bytes(100) if len(ident) > 4 else b""
    with pytest.raises(ElfError, match=words):
        parse_elf(io.BytesIO(ident + rest))


@pytest.mark.parametrize(
    ("text", "release"), [("2.34", (2, 34)), ("2.2.5", (2, 2, 5)), ("PRIVATE", ()), ("2", (2,)), ("2.x", ()), ("", ())]
)
def test_a_release(text: str, release: t.Tuple[int, ...]) -> None:
    assert release_of(text) == release
