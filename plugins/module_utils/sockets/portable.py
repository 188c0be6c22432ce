# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and set the TCP sockets of another process with the standard library alone.

pidfd_getfd(2) makes a duplicate that shares the socket, so getsockopt on it tells the truth about the original, and
what is set on it is set on the original. Descriptors are reused, so what a number stands for now is compared with what
was planned before anything is touched.

The duplicate lives for microseconds: as long as it is open, the owner's close() sends no FIN. All of this is done by a
process of our own that can be given up, see linux/apart.py. The reader may not change the socket: it sets no option,
and O_NONBLOCK, which duplicates share, is never touched.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import socket
import struct
import typing as t

from ..linux import threads
from ..linux.apart import Apart
from ..linux.procfs import HOST, Proc
from ..linux.procnet import Address
from ..settings.options import OPTIONS
from .values import (
    BATCH,
    PROTOCOLS,
    Applied,
    OneByOne,
    SettingPlan,
    SocketOption,
    SocketValues,
    raise_unless_gone,
    raise_without_threads,
)

_NR_PIDFD_OPEN = 434
_NR_PIDFD_GETFD = 438
_OTHER_NUMBERS = ("alpha", "mips")
"""Machines on which those numbers are others."""
_NR_KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272}
_KCMP_FILES = 2
_PIDFD_THREAD = os.O_EXCL
"""Since Linux 6.9."""

_SO_NETNS_COOKIE = 71
_LINGER = struct.Struct("=ii")
_SIOCGSKNS = 0x894C
_TCP_INFO = 11
_TCP_INFO_SIZE = 60
"""As much of struct tcp_info as every kernel with pidfd_getfd has, up to tcpi_last_ack_recv."""
_LAST_DATA_SENT = 44
_LAST_DATA = struct.Struct("=I4xI")
"""tcpi_last_data_sent and, behind tcpi_last_ack_recv, tcpi_last_data_recv."""
_ESTABLISHED, _SYN_SENT, _CLOSE, _LISTEN = 1, 2, 7, 10

_FAMILIES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
_SOCKOPTS = tuple((option.name, option.sockopt) for option in OPTIONS.values())


