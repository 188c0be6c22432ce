# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of an installation, what stands in its place, and whose files are doubted."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install as libraries_install
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.install import InUse
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import MANIFEST, Manifest, link_to

STAGING = ".libkeepalive.new"
OLD = {"a.so": b"a", "lib32/x/b.so": b"b", "lib64/a.so": link_to("../a.so")}
FOLDERS = ["lib32", "lib32/x", "lib64"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def no_label(_path: str, _place: str) -> bool:
    return False


def install(folder: pathlib.Path, contents: t.Mapping[str, bytes], label: t.Any = no_label) -> t.List[str]:
    return libraries_install.install(str(folder), contents, {}, lambda _paths: None, label)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "lib"
    assert install(folder, OLD) == list(OLD)
    return folder


def modes(folder: pathlib.Path) -> t.Dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*") if not path.is_symlink()
    }  # fmt: skip


def test_folders_below_are_for_all_under_a_narrow_umask(tmp_path: pathlib.Path) -> None:
    before = os.umask(0o077)
    try:
        install(tmp_path / "lib", OLD)
    finally:
        os.umask(before)
    assert modes(tmp_path) == {
        "lib": 0o755, **{f"lib/{name}": 0o755 for name in FOLDERS},
        "lib/a.so": 0o644, "lib/lib32/x/b.so": 0o644, f"lib/{MANIFEST}": 0o644,
    }  # fmt: skip
    assert os.readlink(tmp_path / "lib/lib64/a.so") == "../a.so"


def test_nobody_else_gets_at_the_files_before_they_were_tried(tmp_path: pathlib.Path) -> None:
    seen = []

    def try_out(paths: t.Sequence[str]) -> None:
        staging = tmp_path / "lib" / STAGING
        seen.append((list(paths), stat.S_IMODE(staging.stat().st_mode)))

    libraries_install.install(str(tmp_path / "lib"), {**OLD, "readme.txt": b""}, {}, try_out, no_label)
    assert seen == [([f"{tmp_path}/lib/{STAGING}/a.so"], 0o700)], "of another kind, links and data are not tried"


