# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a field is in the kernel's own structures, from the description that the kernel carries of itself (BTF).

Only what is needed for one field: names, structures and unions, and what is one within the other without a name.
"""

from __future__ import annotations

import struct
import typing as t

from .system_call import BpfRefused

PATH = "/sys/kernel/btf/vmlinux"
_MAGIC = 0xEB9F
_STRUCT, _UNION = 4, 5
_HEADER = struct.Struct("=HBBIIIII")
_TYPE = struct.Struct("=III")
_LENGTHS = {1: 4, 3: 12, 14: 4, 17: 4}
"""Bytes behind a type by its kind; for those below, for each member."""
_LENGTHS_OF_MEMBER = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}


class _Description:
    """The description, walked once."""

    def __init__(self, content: bytes) -> None:
        magic, _version, _flags, header, types, length, strings, _strings_length = _HEADER.unpack_from(content)
        if magic != _MAGIC:
            raise ValueError("no description of types")
        self.content = content
        self._strings: int = header + strings
        self.places = [0]
        place, end = header + types, header + types + length
        while place < end:
            self.places.append(place)
            _name, kind, _size = _TYPE.unpack_from(content, place)
            number, members = kind >> 24 & 31, kind & 0xFFFF
            place += _TYPE.size + _LENGTHS.get(number, 0) + members * _LENGTHS_OF_MEMBER.get(number, 0)

    def name(self, text: str) -> int:
        """Return the number by which a name is referred to; each stands there once."""
        return self.content.index(b"\0" + text.encode() + b"\0", self._strings) + 1 - self._strings

    def members(self, place: int) -> t.Iterator[t.Tuple[int, int, int]]:
        """Yield the name, the type and the offset in bytes of what a structure consists of."""
        _name, kind, _size = _TYPE.unpack_from(self.content, place)
        if kind >> 24 & 31 not in (_STRUCT, _UNION):
            return
        for at in range(kind & 0xFFFF):
            name, number, bits = _TYPE.unpack_from(self.content, place + _TYPE.size * (at + 1))
            yield name, number, (bits & 0xFFFFFF if kind >> 31 else bits) // 8

    def offset(self, place: int, name: int) -> t.Optional[int]:
        """Return where a member is in a structure, also within what has no name there."""
        for found, number, offset in self.members(place):
            if found == name:
                return offset
            deeper = self.offset(self.places[number], name) if not found and number < len(self.places) else None
            if deeper is not None:
                return offset + deeper
        return None


def field_offset(content: bytes, structure: str, field: str) -> int:
    """Return the offset in bytes of a structure's field.

    :raises BpfRefused: The description has none of it.
    """
    try:
        described = _Description(content)
        wanted, member = described.name(structure), described.name(field)
        for place in described.places[1:]:
            name, kind, _size = _TYPE.unpack_from(content, place)
            if name == wanted and kind >> 24 & 31 == _STRUCT:
                offset = described.offset(place, member)
                if offset is not None:
                    return offset
    except (ValueError, struct.error, IndexError) as error:
        raise BpfRefused(f"{PATH} cannot be read for {structure}.{field}: {error}") from error
    raise BpfRefused(f"{PATH} has no {structure}.{field}")


def flags_offset(path: str = PATH) -> int:
    """Return where a socket of this kernel has its flags, SO_KEEPALIVE among them.

    :raises BpfRefused: The kernel does not say.
    """
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise BpfRefused(f"{path}: {error.strerror}: the kernel was built without CONFIG_DEBUG_INFO_BTF") from error
    return field_offset(content, "sock_common", "skc_flags")
