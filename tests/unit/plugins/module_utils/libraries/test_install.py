# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing and removing under running processes, with faults at each step."""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install as libraries_install
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.install import InUse
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import DATA, FILES, PROGRAM, File

OLD = {"a.so": b"old a", "b.so": b"old b", "c.so": b"same"}
NEW = {"a.so": b"new a", "b.so": b"new b", "c.so": b"same"}


def no_label(path: str, place: str) -> bool:
    return False


def install(
    folder: pathlib.Path,
    contents: t.Dict[str, bytes],
    try_out: t.Callable[[t.Sequence[str]], None] = lambda paths: None,
) -> t.List[str]:
    return libraries_install.install(
        str(folder), contents, {"sources": str(sorted(contents.items()))}, try_out, no_label
    )


def snapshot(folder: pathlib.Path) -> t.Dict[str, t.Tuple[int, int, bytes]]:
    """Name → inode, mode and content of everything in a folder."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content = b"" if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mode, content)
    return found


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with OLD installed."""
    folder = tmp_path / "libkeepalive"
    assert install(folder, OLD) == ["a.so", "b.so", "c.so"]
    return folder


def test_a_first_installation_under_a_narrow_umask_is_readable_for_all(tmp_path: pathlib.Path) -> None:
    before = os.umask(0o077)
    try:
        install(tmp_path / "lib", OLD)
    finally:
        os.umask(before)
    modes = {name: mode & 0o7777 for name, (_inode, mode, _content) in snapshot(tmp_path).items()}
    assert modes == {
        "lib": 0o755,
        **dict.fromkeys(("lib/a.so", "lib/b.so", "lib/c.so", "lib/manifest.json"), 0o644),
    }


def test_each_file_gets_the_mode_of_its_row_and_gets_it_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "tool", File("tool", PROGRAM, 0o755))
    monkeypatch.setitem(FILES, "tool.h", File("tool.h", DATA))
    tried: t.List[str] = []
    install(tmp_path / "lib", {**OLD, "tool": b"#!/bin/sh\n", "tool.h": b""}, tried.extend)
    assert [os.path.basename(path) for path in tried] == [*OLD, "tool"], "data is not tried"
    before = snapshot(tmp_path / "lib")
    assert {name: mode & 0o7777 for name, (_inode, mode, _content) in before.items()} == {
        **dict.fromkeys((*OLD, "manifest.json", "tool.h"), 0o644),
        "tool": 0o755,
    }
    (tmp_path / "lib" / "tool").chmod(0o644)
    said = ["tool had mode 0644 instead of 0755"]
    assert manifest.observed_manifest(str(tmp_path / "lib")).count(" mode 0644 owner") == 1
    assert libraries_install.repair(str(tmp_path / "lib"), ["tool", "tool.h"], no_label) == said
    assert snapshot(tmp_path / "lib") == before


def test_only_files_whose_bytes_differ_get_a_new_inode(folder: pathlib.Path) -> None:
    before = snapshot(folder)
    assert install(folder, NEW) == ["a.so", "b.so"]
    after = snapshot(folder)
    assert after["c.so"] == before["c.so"]
    assert after["a.so"][0] != before["a.so"][0]
    assert {name: after[name][2] for name in NEW} == NEW


def test_a_file_of_the_last_version_goes_and_foreign_files_stay(folder: pathlib.Path) -> None:
    (folder / "operators.txt").write_text("mine")
    install(folder, {"a.so": b"new a"})
    assert sorted(snapshot(folder)) == ["a.so", "manifest.json", "operators.txt"]


def test_a_link_is_replaced_not_followed(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "victim").write_bytes(b"victim")
    (folder / "a.so").unlink()
    (folder / "a.so").symlink_to(tmp_path / "victim")
    install(folder, NEW)
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert not (folder / "a.so").is_symlink()


def test_a_folder_in_the_place_of_a_library_stops_before_anything_is_replaced(folder: pathlib.Path) -> None:
    (folder / "b.so").unlink()
    (folder / "b.so").mkdir()
    before = snapshot(folder)
    with pytest.raises(IsADirectoryError, match="a file must stand there"):
        install(folder, NEW)
    assert snapshot(folder) == before


