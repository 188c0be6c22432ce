# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is peculiar to the reader that has only Python; what both readers promise is in test_readers.py."""

from __future__ import annotations

import os
import socket
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import defaults, portable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import SocketValues
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

NUMBERS = {name: option.sockopt for name, option in OPTIONS.items()}


def read_one(pid: int, descriptor: int) -> SocketValues:
    ((_number, values),) = portable.PortableReader().read(pid, [descriptor])
    assert values is not None
    return values


@pytest.mark.parametrize("python_has_it", [True, False])
def test_pidfd_open_without_pythons_help(monkeypatch: pytest.MonkeyPatch, python_has_it: bool) -> None:
    if not python_has_it:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with Child("s = socket.socket()") as child:
        assert read_one(child.pid, child.run("answer = s.fileno()")).state == 7


def test_machines_with_other_numbers_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_SYSCALL", [])
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], "mips64")))
    with Child("s = socket.socket()") as child, pytest.raises(Unreadable) as error:
        list(portable.PortableReader().read(child.pid, [child.run("answer = s.fileno()")]))
    assert "needs a Python with ctypes" in error.value.remedy


def test_the_window_clamps_floor_is_this_kernels() -> None:
    with socket.socket() as own:
        own.setsockopt(socket.IPPROTO_TCP, NUMBERS["window_clamp"], 1)
        assert own.getsockopt(socket.IPPROTO_TCP, NUMBERS["window_clamp"]) == defaults.window_clamp_floor()


class Duplicate:
    """What of a socket the kernel says how long its close() would wait, or does not."""

    def __init__(self, lingers: t.Union[bytes, OSError]) -> None:
        self._lingers = lingers
        self.done: t.List[str] = []

    def getsockopt(self, *_asked: int) -> bytes:
        if isinstance(self._lingers, OSError):
            raise self._lingers
        return self._lingers

    def detach(self) -> None:
        self.done.append("left")

    def close(self) -> None:
        self.done.append("closed")


@pytest.mark.parametrize(
    ("lingers", "left"),
    [
        (struct.pack("ii", 1, 30), True),
        (struct.pack("ii", 1, 0), False),  # a reset, at once
        (struct.pack("ii", 0, 30), False),
        (b"", False),
        (OSError(95, "Operation not supported"), False),
    ],
)
def test_only_a_socket_whose_close_may_wait_is_left_open(lingers: t.Union[bytes, OSError], left: bool) -> None:
    duplicate = Duplicate(lingers)
    assert portable.let_go(t.cast("socket.socket", duplicate)) is left
    assert duplicate.done == (["left"] if left else ["closed"])
