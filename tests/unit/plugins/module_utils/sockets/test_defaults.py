# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The system's defaults: those of the socket's own network namespace, or none."""

from __future__ import annotations

import os
import pathlib
import socket
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import defaults as sockets_defaults
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import LINUX_DEFAULTS
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.sysctls import of_the_machine

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

OWN_SYSCTLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x40000000) == 0, os.strerror(ctypes.get_errno())
for name, value in (("keepalive_time", 1234), ("keepalive_probes", 4), ("keepalive_intvl", 33), ("syn_retries", 2)):
    open("/proc/sys/net/ipv4/tcp_" + name, "w").write(str(value))
answer = os.stat("/proc/self/ns/net").st_ino
"""


def test_in_ones_own_namespace_they_are_the_sysctls() -> None:
    own = os.stat("/proc/self/ns/net").st_ino
    defaults = sockets_defaults.Kernels().of(own, None).defaults
    assert defaults == {
        **LINUX_DEFAULTS,
        "keepidle": of_the_machine("keepalive_time"),
        "keepcnt": of_the_machine("keepalive_probes"),
        "keepintvl": of_the_machine("keepalive_intvl"),
        "syncnt": of_the_machine("syn_retries"),
    }
    assert set(defaults) == set(OPTIONS)


@needs_root
@pytest.mark.parametrize("python_has_setns", [True, False])
def test_another_namespace_has_its_own(monkeypatch: pytest.MonkeyPatch, python_has_setns: bool) -> None:
    if not python_has_setns:
        monkeypatch.delattr(os, "setns", raising=False)
    before = os.stat("/proc/self/ns/net").st_ino
    with Child() as child:
        namespace = child.run(OWN_SYSCTLS)
        assert namespace != before
        kernels = sockets_defaults.Kernels()
        found = kernels.of(namespace, child.pid).defaults
        assert found is not None
        assert [found[name] for name in ("keepidle", "keepcnt", "keepintvl", "syncnt")] == [1234, 4, 33, 2]
        # The reader stays where it is.
        assert os.stat("/proc/self/ns/net").st_ino == os.stat("/proc/thread-self/ns/net").st_ino == before
        own = kernels.of(before, None).defaults
        assert own is not None
        assert own["keepidle"] == of_the_machine("keepalive_time")


@needs_root
def test_a_namespace_that_cannot_be_entered_is_not_guessed() -> None:
    with Child() as child, Child() as other:
        namespace = child.run(OWN_SYSCTLS)
        assert sockets_defaults.Kernels().of(namespace, None).defaults is None
        # The number of the process belongs to another one by now.
        assert sockets_defaults.Kernels().of(namespace, other.pid).defaults is None
        assert sockets_defaults.Kernels().of(None, child.pid).defaults is None
    assert sockets_defaults.Kernels().of(namespace, child.pid).defaults is None


@needs_root
def test_who_may_not_enter_does_not_guess() -> None:
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with Child() as child, Child(env=paths) as reader:
        namespace = child.run(OWN_SYSCTLS)
        reader.run(
            "import ctypes\n"
            "from ansible_collections.netops.keepalive.plugins.module_utils.sockets.defaults import Kernels\n"
            "os.setresuid(65534, 65534, 65534)"
        )
        assert reader.run(f"answer = Kernels().of({namespace}, {child.pid}).defaults") is None


def test_the_window_clamps_floor_is_this_kernels() -> None:
    with socket.socket() as own:
        clamp = OPTIONS["window_clamp"].sockopt
        own.setsockopt(socket.IPPROTO_TCP, clamp, 1)
        assert own.getsockopt(socket.IPPROTO_TCP, clamp) == sockets_defaults.window_clamp_floor()


def test_a_namespace_is_asked_for_once_whatever_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Tuple[t.Optional[int], t.Optional[int]]] = []

    def ask(_kernels: sockets_defaults.Kernels, namespace: t.Optional[int], pid: t.Optional[int]) -> t.Any:
        asked.append((namespace, pid))
        return {"keepidle": 5} if pid else None

    monkeypatch.setattr(sockets_defaults.Kernels, "_ask", ask)
    kernels = sockets_defaults.Kernels()
    floor = sockets_defaults.window_clamp_floor()
    assert kernels.anywhere == (floor, None)
    for _time in range(2):
        assert kernels.of(1, 20) == (floor, {"keepidle": 5})
        assert kernels.of(None, None) == (floor, None)
    assert asked == [(1, 20), (None, None)]


def test_the_namespace_is_opened_where_the_processes_are_shown(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: t.List[int] = []
    monkeypatch.setattr(
        sockets_defaults, "enter_network_namespace", lambda number: entered.append(os.fstat(number).st_ino)
    )
    (tmp_path / "42" / "ns").mkdir(parents=True)
    namespace = tmp_path / "42" / "ns" / "net"
    namespace.touch()
    kernels = sockets_defaults.Kernels(Proc(str(tmp_path)))
    found = kernels.of(namespace.stat().st_ino, 42).defaults
    assert found == sockets_defaults.defaults_of_a_fresh_socket()
    assert entered == [namespace.stat().st_ino]
    assert kernels.of(namespace.stat().st_ino + 1, 42).defaults is None, "another has its number by now"
    assert len(entered) == 1


def test_a_python_that_can_enter_no_namespace_does_not_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "setns", raising=False)
    monkeypatch.setattr(sockets_defaults, "ctypes", None)
    with pytest.raises(OSError, match="the namespace cannot be entered"):
        sockets_defaults.enter_network_namespace(0)
    with open("/proc/self/ns/net", "rb") as stream:
        assert sockets_defaults._inside(stream.fileno()) is None
