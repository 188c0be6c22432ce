# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, links and limits of the manifest, and what stands in a file's place."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import (
    InstalledFile,
    Manifest,
    changes_since,
    is_file_name,
    link_to,
    look_at_file,
    sha256,
)

OWNER = (os.geteuid(), os.getegid())


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a", True), ("_a", True), ("libx.so.1+b-c", True), ("lib/a.so", True), ("lib32/a.so", True),
        ("lib/x86_64-linux-gnu/a.so", True), ("a" * 255, True), ("a" * 256, False), ("", False), ("-a", False),
        (".a", False), ("a b", False), ("a:b", False), ("a/b.so", False), ("lib/a/b/c.so", False), ("lib/.a", False),
        ("lib/_x/a.so", False), ("lib/", False), ("lib//a.so", False), ("manifest.json", False), ("a\n", False),
    ],
)  # fmt: skip
def test_which_names_a_file_may_have(name: str, fits: bool) -> None:
    assert is_file_name(name) is fits


def test_the_text_is_always_the_same() -> None:
    assert Manifest({"libc": "glibc", "cc": "cc"}, {"b.so": "2", "a.so": "1"}).text() == (
        '{\n  "files": {\n    "a.so": "1",\n    "b.so": "2"\n  },\n  "format": 1,\n  "made": {\n    "cc": "cc",\n'
        '    "libc": "glibc"\n  },\n  "managed_by": "netops.keepalive.preload_libraries"\n}\n'
    )


def test_a_manifest_may_be_so_long(tmp_path: pathlib.Path) -> None:
    path, manifest = tmp_path / "manifest.json", Manifest({}, {"a.so": "1"})
    path.write_text(manifest.text().ljust(1 << 20))
    assert libraries_manifest.read_manifest(str(tmp_path)) == manifest
    path.write_text(manifest.text().ljust((1 << 20) + 1))
    assert libraries_manifest.read_manifest(str(tmp_path)) is None
    assert libraries_manifest.manifest_damage(str(tmp_path)) == (
        f"{path} has 1048577 bytes, and no more than 1048576 are ever written; it was not believed"
    )


def test_what_is_there_of_a_file(tmp_path: pathlib.Path) -> None:
    nothing = InstalledFile(None, 0, 0, 0)
    path = tmp_path / "a.so"
    assert look_at_file(str(path)) == nothing
    path.write_bytes(b"x")
    path.chmod(0o4640)
    assert look_at_file(str(path)) == InstalledFile(sha256(b"x"), 0o4640, *OWNER, False)
    assert look_at_file(f"{path}/b.so") == nothing, "a file where its folder should be"
    (tmp_path / "link").symlink_to("../a.so")
    assert look_at_file(str(tmp_path / "link")) == InstalledFile(sha256(link_to("../a.so")), 0, *OWNER, True)
    os.mkfifo(tmp_path / "fifo")
    assert look_at_file(str(tmp_path / "fifo")) == look_at_file(str(tmp_path)) == nothing


def test_where_a_link_leads_stands_for_it() -> None:
    for target in ("../a.so", "\udcff"):
        assert libraries_manifest.target_of(link_to(target)) == target
    assert libraries_manifest.target_of(b"\x7fELF") is None
    assert libraries_manifest.sha256_of_text("a\udcff") == sha256(b"a\xff")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (InstalledFile(None, 0, 0, 0), ["a.so is missing"]),
        (InstalledFile("1", 0o644, 0, 0), []),
        (InstalledFile("2", 0o644, 0, 0), ["a.so was changed by something else"]),
        (InstalledFile("1", 0, 0, 0, True), []),
        (InstalledFile("2", 0, 0, 0, True), ["a.so is missing"]),
    ],
)
def test_a_link_that_leads_elsewhere_is_missing(found: InstalledFile, said: t.List[str]) -> None:
    assert libraries_manifest.damages_seen(Manifest({}, {"a.so": "1"}), {"a.so": found}) == said


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        ({}, {"sources": "x"}, ["sources changed from nothing to 'x'"]),
        ({"sources": "x"}, {}, ["sources changed from 'x' to nothing"]),
        ({"prebuilt": "x"}, {"prebuilt": "y"}, ["prebuilt changed"]),
        ({"b": "1", "a": "1"}, {"a": "2", "b": "2"}, ["a changed from '1' to '2'", "b changed from '1' to '2'"]),
        ({"a": "1"}, {"a": None}, []),
        ({}, {"a": None}, []),
    ],
)
def test_how_a_difference_is_said(old: t.Any, new: t.Any, reasons: t.List[str]) -> None:
    assert changes_since(Manifest(old, {}), new) == reasons


def test_what_is_there_now_reads_like_the_manifest(tmp_path: pathlib.Path) -> None:
    """For a diff: where all is right it is the manifest's own text."""
    folder, uid, gid = str(tmp_path), *OWNER
    assert libraries_manifest.observed_manifest(folder) == ""
    contents = {"a.so": b"a", "b.so": b"b", "c.so": b"c", "keepalive-watchdog": b"w"}
    files = {name: sha256(content) for name, content in contents.items()}
    files["lib64/a.so"] = sha256(link_to("../a.so"))
    manifest = Manifest({"cc": "cc"}, files)
    (tmp_path / "manifest.json").write_text(manifest.text())
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "a.so").symlink_to("../a.so")
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755 if name == "keepalive-watchdog" else 0o644)
    assert libraries_manifest.observed_manifest(folder) == manifest.text()
    (tmp_path / "a.so").write_bytes(b"other")
    (tmp_path / "b.so").unlink()
    (tmp_path / "keepalive-watchdog").chmod(0o644)
    assert libraries_manifest.observed_manifest(folder) == Manifest(
        manifest.made,
        {
            **files, "a.so": sha256(b"other"), "b.so": "missing",
            "keepalive-watchdog": f"{files['keepalive-watchdog']} mode 0644 owner {uid}:{gid}",
        },
    ).text()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found", "right"),
    [
        ("a.so", InstalledFile("1", 0o644, *OWNER), True),
        ("a.so", InstalledFile("1", 0o755, *OWNER), False),
        ("a.so", InstalledFile("1", 0o644, OWNER[0] + 1, OWNER[1]), False),
        ("a.so", InstalledFile("1", 0o644, OWNER[0], OWNER[1] + 1), False),
        ("keepalive-watchdog", InstalledFile("1", 0o755, *OWNER), True),
        ("lib64/a.so", InstalledFile("1", 0, *OWNER, True), True),
        ("lib64/a.so", InstalledFile("1", 0o644, *OWNER, False), True),
        ("lib64/a.so", InstalledFile("1", 0, OWNER[0] + 1, OWNER[1], True), False),
    ],
)
def test_mode_and_owner_are_those_of_a_fresh_installation(name: str, found: InstalledFile, right: bool) -> None:
    assert libraries_manifest.attributes_right(name, found) is right
