# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the libraries are made from and for, and what programs of other kinds get; whole answers."""

from __future__ import annotations

import io
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import made as libraries_made
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import table
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import (
    BuildError,
    Platform,
    digest_of_sources,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.made import Kinds
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.multilib import Layout, links
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.prebuilt import Choice
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import parse_elf

HERE = Platform("x86_64 64 bit", "glibc 2.36")
_ELF = b"\x7fELF\2\1\1" + b"\0" * 9 + b"\3\0\x3e\0\1\0\0\0" + b"\0" * 28 + b"\x40\0\x38\0\0\0\x40\0\0\0\0\0"
OTHER = Loader("/lib/ld.so", parse_elf(io.BytesIO(_ELF)), "/libc.so.6")
LAYOUT = Layout("lib64", {"lib32": OTHER, "libx32": OTHER})
CHOICE = Choice("kind", {"a.so": b"a"}, [])


@pytest.mark.parametrize(
    ("cflags", "ldflags", "flags"),
    [(None, None, {}), ("", None, {"cflags": ""}), ("-O1", "-s", {"cflags": "-O1", "ldflags": "-s"})],
)
def test_flags_that_are_not_given_are_the_makefiles_own(
    cflags: t.Optional[str], ldflags: t.Optional[str], flags: t.Dict[str, str]
) -> None:
    assert libraries_made.made_from_sources(HERE, "digest", "gcc", cflags, ldflags, None) == {
        "machine": HERE.machine, "libc": HERE.libc, "sources": "digest", "cc": "gcc", "compiler": None, **flags,
    }  # fmt: skip


def test_what_was_made_elsewhere_is_for_this_host_and_says_of_which() -> None:
    made = {"machine": "m", "libc": "l", "sources": "s", "compiler": "cc 1"}
    found = libraries_made.made_elsewhere(HERE, CHOICE, {"kind": Manifest(made, {}).text(), "other": "{"})
    assert found == {**made, "machine": HERE.machine, "libc": HERE.libc, "built_on": "m, l"}


@pytest.mark.parametrize(
    "manifests", [{}, {"kind": "{}"}, {"other": Manifest({"sources": "s"}, {}).text()},
                  {"kind": Manifest({"prebuilt": "s"}, {}).text()}],
)  # fmt: skip
def test_what_was_made_elsewhere_of_unknown_sources_is_refused(manifests: t.Dict[str, str]) -> None:
    with pytest.raises(BuildError) as error:
        libraries_made.made_elsewhere(HERE, CHOICE, manifests)
    assert str(error.value) == "prebuilt: kind has no manifest.json that names its sources, as delegated demands"


def test_what_was_brought_is_known_by_its_checksums_those_that_do_not_fit_too() -> None:
    variants = {"kind": {"a.so": b"a", "b.so": b"b"}, "other": {"a.so": b""}}
    assert libraries_made.made_of_prebuilt(HERE, CHOICE, variants) == {
        "machine": HERE.machine, "libc": HERE.libc, "variant": "kind",
        "prebuilt": digest_of_sources({"a.so": sha256(b"a"), "b.so": sha256(b"b")}),
    }  # fmt: skip


def test_sources_that_are_none_are_named() -> None:
    assert libraries_made.digest_of({"a.c": "x"}) == digest_of_sources({"a.c": "x"})
    for sources, said in (
        ({}, "empty; call this module as a task, whose action sends the collection's own"),
        ({"a.c": 7}, "'a.c' must be a plain file name with the file's text as its value"),
        ({"a.c": "", "/b.c": ""}, "'/b.c' must be a plain file name with the file's text as its value"),
    ):
        with pytest.raises(BuildError) as error:
            libraries_made.digest_of(sources)
        assert str(error.value) == f"sources: {said}"


@pytest.mark.parametrize(
    ("layout", "compiler", "unable", "kinds"),
    [
        (None, "cc 12", {}, Kinds({})),
        (None, None, {}, Kinds({})),
        (LAYOUT, None, {}, Kinds(dict.fromkeys(("lib64", "lib32", "libx32"), "no compiler is there"), None,
                                 {"multilib": None})),
        (LAYOUT, "cc 12", {}, Kinds({"lib64": "links", "lib32": "made", "libx32": "made"}, LAYOUT,
                                    {"multilib": "lib64, lib32, libx32"})),
        (LAYOUT, "cc 12", {"libx32": "no"}, Kinds({"lib64": "links", "lib32": "made", "libx32": "no"},
                                                  Layout("lib64", {"lib32": OTHER}), {"multilib": "lib64, lib32"})),
        (LAYOUT, "cc 12", {"libx32": "no", "lib32": "nor"},
         Kinds({"lib64": "not needed without the others", "lib32": "nor", "libx32": "no"})),
    ],
)  # fmt: skip
def test_for_which_kinds_a_compiler_makes_libraries(
    layout: t.Optional[Layout], compiler: t.Optional[str], unable: t.Dict[str, str], kinds: Kinds
) -> None:
    assert libraries_made.kinds_to_compile(layout, compiler, unable) == kinds


def test_for_which_kinds_there_are_libraries_among_files() -> None:
    none = "not among the prebuilt files"
    among = libraries_made.kinds_among
    assert among(iter(["lib32/a.so", "a.so"]), LAYOUT) == Kinds({"lib32": "made", "libx32": none, "lib64": "links"})
    assert among(iter(["libx32/a.so"]), LAYOUT) == Kinds({"lib32": none, "libx32": "made", "lib64": "links"})
    assert among(["a.so", "lib32.so"], LAYOUT) == Kinds({"lib32": none, "libx32": none})
    assert among(["lib32/a.so"], None) == Kinds({})


def test_which_files_this_host_takes() -> None:
    files = {"a.so": b"a", "keepalive_inspect.h": b"h", "lib32/a.so": b"b", "lib64/a.so": b"copied", "lib/a.so": b""}
    plain = {"a.so": b"a", "keepalive_inspect.h": b"h"}
    assert libraries_made.for_this_host(files, LAYOUT) == {**plain, "lib32/a.so": b"b", **links(LAYOUT)}
    assert libraries_made.for_this_host(files, None) == plain
    assert libraries_made.for_this_host({**plain, "lib64/a.so": b""}, LAYOUT) == plain, "no links without the others"


@pytest.mark.parametrize(
    ("name", "row", "preload", "tried"),
    [
        ("libkeepalive.so", table.File("libkeepalive.so", "preload", 0o644), True, True),
        ("one.so", table.File("one.so", "preload", 0o644), True, True),
        ("libkeepalive_inspect.so", table.File("libkeepalive_inspect.so", "library", 0o644), False, True),
        ("keepalive-watchdog", table.File("keepalive-watchdog", "program", 0o755), False, True),
        ("keepalive_inspect.h", table.File("keepalive_inspect.h", "data", 0o644), False, False),
        ("other", table.File("other", "data", 0o644), False, False),
        ("lib32/libkeepalive.so", table.File("lib32/libkeepalive.so", "foreign", 0o644), False, False),
    ],
)
def test_of_which_kind_a_file_is(name: str, row: table.File, preload: bool, tried: bool) -> None:
    assert (table.file_of(name), table.is_preload(name), table.is_tried(name)) == (row, preload, tried)
