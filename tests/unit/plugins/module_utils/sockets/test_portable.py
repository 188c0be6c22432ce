# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is peculiar to the reader that has only Python; what both readers promise is in test_readers.py."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable
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
