# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages bring a compiler, by what a host says that it is."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import packages


def test_the_family_of_a_distribution(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "os-release"
    path.write_text('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n')
    assert packages.distribution(str(path)) == ["rocky", "rhel", "centos", "fedora"]
    assert packages.distribution(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("text", "families"),
    [("ID='debian'\n", ["debian"]), ('ID_LIKE="a  b"\n', ["a", "b"]), ("NAME=x\nodd\n", []), ("", []),
     ("ID=a\nID=b\nVERSION_ID=3\n", ["b"]), ("ID=a=b\n", ["a=b"])],
)  # fmt: skip
def test_the_family_as_the_file_says_it(tmp_path: pathlib.Path, text: str, families: t.List[str]) -> None:
    (tmp_path / "os-release").write_text(text)
    assert packages.distribution(str(tmp_path / "os-release")) == families


def test_the_family_is_that_of_this_host() -> None:
    assert packages.distribution() == packages.distribution("/etc/os-release") != []


@pytest.mark.parametrize(
    ("families", "names"),
    [
        (["debian"], ["gcc", "libc6-dev", "make"]),
        (["mint", "ubuntu", "debian"], ["gcc", "libc6-dev", "make"]),
        (["rocky", "rhel"], ["gcc", "glibc-devel", "make"]),
        (["plan9"], []),
    ],
)
def test_the_packages_of_the_first_family_that_is_known(families: t.List[str], names: t.List[str]) -> None:
    assert packages.packages_for(families) == names


def test_what_to_do_where_they_are_not_known() -> None:
    said = packages.packages_unknown(["plan9", "unix"], "h1", "no cc")
    assert said.startswith(
        "The libraries must be compiled on h1 and there is no C compiler (no cc). The package names of this "
        "distribution (plan9 unix) are not known to this role: set keepalive_build_packages"
    )
