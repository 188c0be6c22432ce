# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both readers and setters look at 512 sockets at a time, however many are asked for: their memory stays bounded."""

from __future__ import annotations

import array
import struct
import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access

NUMBERS = list(range(10, 1036))


def seeing(access: Access) -> t.Tuple[t.Any, t.Any, t.List[t.Tuple[int, t.Any, t.Any]]]:
    """Return the reader and the setter, whose work is not done but noted: process, descriptors, thread."""
    calls: t.List[t.Tuple[int, t.Any, t.Any]] = []
    settings: t.List[bytes] = []

    def call(_work: t.Any, pid: int, what: t.Any, *rest: t.Any) -> t.Any:
        native = isinstance(what, bytes)
        calls.append((pid, what, rest[-1]))
        settings.extend(rest[:-1])
        return ((0, b"") if len(rest) == 1 else (0, b"", b"")) if native else []

    apart: t.Any = types.SimpleNamespace(call=call)
    reader, setter = t.cast("t.Any", access.reader), t.cast("t.Any", access.setter)
    reader._apart = setter._apart = apart
    setter.settings = settings
    return reader, setter, calls


@pytest.mark.parametrize(("given", "thread"), [((), None), ((21,), 21)])
def test_descriptors_are_read_in_batches(one_by_one: Access, given: t.Tuple[int, ...], thread: t.Optional[int]) -> None:
    reader, _setter, calls = seeing(one_by_one)
    assert list(reader.read(20, iter(NUMBERS), *given)) == []
    asked = [list(array.array("i", what)) if isinstance(what, bytes) else what for _pid, what, _thread in calls]
    assert asked == [NUMBERS[:512], NUMBERS[512:1024], NUMBERS[1024:]]
    assert {(pid, of) for pid, _what, of in calls} == {(20, thread)}
    del calls[:]
    assert list(reader.read(20, [])) == []
    assert calls == []


@pytest.mark.parametrize(("given", "thread"), [((), None), ((21,), 21)])
def test_settings_are_made_in_batches(one_by_one: Access, given: t.Tuple[int, ...], thread: t.Optional[int]) -> None:
    _reader, setter, calls = seeing(one_by_one)
    plan = {number: (number + 7, [(6, 4, number)]) for number in NUMBERS}
    assert list(setter.apply(20, plan, *given)) == []
    sizes = [len(what) // 24 if isinstance(what, bytes) else len(what) for _pid, what, _thread in calls]
    assert sizes == [512, 512, 2]
    assert {(pid, of) for pid, _what, of in calls} == {(20, thread)}
    if one_by_one.name == "native":
        packed = [struct.pack("=QiiII", number + 7, number, 0, 1, 0) for number in NUMBERS[1024:]]
        assert calls[2][1] == b"".join(packed), "what the library fills in is zero"
        assert setter.settings[2] == b"".join(struct.pack("=6i", 6, 4, number, 0, 0, 0) for number in NUMBERS[1024:])
    else:
        assert calls[2][1] == [(number, number + 7, [(6, 4, number)]) for number in NUMBERS[1024:]]
