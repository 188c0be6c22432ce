# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a field is in the kernel's own structures, from the description that the kernel carries of itself (BTF).

Only what fields and functions need: names, structures and unions, and what is one within the other without a name.
"""

from __future__ import annotations

import bisect
import functools
import struct
import typing as t

from .system_call import BpfRefused

PATH = "/sys/kernel/btf/vmlinux"
_MAGIC = 0xEB9F
_STRUCT, _UNION, _FUNCTION = 4, 5, 12
_HIDING = (8, 9, 10, 11, 18)
"""Kinds that stand for another type: a name of it, const, volatile and the like."""
_HEADER = struct.Struct("=HBBIIIII")
_LENGTHS = {1: 1, 3: 3, 14: 1, 17: 1}
"""Words of 32 bits behind the three of a type, by its kind; for those below, for each member."""
_LENGTHS_OF_MEMBER = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}


class Description:
    """What a kernel tells of its types. Types are known by their number, names by where they stand."""

    def __init__(self, content: bytes) -> None:
        """Go through all types once.

        :raises BpfRefused: This is no such description.
        """
        try:
            magic, _version, _flags, header, types, length, strings, _strings_length = _HEADER.unpack_from(content)
            if magic != _MAGIC:
                raise ValueError("it is no description of types")
            self._words = memoryview(content)[header + types : header + types + length].cast("I")
            self._content = content
            self._types: int = header + types
            self._strings: int = header + strings
            self._places = self._walk()
            self._numbers: t.Dict[t.Tuple[str, int], int] = {}
        except (ValueError, TypeError, IndexError, struct.error) as error:
            raise BpfRefused(f"{PATH} cannot be read: {error}") from error

    def _walk(self) -> t.List[int]:
        """Return where each type is. There are hundreds of thousands, so nothing is called for each."""
        fixed = [3 + _LENGTHS.get(kind, 0) for kind in range(32)]
        of_member = [_LENGTHS_OF_MEMBER.get(kind, 0) for kind in range(32)]
        words, places = self._words, [0]
        place, end = 0, len(self._words)
        while place < end:
            places.append(place)
            info = words[place + 1]
            kind = info >> 24 & 31
            place += fixed[kind] + (info & 0xFFFF) * of_member[kind]
        return places

    def field(self, structure: str, path: str) -> int:
        """Return the offset in bytes of a structure's field, V(skc_flags), or of one within it, V(sk_cgrp_data.cgroup).

        :raises BpfRefused: There is none.
        """
        number, offset = self._number(structure, _STRUCT), 0
        for part in path.split("."):
            found = self._member(number, self._name(part)) if number else None
            if found is None:
                raise BpfRefused(f"{PATH} has no {structure}.{path}")
            offset, number = offset + found[0], self._plain(found[1])
        return offset

    def function(self, name: str) -> int:
        """Return the number of a function.

        :raises BpfRefused: There is none of this name.
        """
        number = self._number(name, _FUNCTION)
        if not number:
            raise BpfRefused(f"{PATH} has no function {name}")
        return number

    def _name(self, text: str) -> int:
        """Return the number by which a name is referred to; each stands there once. 0: it does not."""
        return self._content.find(b"\0" + text.encode() + b"\0", self._strings) + 1 - self._strings

    def _number(self, name: str, kind: int) -> int:
        """Return the number of a type; 0: there is none. It is kept, for it is asked for again and again."""
        known = self._numbers.get((name, kind))
        if known is None:
            known = self._numbers[name, kind] = self._find(self._name(name), kind)
        return known

    def _find(self, wanted: int, kind: int) -> int:
        """Look for the bytes of its name: where they are that of a type, this begins there."""
        if wanted <= 0:
            return 0
        sought, end = struct.pack("=I", wanted), self._types + 4 * len(self._words)
        at = self._content.find(sought, self._types, end)
        while at >= 0:
            place, odd = divmod(at - self._types, 4)
            number = bisect.bisect_left(self._places, place, 1)
            if not odd and self._place(number) == place and self._words[place + 1] >> 24 & 31 == kind:
                return number
            at = self._content.find(sought, at + 1, end)
        return 0

    def _plain(self, number: int) -> int:
        """Return the type that a type stands for."""
        for _step in range(16):
            place = self._place(number)
            if place is None or self._words[place + 1] >> 24 & 31 not in _HIDING:
                break
            number = self._words[place + 2]
        return number

    def _place(self, number: int) -> t.Optional[int]:
        return self._places[number] if 0 < number < len(self._places) else None

    def _member(self, number: int, name: int, depth: int = 8) -> t.Optional[t.Tuple[int, int]]:
        """Return where a member is in a structure, also within what has no name there, and its type."""
        place = self._place(number)
        if place is None or not depth or name <= 0:
            return None
        info = self._words[place + 1]
        if info >> 24 & 31 not in (_STRUCT, _UNION):
            return None
        for at in range(place + 3, min(place + 3 + 3 * (info & 0xFFFF), len(self._words) - 2), 3):
            found, of_type, bits = self._words[at], self._words[at + 1], self._words[at + 2]
            offset = (bits & 0xFFFFFF if info >> 31 else bits) // 8
            if found == name:
                return offset, of_type
            deeper = None if found else self._member(of_type, name, depth - 1)
            if deeper is not None:
                return offset + deeper[0], deeper[1]
        return None


def this_kernel(path: str = PATH) -> Description:
    """Return what this kernel tells of its types. It is read once, for it is the same until the next boot.

    :raises BpfRefused: It tells nothing.
    """
    return _described(path)


@functools.lru_cache(maxsize=1)
def _described(path: str) -> Description:
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise BpfRefused(f"{path}: {error.strerror}: the kernel was built without CONFIG_DEBUG_INFO_BTF") from error
    return Description(content)


def flags_offset(path: str = PATH) -> int:
    """Return where a socket of this kernel has its flags, SO_KEEPALIVE among them.

    :raises BpfRefused: The kernel does not say.
    """
    return this_kernel(path).field("sock_common", "skc_flags")
