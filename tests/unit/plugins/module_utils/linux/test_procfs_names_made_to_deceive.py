# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user calls his folders, mount points and processes as he likes: none of it is taken for something else."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import security, watchdog
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd, unit_files
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child


@pytest.fixture(name="deceiver")
def deceiver_fixture(tmp_path: pathlib.Path) -> t.Iterator[Child]:
    """A process that has mapped a file whose path ends like that of a library, behind a blank."""
    file = tmp_path / f"x {tmp_path}/libraries" / "l.so"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\0" * 4096)
    with Child(f"import mmap; f = open({str(file)!r}); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)") as child:
        yield child


def test_a_file_whose_path_ends_like_a_library_is_none(deceiver: Child, tmp_path: pathlib.Path) -> None:
    assert deceiver.pid not in install.processes_mapping(str(tmp_path / "libraries"), ["l.so"])
    assert deceiver.pid not in [row["pid"] for row in users.mapped_by(str(tmp_path / "libraries"))]


def test_a_mount_point_with_a_carriage_return_is_one(tmp_path: pathlib.Path) -> None:
    """What follows it would be read as /dev/fuse's file system mounted over the file, and be unmounted."""
    lines = "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 30 0:50 / /home/x\rA rw - fuse./.l-new /etc/l rw,user_id=1000\n"
    (tmp_path / "mountinfo").write_bytes(lines.encode())
    assert watchdog.mounted_from("/etc/l", str(tmp_path / "mountinfo")) is None
    assert watchdog.mounted_from("/home/x\rA", str(tmp_path / "mountinfo")) == "/"


def test_a_process_that_calls_itself_fapolicyd_is_not_the_service(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "comm").write_text("fapolicyd\n")
    cgroup = tmp_path / "proc" / "7" / "cgroup"
    cgroup.write_text("0::/user.slice/user-1000.slice/user@1000.service/app.slice/fapolicyd.service\n")
    assert security.notes([], "/usr/lib/libkeepalive", str(tmp_path)) == []
    cgroup.write_text("0::/system.slice/fapolicyd.service\n")
    assert len(security.notes([], "/usr/lib/libkeepalive", str(tmp_path))) == 1


@pytest.mark.parametrize("separator", ["\v", "\f", "\x1c", "\x85", "\u2028"])
def test_a_line_of_systemd_ends_where_systemd_ends_it(separator: str) -> None:
    text = f"[Service]\nA=1{separator}B=2\n"
    assert list(unit_files.directives_in(text, "Service")) == [("A", f"1{separator}B=2")]
    assert unit_files.environment_file_names(f"# x{separator}LD_PRELOAD=y\n") == []
    (shown,) = systemd.parse_show(f"Id=a.service\nExecStart=x{separator}MainPID=7\n")
    assert "MainPID" not in shown
    assert settings_file.sections(f"# x{separator}[unit *]\nTCP_KEEPIDLE=1\n") == {"": [("TCP_KEEPIDLE", "1")]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0", "\n\r"])
def test_these_end_a_line_of_a_unit_file(end: str) -> None:
    assert list(unit_files.directives_in(f"[Service]{end}A=1{end}B=2{end}", "Service")) == [("A", "1"), ("B", "2")]
