# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cgroups of a test's own, processes in them, and what their sockets have, read from outside without our readers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import typing as t
import uuid

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import system_call
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root, open_cgroup
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import EXIT, MOVE, Instruction, packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

VALUES = {"keepidle": 61, "keepintvl": 13, "keepcnt": 4, "user_timeout": 113000, "syncnt": 3}
"""What tests attach: nobody's default."""

Options = t.Dict[str, int]

_OPTIONS = {"keepalive": (1, 9), "keepidle": (6, 4), "keepintvl": (6, 5), "keepcnt": (6, 6), "user_timeout": (6, 18)}
_OTHERS = {"syncnt": (6, 7), "maxseg": (6, 2), "window_clamp": (6, 10)}


def why_no_programs() -> str:
    """Say why nothing can be attached on this machine; '' where it can."""
    if os.geteuid() != 0:
        return "only root attaches programs to cgroups"
    try:
        folder = os.path.join(find_root(), f"keepalive-test-{uuid.uuid4().hex[:12]}")
        os.mkdir(folder)
        try:
            cgroup, program = open_cgroup(folder), foreign_program()
            try:
                system_call.attach_program(cgroup, program)
            finally:
                os.close(cgroup)
                os.close(program)
        finally:
            os.rmdir(folder)
    except (BpfRefused, OSError) as error:
        return f"nothing can be attached to a cgroup here: {error}"
    return ""


@contextlib.contextmanager
def own_cgroup(above: t.Optional[pathlib.Path] = None) -> t.Iterator[pathlib.Path]:
    """A new cgroup, below the topmost one or a given one, which must be empty at the end."""
    folder = (above or pathlib.Path(find_root())) / f"keepalive-test-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    try:
        yield folder
    finally:
        folder.rmdir()


@contextlib.contextmanager
def held_cgroup(folder: pathlib.Path) -> t.Iterator[int]:
    """A descriptor of a cgroup."""
    cgroup = open_cgroup(str(folder))
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


def foreign_program(name: str = "theirs") -> int:
    """A loaded program of somebody else's, which does nothing."""
    return system_call.load_program(packed([Instruction(MOVE, 0, 0, 0, 1), Instruction(EXIT)]), name, "GPL")


@contextlib.contextmanager
def foreign_at(
    folder: pathlib.Path,
    flags: int = system_call.ALLOW_MULTI,
    name: str = "theirs",
    program: t.Optional[int] = None,
    kind: system_call.ProgramKind = system_call.FOR_SOCKETS,
) -> t.Iterator[int]:
    """A foreign program that is attached to a cgroup in one of the three ways; its id."""
    program = foreign_program(name) if program is None else program
    with held_cgroup(folder) as cgroup:
        attributes = struct.pack("=IIII", cgroup, program, kind.attached_as, flags)
        function, number = system_call._system_call()
        assert function(number, 8, attributes, len(attributes)) == 0
        try:
            yield system_call.program_info(program).id
        finally:
            with contextlib.suppress(BpfRefused):
                system_call.detach_program(cgroup, program, kind)
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
    folder = pathlib.Path(f"/proc/{pid}/fd")
    links = {int(entry.name): os.readlink(entry) for entry in folder.iterdir()}
    return sorted(number for number, link in links.items() if link.startswith("socket:"))


def set_by(values: t.Mapping[str, int]) -> Options:
    """What a socket has on which values were set."""
    return {"keepalive": 1, **{name: values[name] for name in _OPTIONS if name in values}}


def untouched() -> Options:
    """What a socket has that nobody has touched."""
    with socket.socket() as made:
        return {name: made.getsockopt(*place) for name, place in _OPTIONS.items()}


_WHY_NOT = why_no_programs()
needs_programs = pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
