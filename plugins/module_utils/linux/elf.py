# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ELF file says about itself, read with the standard library alone.

Only headers, notes and the dynamic section are read, wherever they are in the file, so a program of 200 MB costs as
little as one of 20 kB. Everything is found through the program headers, as the loader does; section headers, which a
file may have lost, only help to recognise Go.
"""

from __future__ import annotations

import struct
import typing as t

from .below_root import Found

MAGIC = b"\x7fELF"

_ET_EXEC, _ET_DYN = 2, 3
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_NOTE = 1, 2, 3, 4
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_VERNEED, _DT_VERNEEDNUM = 1, 5, 10, 14, 0x6FFFFFFE, 0x6FFFFFFF
_NT_GO_BUILD_ID = 4
_LIMIT = 1 << 20
"""Bytes; no table this module reads is larger in any real program, and a damaged size must not fill the memory."""
_BUDGET = 16 << 20
"""Bytes that are looked at of one file, each look counted as 64 at least: anybody may have made it, and it may name one
table sixty thousand times."""
_LEAST = 64
_LONGEST, _CHUNK = 4096, 256
"""Bytes of a name in a table of strings, and how many are read at once: Node.js has a table of 5 MB."""
_MOST_NAMES = 4096
"""Libraries, or symbol versions, of one file."""
_PROGRAM_HEADERS = 1 << 16
"""Bytes; as the kernel, which executes no program that has more."""

MACHINES = {
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390",
    40: "arm",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}


class ElfError(ValueError):
    """The file is not ELF, or is cut off or damaged; the text says where."""


class Elf(t.NamedTuple):
    """The facts of one ELF file."""

    bits: int
    """32 or 64."""
    machine: str
    """A key of uname's kind (V(x86_64), V(aarch64)), or V(machine N) for one that is not in the table."""
    big_endian: bool
    executable: bool
    """True for programs and shared objects, False for relocatable objects and core files."""
    interpreter: t.Optional[str]
    """The program loader the file asks for (PT_INTERP), None where it asks for none."""
    dynamic: bool
    """Whether it has a dynamic section; a static-pie program has one too, but no interpreter."""
    soname: t.Optional[str]
    needed: t.Tuple[str, ...]
    """Libraries named by DT_NEEDED, in their order."""
    versions: t.Dict[str, t.Tuple[str, ...]]
    """Required symbol versions by library, e.g. {"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.34")}."""
    go: bool
    """Whether the Go toolchain linked it."""
    loaded_bytes: int = 0
    """Where in the file its last loaded segment ends: a shorter file was cut off."""

    @property
    def abi(self) -> t.Tuple[int, str, bool]:
        """What must be equal for a library to be loaded into a program."""
        return (self.bits, self.machine, self.big_endian)


class _Segment(t.NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


class _Reader:
    """Bounded, checked access to one open file."""

    def __init__(self, stream: t.BinaryIO) -> None:
        self._stream = stream
        self._left = _BUDGET
        identification = self.bytes_at(0, 16, "the identification")
        if identification[:4] != MAGIC:
            raise ElfError("not an ELF file")
        if identification[4] not in (1, 2) or identification[5] not in (1, 2):
            raise ElfError("neither a 32 nor a 64 bit ELF file")
        self.bits = 32 * identification[4]
        self.big_endian = identification[5] == 2
        self._order = ">" if self.big_endian else "<"

    def bytes_at(self, offset: int, size: int, what: str) -> bytes:
        if size > _LIMIT:
            raise ElfError(f"{what} would be {size} bytes long")
        self._spend(size)
        try:
            self._stream.seek(offset)
            data = self._stream.read(size)
        except (OverflowError, ValueError) as error:
            raise ElfError(f"{what} is at an impossible offset ({offset})") from error
        if len(data) != size:
            raise ElfError(f"cut off: {what} should be at bytes {offset} to {offset + size}")
        return data

    def _spend(self, size: int) -> None:
        self._left -= max(size, _LEAST)
        if self._left < 0:
            raise ElfError("its tables have more entries than those of any program")

    def numbers(self, layout: str, data: bytes, offset: int = 0) -> t.Tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + layout, data, offset)
        except struct.error as error:
            raise ElfError(f"cut off inside a table ({error})") from error


