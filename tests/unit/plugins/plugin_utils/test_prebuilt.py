# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was brought is what its manifest says, all of it and nothing else, or nothing is taken."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, link_to, sha256
from ansible_collections.netops.keepalive.plugins.plugin_utils import _prebuilt
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import Unusable, read_prebuilt
from ansible_collections.netops.keepalive.tests.unit.support.brought import bring

FILES = {"libkeepalive.so": b"one", "keepalive_inspect.h": b"two"}


def refusal(folder: pathlib.Path) -> t.List[str]:
    """Return what is said of a folder that is refused, with the folder as DIR."""
    with pytest.raises(Unusable) as error:
        read_prebuilt(folder)
    assert error.value.message == "\n".join(f"prebuilt: {problem}" for problem in error.value.problems)
    return [problem.replace(str(folder), "DIR") for problem in error.value.problems]


def test_a_folder_with_libraries_is_one_kind_of_host(tmp_path: pathlib.Path) -> None:
    manifest = bring(tmp_path / "trixie", FILES)
    assert read_prebuilt(tmp_path / "trixie") == ({"trixie": FILES}, {"trixie": manifest.text()})


def test_a_folder_of_folders_has_a_kind_of_host_in_each(tmp_path: pathlib.Path) -> None:
    for name in ("trixie", "bullseye"):
        bring(tmp_path / name, {"l.so": name.encode()})
    bring(tmp_path / ".git", {"l.so": b"hidden"})
    (tmp_path / "empty").mkdir()
    (tmp_path / "README").write_text("no folder")
    found = read_prebuilt(tmp_path)
    assert found.variants == {"bullseye": {"l.so": b"bullseye"}, "trixie": {"l.so": b"trixie"}}
    assert list(found.manifests) == ["bullseye", "trixie"]


def test_the_folder_itself_may_be_a_link_of_the_operators(tmp_path: pathlib.Path) -> None:
    bring(tmp_path / "v2", FILES)
    (tmp_path / "current").symlink_to("v2")
    assert read_prebuilt(tmp_path / "current").variants == {"current": FILES}


def test_a_copy_of_what_is_installed_on_a_host_may_hold_the_command_as_well(tmp_path: pathlib.Path) -> None:
    """And a lock, or what an editor has left: nothing hidden is ever taken."""
    bring(tmp_path / "copy", FILES)
    for name in ("keepalive-sockets", ".libkeepalive.so.swp"):
        (tmp_path / "copy" / name).write_bytes(b"x")
    assert read_prebuilt(tmp_path / "copy").variants == {"copy": FILES}


def test_a_link_by_which_a_loader_finds_a_library_is_no_file_of_the_set(tmp_path: pathlib.Path) -> None:
    bring(tmp_path, {"l.so": b"64 bit", "lib32/l.so": b"32 bit", "lib64/l.so": link_to("../l.so")})
    (tmp_path / "lib64" / "l.so").unlink()
    (tmp_path / "lib64" / "l.so").symlink_to("../l.so")
    (files,) = read_prebuilt(tmp_path).variants.values()
    assert files == {"l.so": b"64 bit", "lib32/l.so": b"32 bit"}
    (tmp_path / "lib64" / "l.so").unlink()
    (tmp_path / "lib64" / "l.so").write_bytes(b"64 bit")
    assert read_prebuilt(tmp_path).variants == {tmp_path.name: files}, "a copy that follows links"
    (tmp_path / "lib64" / "l.so").unlink()
    (tmp_path / "lib64" / "l.so").symlink_to("/etc/hostname")
    assert refusal(tmp_path) == ["DIR/lib64/l.so is a symbolic link: copy the file itself"]


def change(name: str) -> t.Callable[[pathlib.Path], t.Any]:
    return lambda folder: (folder / name).write_bytes(b"changed")


