# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What mountinfo says of a mount, and what is said of one on which nothing is looked up."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import mounts as linux_mounts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.mounts import (
    Doubtful,
    Mount,
    Mounts,
    mount_doubt,
    parse_mounts,
)
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open


@pytest.mark.parametrize(
    ("lines", "mounts"),
    [
        (["36 35 98:0 /a /b rw,noatime master:1 - ext4 /dev/root rw,errors=continue"],
         {36: Mount("98:0", "ext4", frozenset(("rw", "errors=continue")))}),
        (["7 1 0:5 / /x\r rw - proc proc rw", "8 1 0:6 / - rw shared:1 master:2 - tmpfs - rw"],
         {7: Mount("0:5", "proc", frozenset(("rw",))), 8: Mount("0:6", "tmpfs", frozenset(("rw",)))}),
        (["7 1 0:5 / /x rw - fuse.\xff"], {7: Mount("0:5", "fuse.\xff", frozenset(("",)))}),
        (["7 1 0:5 / /x rw -"], {7: Mount("0:5", "", frozenset(("",)))}),
        (["7 1 0:5 / - rw", "7 1 0:5 / /x - proc proc rw", "", "x"], {}),
    ],
)  # fmt: skip
def test_the_lines_of_mountinfo(lines: t.List[str], mounts: t.Dict[int, Mount]) -> None:
    assert parse_mounts(os.fsencode("\n".join([*lines, ""]))) == mounts


USERS = "where a program of a user decides when to answer"
ELSEWHERE = "which is mounted in another mount namespace alone"
KERNELS = "where files are interfaces of the kernel"


@pytest.mark.parametrize(
    ("kind", "device", "options", "elsewhere", "here"),
    [
        *[(kind, "0:50", "rw", "", "") for kind in ("btrfs", "bcachefs", "zfs", "tmpfs", "ramfs", "rootfs")],
        ("xfs", "8:1", "rw", "", ""),
        ("xfs", "0:1", "rw", ELSEWHERE, ""),
        ("fuse", "0:50", "rw,user_id=0", ELSEWHERE, ""),
        ("fuseblk", "8:1", "rw,user_id=0", ELSEWHERE, ""),
        ("fuse", "0:50", "rw,user_id=01", USERS, USERS),
        ("fuse", "8:1", "rw", USERS, USERS),
        ("overlay", "0:50", "rw,user_id=0", ELSEWHERE, ""),
        *[
            (kind, "0:50", "rw", KERNELS, KERNELS)
            for kind in ("binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs",
                         "fusectl", "mqueue", "nfsd", "nsfs", "pipefs", "proc", "pstore", "resctrl", "rpc_pipefs",
                         "securityfs", "selinuxfs", "smackfs", "sockfs", "sysfs", "tracefs")
        ],
    ],
)  # fmt: skip
def test_what_speaks_against_a_file_system(kind: str, device: str, options: str, elsewhere: str, here: str) -> None:
    mount = Mount(device, kind, frozenset(options.split(",")))
    said = [mount_doubt(mount, ours) for ours in ((), {device})]
    assert said == [words and f"it lies on {kind}, {words}" for words in (elsewhere, here)]


def test_a_file_system_that_is_in_no_list() -> None:
    assert mount_doubt(None, ()) == "it lies on a file system that is mounted nowhere any more"


LINE = "{} 1 {} / /x rw - {} source rw\n"


class Host:
    """What this process and another see mounted, and on which of that each descriptor lies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path, own: str, other: t.Optional[str]) -> None:
        self.reads: t.List[str] = []
        real = linux_mounts._parse_file
        (folder / "own").write_text(own)
        if other is not None:
            (folder / "other").write_text(other)

        def parse(path: str) -> t.Dict[int, Mount]:
            self.reads.append(path)
            return real(str(folder / "own") if path == "/proc/self/mountinfo" else path)

        monkeypatch.setattr(linux_mounts, "_parse_file", parse)
        monkeypatch.setattr(linux_mounts, "_number_of", lambda descriptor: descriptor)


OWN = LINE.format(7, "8:1", "ext4") + LINE.format(8, "0:9", "nfs")


@pytest.mark.parametrize(
    ("number", "other", "problem"),
    [
        (7, None, ""),
        (8, None, ""),
        (9, None, "it lies on a file system that is mounted nowhere any more"),
        (9, LINE.format(9, "8:2", "xfs"), ""),
        (9, LINE.format(9, "0:9", "nfs"), ""),  # which is mounted here, too
        (9, LINE.format(9, "0:10", "nfs"), f"it lies on nfs, {ELSEWHERE}"),
        (8, LINE.format(8, "0:10", "proc"), ""),  # by number it is our own: no number is that of two mounts
        (9, LINE.format(7, "8:1", "ext4"), "it lies on a file system that is mounted nowhere any more"),
    ],
)
def test_a_mount_is_looked_up_here_and_where_the_process_sees_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, number: int, other: t.Optional[str], problem: str
) -> None:
    host = Host(monkeypatch, tmp_path, OWN, other)
    mounts = Mounts(None if other is None else str(tmp_path / "other"))
    if problem:
        with pytest.raises(Doubtful) as raised:
            mounts.refuse_doubtful(number)
        assert (raised.value.errno, raised.value.strerror) == (errno.EACCES, problem)
    else:
        assert mounts.refuse_doubtful(number) == number
    assert host.reads == ["/proc/self/mountinfo"] + ([] if other is None else [str(tmp_path / "other")])


def test_what_lies_on_the_mount_above_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    host = Host(monkeypatch, tmp_path, OWN, None)
    assert Mounts(None).refuse_doubtful(9, 9) == 9
    assert host.reads == []
    assert Mounts(str(tmp_path / "none")).refuse_doubtful(8, 9) == 8, "a list that is not there has no mounts"


def test_the_mount_of_a_descriptor_is_the_one_that_the_kernel_says() -> None:
    descriptor = os.open("/proc/self/status", os.O_RDONLY)
    try:
        with nothing_left_open():
            number = linux_mounts._number_of(descriptor)
            mount = linux_mounts._parse_file("/proc/self/mountinfo")[number]
        device = os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)
    assert (mount.kind, mount.device) == ("proc", f"{os.major(device)}:{os.minor(device)}")