class _Strings(t.NamedTuple):
    """A table of strings in the file, of which the few that count are read."""

    reader: _Reader
    start: int
    size: int

    def at(self, offset: int) -> str:
        text = b""
        while b"\0" not in text:
            begin = offset + len(text)
            if begin >= self.size or len(text) >= _LONGEST:
                raise ElfError(f"string {offset} lies outside the table of dynamic strings, or has no end")
            text += self.reader.bytes_at(self.start + begin, min(_CHUNK, self.size - begin), "a dynamic string")
        return _text(text.partition(b"\0")[0])


def read_elf(path: str) -> Elf:
    """Read the facts of the file at I(path), of this host's own; for what users may choose see linux/below_root.py.

    :raises ElfError: the file is not ELF, or damaged.
    :raises OSError: the file cannot be opened or read.
    """
    with open(path, "rb") as stream:
        return parse_elf(stream)


def parse_elf(stream: t.BinaryIO) -> Elf:
    """Read the facts of an open file; raises like read_elf."""
    return _parse(_Reader(stream))


def elf_in(found: Found) -> Elf:
    """Read the facts of a file that was found, and let go of it; raises like read_elf."""
    with found, found.open() as stream:
        return parse_elf(stream)


def _parse(reader: _Reader) -> Elf:
    wide = reader.bits == 64
    header = reader.bytes_at(16, 48 if wide else 36, "the header")
    kind, machine = reader.numbers("HH", header)
    layout = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    phoff, shoff, _flags, _size, phentsize, phnum, shentsize, shnum, shstrndx = reader.numbers(layout, header)[4:]

    if phnum * phentsize > _PROGRAM_HEADERS:
        raise ElfError(f"{phnum} program headers of {phentsize} bytes are more than the kernel takes")
    segments = [
        _segment(reader, reader.bytes_at(phoff + index * phentsize, phentsize, f"program header {index}"))
        for index in range(phnum)
    ]
    interpreter = None
    for segment in segments:
        if segment.kind == _PT_INTERP:
            data = reader.bytes_at(segment.offset, segment.size, "the interpreter's name")
            interpreter = _text(data.rstrip(b"\0"))
    dynamic = [segment for segment in segments if segment.kind == _PT_DYNAMIC]
    soname: t.Optional[str] = None
    needed: t.Tuple[str, ...] = ()
    versions: t.Dict[str, t.Tuple[str, ...]] = {}
    if dynamic:
        soname, needed, versions = _dynamic(reader, dynamic[0], segments)
    go = any(_has_go_note(reader, segment) for segment in segments if segment.kind == _PT_NOTE)
    return Elf(
        bits=reader.bits,
        machine=MACHINES.get(machine, f"machine {machine}"),
        big_endian=reader.big_endian,
        executable=kind in (_ET_EXEC, _ET_DYN),
        interpreter=interpreter,
        dynamic=bool(dynamic),
        soname=soname,
        needed=needed,
        versions=versions,
        # "ld -buildid=" leaves no note, but the section that "go version" reads.
        go=go or _has_go_section(reader, shoff, shentsize, shnum, shstrndx),
        loaded_bytes=max((part.offset + part.size for part in segments if part.kind == _PT_LOAD), default=0),
    )


def _segment(reader: _Reader, entry: bytes) -> _Segment:
    if reader.bits == 64:
        kind, _flags, offset, address, _physical, size = reader.numbers("IIQQQQ", entry)
    else:
        kind, offset, address, _physical, size = reader.numbers("IIIII", entry)
    return _Segment(kind, offset, address, size)


