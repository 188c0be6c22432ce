# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which C library a file needs, and which one is here."""

from __future__ import annotations

import os
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import libc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.34", (2, 34)),
        ("2.2.5", (2, 2, 5)),
        ("PRIVATE", ()),
        ("2.²", ()),
        ("2.１", ()),
        ("2.", ()),
        ("2." + "9" * 5000, ()),
    ],
)
def test_a_release_is_numbers(text: str, numbers: libc.Release) -> None:
    assert libc.release_of(text) == numbers


def test_the_release_of_this_host_is_the_one_that_ldd_says() -> None:
    said = subprocess.run(["ldd", "--version"], check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[0].endswith(f" {libc.dotted(libc.glibc_here())}")


def refuses() -> t.NoReturn:
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize(
    ("answer", "release"),
    [
        (lambda: "glibc 2.36", (2, 36)),
        (lambda: "glibc next", ()),
        (lambda: "other 2.36", ()),
        (lambda: "", ()),
        (lambda: None, ()),
        (refuses, ()),
    ],
    ids=["glibc", "no number", "other", "empty", "nothing", "musl"],
)
def test_a_host_that_does_not_say_a_release_of_glibc_has_none(
    monkeypatch: pytest.MonkeyPatch, answer: t.Callable[[], t.Optional[str]], release: libc.Release
) -> None:
    monkeypatch.setattr(os, "confstr", lambda _name: answer())
    assert libc.glibc_here() == release


def test_what_a_file_is_linked_with() -> None:
    elf = read_elf("/bin/sh")
    assert libc.libc_of(elf) == "glibc"
    assert libc.newest_glibc(elf) <= libc.glibc_here()
    assert libc.libc_of(elf._replace(needed=("libm.so", "libc.musl-x86_64.so.1"))) == "musl"
    assert libc.libc_of(elf._replace(needed=("libc.so",))) == "musl"
    assert libc.libc_of(elf._replace(needed=("libm.so.6",))) == ""
    assert libc.newest_glibc(elf._replace(versions={"libc.so.6": ("GLIBC_2.9", "GLIBC_2.34", "X_3")})) == (2, 34)
    assert libc.newest_glibc(elf._replace(versions={"libx.so": ("X_3",), "libc.so.6": ("GLIBC_PRIVATE",)})) == ()


@pytest.mark.parametrize(
    ("path", "musl"),
    [
        ("/lib/ld-musl-x86_64.so.1", True),
        ("/lib64/ld-linux-x86-64.so.2", False),
        ("/opt/ld-musl/ld.so", False),
        (None, False),
    ],
)
def test_the_loader_of_musl_is_known_by_its_name(path: t.Optional[str], musl: bool) -> None:
    assert libc.is_musl_loader(path) is musl


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1" * 9, (111111111,)), ("1" * 10, ()), (".".join("1" * 10), (1,) * 10), (".".join("1" * 11), ()),
     (".1", ()), ("1..2", ()), ("2.34\n", ())],
)  # fmt: skip
def test_how_long_a_release_may_be(text: str, numbers: libc.Release) -> None:
    assert libc.release_of(text) == numbers
    assert libc.dotted(numbers) == (text if numbers else "")


@pytest.mark.parametrize(
    ("library", "name"),
    [("libc.so.6", "glibc"), ("libc.so", "musl"), ("libc.musl-x86_64.so.1", "musl"), ("libc.so.7", ""),
     ("xlibc.so", ""), ("libc.so.6.1", ""), ("", "")],
)  # fmt: skip
def test_a_library_goes_by_its_name(library: str, name: str) -> None:
    assert libc.libc_named(library) == name


def test_a_host_that_cannot_be_asked_has_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(name: str) -> str:
        assert name == "CS_GNU_LIBC_VERSION"
        raise OSError("not known")

    monkeypatch.setattr(os, "confstr", asked)
    assert libc.glibc_here() == ()
