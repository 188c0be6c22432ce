# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where cgroups of version 2 are: alone, beside version 1, not at all; and which one a unit's program belongs to."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import (
    above,
    cgroup_folder,
    find_root,
    open_cgroup,
    own_control_group,
    path_by_number,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import needs_programs, own_cgroup


def made(folder: pathlib.Path, version: int) -> str:
    folder.mkdir()
    (folder / "cgroup.procs").touch()
    if version == 2:
        (folder / "cgroup.controllers").touch()
    return str(folder)


def test_the_topmost_one_is_found_beside_version_1_and_alone(tmp_path: pathlib.Path) -> None:
    alone, hybrid, old = made(tmp_path / "a", 2), made(tmp_path / "h", 2), made(tmp_path / "o", 1)
    assert find_root([f"{tmp_path}/none", alone]) == alone
    assert find_root([hybrid, old]) == hybrid
    with pytest.raises(BpfRefused, match=rf"^no cgroup of version 2 is mounted on {tmp_path}/none or {old}, and "):
        find_root([f"{tmp_path}/none", old])


@needs_programs
def test_a_cgroup_is_found_by_its_number() -> None:
    """Deep down as well; not once it is gone, nor where it is outside of what is shown."""
    top = pathlib.Path(find_root())
    with own_cgroup() as folder, own_cgroup(folder) as below, own_cgroup() as beside:
        number = below.stat().st_ino
        assert path_by_number(number) == f"/{below.relative_to(top)}"
        assert path_by_number(number, str(folder)) == f"/{below.name}"
        assert path_by_number(number, str(beside)) == path_by_number(folder.stat().st_ino, str(below)) == ""
    assert path_by_number(number) == ""
    assert path_by_number(top.stat().st_ino) == ""


def test_no_cgroup_is_found_where_there_are_none(tmp_path: pathlib.Path) -> None:
    assert path_by_number(1, str(tmp_path / "none")) == path_by_number(1, str(tmp_path)) == ""


def test_a_control_group_is_a_folder() -> None:
    assert cgroup_folder("/system.slice/a.service", "/r") == "/r/system.slice/a.service"
    assert cgroup_folder("/", "/r") == "/r"


@pytest.mark.parametrize("path", ["", "a.service", "/../a.service", "/a/../../b", "/./a"])
def test_what_is_not_shown_here_is_none(path: str) -> None:
    with pytest.raises(BpfRefused, match="is no cgroup that is shown here"):
        cgroup_folder(path, "/r")


@pytest.mark.parametrize(
    "content, path",
    [
        (b"0::/system.slice/a.service\n", "/system.slice/a.service"),
        (b"1:name=systemd:/b.service\n0::/system.slice/a.service\n", "/system.slice/a.service"),
        (b"0::/system.slice/a.service/.control\n", "/system.slice/a.service"),
        (b"0::/a\x0cb\xff\n", "/a\x0cb\udcff"),
        (b"0::/\n", "/"),
    ],
)
def test_the_own_one_is_that_of_version_2_and_of_the_unit(content: bytes, path: str) -> None:
    assert own_control_group(content) == path


@pytest.mark.parametrize("content", [b"", b"1:name=systemd:/a.service\n", b"0::/a\n0::/b\n"])
def test_without_it_nothing_is_guessed(content: bytes) -> None:
    with pytest.raises(BpfRefused, match="names no cgroup of version 2"):
        own_control_group(content)


def test_what_is_above_ends_with_the_topmost_one() -> None:
    assert list(above("/r/a/b/c", "/r")) == ["/r/a/b", "/r/a", "/r"]
    assert list(above("/r", "/r")) == []
    assert list(above("/elsewhere/a", "/r")) == []


def test_no_link_is_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(BpfRefused, match=r"/link: "):
        open_cgroup(str(tmp_path / "link"))
