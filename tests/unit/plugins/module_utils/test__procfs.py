# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read below /proc/PID is understood as the kernel means it."""

from __future__ import annotations

import os
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _boot_clock, _procfs
from ansible_collections.netops.keepalive.tests.unit.plugins.module_utils.live_processes import Child


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("12:pids:/a\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "/system.slice/nginx.service"),
        ("1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", "/system.slice/a.service"),
        ("9:name=systemd:/\n0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("3:cpuset:/\n0::/\n", "/"),
        ("0::/odd:name/x.service\n", "/odd:name/x.service"),
        ("", "/"),
    ],
)
def test_the_path_is_systemds_on_every_cgroup_version(text: str, path: str) -> None:
    assert _procfs.parse_cgroup(text) == path


@pytest.mark.parametrize(
    ("path", "prefix", "unit"),
    [
        ("/system.slice/nginx.service", "", "nginx.service"),
        ("/system.slice/system-worker.slice/worker@one.service", "", "worker@one.service"),
        ("/system.slice/docker.service/payload/x", "", "docker.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/me.service", "", "user@1000.service"),
        ("/user.slice/user-0.slice/session-3.scope", "", "session-3.scope"),
        ("/machine.slice/libpod-1a.scope/system.slice/ssh.service", "", "libpod-1a.scope"),
        ("/engine/1a/system.slice/ssh.service", "", ""),
        ("/../other/system.slice/ssh.service", "", ""),
        ("/engine/1a/system.slice/ssh.service", "/engine/1a", "ssh.service"),
        ("/system.slice/_cpu.service", "", "cpu.service"),
        ("/init.scope", "", "init.scope"),
        ("/", "", ""),
    ],
)
def test_the_unit_is_the_system_managers(path: str, prefix: str, unit: str) -> None:
    assert _procfs.unit_of_cgroup(path, prefix) == unit


def test_the_managers_prefix_comes_from_process_1(tmp_path: t.Any) -> None:
    (tmp_path / "1").mkdir()
    cgroup = tmp_path / "1" / "cgroup"
    for text, prefix in (("0::/init.scope\n", ""), ("0::/engine/1a/init.scope\n", "/engine/1a"), ("0::/else\n", "")):
        cgroup.write_text(text)
        assert _procfs.manager_prefix(str(tmp_path)) == prefix


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
    environment = _procfs.parse_environ(block)
    assert (environment is not None) == known
    if known and b"TCP_KEEPIDLE" in block:
        assert environment and environment["TCP_KEEPIDLE"] == "60"


@pytest.mark.parametrize(("bits", "layout"), [(64, "=QQ"), (32, "=II")])
@pytest.mark.parametrize("secure", [0, 1])
def test_the_auxiliary_vector_is_read_in_the_programs_word_size(bits: int, layout: str, secure: int) -> None:
    block = b"".join(struct.pack(layout, *pair) for pair in ((6, 4096), (23, secure), (0, 0)))
    assert _procfs.parse_auxv(block + b"\1", bits)[_procfs.AT_SECURE] == secure


def test_a_mapped_file_that_was_replaced_is_told_from_one_that_was_not() -> None:
    text = (
        "7f00-7f01 r--p 00000000 08:01 12   /usr/lib/libkeepalive/libkeepalive.so (deleted)\n"
        "7f01-7f02 r-xp 00001000 08:01 12   /usr/lib/libkeepalive/libkeepalive.so (deleted)\n"
        "7f02-7f03 r--p 00000000 08:01 13   /opt/with space/lib.so\n"
        "7f03-7f04 rw-p 00000000 00:00 0 \n"
        "7f04-7f05 rw-p 00000000 00:00 0    [stack]\n"
    )
    assert _procfs.parse_maps(text) == {"/usr/lib/libkeepalive/libkeepalive.so": True, "/opt/with space/lib.so": False}


def test_a_real_process_shows_its_sockets_program_and_start() -> None:
    with Child("s = socket.socket(); u = socket.socketpair(); f = open('/dev/null'); answer = None") as child:
        fds = child.run("answer = [[h.fileno(), os.fstat(h.fileno()).st_ino] for h in (s, *u)]")
        found = _procfs.socket_descriptors(child.pid)
        assert dict(fds).items() <= found.items()
        assert child.run("answer = f.fileno()") not in found
        assert _procfs.program_of(child.pid) == child.run("answer = os.readlink('/proc/self/exe')")
        started = _procfs.started_at(child.pid)
        assert started is not None
        assert 0 < started <= _boot_clock.now()
        assert child.pid in _procfs.list_pids()
        assert _procfs.network_namespace(child.pid) == os.stat("/proc/self/ns/net").st_ino


def test_a_process_that_is_gone_has_nothing_and_raises_nothing() -> None:
    with Child() as child:
        pass
    assert _procfs.socket_descriptors(child.pid) == {}
    assert _procfs.unit_of(child.pid) == ""
    assert _procfs.program_of(child.pid) == ""
    assert _procfs.started_at(child.pid) is None
    assert _procfs.network_namespace(child.pid) is None
