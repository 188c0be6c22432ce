# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel makes of a TCP socket by itself: the value 0 of an option, 'the system's default', and limits.

Each namespace has sysctls of its own (net.ipv4.tcp_keepalive_time …), and /proc/sys/net shows only those of its reader.
So a fresh socket is asked, in a thread that enters the namespace: setns(2) moves the calling thread alone, and the
thread ends with that.
"""

from __future__ import annotations

import os
import socket
import threading
import typing as t

from ..linux.procfs import HOST, Proc
from ..linux.stuck import reads
from ..settings.options import OPTIONS
from .compare import Kernel

try:
    import ctypes
except ImportError:  # a Python built without libffi
    ctypes = None  # type: ignore[assignment]

_CLONE_NEWNET = 0x40000000

Defaults = t.Mapping[str, int]


class Kernels:
    """The host's kernel as it is in each network namespace, which is asked for once."""

    def __init__(self, proc: Proc = HOST) -> None:
        self.anywhere = Kernel(window_clamp_floor())
        """What is the same in every namespace; the defaults are not."""
        self._proc = proc
        self._known: t.Dict[t.Optional[int], Kernel] = {}

    def of(self, namespace: t.Optional[int], pid: t.Optional[int]) -> Kernel:
        """Return the kernel in a namespace; without defaults where they cannot be known.

        :param namespace: Its inode.
        :param pid: A process in it; None where there is none, and then it cannot be entered.
        """
        if namespace not in self._known:
            self._known[namespace] = self.anywhere._replace(defaults=self._ask(namespace, pid))
        return self._known[namespace]

    def _ask(self, namespace: t.Optional[int], pid: t.Optional[int]) -> t.Optional[Defaults]:
        try:
            if namespace == os.stat("/proc/self/ns/net").st_ino:
                return defaults_of_a_fresh_socket()
            if pid is None:
                return None
            with open_namespace(pid, self._proc.root) as stream:
                # The process may have gone, and another one have its number.
                return _inside(stream.fileno()) if os.fstat(stream.fileno()).st_ino == namespace else None
        except OSError:
            return None


@reads
def open_namespace(pid: int, root: str) -> t.BinaryIO:
    """Open the network namespace of a process."""
    return open(os.path.join(root, str(pid), "ns", "net"), "rb")


def window_clamp_floor() -> int:
    """Measure the lowest TCP_WINDOW_CLAMP of this host: half of its smallest receive buffer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        return own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def defaults_of_a_fresh_socket() -> Defaults:
    """Return the options of a socket on which nobody has set any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
        return {name: own.getsockopt(socket.IPPROTO_TCP, option.sockopt) for name, option in OPTIONS.items()}


def _inside(namespace: int) -> t.Optional[Defaults]:
    answers: t.List[Defaults] = []

    def ask() -> None:
        try:
            enter_network_namespace(namespace)
            answers.append(defaults_of_a_fresh_socket())
        except OSError:  # needs CAP_SYS_ADMIN
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return next(iter(answers), None)


def enter_network_namespace(namespace: int) -> None:
    """Have the calling thread go on in another network namespace, which is a descriptor.

    :raises OSError: It may not.
    """
    if hasattr(os, "setns"):  # Python 3.12
        os.setns(namespace, _CLONE_NEWNET)
    elif ctypes is None or ctypes.CDLL(None).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError("the namespace cannot be entered")