def _dynamic(
    reader: _Reader, segment: _Segment, segments: t.Sequence[_Segment]
) -> t.Tuple[t.Optional[str], t.Tuple[str, ...], t.Dict[str, t.Tuple[str, ...]]]:
    data = reader.bytes_at(segment.offset, segment.size, "the dynamic section")
    layout, step = ("qQ", 16) if reader.bits == 64 else ("iI", 8)
    entries: t.List[t.Tuple[int, int]] = []
    for offset in range(0, len(data) - step + 1, step):
        tag, value = reader.numbers(layout, data, offset)
        if tag == 0:
            break
        entries.append((tag, value))
    single = dict(entries)
    if _DT_STRTAB not in single:
        return None, (), {}
    strings = _Strings(reader, _file_offset(single[_DT_STRTAB], segments), single.get(_DT_STRSZ, 0))
    names = [value for tag, value in entries if tag == _DT_NEEDED]
    if len(names) > _MOST_NAMES:
        raise ElfError(f"it needs {len(names)} libraries")
    needed = tuple(map(strings.at, names))
    soname = strings.at(single[_DT_SONAME]) if _DT_SONAME in single else None
    versions: t.Dict[str, t.Tuple[str, ...]] = {}
    if _DT_VERNEED in single:
        start = _file_offset(single[_DT_VERNEED], segments)
        versions = _versions(reader, start, single.get(_DT_VERNEEDNUM, 0), strings)
    return soname, needed, versions


def _versions(reader: _Reader, start: int, count: int, strings: _Strings) -> t.Dict[str, t.Tuple[str, ...]]:
    """Walk Elf_Verneed and its Elf_Vernaux lists; both have the same layout in 32 and 64 bit."""
    versions: t.Dict[str, t.Tuple[str, ...]] = {}
    left = _MOST_NAMES
    for _index in range(min(count, _MOST_NAMES)):
        entry = reader.bytes_at(start, 16, "a required version's library")
        _version, names, library, first, following = reader.numbers("HHIII", entry)
        wanted: t.List[str] = []
        place = start + first
        left -= names
        if left < 0:
            raise ElfError(f"it asks for more than {_MOST_NAMES} versions")
        for _name in range(names):
            auxiliary = reader.bytes_at(place, 16, "a required version")
            _hash, _flags, _other, name, step = reader.numbers("IHHII", auxiliary)
            wanted.append(strings.at(name))
            place += step
        versions[strings.at(library)] = tuple(wanted)
        if not following:
            break
        start += following
    return versions


def _file_offset(address: int, segments: t.Sequence[_Segment]) -> int:
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise ElfError(f"address {address:#x} lies in no segment of the file")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _has_go_note(reader: _Reader, segment: _Segment) -> bool:
    data = reader.bytes_at(segment.offset, min(segment.size, _LIMIT), "a note")
    offset = 0
    while offset + 12 <= len(data):
        name_size, size, kind = reader.numbers("III", data, offset)
        if kind == _NT_GO_BUILD_ID and data[offset + 12 : offset + 12 + name_size] == b"Go\0\0":
            return True
        offset += 12 + (name_size + 3 & ~3) + (size + 3 & ~3)
    return False


def _has_go_section(reader: _Reader, start: int, size: int, count: int, names: int) -> bool:
    """Look for .go.buildinfo; a file without section headers, or with damaged ones, still runs and is no error."""
    layout = "IIQQQQ" if reader.bits == 64 else "IIIIII"
    try:
        if not start or names >= count:
            return False
        table = reader.bytes_at(start, size * count, "the section headers")
        headers = [reader.numbers(layout, table, index * size) for index in range(count)]
        offset, length = headers[names][4:6]
        strings = _Strings(reader, offset, length)
        return any(strings.at(header[0]) == ".go.buildinfo" for header in headers)
    except ElfError:
        return False
