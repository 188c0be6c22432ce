# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a field is in the kernel's structures: in a description made here, and in this kernel's own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.btf import PATH, Description, flags_offset
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import fuzz
from hypothesis import strategies as st

NAMES = ["", "int", "flags", "other", "sock", "wanted"]
INT, ARRAY, STRUCT, UNION, ENUM, FUNC, VAR, SECTION, TAG, ENUM64 = 1, 3, 4, 5, 6, 12, 14, 15, 17, 19


def name(text: str) -> int:
    return len("\0".join(NAMES[: NAMES.index(text)]) + "\0") if text else 0


def described(*types: t.Tuple[str, int, int, t.Sequence[int]], flag: bool = False) -> bytes:
    """A description of (name, kind, number of members, what follows as numbers of 32 bits) each."""
    body = b""
    for text, kind, members, rest in types:
        info = (flag and kind in (STRUCT, UNION)) << 31 | kind << 24 | members
        body += struct.pack(f"=III{len(rest)}I", name(text), info, 8, *rest)
    strings = "\0".join(NAMES).encode() + b"\0"
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings)) + body + strings


OF_EVERY_KIND = (
    ("int", INT, 0, [32]),  # 1
    ("", ARRAY, 0, [1, 1, 3]),  # 2
    ("other", ENUM, 2, [0, 1, 0, 2]),  # 3
    ("other", ENUM64, 1, [0, 1, 0]),  # 4
    ("other", VAR, 0, [1]),  # 5
    ("other", SECTION, 1, [5, 0, 4]),  # 6
    ("other", TAG, 0, [0]),  # 7
    ("other", FUNC, 0, []),  # 8
)


def field_offset(content: bytes, structure: str, field: str) -> int:
    return Description(content).field(structure, field)


def test_a_field_of_a_structure() -> None:
    content = described(*OF_EVERY_KIND, ("sock", STRUCT, 2, [name("other"), 1, 0, name("flags"), 1, 64]))
    assert field_offset(content, "sock", "flags") == 8


def test_a_field_of_a_union_without_a_name() -> None:
    """The one that is wanted is so in the kernel; the union may be described before or after."""
    union = ("", UNION, 2, [name("other"), 1, 0, name("flags"), 1, 0])
    first = described(*OF_EVERY_KIND, union, ("sock", STRUCT, 2, [name("other"), 1, 0, 0, 9, 128]))
    last = described(*OF_EVERY_KIND, ("sock", STRUCT, 2, [name("other"), 1, 0, 0, 10, 128]), union)
    assert field_offset(first, "sock", "flags") == field_offset(last, "sock", "flags") == 16


def test_offsets_beside_the_width_of_a_bit_field() -> None:
    content = described(("int", INT, 0, [32]), ("sock", STRUCT, 1, [name("flags"), 1, 3 << 24 | 192]), flag=True)
    assert field_offset(content, "sock", "flags") == 24


def test_what_looks_like_a_structure_and_is_none() -> None:
    """A member of the same name, of a type whose number could be a kind; and the same bytes, but not on their place."""
    member = ("wanted", STRUCT, 1, [name("sock"), STRUCT << 24, 0])
    shifted = ("", STRUCT, 0, [])
    structures = (("other", STRUCT, 1, [name("flags"), 1, 8]), ("sock", STRUCT, 1, [name("flags"), 1, 320]))
    content = described(("int", INT, 0, [32]), member, shifted, *structures)
    before = struct.pack("=III", 0, STRUCT << 24, 8)
    assert content.count(before) == 1
    for looked_at in (content, content.replace(before, struct.pack("=III", name("sock") << 8, STRUCT << 24, 8))):
        assert field_offset(looked_at, "sock", "flags") == 40


def test_a_structure_of_this_name_alone() -> None:
    """Not a function, nor another structure with such a field."""
    content = described(
        ("int", INT, 0, [32]),
        ("sock", FUNC, 0, []),
        ("other", STRUCT, 1, [name("flags"), 1, 8]),
        ("sock", STRUCT, 1, [name("flags"), 1, 320]),
    )
    assert field_offset(content, "sock", "flags") == 40


@pytest.mark.parametrize("structure, field", [("sock", "wanted"), ("wanted", "flags"), ("sock", "none")])
def test_what_is_not_there_is_refused(structure: str, field: str) -> None:
    content = described(("int", INT, 0, [32]), ("sock", STRUCT, 1, [name("flags"), 1, 8]))
    with pytest.raises(BpfRefused, match=rf"{structure}\.{field}"):
        field_offset(content, structure, field)


@fuzz(st.binary(max_size=60), st.integers(0, 300))
def test_whatever_stands_there_is_refused_or_a_number(noise: bytes, cut: int) -> None:
    whole = described(*OF_EVERY_KIND, ("sock", STRUCT, 1, [name("flags"), 1, 8]))
    for content in (noise, whole[: cut % len(whole)], whole[: cut % len(whole)] + noise):
        with contextlib.suppress(BpfRefused):
            assert field_offset(content, "sock", "flags") >= 0


def test_a_field_within_a_field() -> None:
    """Through names for types, and what they are marked with."""
    content = described(
        ("int", INT, 0, [32]),
        ("other", STRUCT, 2, [name("other"), 1, 0, name("flags"), 1, 96]),  # 2
        ("sock", STRUCT, 1, [name("wanted"), 6, 64]),
        ("", 10, 0, []),  # const, of what follows from its third word
        ("", 10, 0, []),
        ("", 8, 0, []),
    )
    words = bytearray(content)
    place = 24 + 4 * (4 + 9 + 6)
    for number, of_type in enumerate((2, 4, 5)):
        struct.pack_into("=I", words, place + 12 * number + 8, of_type)
    assert field_offset(bytes(words), "sock", "wanted.flags") == 20
    with pytest.raises(BpfRefused, match=r"has no sock\.wanted\.sock$"):
        field_offset(bytes(words), "sock", "wanted.sock")


def test_a_function_has_a_number() -> None:
    content = described(("int", INT, 0, [32]), ("sock", STRUCT, 0, []), ("sock", FUNC, 0, []))
    assert Description(content).function("sock") == 3
    with pytest.raises(BpfRefused, match=r"has no function flags$"):
        Description(content).function("flags")


def test_structures_that_hold_each_other_come_to_an_end() -> None:
    content = described(("", UNION, 1, [0, 1, 0]), ("sock", STRUCT, 2, [0, 2, 0, 0, 1, 0]))
    with pytest.raises(BpfRefused, match=r"has no sock\.flags$"):
        field_offset(content, "sock", "flags")


def test_this_kernels_own() -> None:
    """It stands behind addresses, ports, family and state, which have not moved for long."""
    if not os.path.exists(PATH):
        pytest.skip("this kernel does not describe itself")
    offset = flags_offset()
    assert 16 < offset < 256
    assert offset % struct.calcsize("L") == 0


def test_a_kernel_without_a_description(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BpfRefused) as refused:
        flags_offset(str(tmp_path / "none"))
    assert str(refused.value) == (
        f"{tmp_path}/none: No such file or directory: the kernel was built without CONFIG_DEBUG_INFO_BTF"
    )
