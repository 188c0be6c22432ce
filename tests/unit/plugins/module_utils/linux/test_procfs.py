# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read below /proc/PID is understood as the kernel means it."""

from __future__ import annotations

import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock, procfs
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST, Proc
from ansible_collections.netops.keepalive.tests.unit.support.cgroup_vectors import (
    CgroupVector,
    cgroup_vectors,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc


@pytest.mark.parametrize("vector", cgroup_vectors(), ids=lambda vector: vector.about)
def test_the_unit_of_a_process_is_the_system_managers(vector: CgroupVector, tmp_path: pathlib.Path) -> None:
    for pid, content in ((1, vector.manager), (2, vector.own)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_bytes(content)
    assert Proc(str(tmp_path)).unit_of(2) == vector.unit


def test_a_process_whose_manager_is_hidden_is_looked_for_as_on_an_ordinary_host(tmp_path: pathlib.Path) -> None:
    assert Proc(str(tmp_path)).prefix == ""


@pytest.mark.parametrize("separator", ["\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"])
def test_lines_of_the_kernel_end_at_newlines_alone(separator: str) -> None:
    """A user chooses the name of his process and of the files that he maps."""
    status = f"Name:\tx{separator}Uid:\t0 0 0 0\nUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nSeccomp:\t2\n".encode()
    assert procfs.parse_status(status) == procfs.Status(7, frozenset([8]), 0, True)
    maps = f"7f00-7f01 r--p 00000000 08:01 12   /home/x{separator}7f00-7f01 r--p 0 08:01 12 /usr/lib/y\n".encode()
    assert len(procfs.parse_maps(maps)) == 1
    assert "/usr/lib/y" not in procfs.parse_maps(maps)


def test_a_real_process_with_a_name_made_to_be_split_keeps_its_user() -> None:
    name = "x\fUid: 0 0 0 0"
    with Child(f"open('/proc/self/comm', 'w').write({name!r})") as child:
        child.run("os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)")
        assert procfs.parse_status(HOST.content_of(child.pid, "status")).uid == 65534


INVOCATION = b"INVOCATION_ID=0123456789abcdef0123456789abcdef\0"


@pytest.mark.parametrize(
    ("block", "known"),
    [
        (b"PATH=/bin\0TCP_KEEPIDLE=60\0", True),
        (INVOCATION + b"TCP_KEEPIDLE=60\0", True),
        (b"PATH=/bin\0EMPTY=\0BASH_FUNC_x%%=() { :; }\0", True),
        (b"", False),
        (b"TCP_KEEPIDLE=60\0", False),
        (b"INVOCATION_ID=nginx: master process\0A=1\0", False),
        (b"nginx: master process /usr/sbin/nginx\0\0\0\0", False),
        (b"process title\0PATH=/bin\0" + INVOCATION, False),
        (b"\0\0\0PATH=/bin\0" + INVOCATION, False),
        (b"PATH=/bin\0\0\0\0", False),
        (b"postgres: writer x=1\0PATH=/bin\0", False),
        (b"EIDLE=60 0.0.0.0:6379\0PATH=relative\0", False),
    ],
)
def test_an_overwritten_environment_is_unknown_and_not_empty(block: bytes, known: bool) -> None:
    environment = procfs.parse_environ(block)
    assert (environment is not None) == known
    if known and b"TCP_KEEPIDLE" in block:
        assert environment and environment["TCP_KEEPIDLE"] == "60"


@pytest.mark.parametrize(
    ("first", "known"),
    [("{program}", True), ("{program}: master process", False), ("title", False), ("", False), ("/opt/other", False)],
)
def test_an_environment_without_what_is_always_there_counts_where_nothing_was_overwritten(
    proc: ShadowProc, first: str, known: bool
) -> None:
    """PostgreSQL's is such one on Debian; a title is written over the arguments first."""
    with Child() as child:
        program = os.readlink(f"/proc/{child.pid}/exe")
        arguments = first.format(program=program)
        proc.add(child.pid, "a.service", cmdline=f"{arguments}\0-D\0/x\0", environ="PGDATA=/x\0LANG=C\0")
        assert proc.environment_of(child.pid) == ({"PGDATA": "/x", "LANG": "C"} if known else None)


def test_an_environment_that_is_not_for_us_to_see_is_an_error(proc: ShadowProc) -> None:
    with pytest.raises(OSError):
        proc.environment_of(1 << 22)


@pytest.mark.parametrize(("bits", "layout"), [(64, "=QQ"), (32, "=II")])
@pytest.mark.parametrize("secure", [0, 1])
def test_the_auxiliary_vector_is_read_in_the_programs_word_size(bits: int, layout: str, secure: int) -> None:
    block = b"".join(struct.pack(layout, *pair) for pair in ((6, 4096), (23, secure), (0, 0)))
    assert procfs.parse_auxv(block + b"\1", bits)[procfs.AT_SECURE] == secure


def test_a_mapped_file_that_was_replaced_is_told_from_one_that_was_not() -> None:
    content = (
        b"7f00-7f01 r--p 00000000 08:01 12   /usr/lib/libkeepalive/libkeepalive.so (deleted)\n"
        b"7f01-7f02 r-xp 00001000 08:01 12   /usr/lib/libkeepalive/libkeepalive.so (deleted)\n"
        b"7f02-7f03 r--p 00000000 08:01 13   /opt/with space/lib.so\n"
        b"7f03-7f04 rw-p 00000000 00:00 0 \n"
        b"7f04-7f05 rw-p 00000000 00:00 0    [stack]\n"
    )
    assert procfs.parse_maps(content) == {
        "/usr/lib/libkeepalive/libkeepalive.so": True,
        "/opt/with space/lib.so": False,
    }


def test_a_real_process_shows_its_sockets_program_and_start() -> None:
    with Child("s = socket.socket(); u = socket.socketpair(); f = open('/dev/null'); answer = None") as child:
        fds = child.run("answer = [[h.fileno(), os.fstat(h.fileno()).st_ino] for h in (s, *u)]")
        found = HOST.socket_descriptors(child.pid)
        assert dict(fds).items() <= found.items()
        assert child.run("answer = f.fileno()") not in found
        assert HOST.program_of(child.pid) == child.run("answer = os.readlink('/proc/self/exe')")
        started = HOST.started_at(child.pid)
        assert started is not None
        assert 0 < started <= boot_clock.now()
        assert child.pid in HOST.pids()
        assert HOST.network_namespace(child.pid) == os.stat("/proc/self/ns/net").st_ino


def test_a_process_that_is_gone_has_nothing_and_raises_nothing() -> None:
    with Child() as child:
        pass
    assert HOST.socket_descriptors(child.pid) == {}
    assert HOST.unit_of(child.pid) == ""
    assert HOST.program_of(child.pid) == ""
    assert HOST.started_at(child.pid) is None
    assert HOST.network_namespace(child.pid) is None


@pytest.mark.parametrize("broken", ["", "3 (a", "3 (a) S", "3 (a) S x 4", None])
def test_those_that_started_a_process_as_far_as_that_shows(tmp_path: pathlib.Path, broken: t.Optional[str]) -> None:
    for pid, stat in ((7, "7 (x) y) S 5 0"), (5, "5 (b) S 3"), (3, broken)):
        if stat is not None:
            (tmp_path / str(pid)).mkdir()
            (tmp_path / str(pid) / "stat").write_text(stat)
    assert Proc(str(tmp_path)).ancestors(7) == {7, 5, 3}
    (tmp_path / "3").mkdir(exist_ok=True)
    (tmp_path / "3" / "stat").write_text("3 (c) S 2 0")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "stat").write_text("2 (c) S 1 0")
    assert Proc(str(tmp_path)).ancestors(7) == {7, 5, 3, 2}, "but for the first process"
    (tmp_path / "3" / "stat").write_text("3 (c) S 1 0")
    assert Proc(str(tmp_path)).ancestors(7) == {7, 5, 3}
    (tmp_path / "3" / "stat").write_text("3 (c) S 7 0")
    assert Proc(str(tmp_path)).ancestors(7) == {7, 5, 3}, "a number may have been given again meanwhile"
