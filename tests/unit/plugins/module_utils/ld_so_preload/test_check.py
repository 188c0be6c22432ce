# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before any program is run with a library, and what each loader of the host would load."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import shutil
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import check
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.check import check_files
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import (
    Loader,
    expand,
    find_loaders,
    lib_of,
    uses_lib,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import read_elf
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries
from ansible_collections.netops.keepalive.tests.unit.support.mounted import run_mounted

BUILD = t.Callable[[pathlib.Path], pathlib.Path]


@pytest.fixture(name="folder")
def folder_fixture() -> t.Iterator[pathlib.Path]:
    with bad_libraries.open_folder() as folder:
        yield folder


@pytest.fixture(name="native", scope="module")
def native_fixture() -> t.List[Loader]:
    """The loader of the running Python, alone."""
    python = read_elf("/proc/self/exe")
    return [loader for loader in find_loaders() if loader.elf.abi == python.abi]


def test_a_good_library_passes(folder: pathlib.Path, native: t.List[Loader]) -> None:
    assert len(native) == 1
    assert check_files([str(bad_libraries.good(folder / "l.so"))], native) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_a_library_where_nothing_is_executed_is_refused_with_the_mount(folder: pathlib.Path) -> None:
    """The programs would say no more than that a segment could not be mapped."""
    bad_libraries.good(folder / "l.so")
    mounts = f"mount --bind {folder} {folder}\nmount -o remount,bind,noexec {folder}"
    program = (
        "from .module_utils.ld_so_preload.check import check_files\n"
        "print(json.dumps([problem.reason for problem in check_files([asked], [])]))"
    )
    (reason,) = run_mounted(mounts, program, f"{folder}/l.so")
    assert reason.startswith(f"{folder}/l.so lies on {folder}, which is mounted noexec, so that no program can load a")


@pytest.mark.parametrize("build", bad_libraries.IN_THE_FILE, ids=lambda build: build.__name__)
def test_what_the_file_shows_is_refused(folder: pathlib.Path, native: t.List[Loader], build: BUILD) -> None:
    path = str(build(folder / "l.so"))
    (problem,) = check_files([path], native)
    assert (problem.program, problem.library) == ("", path)
    assert bad_libraries.IN_THE_FILE[build] in problem.reason


def test_a_file_that_is_not_there_or_no_file(folder: pathlib.Path, native: t.List[Loader]) -> None:
    reasons = [problem.reason for problem in check_files([f"{folder}/gone.so", str(folder)], native)]
    assert reasons[0].startswith("No such file or directory: every program would complain")
    assert reasons[1] == "is not a regular file"


@pytest.mark.parametrize(
    ("mode", "folder_mode", "reason"),
    [
        (0o640, 0o755, "has mode 0640: programs of other users could not read it"),
        (
            0o664,
            0o755,
            "l.so belongs to user .* and has mode 0664: nobody else may write there; who may write there could",
        ),
        (0o644, 0o700, "has mode 0700: programs of other users could not enter it"),
        (0o644, 0o777, "has mode 0777: .*; who may write there could put code into every process"),
    ],
)
def test_everybody_must_be_able_to_read_it_and_nobody_else_to_write(
    folder: pathlib.Path, native: t.List[Loader], mode: int, folder_mode: int, reason: str
) -> None:
    (folder / "lib").mkdir()
    path = bad_libraries.good(folder / "lib" / "l.so")
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    (problem,) = check_files([str(path)], native)
    assert re.search(reason, problem.reason)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_library_of_another_user_is_refused(folder: pathlib.Path, native: t.List[Loader]) -> None:
    path = bad_libraries.good(folder / "l.so")
    os.chown(path, 12345, 0)
    (problem,) = check_files([str(path)], native)
    assert "belongs to user 12345" in problem.reason


def test_a_library_below_a_folder_that_others_may_write_is_refused(
    folder: pathlib.Path, native: t.List[Loader]
) -> None:
    """The sticky bit does not help: whoever comes first has a name in such a folder."""
    (folder / "lib").mkdir()
    path = bad_libraries.good(folder / "lib" / "l.so")
    (folder / "lib").chmod(0o755)
    folder.chmod(0o1777)
    (problem,) = check_files([str(path)], native)
    assert problem.reason.startswith(f"{folder} belongs to user {os.geteuid()} and has mode 1777")


def test_a_link_to_where_others_may_write_is_refused(folder: pathlib.Path, native: t.List[Loader]) -> None:
    (folder / "open").mkdir()
    path = bad_libraries.good(folder / "l.so")
    (folder / "open" / "link.so").symlink_to(path)
    (folder / "link.so").symlink_to(folder / "open" / "link.so")
    (folder / "open").chmod(0o777)
    (problem,) = check_files([f"{folder}/link.so"], native)
    assert problem.reason.startswith(f"{folder}/open belongs to user {os.geteuid()} and has mode 0777")


def test_a_library_that_was_changed_after_its_installation_is_refused(
    folder: pathlib.Path, native: t.List[Loader]
) -> None:
    path = bad_libraries.good(folder / "l.so")
    manifest = libraries_manifest.Manifest({}, {"l.so": libraries_manifest.sha256(path.read_bytes())})
    (folder / libraries_manifest.MANIFEST).write_text(manifest.text())
    assert check_files([str(path)], native) == []
    bad_libraries.compile_library(path, bad_libraries.CONSTRUCTOR % "getppid()")
    (problem,) = check_files([str(path)], native)
    assert "is not the file that was installed" in problem.reason


def test_a_library_that_cannot_be_read_is_refused(
    folder: pathlib.Path, native: t.List[Loader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that fails: what is not known of a library speaks against it."""
    path = str(bad_libraries.good(folder / "l.so"))

    def read(_path: str) -> t.NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(check, "read_elf", read)
    assert check_files([path], native) == [check.LibraryProblem("", path, "cannot be read: Input/output error")]


def unknown() -> str:
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize(
    "libc", [unknown, lambda: None, lambda: "", lambda: "musl libc"], ids=["none", "null", "empty", "no number"]
)
def test_where_glibc_does_not_say_its_release_no_library_is_said_to_be_too_new(
    folder: pathlib.Path, native: t.List[Loader], monkeypatch: pytest.MonkeyPatch, libc: t.Callable[[], str]
) -> None:
    """As Python says nothing on a host of musl. What does not fit there shows when a program is tried with it."""
    path = str(bad_libraries.too_new_glibc(folder / "l.so"))
    monkeypatch.setattr(check.os, "confstr", lambda _name: libc())
    assert check_files([path], native) == []


@pytest.mark.parametrize("libc", ["libc.so", "libc.musl-x86_64.so.1"])
def test_a_library_of_musl_is_refused(folder: pathlib.Path, native: t.List[Loader], libc: str) -> None:
    musl = bad_libraries.compile_library(folder / libc, "int only_here(void) { return 1; }", "-nostdlib")
    source = "int only_here(void); int f(void) { return only_here(); }"
    path = str(bad_libraries.compile_library(folder / "l.so", source, "-nostdlib", str(musl)))
    assert check_files([path], native) == [
        check.LibraryProblem("", path, "is linked with musl, and this host's loader is that of glibc")
    ]


def test_names_that_the_loader_would_split_or_look_for_elsewhere(native: t.List[Loader]) -> None:
    names = ["l.so", "/lib/a b.so", "/lib/a:b.so", "/lib/#a.so"]
    assert [problem.library for problem in check_files(names, native)] == names


def test_every_loader_here_says_what_lib_stands_for() -> None:
    """What it says is true: a program of its kind loads a library from there, and complains without one."""
    loaders = find_loaders()
    assert loaders
    for loader in loaders:
        lib = lib_of(loader)
        assert lib is not None
        assert re.fullmatch(r"lib(32|64|x32)?(/[\w-]+)?", lib)
    assert len({lib_of(loader) for loader in loaders}) == len(loaders)


def test_a_loader_that_others_could_change_is_not_run(folder: pathlib.Path, native: t.List[Loader]) -> None:
    """A host in a folder, with a loader and its libc."""
    (folder / "lib64").mkdir()
    for path in (native[0].path, native[0].libc):
        shutil.copy(path, folder / "lib64")
    path = folder / "lib64" / os.path.basename(native[0].path)
    assert [loader.path for loader in find_loaders(str(folder))] == [str(path)]
    for part in (path, folder / "lib64" / "libc.so.6", folder / "lib64"):
        mode = part.stat().st_mode
        part.chmod(mode | 0o020)
        assert find_loaders(str(folder)) == []
        part.chmod(mode)


class NoisyLoader(Loader):
    """A loader that complains at every start, as that of 32 bit programs of a 64 bit library in /etc/ld.so.preload."""

    @property
    def program(self) -> t.List[str]:
        complain = "echo 'ERROR: ld.so: object of others: ignored.' >&2; exec \"$@\""
        return ["/bin/sh", "-c", complain, "sh", self.path, self.libc]


def test_a_broken_entry_of_others_does_not_hide_what_lib_stands_for(native: t.List[Loader]) -> None:
    (loader,) = native
    assert lib_of(NoisyLoader(*loader)) == lib_of(loader)


def test_lib_is_expanded_as_the_loader_does() -> None:
    assert [uses_lib(path) for path in ("/a/$LIB/b.so", "/a/${LIB}/b.so", "/a/$LIBRARY/b.so", "/a/b.so")] == [
        True,
        True,
        False,
        False,
    ]
    assert expand("/a/$LIB/${LIB}.so", "lib64") == "/a/lib64/lib64.so"


def test_each_loader_needs_a_build_of_its_own(folder: pathlib.Path) -> None:
    """With $LIB a build is there for some loaders; without it the same file is for all of them."""
    loaders = find_loaders()
    if len(loaders) < 2:
        pytest.skip("needs a 32 bit loader on this machine (libc6-i386)")
    python = read_elf("/proc/self/exe")
    (native,) = [loader for loader in loaders if loader.elf.abi == python.abi]
    lib = folder / str(lib_of(native))
    lib.mkdir(parents=True)
    for parent in (lib, lib.parent):
        parent.chmod(0o755)
    plain = bad_libraries.good(folder / "l.so")
    shutil.copy(plain, lib / "l.so")
    assert check_files([f"{folder}/$LIB/l.so"], [native]) == []
    missing = check_files([f"{folder}/$LIB/l.so"], loaders)
    assert [problem.reason.split(":")[0] for problem in missing] == ["No such file or directory"] * (len(loaders) - 1)
    assert {problem.library for problem in missing} == {
        f"{folder}/{lib_of(loader)}/l.so" for loader in loaders if loader != native
    }
    wrong = check_files([str(plain)], loaders)
    assert len(wrong) == len(loaders) - 1
    assert "name the libraries with $LIB" in wrong[0].reason
