# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cgroups of a test's own, processes in them, and what their sockets have, read from outside without our readers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import platform
import socket
import struct
import subprocess
import typing as t
import uuid

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import program_info
from ansible_collections.netops.keepalive.tests.unit.support.held import open_in
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

VALUES = {"keepidle": 61, "keepintvl": 13, "keepcnt": 4, "user_timeout": 113000, "syncnt": 3}
"""What tests attach: nobody's default."""

Options = t.Dict[str, int]

_OPTIONS = {"keepalive": (1, 9), "keepidle": (6, 4), "keepintvl": (6, 5), "keepcnt": (6, 6), "user_timeout": (6, 18)}
_OTHERS = {"syncnt": (6, 7), "maxseg": (6, 2), "window_clamp": (6, 10)}


_ROOTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_NOTHING = struct.pack("=BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0)
"""A program that returns 1."""


def _bpf(command: int, attributes: bytes) -> int:
    """bpf(2), without a line of what is tested: else the tests would be skipped where that is broken."""
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(_NUMBERS[platform.machine()], command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def foreign_program(name: str = "theirs", kind: t.Tuple[int, int] = (13, 3)) -> int:
    """A loaded program of somebody else's, which does nothing."""
    code, licence = (ctypes.create_string_buffer(text) for text in (_NOTHING, b"GPL"))
    places = ctypes.addressof(code), ctypes.addressof(licence)
    return _bpf(5, struct.pack("=IIQQIIQII16sII", kind[0], 2, *places, 0, 0, 0, 0, 0, name.encode(), 0, kind[1]))


def why_no_programs() -> str:
    """Say why nothing can be attached on this machine; '' where it can."""
    if os.geteuid() != 0:
        return "only root attaches programs to cgroups"
    if platform.machine() not in _NUMBERS:
        return f"the number of bpf(2) on {platform.machine()} is not known"
    root = next((root for root in _ROOTS if os.path.exists(f"{root}/cgroup.controllers")), None)
    if root is None:
        return "no cgroup of version 2 is mounted here"
    folder = f"{root}/keepalive-test-{uuid.uuid4().hex[:12]}"
    try:
        os.mkdir(folder)
        try:
            cgroup, program = os.open(folder, os.O_RDONLY), foreign_program()
            try:
                _bpf(8, struct.pack("=IIII", cgroup, program, 3, 2))
            finally:
                os.close(cgroup)
                os.close(program)
        finally:
            os.rmdir(folder)
    except OSError as error:
        return f"nothing can be attached to a cgroup here: {error}"
    return ""


@contextlib.contextmanager
def own_cgroup(above: t.Optional[pathlib.Path] = None, ending: str = "") -> t.Iterator[pathlib.Path]:
    """A new cgroup, below the topmost one or a given one, which must be empty at the end."""
    folder = (above or pathlib.Path(find_root())) / f"keepalive-test-{uuid.uuid4().hex[:12]}{ending}"
    folder.mkdir()
    try:
        yield folder
    finally:
        folder.rmdir()


@contextlib.contextmanager
def held_cgroup(folder: pathlib.Path) -> t.Iterator[int]:
    """A descriptor of a cgroup."""
    cgroup = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield cgroup
    finally:
        os.close(cgroup)


def enter(folder: pathlib.Path) -> str:
    """The code by which a Child goes into a cgroup."""
    return f"open({str(folder / 'cgroup.procs')!r}, 'w').write('0')\n"


@contextlib.contextmanager
def member(folder: pathlib.Path, code: str = "") -> t.Iterator[Child]:
    """A process in a cgroup, which does what it is told."""
    with Child(enter(folder) + code) as child:
        yield child


@contextlib.contextmanager
def program_in(folder: pathlib.Path, *command: t.Union[str, pathlib.Path]) -> t.Iterator[subprocess.Popen[str]]:
    """A program that runs in a cgroup, and has said that it is ready."""
    shell = f'echo $$ > {folder}/cgroup.procs && exec "$@"'
    with subprocess.Popen(
        ["/bin/sh", "-c", shell, "sh", *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def foreign_at(
    folder: pathlib.Path, flags: int = 2, name: str = "theirs", kind: t.Tuple[int, int] = (13, 3)
) -> t.Iterator[int]:
    """A foreign program that is attached to a cgroup in one of the three ways; its id."""
    program = foreign_program(name, kind)
    with held_cgroup(folder) as cgroup:
        _bpf(8, struct.pack("=IIII", cgroup, program, kind[1], flags))
        try:
            yield program_info(program).id
        finally:
            with contextlib.suppress(OSError):
                _bpf(9, struct.pack("=III", cgroup, program, kind[1]))
            os.close(program)


def options_of(pid: int, descriptor: int, *more: str) -> Options:
    """The options of another process's socket."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = libc.syscall(434, pid, 0)
    duplicate = libc.syscall(438, process, descriptor, 0)
    os.close(process)
    assert duplicate >= 0, os.strerror(ctypes.get_errno())
    with socket.socket(fileno=duplicate) as made:
        wanted = {**_OPTIONS, **{name: _OTHERS[name] for name in more}}
        return {name: made.getsockopt(*place) for name, place in wanted.items()}


def descriptors_of(pid: int) -> t.List[int]:
    """The sockets of a process, in the order of their descriptors."""
    return sorted(number for number, name in open_in(pid) if name.startswith("socket:"))


def set_by(values: t.Mapping[str, int]) -> Options:
    """What a socket has on which values were set."""
    return {"keepalive": 1, **{name: values[name] for name in _OPTIONS if name in values}}


def untouched() -> Options:
    """What a socket has that nobody has touched."""
    with socket.socket() as made:
        return {name: made.getsockopt(*place) for name, place in _OPTIONS.items()}


_WHY_NOT = why_no_programs()
needs_programs = pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