def replace_by(name: str, make: t.Callable[[pathlib.Path], t.Any]) -> t.Callable[[pathlib.Path], t.Any]:
    def replaced(folder: pathlib.Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return replaced


def beside(path: pathlib.Path) -> None:
    """Put a link there to a file with the very same bytes: it may be changed after the check."""
    twin = path.with_name(".twin")
    twin.write_bytes(FILES["libkeepalive.so"])
    path.symlink_to(twin)


NO_SHA = "DIR/libkeepalive.so does not have the sha256 that manifest.json beside it says: copy the folder again"
NO_MANIFEST = (
    "DIR has no manifest.json, which says which files belong together and their sha256: copy it from where they were "
    "compiled, or have them compiled again (build_keepalive)"
)
STRANGER = (
    "DIR/{} is not named by the manifest.json there: remove what does not belong to the set, or copy the folder again"
)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (change("libkeepalive.so"), NO_SHA),
        (lambda folder: (folder / "libkeepalive.so").write_bytes(b""), NO_SHA),
        (change("libown.so"), STRANGER.format("libown.so")),
        (change("notes.txt"), STRANGER.format("notes.txt")),
        (lambda folder: bring(folder / "lib32", {"l.so": b"x"}), STRANGER.format("lib32/l.so").replace(
            "there:", "there, nor 1 more:")),
        (lambda folder: (folder / "lib32").symlink_to("/etc"), STRANGER.format("lib32")),
        (lambda folder: (folder / "manifest.json").unlink(), NO_MANIFEST),
        (lambda folder: (folder / "keepalive_inspect.h").unlink(),
         "DIR/keepalive_inspect.h cannot be read: No such file or directory"),
        (replace_by("libkeepalive.so", beside), "DIR/libkeepalive.so is a symbolic link: copy the file itself"),
        (replace_by("libkeepalive.so", os.mkfifo), "DIR/libkeepalive.so is not a regular file"),
        (replace_by("libkeepalive.so", os.mkdir), "DIR/libkeepalive.so cannot be read: Is a directory"),
        (replace_by("manifest.json", os.mkfifo), "DIR/manifest.json is not a regular file"),
        (replace_by("manifest.json", lambda path: path.symlink_to("/etc/passwd")),
         "DIR/manifest.json is a symbolic link: copy the file itself"),
    ],
)  # fmt: skip
def test_bad_sets(tmp_path: pathlib.Path, harm: t.Callable[[pathlib.Path], t.Any], said: str) -> None:
    bring(tmp_path, FILES)
    read_prebuilt(tmp_path)
    harm(tmp_path)
    assert refusal(tmp_path) == [said]


@pytest.mark.parametrize("content", ["", "{}", "x", Manifest({}, {"../l.so": sha256(b"x")}).text()])
def test_a_manifest_that_is_none(tmp_path: pathlib.Path, content: str) -> None:
    bring(tmp_path, FILES)
    (tmp_path / "manifest.json").write_text(content)
    (said,) = refusal(tmp_path)
    assert said.startswith("DIR/manifest.json ")
    assert said.endswith(". It says which files belong together and their sha256: copy the folder again")


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path, {"l.so": b"12345678"})
    monkeypatch.setattr(_prebuilt, "_LIMIT", 7)
    assert refusal(tmp_path) == ["DIR/manifest.json has more than 7 bytes, and no file of a set has"]


def test_all_that_is_wrong_is_said_at_once(tmp_path: pathlib.Path) -> None:
    for name in ("one", "right", "two"):
        bring(tmp_path / name, FILES)
    (tmp_path / "one" / "libkeepalive.so").write_bytes(b"changed")
    (tmp_path / "two" / "manifest.json").unlink()
    (tmp_path / "three").symlink_to("right")
    assert refusal(tmp_path) == [
        NO_SHA.replace("DIR", "DIR/one"),
        "DIR/three is a symbolic link: copy the folder itself",
        NO_MANIFEST.replace("DIR", "DIR/two"),
    ]


def test_a_folder_that_has_lost_its_libraries_is_not_passed_over(tmp_path: pathlib.Path) -> None:
    for name in ("one", "two"):
        bring(tmp_path / name, {"l.so": b"x"})
    (tmp_path / "two" / "l.so").unlink()
    assert refusal(tmp_path) == ["DIR/two/l.so cannot be read: No such file or directory"]


def test_a_folder_that_is_none(tmp_path: pathlib.Path) -> None:
    assert refusal(tmp_path / "none") == ["DIR is not a folder"]
    assert refusal(tmp_path) == ["neither DIR nor the folders in it contain a .so file"]


def test_what_is_sent_is_what_was_checked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changes each file in the moment after it was read."""
    bring(tmp_path / "set", FILES)
    real = _prebuilt._read

    def read(path: pathlib.Path, follow: bool = False) -> bytes:
        content = real(path, follow)
        path.write_bytes(b"changed")
        return content

    monkeypatch.setattr(_prebuilt, "_read", read)
    assert read_prebuilt(tmp_path / "set").variants == {"set": FILES}
    assert {path.read_bytes() for path in (tmp_path / "set").iterdir()} == {b"changed"}
