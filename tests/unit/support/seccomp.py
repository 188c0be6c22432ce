# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A forked child in which the kernel refuses some system calls, as older kernels and seccomp filters do."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import platform
import struct
import threading
import traceback
import types
import typing as t

Result = t.TypeVar("Result")

_NUMBERS = {
    "x86_64": {
        "fcntl": 72, "getsockopt": 55, "setsockopt": 54, "recvfrom": 45, "recvmsg": 47, "sendto": 44, "sendmsg": 46,
        "shutdown": 48, "connect": 42, "listen": 50, "accept": 43, "accept4": 288,
        "getdents64": 217, "readlinkat": 267, "kcmp": 312,
    },
    "aarch64": {
        "fcntl": 25, "getsockopt": 209, "setsockopt": 208, "recvfrom": 207, "recvmsg": 212, "sendto": 206,
        "sendmsg": 211, "shutdown": 210, "connect": 203, "listen": 201, "accept": 202, "accept4": 242,
        "getdents64": 61, "readlinkat": 78, "kcmp": 272,
    },
}  # fmt: skip
SUPPORTED = platform.machine() in _NUMBERS
KILL = 0x80000000
"""In the place of an errno: the process is killed."""

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARGUMENTS = 0, 16


def refusing(
    function: t.Callable[[], Result],
    calls: t.Mapping[str, int],
    arguments: t.Mapping[int, int] = types.MappingProxyType({}),
) -> Result:
    """Return what a function returns in a child in which these calls (by name → errno) are refused.

    :param arguments: index → value; only calls with these arguments are.
    """
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            _install(calls, arguments)
            answer = pickle.dumps(function())
        except BaseException:
            answer = pickle.dumps(Failed(traceback.format_exc()))
        with open(writable, "wb") as stream:
            stream.write(answer)
        os._exit(0)
    os.close(writable)
    with open(readable, "rb") as stream:
        answer = stream.read()
    _pid, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with {os.waitstatus_to_exitcode(status)}"
    result = pickle.loads(answer)
    assert not isinstance(result, Failed), result.text
    return t.cast("Result", result)


@contextlib.contextmanager
def living(calls: t.Mapping[str, int], in_a_thread: bool = False) -> t.Iterator[int]:
    """Yield the PID of a child that lives with such a filter, in all of it or only in a thread besides its first."""
    ready, up = os.pipe()
    done, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)

        def live() -> None:
            _install(calls, {})
            os.write(up, b"+")
            os.read(done, 1)
            os._exit(0)

        if in_a_thread:
            threading.Thread(target=live).start()
        else:
            live()
        threading.Event().wait()
    os.close(up)
    os.close(done)
    try:
        assert os.read(ready, 1) == b"+"
        yield child
    finally:
        os.close(go)
        os.close(ready)
        _pid, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with {os.waitstatus_to_exitcode(status)}"


class Failed(t.NamedTuple):
    """What went wrong in the child."""

    text: str


def _number(call: str) -> int:
    known = {"pidfd_open": 434, "pidfd_getfd": 438}
    return known[call] if call in known else _NUMBERS[platform.machine()][call]


def _install(calls: t.Mapping[str, int], arguments: t.Mapping[int, int]) -> None:
    program = b""
    for call, error in calls.items():
        action = error if error == KILL else _ERRNO | error
        compared = [(_NUMBER, _number(call)), *((_ARGUMENTS + 8 * at, value) for at, value in arguments.items())]
        left = 2 * len(compared)
        for offset, value in compared:
            left -= 2
            program += struct.pack("=HBBI", _LOAD, 0, 0, offset)
            program += struct.pack("=HBBI", _JUMP_IF_EQUAL, 0, left + 1, value)
        program += struct.pack("=HBBI", _RETURN, 0, 0, action)
    program += struct.pack("=HBBI", _RETURN, 0, 0, _ALLOW)
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_: t.ClassVar = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    prctl = libc.prctl
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    assert prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) == 0
    filter_ = Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    assert prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(filter_), 0, 0) == 0, os.strerror(ctypes.get_errno())
