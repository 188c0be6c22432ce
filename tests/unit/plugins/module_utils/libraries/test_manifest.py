# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest tells truthfully whether what is installed still holds."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import (
    Manifest,
    changes_since,
    parse_manifest,
)

MADE = {"compiler": "cc 12", "libc": "glibc 2.36", "sources": "abc", "cflags": "-O2"}


def test_a_manifest_reads_back_as_it_was_written() -> None:
    manifest = Manifest(MADE, {"libkeepalive.so": "0" * 64})
    assert parse_manifest(manifest.text()) == manifest


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"managed_by": "somebody"},
        {"files": {"../../bin/sh": "0"}},
        {"files": {"/bin/sh": "0"}},
        {"files": {"manifest.json": "0"}},
        {"files": {".hidden": "0"}},
        {"files": ["libkeepalive.so"]},
        {"made": None},
        {"made": [["a", "b"]]},
        {"made": {"cflags": 7}},
        {"files": {"a.so": None}},
        {"files": {"a" * 256: "0"}},
    ],
)
def test_what_is_not_ours_or_names_other_places_counts_for_nothing(change: dict) -> None:
    content = json.loads(Manifest(MADE, {"libkeepalive.so": "0"}).text())
    assert parse_manifest(json.dumps(content)) is not None
    assert parse_manifest(json.dumps({**content, **change})) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '"text"', "[" * 100_000, "\ud800", None, 7])
def test_what_is_no_manifest_counts_for_nothing(text: t.Any) -> None:
    assert parse_manifest(text) is None


def test_of_a_damaged_manifest_it_is_said_why_it_counts_for_nothing(tmp_path: pathlib.Path) -> None:
    path, folder = tmp_path / libraries_manifest.MANIFEST, str(tmp_path)
    assert (libraries_manifest.read_manifest(folder), libraries_manifest.manifest_damage(folder)) == (None, "")
    right = Manifest(MADE, {"libkeepalive.so": "0" * 64})
    path.write_text(right.text())
    assert (libraries_manifest.read_manifest(folder), libraries_manifest.manifest_damage(folder)) == (right, "")
    path.chmod(0o666)
    assert libraries_manifest.read_manifest(folder) is None
    assert libraries_manifest.manifest_damage(folder) == (
        f"{path} could have been written by others: it has mode 0666; it was not believed"
    )
    assert (
        libraries_manifest.read_manifest(folder, private=False),
        libraries_manifest.manifest_damage(folder, private=False),
    ) == (
        right,
        "",
    )
    path.unlink()
    path.mkdir()
    assert (libraries_manifest.read_manifest(folder), libraries_manifest.manifest_damage(folder)) == (
        None, f"{path} is not a regular file; it was not believed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (MADE, []),
        ({**MADE, "compiler": None}, []),
        ({**MADE, "compiler": "cc 13"}, ["compiler changed from 'cc 12' to 'cc 13'"]),
        ({**MADE, "libc": "glibc 2.41"}, ["libc changed from 'glibc 2.36' to 'glibc 2.41'"]),
        ({**MADE, "sources": "def"}, ["sources changed"]),
        ({**MADE, "ldflags": "-s"}, ["ldflags changed from nothing to '-s'"]),
        ({**MADE, "cflags": ""}, ["cflags changed from '-O2' to ''"]),
        (
            {key: value for key, value in MADE.items() if key != "cflags"},
            ["cflags changed from '-O2' to nothing"],
        ),
        ({"prebuilt": "123", "libc": "glibc 2.41"}, ["prebuilt instead of compiled here"]),
    ],
)
def test_every_difference_is_a_reason_and_only_a_lost_compiler_is_none(now: dict, reasons: list) -> None:
    assert changes_since(Manifest(MADE, {}), now) == reasons


def test_prebuilt_libraries_are_compared_by_their_digest_and_way() -> None:
    installed = Manifest({"prebuilt": "123", "variant": "a"}, {})
    assert changes_since(installed, {"prebuilt": "123", "variant": "a"}) == []
    assert changes_since(installed, {"prebuilt": "456", "variant": "a"}) == ["prebuilt changed"]
    assert changes_since(installed, MADE) == ["compiled here instead of prebuilt"]


def test_without_a_manifest_nothing_is_installed() -> None:
    assert changes_since(None, MADE) == ["not installed"]


def test_damage_is_told_file_by_file(tmp_path: pathlib.Path) -> None:
    for name in ("a.so", "b.so", "c.so", "d.so"):
        (tmp_path / name).write_bytes(b"x")
    manifest = Manifest({}, dict.fromkeys(("a.so", "b.so", "c.so", "d.so"), libraries_manifest.sha256(b"x")))
    assert libraries_manifest.damaged_files(manifest, str(tmp_path)) == []
    (tmp_path / "b.so").write_bytes(b"y")
    (tmp_path / "c.so").unlink()
    (tmp_path / "d.so").rename(tmp_path / "elsewhere")
    (tmp_path / "d.so").symlink_to("elsewhere")
    assert libraries_manifest.damaged_files(manifest, str(tmp_path)) == [
        "b.so was changed by something else",
        "c.so is missing",
        "d.so is missing",
    ]
