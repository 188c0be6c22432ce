# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from /proc/PID/cgroup to a unit; that the result is that of the C code is in test_procfs.py."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.cgroup import (
    CgroupPlace,
    place_of,
    prefix_of,
    unit_in,
)

LONGEST = b"/" + b"x" * (1023 - 4)
"""A path whose line has 1023 bytes, and 1024 with its end."""


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"0::/a\n", ("/a", True)),
        (b"0::/\n", ("/", True)),
        (b"0::/a\xff\n", ("/a\udcff", True)),
        (b"1:name=systemd:/a:b\n0::/\n", ("/a:b", True)),
        (b"0::/u\n1:name=systemd:/n\n", ("/n", True)),
        (b"0::/u\n1:name=systemd:/\n", ("/u", True)),
        (b"0::/\n1:name=systemd:/\n", ("/", True)),
        (b"4:cpu:/c\n", None),
        (b":name=systemd:/n\n", None),
        (b"1:name=systemd\n", None),
        (b"1:name=systemd:/a\n2:name=systemd:/b\n", None),
        (b"0::/a\n0::/b\n", None),
        (b"0::/a\n10::/b\n", ("/a", True)),
        (b"", None),
        (b"0::" + LONGEST + b"\n", (LONGEST.decode(), True)),
        (b"0::" + LONGEST + b"y\n", (LONGEST.decode() + "y", False)),
        (b"0::" + LONGEST + b"yz\n", (LONGEST.decode() + "y", False)),
        (b"1:name=systemd:" + LONGEST[:1008] + b"y\n", (LONGEST[:1008].decode() + "y", False)),
    ],
)
def test_where_systemd_has_put_a_process(content: bytes, place: t.Optional[t.Tuple[str, bool]]) -> None:
    assert place_of(content) == place


@pytest.mark.parametrize(
    ("manager", "prefix"),
    [
        (CgroupPlace("/init.scope", True), ""),
        (CgroupPlace("/lxc/c/init.scope", True), "/lxc/c"),
        (CgroupPlace("/lxc/c/init.scope", False), ""),
        (CgroupPlace("/lxc/c", True), ""),
        (CgroupPlace("init.scope", True), ""),
        (None, ""),
    ],
)
def test_below_what_the_manager_keeps_its_units(manager: t.Optional[CgroupPlace], prefix: str) -> None:
    assert prefix_of(manager) == prefix


@pytest.mark.parametrize(
    ("path", "prefix", "unit"),
    [
        ("/system.slice/a.service", "", "a.service"),
        ("/a.service/b.service", "", "a.service"),
        *[(f"/system.slice/a.{kind}", "", f"a.{kind}") for kind in ("service", "scope", "socket", "mount", "swap")],
        ("/system.slice/a.timer", "", ""),
        ("/a.slice/a-b.slice/_cpu.service/x", "", "cpu.service"),
        ("/a.slice/_/a.service", "", ""),
        ("/folder/a.service", "", ""),
        ("/w@.slice/a.service", "", ""),
        ("/w@1.slice/a.service", "", ""),
        ("/w@.service/a.service", "", ""),
        ("/w@1.service/a.service", "", "w@1.service"),
        ("/w@1@.service", "", "w@1@.service"),
        ("/lxc/c/system.slice/a.service", "/lxc/c", "a.service"),
        ("/lxc/cc/a.service", "/lxc/c", ""),
        ("/lxc/c", "/lxc/c", ""),
        ("/", "", ""),
        ("a.service", "", ""),
    ],
)
def test_the_first_unit_of_a_path_counts(path: str, prefix: str, unit: str) -> None:
    assert unit_in(CgroupPlace(path, True), prefix) == unit
    assert unit_in(CgroupPlace(path, False), prefix) == ("" if path.endswith(unit) else unit), "its last may be cut"
    assert unit_in(None, prefix) == ""
