# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process whose socket makes everybody wait who asks for it: it sends from memory whose content it withholds.

A user has FUSE for that; here it is userfaultfd(2), which needs no file system, but root. While the kernel waits for
the page it keeps the lock of the socket.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

_NR_USERFAULTFD = {"x86_64": 323, "aarch64": 282, "riscv64": 282}.get(os.uname().machine)
_API, _REGISTER = 0xC018AA3F, 0xC020AA00

_WITHHOLD = f"""
import ctypes, mmap, threading
libc = ctypes.CDLL(None, use_errno=True)
fault = libc.syscall({_NR_USERFAULTFD}, os.O_CLOEXEC)
answer = fault >= 0
if answer:
    fcntl.ioctl(fault, {_API}, struct.pack("=QQQ", 0xAA, 0, 0))
    memory = mmap.mmap(-1, 4096)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(fault, {_REGISTER}, struct.pack("=QQQQ", start, 4096, 1, 0))
"""
_ALONE = """
import ctypes
assert ctypes.CDLL(None).unshare(0x40000000) == 0
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:  # ip link set lo up
    fcntl.ioctl(one, 0x8914, struct.pack("16sh22x", b"lo", 1))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
server.bind(("127.0.0.1", 0))
server.listen()
s = socket.create_connection(server.getsockname())
peer = server.accept()[0]
"""
"""A network namespace of its own: whoever goes through all sockets of one waits for this one, too."""

_SEND = """
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 36000))
s.setblocking(False)
s.send(b"x" * (1 << 20))
s.setblocking(True)
number = s.fileno()
thread = threading.Thread(target=lambda: libc.send(number, ctypes.c_void_p(start), 4096, 0), daemon=True)
thread.start()
answer = [number, thread.native_id, os.fstat(number).st_ino]
"""


class Withholding:
    """A process with one connection, of which a megabyte is unsent, its lock kept, and whose close() would linger."""

    def __init__(self) -> None:
        self.process = Child(_ALONE)
        self.pid = self.process.pid
        if not self.process.run(_WITHHOLD):
            pytest.skip("userfaultfd(2) is not to be had here")
        self.descriptor, thread, self.inode = self.process.run(_SEND)
        wait_until(lambda: "userfault" in wchan(f"{self.pid}/task/{thread}"))

    def close(self) -> None:
        """Have the descriptor closed, of which the call that goes on is now the only user but for duplicates."""
        self.process.run(f"os.close({self.descriptor})")

    def kill(self) -> None:
        """End the process, and the wait for its memory."""
        os.kill(self.pid, 9)
        self.process.__exit__()


def wchan(place: str) -> str:
    """Return where in the kernel a thread waits."""
    return pathlib.Path(f"/proc/{place}/wchan").read_text(encoding="ascii")


def wait_until(condition: t.Callable[[], bool]) -> None:
    """Wait for an event that has no better sign; the test's own limit ends it."""
    while not condition():
        os.sched_yield()
