# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of unprivileged users that nobody can read: they hang in execve(2) or mmap(2), in a FUSE of their own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.audited import open_to_all
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

USER = 65534

MOUNT = """
import ctypes, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result != 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def mount(*what): must(libc.mount(*(part.encode() if isinstance(part, str) else part for part in what)))
def enter():
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)
    must(libc.unshare(0x10020000))
    for name, text in (('setgroups', 'deny'), ('uid_map', '0 65534 1'), ('gid_map', '0 65534 1')):
        with open('/proc/self/' + name, 'w') as file: file.write(text)
def attributes(node):
    return struct.pack('=6Q10I', node, 4096, 8, *[0] * 6, 0o40755 if node == 1 else 0o100777, 1, *[0] * 5)
def answer_to(operation, node):
    if operation == 26: return struct.pack('=IIIIHHIIHHI7I', 7, 31, 65536, 0, 12, 10, 65536, 1, *[0] * 10)
    if operation == 3: return struct.pack('=QII', 0, 0, 0) + attributes(node)
    if operation == 1: return struct.pack('=QQQQII', 2, 0, 100, 100, 0, 0) + attributes(2)
    if operation == 15: return bytes(4096)
    return struct.pack('=QII', 1, 0, 0) if operation == 14 else None
unanswered, hanging = threading.Semaphore(0), []
def serve():
    while True:
        asked = os.read(device, 1 << 17)
        _length, operation, number, node = struct.unpack_from('=IIQQ', asked)
        if operation in (16, 25): unanswered.release()  # WRITE, FLUSH: never answered
        elif operation not in (2, 36, 42):
            data = answer_to(operation, node)
            os.write(device, struct.pack('=IiQ', 16 + len(data or b''), 0 if data else -38, number) + (data or b''))
try:
    {enter}
    mount('none', '/', None, 0x44000, None)
    mount('t', '/mnt', 'tmpfs', 0, None)
    os.mkdir('/mnt/f')
    device = os.open({device!r}, os.O_RDWR)
    mount('x', '/mnt/f', 'fuse', 0, f'fd={{device}},rootmode=40000,user_id=0,group_id=0,allow_other')
    threading.Thread(target=serve, daemon=True).start()
    answer = ''
except OSError as error: answer = str(error)
"""

HANG = """
answer = []
for user in {users!r}:
    child = os.fork()
    if child == 0:
        os.close(device)  # or it would keep alive what it waits for, and could not be killed
        if user is not None: os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
        {way}
    unanswered.acquire()
    answer.append(child)
    hanging.append(child)
"""


EXECVE = "os.open('/mnt/f/x', os.O_RDONLY | os.O_CLOEXEC); os.execv('/bin/sleep', ['sleep', '600'])"
MMAP = """
        libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 4)
        start = libc.mmap(None, 4096, 3, 1, os.open('/mnt/f/x', os.O_RDWR), 0)
        ctypes.memset(start, 1, 4096)
        libc.mmap(start, 4096, 3, 0x32, -1, 0)  # over it, which writes to the file what has changed
"""


@contextlib.contextmanager
def file_system(folder: pathlib.Path, own: bool = True) -> t.Iterator[Child]:
    """A process with a FUSE at /mnt/f of its own mount namespace that never answers FLUSH and WRITE.

    :param own: it is an unprivileged user's, in his user namespace; else root's, and every user's to open.
    """
    if "fuse" not in pathlib.Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no FUSE")
    device = folder / "fuse"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(10, 229))
    device.chmod(0o666)
    open_to_all(folder)
    with Child() as child:
        enter = "enter()" if own else "must(libc.unshare(0x20000))"
        refused = child.run(MOUNT.format(enter=enter, device=str(device)))
        if refused:
            pytest.skip(f"no FUSE can be mounted here: {refused}")
        try:
            yield child
        finally:
            pids = child.run("answer = hanging")
            os.kill(child.pid, 9)  # which ends the file system, so that the kernel lets go of what hangs in it
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)


def hang(child: Child, users: t.Sequence[t.Optional[int]] = (None,), way: str = EXECVE) -> t.List[int]:
    """Have processes hang, each as a user; returns their PIDs.

    :param way: EXECVE or MMAP.
    """
    pids: t.List[int] = child.run(HANG.format(users=list(users), way=way))
    return pids