def test_a_refusal_of_the_trial_leaves_everything(folder: pathlib.Path) -> None:
    before = snapshot(folder)

    def refuse(paths: t.Sequence[str]) -> None:
        assert [pathlib.Path(path).read_bytes() for path in paths] == list(NEW.values()), "the new ones are tried"
        assert snapshot(folder).items() >= before.items(), "the old ones still stand while the new ones are tried"
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError):
        install(folder, NEW, refuse)
    assert snapshot(folder) == before


def test_a_refusal_at_the_first_installation_leaves_no_folder(tmp_path: pathlib.Path) -> None:
    def refuse(paths: t.Sequence[str]) -> None:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError):
        install(tmp_path / "lib", NEW, refuse)
    assert not (tmp_path / "lib").exists()


def test_a_write_that_the_system_cuts_short_leaves_everything(folder: pathlib.Path) -> None:
    """RLIMIT_FSIZE makes write(2) fail in the middle of the second file, on every file system and without root."""
    before = snapshot(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            install(folder, {**NEW, "b.so": b"b" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert snapshot(folder) == before


def test_a_full_disk_leaves_everything(tmp_path: pathlib.Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small file system to fill")
    try:
        install(full / "lib", {"a.so": b"a" * 20000})
        before = snapshot(full)
        with pytest.raises(OSError, match="No space left on device"):
            install(full / "lib", {"a.so": b"b" * 30000, "b.so": b"b" * 20000})
        assert snapshot(full) == before
    finally:
        subprocess.run(["umount", str(full)], check=True)


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_kill_between_any_two_steps_leaves_whole_files_and_the_next_run_heals(
    folder: pathlib.Path, renames: int
) -> None:
    child = os.fork()
    if child == 0:
        done = []
        rename = os.rename

        def killing_rename(source: str, target: str) -> None:
            if len(done) == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(target)
            rename(source, target)

        os.rename = killing_rename  # type: ignore[assignment]
        install(folder, NEW)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == (0 if renames == 3 else signal.SIGKILL)
    for name in NEW:
        assert (folder / name).read_bytes() in (OLD[name], NEW[name])
    installed = manifest.read_manifest(str(folder))
    assert installed is not None
    damaged = bool(manifest.damaged_files(installed, str(folder)))
    assert damaged == (renames in (1, 2)), "what was replaced without its manifest shows"
    install(folder, NEW)
    assert {name: content for name, (_inode, _mode, content) in snapshot(folder).items() if name in NEW} == NEW
    assert sorted(snapshot(folder)) == ["a.so", "b.so", "c.so", "manifest.json"], "no leftovers"


def test_an_interrupted_first_installation_is_removed_wholly(tmp_path: pathlib.Path) -> None:
    child = os.fork()
    if child == 0:
        rename = os.rename

        def kill_before_the_manifest(source: str, target: str) -> None:
            if target.endswith("manifest.json"):
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)

        os.rename = kill_before_the_manifest  # type: ignore[assignment]
        install(tmp_path / "lib", NEW)
    os.waitpid(child, 0)
    assert (tmp_path / "lib" / "a.so").exists()
    assert libraries_install.anything_installed(str(tmp_path / "lib"))
    libraries_install.remove(str(tmp_path / "lib"))
    assert not (tmp_path / "lib").exists()


def test_a_process_that_maps_the_old_library_survives_and_goes_on_with_it(tmp_path: pathlib.Path) -> None:
    """It calls into a page of the old library that it has not touched yet, when the file was replaced, then removed."""
    folder = tmp_path / "lib"
    contents = {}
    for number in (1, 2):
        padding = '__asm__(".text\\n.skip 100000, 0x90");'
        (tmp_path / "l.c").write_text(f"{padding}\nint answer(void) {{ return {number}; }}\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "l.so", tmp_path / "l.c"], check=True)
        contents[number] = (tmp_path / "l.so").read_bytes()
    install(folder, {"l.so": contents[1]})
    program = (
        "import ctypes, sys\nlibrary = ctypes.CDLL(sys.argv[1])\nprint('mapped', flush=True)\n"
        "for line in sys.stdin: print(library.answer(), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(folder / "l.so")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "mapped\n"
        install(folder, {"l.so": contents[2]})
        print("now", file=process.stdin, flush=True)
        assert process.stdout.readline() == "1\n"
        assert libraries_install.processes_mapping(str(folder), ["l.so"]) == [process.pid]
        assert libraries_install.processes_mapping(str(folder), ["other.so"]) == []
        libraries_install.remove(str(folder))
        print("again", file=process.stdin, flush=True)
        assert process.stdout.readline() == "1\n"
        process.stdin.close()
        assert process.wait(30) == 0


def test_removal_takes_exactly_what_was_installed(folder: pathlib.Path) -> None:
    (folder / "operators.so").write_bytes(b"mine")
    libraries_install.remove(str(folder))
    assert sorted(snapshot(folder)) == ["operators.so"]
    assert not libraries_install.anything_installed(str(folder))


def test_removal_of_all_there_is_takes_the_folder(folder: pathlib.Path) -> None:
    libraries_install.remove(str(folder))
    assert not folder.exists()
    assert not libraries_install.anything_installed(str(folder))


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("{folder}/a.so", True),
        ("/other.so {folder}/./a.so", True),
        ("/other.so:{folder}/a.so\n", True),
        ("/usr/$LIB/a.so", True),
        ("# {folder}/a.so", False),
        ("/other.so # {folder}/a.so", False),
        ("/elsewhere/a.so", False),
        ("{folder}/a.so.old", False),
    ],
)
def test_a_library_in_ld_so_preload_is_not_removed(
    folder: pathlib.Path, tmp_path: pathlib.Path, line: str, refused: bool
) -> None:
    preload = tmp_path / "ld.so.preload"
    preload.write_text(line.format(folder=folder))
    if refused:
        with pytest.raises(InUse, match=r"a\.so is named in .*ld\.so\.preload"):
            libraries_install.refuse_if_preloaded(str(folder), ["a.so", "b.so"], str(preload))
    else:
        libraries_install.refuse_if_preloaded(str(folder), ["a.so", "b.so"], str(preload))
    libraries_install.refuse_if_preloaded(str(folder), ["a.so"], str(tmp_path / "none"))


def test_modes_are_put_right_in_place_and_told(folder: pathlib.Path) -> None:
    before = snapshot(folder)
    os.chmod(folder / "a.so", 0o4777)
    os.chmod(folder, 0o700)
    said = ["a.so had mode 4777 instead of 0644"]
    for pretend in (True, False):
        wrong = libraries_install.repair(str(folder), OLD, no_label, pretend=pretend)
        assert sorted(wrong) == sorted([*said, f"{folder} had mode 0700 instead of 0755"])
    assert libraries_install.repair(str(folder), OLD, no_label) == []
    assert snapshot(folder) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owners_are_put_right(folder: pathlib.Path) -> None:
    os.chown(folder / "b.so", 1, 1)
    assert libraries_install.repair(str(folder), OLD, no_label) == ["b.so belonged to 1:1 instead of 0:0"]
    assert (folder / "b.so").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_folder_that_was_anothers_is_ours_before_anything_is_written_into_it(folder: pathlib.Path) -> None:
    """And what he has made of a folder below it, a link for instance, leads nothing of ours elsewhere."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / "lib32").symlink_to(elsewhere)
    (folder / "lib").mkdir()
    for path in (folder, folder / "lib"):
        os.chown(path, 12345, 12345)
    seen = []
    contents = {**OLD, "lib32/c.so": b"c", "lib/d.so": b"d"}
    libraries_install.install(str(folder), contents, {}, lambda paths: seen.append(folder.stat().st_uid), no_label)
    assert seen == [0]
    assert list(elsewhere.iterdir()) == []
    assert (folder / "lib32" / "c.so").read_bytes() == b"c"
    assert {path.lstat().st_uid for path in (folder, *folder.rglob("*"))} == {0}


def test_labels_are_given_before_the_rename_and_told_when_wrong(tmp_path: pathlib.Path) -> None:
    given: t.List[t.Tuple[str, str, str, bool]] = []

    def label(path: str, place: str) -> bool:
        folder, name = os.path.split(path)
        given.append((os.path.basename(folder), name, os.path.basename(place), os.path.exists(place)))
        return path.endswith("a.so")

    folder = tmp_path / "lib"
    libraries_install.install(str(folder), OLD, {}, lambda paths: None, label)
    for name in (*OLD, "manifest.json"):
        assert (".libkeepalive.new", name, name, False) in given, (
            "labelled in the staging folder, when its place was still empty"
        )
    assert libraries_install.repair(str(folder), OLD, label) == ["a.so had another security label"]