def test_the_manifest_comes_last_and_each_step_is_on_the_disk_before_it(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the manifest agrees with files that are there."""
    steps = []
    rename, unlink = os.rename, os.unlink
    monkeypatch.setattr(libraries_install, "sync_folder", lambda path: steps.append(f"sync {path}"))
    monkeypatch.setattr(libraries_install, "_remove_tree", lambda _path: None)

    def renaming(source: str, target: str) -> None:
        steps.append(f"rename {os.path.relpath(source, folder)} {os.path.relpath(target, folder)}")
        rename(source, target)

    def unlinking(path: str, **more: t.Any) -> None:
        steps.append(f"unlink {os.path.relpath(path, folder)}")
        unlink(path, **more)

    monkeypatch.setattr(os, "rename", renaming)
    monkeypatch.setattr(os, "unlink", unlinking)
    install(folder, {"a.so": b"new", "lib64/a.so": OLD["lib64/a.so"]})
    assert steps == [
        f"rename {STAGING}/a.so a.so", "unlink lib32/x/b.so", f"sync {folder}",
        f"rename {STAGING}/{MANIFEST} {MANIFEST}", f"sync {folder}",
    ]  # fmt: skip
    assert not (folder / "lib32").exists() and (folder / "lib64").is_dir()


def test_what_is_new_is_labelled_folders_as_well(tmp_path: pathlib.Path) -> None:
    folder, given = tmp_path / "lib", []

    def label(path: str, place: str) -> bool:
        given.append((os.path.relpath(path, folder), os.path.relpath(place, folder)))
        return False

    install(folder, OLD, label)
    in_place = [(name, name) for name in (".", *FOLDERS, *OLD, MANIFEST)]
    assert given[:1] == [(".", ".")], "the folder, before anything is in it"
    assert given[1:5] == [(f"{STAGING}/{name}", name) for name in (*OLD, MANIFEST)]
    assert given[5:8] == [(name, name) for name in FOLDERS]
    assert [one for one in given[8:] if one not in in_place] == []


def test_a_link_to_a_folder_in_the_place_of_a_library_is_replaced(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (folder / "a.so").unlink()
    (folder / "a.so").symlink_to(tmp_path)
    assert install(folder, OLD) == ["a.so"]
    assert (folder / "a.so").read_bytes() == b"a"


def test_a_folder_that_others_use_stays_when_its_library_goes(folder: pathlib.Path) -> None:
    (folder / "lib32" / "mine").write_text("")
    libraries_install.remove(str(folder))
    assert sorted(path.name for path in folder.rglob("*")) == ["lib32", "mine"]


def test_a_link_is_not_followed_to_be_repaired(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "victim").write_text("")
    (tmp_path / "victim").chmod(0o600)
    for target in (tmp_path / "victim", tmp_path / "nowhere"):
        (folder / "lib64" / "a.so").unlink()
        (folder / "lib64" / "a.so").symlink_to(target)
        assert libraries_install.repair(str(folder), OLD, lambda path, _place: path.endswith("lib64/a.so")) == []
    assert (tmp_path / "victim").stat().st_mode & 0o777 == 0o600


def test_the_folders_of_the_files_are_repaired_before_them(folder: pathlib.Path) -> None:
    for name in ("a.so", "lib32/x/b.so", "lib32/x", "lib32"):
        (folder / name).chmod(0o700)
    said = [
        "lib32 had mode 0700 instead of 0755", "lib32/x had mode 0700 instead of 0755",
        "a.so had mode 0700 instead of 0644", "lib32/x/b.so had mode 0700 instead of 0644",
    ]  # fmt: skip
    assert libraries_install.repair(str(folder), iter(OLD), no_label, True) == said
    assert libraries_install.repair(str(folder), iter(OLD), no_label) == said
    changed = [path.lstat().st_ctime_ns for path in folder.rglob("*")]
    assert libraries_install.repair(str(folder), iter(OLD), no_label) == []
    assert [path.lstat().st_ctime_ns for path in folder.rglob("*")] == changed, "what is right is not touched"


@needs_root
@pytest.mark.parametrize("owner", [(0, 7), (7, 0)])
def test_user_and_group_are_told_apart_and_only_foretold_in_check_mode(
    folder: pathlib.Path, owner: t.Tuple[int, int]
) -> None:
    os.chown(folder / "a.so", *owner)
    (folder / "a.so").chmod(0o4755)
    said = [
        "a.so had mode 4755 instead of 0644", f"a.so belonged to {owner[0]}:{owner[1]} instead of 0:0",
    ]  # fmt: skip
    for pretend in (True, False):
        status = (folder / "a.so").stat()
        assert (status.st_uid, status.st_gid) == owner
        assert libraries_install.repair(str(folder), OLD, no_label, pretend) == said
    status = (folder / "a.so").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o644)


def test_what_is_installed_is_doubted_by_its_first_file_that_others_could_change(folder: pathlib.Path) -> None:
    doubt = libraries_install.folder_doubt
    assert doubt(str(folder)) == ""
    assert doubt(str(folder / "none")) == ""
    (folder / "lib32/x/b.so").unlink()
    assert doubt(str(folder)) == "", "a file that is not there is nobody's"
    (folder / "a.so").chmod(0o666)
    assert doubt(str(folder)).startswith(f"{folder}/a.so belongs to user {os.geteuid()} and has mode 0666")
    (folder / MANIFEST).chmod(0o662)
    assert doubt(str(folder)).startswith(f"{folder}/{MANIFEST} belongs to user {os.geteuid()} and has mode 0662")


def test_what_an_interrupted_installation_had_put_there_is_known(folder: pathlib.Path) -> None:
    staging = folder / STAGING
    staging.mkdir()
    (staging / MANIFEST).write_text(Manifest({}, {"new.so": "0", "not-yet.so": "0"}).text())
    (folder / "new.so").write_bytes(b"")
    (folder / "mine.so").write_bytes(b"")
    (folder / "lib64" / "a.so").unlink()
    (folder / "lib64" / "a.so").symlink_to("nowhere")
    assert libraries_install.installed_names(str(folder)) == ["a.so", "lib32/x/b.so", "lib64/a.so", "new.so"]
    (folder / MANIFEST).unlink()
    assert libraries_install.installed_names(str(folder)) == ["new.so"]
    libraries_install.remove(str(folder))
    assert not staging.exists() and (folder / "mine.so").exists() and not (folder / "new.so").exists()


@pytest.mark.parametrize(
    ("name", "there"),
    [(MANIFEST, True), (STAGING, True), ("mine.so", False), ("", False)],
)
def test_whether_there_is_anything_to_remove(tmp_path: pathlib.Path, name: str, there: bool) -> None:
    folder = tmp_path / "lib"
    assert libraries_install.anything_installed(str(folder)) is False
    folder.mkdir()
    if name:
        (folder / name).write_text("")
    assert libraries_install.anything_installed(str(folder)) is there


@pytest.mark.parametrize(
    ("entry", "refused"),
    [("/usr/$LIB/other.so", False), ("/usr/${LIB}/a.so", True), ("$ORIGIN/a.so", True), ("{tmp}/link.so", True)],
)
def test_an_entry_by_another_name_keeps_a_library_as_well(
    folder: pathlib.Path, tmp_path: pathlib.Path, entry: str, refused: bool
) -> None:
    (tmp_path / "link.so").symlink_to(folder / "a.so")
    (tmp_path / "to-lib").symlink_to(folder)
    preload, entry = tmp_path / "preload", entry.replace("{tmp}", str(tmp_path))
    preload.write_text(f"{entry}\n")
    ask = libraries_install.refuse_if_preloaded
    if not refused:
        ask(str(tmp_path / "to-lib"), ["a.so"], str(preload))
        return
    with pytest.raises(InUse) as error:
        ask(str(tmp_path / "to-lib"), ["other.so", "a.so"], str(preload))
    assert str(error.value) == (
        f"{tmp_path}/to-lib/a.so is named in {preload} (as {entry}): every program of the host would complain about the"
        " missing file; take it out of there first"
    )


def test_a_process_is_found_by_what_a_link_to_the_folder_leads_to(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "to-lib").symlink_to(tmp_path / "lib")
    mapped = {7: f"{tmp_path}/lib/a.so", 8: f"{tmp_path}/to-lib/a.so", 9: f"{tmp_path}/lib/other.so"}

    def mapping(wanted: t.Callable[[str], bool], _proc: t.Any) -> t.List[t.Tuple[int, t.List[str]]]:
        return [(pid, [path]) for pid, path in mapped.items() if wanted(path)]

    monkeypatch.setattr(libraries_install.answering, "mapping", mapping)
    assert libraries_install.processes_mapping(str(tmp_path / "to-lib"), ["a.so"]) == [7]
