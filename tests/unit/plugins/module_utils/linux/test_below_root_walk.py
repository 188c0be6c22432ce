# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each step of the walk to a file: what is held, what is asked of which mount, and how far it goes."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root
from ansible_collections.netops.keepalive.plugins.module_utils.linux.mounts import Doubtful
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open


class Asked:
    """What is held when a mount is asked for, with the number of the mount above; each folder is a mount of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, doubtful: str = "") -> None:
        self.seen: t.List[t.Tuple[str, t.Optional[int]]] = []
        self.files: t.List[t.Optional[str]] = []
        outer = self

        class Mounts:
            def __init__(self, mountinfo: t.Optional[str]) -> None:
                outer.files.append(mountinfo)

            def refuse_doubtful(self, descriptor: int, above: t.Optional[int] = None) -> int:
                path = os.readlink(f"/proc/self/fd/{descriptor}")
                outer.seen.append((path, above))
                if doubtful and path.endswith(doubtful):
                    raise Doubtful(errno.EACCES, "it is doubtful")
                return len(path)

        monkeypatch.setattr(below_root, "Mounts", Mounts)


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> Proc:
    """Process 7, whose root is a folder of its own."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "root").symlink_to("../root")
    (tmp_path / "7" / "exe").symlink_to("../root/a/b/file")
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    (tmp_path / "root" / "a" / "b" / "file").write_text("inside")
    (tmp_path / "root" / "a" / "link").symlink_to("/a//./b")
    return Proc(str(tmp_path))


def test_each_step_is_asked_for_before_the_next_is_looked_up(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    root = f"{proc.root}/root"
    with nothing_left_open(), below_root.find("/../a/../a/./link//file", 7, proc) as found, found.open() as stream:
        assert stream.read() == b"inside"
    steps = ["", "/a", "/a", "/a/link", "/a", "/a/b", "/a/b/file"]
    above = [None, "", "", "/a", "", "/a", "/a/b"]
    assert asked.seen == [
        (root + step, None if under is None else len(root + under)) for step, under in zip(steps, above)
    ]
    assert asked.files == [f"{proc.root}/7/mountinfo"]


@pytest.mark.parametrize("doubtful", ["/root", "/root/a", "/a/link", "/a/b", "/file"])
def test_nothing_is_looked_up_on_what_is_doubtful(proc: Proc, monkeypatch: pytest.MonkeyPatch, doubtful: str) -> None:
    asked = Asked(monkeypatch, doubtful)
    with nothing_left_open(), pytest.raises(Doubtful):
        below_root.find("/a/link/file", 7, proc)
    assert asked.seen[-1][0].endswith(doubtful)


def test_a_program_that_runs_is_asked_for_on_its_own_mounts(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    with nothing_left_open():
        with below_root.find_running_program(7, proc) as found, found.open() as stream:
            assert stream.read() == b"inside"
        Asked(monkeypatch, "/file")
        with pytest.raises(Doubtful):
            below_root.find_running_program(7, proc)
    assert asked.seen == [(f"{proc.root}/root/a/b/file", None)]
    assert asked.files == [f"{proc.root}/7/mountinfo"]


def test_our_own_files_are_looked_for_from_the_root_on_our_own_mounts(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    with below_root.find(str(tmp_path)) as found:
        assert os.path.samestat(found.status, os.stat(tmp_path))
        assert found.lies_noexec() is bool(os.statvfs(tmp_path).f_flag & os.ST_NOEXEC)
    assert asked.seen[0] == ("/", None)
    assert asked.files == [None]


@pytest.mark.parametrize(("links", "ends"), [(40, True), (41, False)])
def test_so_many_links_are_followed(tmp_path: pathlib.Path, links: int, ends: bool) -> None:
    (tmp_path / "0").write_text("x")
    for number in range(links):
        (tmp_path / str(number + 1)).symlink_to(str(number))
    path = f"{tmp_path}/{links}"
    with nothing_left_open():
        if ends:
            assert below_root.read_text(path, 1) == "x"
        else:
            with pytest.raises(OSError) as raised:
                below_root.read_text(path, 1)
            assert (raised.value.errno, raised.value.strerror, raised.value.filename) == (
                errno.ELOOP, os.strerror(errno.ELOOP), path
            )  # fmt: skip
    assert os.path.exists(path) is ends


def test_what_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("12345")
    os.mkfifo(tmp_path / "fifo")
    for name, number, words in (
        ("x", errno.EFBIG, "longer than 4 bytes"),
        ("fifo", errno.EINVAL, "not a regular file"),
    ):
        with nothing_left_open(), pytest.raises(OSError) as raised:
            below_root.read_text(f"{tmp_path}/{name}", 4)
        assert (raised.value.errno, raised.value.strerror, raised.value.filename) == (
            number, words, f"{tmp_path}/{name}"
        )  # fmt: skip
    assert below_root.read_text(f"{tmp_path}/x", 5) == "12345"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices")
@pytest.mark.parametrize(
    ("kind", "number", "empty"),
    [
        (stat.S_IFCHR, os.makedev(1, 3), True),
        (stat.S_IFCHR, os.makedev(1, 5), False),
        (stat.S_IFCHR, os.makedev(3, 1), False),
        (stat.S_IFBLK, os.makedev(1, 3), False),
    ],
)
def test_the_null_device_alone_is_an_empty_text(tmp_path: pathlib.Path, kind: int, number: int, empty: bool) -> None:
    os.mknod(tmp_path / "device", kind | 0o600, number)
    with nothing_left_open():
        if empty:
            assert below_root.read_text(f"{tmp_path}/device", 4) == ""
        else:
            with pytest.raises(below_root.NotRegular):
                below_root.read_text(f"{tmp_path}/device", 4)