class PortableReader(OneByOne):
    """Reads sockets process by process; what it learned about namespaces serves the next process."""

    def __init__(self) -> None:
        self._namespaces: t.Dict[bytes, t.Optional[int]] = {}
        self._apart = Apart()

    def tables(self, pid: int, proc: Proc = HOST) -> t.List[int]:
        """Return a thread for each table of descriptors of a process: nearly always only the process itself."""
        return threads.with_tables(pid, _compare_tables, proc.root)

    def descriptors(self, pid: int, proc: Proc = HOST, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        """Return descriptor → inode of the sockets that a process holds; PermissionError where they are not shown.

        :param thread: one of tables, whose descriptors are wanted instead of those of the process.
        """
        return proc.socket_descriptors(pid, thread)

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, or with None where it is not TCP. What vanished is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        rest = iter(descriptors)
        for batch in iter(lambda: list(itertools.islice(rest, BATCH)), []):
            for descriptor, values in self._apart.call(self._read_some, pid, batch, thread):
                yield descriptor, None if values is None else SocketValues(*values)

    def _read_some(
        self, pid: int, descriptors: t.Sequence[int], thread: t.Optional[int]
    ) -> t.Tuple[t.List[t.Any], bool]:
        """Return what read() yields, and whether duplicates are left that must not be closed."""
        found: t.List[t.Any] = []
        process, left = _open_process(pid, thread), 0
        if process is None:
            return found, False
        try:
            for descriptor in descriptors:
                duplicate = _duplicate(process, descriptor)
                if duplicate is not None:
                    values, is_left = self._examine(duplicate)
                    found.append((descriptor, values and tuple(values)))
                    left += is_left
        finally:
            os.close(process)
        return found, left > 0

    def _examine(self, duplicate: int) -> t.Tuple[t.Optional[SocketValues], bool]:
        try:
            handle = _handle(duplicate)
        except OSError:
            os.close(duplicate)  # a family that cannot tell its name, e.g. AF_ALG
            return None, False
        try:
            values = self._ask(handle, duplicate)
        finally:
            is_left = let_go(handle)
        return values, is_left

    def _ask(self, handle: socket.socket, duplicate: int) -> t.Optional[SocketValues]:
        try:
            if handle.type != socket.SOCK_STREAM or handle.proto not in PROTOCOLS or handle.family not in _FAMILIES:
                return None
            return _values(handle, os.fstat(duplicate).st_ino, self._namespace(handle))
        except OSError as error:
            if error.errno in (errno.ENOTCONN, errno.ECONNRESET):
                return None
            raise

    def _namespace(self, handle: socket.socket) -> t.Optional[int]:
        try:
            cookie = handle.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
        except OSError:  # before Linux 5.14
            return _namespace_inode(handle)
        if cookie not in self._namespaces:
            self._namespaces[cookie] = _namespace_inode(handle)
        return self._namespaces[cookie]


class PortableSetter(OneByOne):
    """Sets options process by process."""

    def __init__(self) -> None:
        self._apart = Apart()

    def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        """Yield what became of each descriptor. What vanished, or is another socket by now, is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        rest = iter(plan.items())
        for batch in iter(lambda: list(itertools.islice(rest, BATCH)), []):
            plain = [(descriptor, inode, settings) for descriptor, (inode, settings) in batch]
            for applied in self._apart.call(_apply_some, pid, plain, thread):
                yield Applied(*applied)


def _apply_some(
    pid: int, plan: t.Sequence[t.Tuple[int, int, t.Sequence[SocketOption]]], thread: t.Optional[int]
) -> t.Tuple[t.List[t.Tuple[t.Any, ...]], bool]:
    """Return what apply() yields, and whether duplicates are left that must not be closed."""
    found: t.List[t.Tuple[t.Any, ...]] = []
    process, left = _open_process(pid, thread), 0
    if process is None:
        return found, False
    try:
        for descriptor, inode, settings in plan:
            duplicate = _duplicate(process, descriptor)
            if duplicate is not None:
                applied, is_left = _apply(duplicate, descriptor, inode, settings)
                left += is_left
                if applied is not None:
                    found.append(tuple(applied))
    finally:
        os.close(process)
    return found, left > 0


def _apply(
    duplicate: int, descriptor: int, inode: int, settings: t.Sequence[SocketOption]
) -> t.Tuple[t.Optional[Applied], bool]:
    try:
        handle = _handle(duplicate)
    except OSError:
        os.close(duplicate)
        return None, False
    applied = None
    try:
        if os.fstat(duplicate).st_ino == inode:
            before = [_read(handle, level, option) for level, option, _value in settings]
            errors = {index: _set(handle, setting) for index, setting in enumerate(settings)}
            after = [_read(handle, level, option) for level, option, _value in settings]
            applied = Applied(descriptor, before, errors, after)
    finally:
        left = let_go(handle)
    return applied, left


def _read(handle: socket.socket, level: int, option: int) -> t.Optional[int]:
    try:
        return handle.getsockopt(level, option)
    except OSError:
        return None


def _set(handle: socket.socket, setting: SocketOption) -> int:
    try:
        handle.setsockopt(*setting)
    except OSError as error:
        return error.errno or 1
    return 0


def _handle(duplicate: int) -> socket.socket:
    """Wrap a duplicate in the C type, which finds out family, type and protocol by itself and costs no enums.

    With a default timeout, Python would set O_NONBLOCK on it, and so on the socket of the other process.
    """
    timeout = socket.getdefaulttimeout()
    if timeout is None:
        return t.cast("socket.socket", socket.SocketType(fileno=duplicate))
    socket.setdefaulttimeout(None)
    try:
        return t.cast("socket.socket", socket.SocketType(fileno=duplicate))
    finally:
        socket.setdefaulttimeout(timeout)


def let_go(handle: socket.socket) -> bool:
    """Close a duplicate, or leave it to the end of this process where that may wait; tell whether it is left.

    It waits where the owner dies in between, which makes ours the last close().
    """
    try:
        on, seconds = _LINGER.unpack(handle.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.size))
    except (OSError, struct.error):
        on = seconds = 0
    if on and seconds:
        handle.detach()
        return True
    handle.close()
    return False


def _values(handle: socket.socket, inode: int, namespace: t.Optional[int]) -> SocketValues:
    options: t.Dict[str, t.Optional[int]] = {}
    for name, number in _SOCKOPTS:
        try:
            options[name] = handle.getsockopt(socket.IPPROTO_TCP, number)
        except OSError:
            options[name] = None
    try:
        remote: t.Optional[Address] = handle.getpeername()[:2]
    except OSError:
        remote = None
    state, idle = _state(handle, remote is not None)
    return SocketValues(
        inode=inode,
        family=_FAMILIES[handle.family],
        protocol=PROTOCOLS[handle.proto],
        state=state,
        local=handle.getsockname()[:2],
        remote=remote,
        keepalive=bool(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)),
        options=options,
        idle=idle,
        namespace=namespace,
    )


def _state(handle: socket.socket, connected: bool) -> t.Tuple[int, t.Optional[float]]:
    """Return state and idle time, the latter where it means something."""
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_SIZE)
    except OSError:  # MPTCP before Linux 5.16; what is left tells the three states that last
        listening = handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return (_LISTEN if listening else _ESTABLISHED if connected else _CLOSE), None
    if len(info) < _TCP_INFO_SIZE or info[0] in (_SYN_SENT, _CLOSE, _LISTEN):
        return info[0], None
    return info[0], min(_LAST_DATA.unpack_from(info, _LAST_DATA_SENT)) / 1000


def _namespace_inode(handle: socket.socket) -> t.Optional[int]:
    try:
        descriptor = fcntl.ioctl(handle.fileno(), _SIOCGSKNS)
    except OSError:  # not permitted in a foreign user namespace
        return None
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _open_process(pid: int, thread: t.Optional[int]) -> t.Optional[int]:
    try:
        if thread is not None and thread != pid:
            return _open_thread(thread)
        if hasattr(os, "pidfd_open"):  # Python 3.9
            return os.pidfd_open(pid)
        return _system_call("pidfd_open", _NR_PIDFD_OPEN, pid, 0)
    except OSError as error:
        raise_unless_gone(error.errno, "pidfd_open")
        return None


def _open_thread(thread: int) -> int:
    def open_it(number: int) -> int:
        return _system_call("pidfd_open", _NR_PIDFD_OPEN, number, _PIDFD_THREAD)

    try:
        return open_it(thread)
    except OSError as error:
        raise_without_threads(error.errno, lambda: os.close(open_it(os.getpid())))
        raise


def _duplicate(process: int, descriptor: int) -> t.Optional[int]:
    try:
        return _system_call("pidfd_getfd", _NR_PIDFD_GETFD, process, descriptor, 0)
    except OSError as error:
        raise_unless_gone(error.errno, "pidfd_getfd")
        return None


def _compare_tables(one: int, other: int) -> int:
    number = _NR_KCMP.get(os.uname().machine)
    if number is None:
        return -errno.ENOSYS
    try:
        return _system_call("kcmp", number, one, other, _KCMP_FILES)  # which looks at no further arguments
    except OSError as error:
        return -(error.errno or errno.ENOSYS)


def _system_call(name: str, number: int, *arguments: int) -> int:
    if not _SYSCALL:
        _SYSCALL.append(_syscall())
    result, error = _SYSCALL[0](number, *arguments)
    if result < 0:
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


_Syscall = t.Callable[..., t.Tuple[int, int]]
_SYSCALL: t.List[_Syscall] = []


def _syscall() -> _Syscall:
    """Return syscall(2): its result, and errno. It must be given every argument that the call takes.

    ctypes is loaded only here: the native reader needs none of it.
    """
    try:
        import ctypes
    except ImportError:  # a Python built without libffi; the kernel then cannot be asked
        return lambda *_arguments: (-1, errno.ENOSYS)
    if os.uname().machine.startswith(_OTHER_NUMBERS):
        return lambda *_arguments: (-1, errno.ENOSYS)
    function = ctypes.CDLL(None, use_errno=True).syscall
    return lambda *arguments: (function(*map(ctypes.c_long, arguments)), ctypes.get_errno())
