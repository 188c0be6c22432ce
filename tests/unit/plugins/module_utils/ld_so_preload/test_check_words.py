# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a library's file, word by word, for made-up loaders and libraries."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import check
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload.check import LibraryProblem, files_of
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, read_elf
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries

SELF = read_elf("/proc/self/exe")
OWN = Loader("/lib64/ld.so", SELF, "/usr/lib64/libc.so.6")
OTHER = Loader("/lib/ld.so", SELF._replace(bits=32, machine="i386"), "/usr/lib32/libc.so.6")
LIBRARY = SELF._replace(interpreter=None, dynamic=True, executable=True, needed=(), versions={}, loaded_bytes=3)


@pytest.fixture(name="folder")
def folder_fixture() -> t.Iterator[pathlib.Path]:
    with bad_libraries.open_folder() as folder:
        yield folder


@pytest.fixture(name="library")
def library_fixture(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A file that is taken for a good library, on a host where it may need what it likes."""
    path = folder / "l.so"
    path.write_bytes(b"xyz")
    path.chmod(0o644)
    monkeypatch.setattr(check, "read_elf", lambda _path: LIBRARY)
    monkeypatch.setattr(check, "find_program", lambda _name: None)
    return path


def test_the_parts_of_a_problem_that_are_known_are_shown() -> None:
    parts = [("p", "l", "r"), ("", "l", "r"), ("p", "", "r"), ("", "", "r")]
    assert [str(LibraryProblem(*known)) for known in parts] == ["l: p: r", "l: r", "p: r", "r"]


def test_which_file_an_entry_means_for_each_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    libs = {OWN.path: "lib64", OTHER.path: None}
    monkeypatch.setattr(check, "lib_of", lambda loader: libs[loader.path])
    entries = ["/a.so", "b.so", "/c\rd.so", "/x/$LIB/e.so"]
    not_absolute = LibraryProblem("", "b.so", "is not an absolute path")
    ends = LibraryProblem("", "/c\rd.so", "has a character that ends an entry: blank, newline, colon or '#'")
    assert files_of(entries, [OWN, OTHER]) == (
        [("/a.so", OWN), ("/a.so", OTHER), ("/x/lib64/e.so", OWN)],
        [not_absolute, ends, LibraryProblem("/lib/ld.so", "/x/$LIB/e.so",
                                            "the loader does not tell what $LIB stands for")],
    )  # fmt: skip
    assert files_of(entries, []) == (
        [("/a.so", None)],
        [not_absolute, ends, LibraryProblem("", "/x/$LIB/e.so", "has $LIB, and no loader was found that could be asked "
                                                                "what it means")],
    )  # fmt: skip
    monkeypatch.setattr(check, "lib_of", lambda _loader: pytest.fail("asked for nothing"))
    assert files_of(["/a.so"], [OWN]) == ([("/a.so", OWN)], [])


@pytest.mark.parametrize("character", " \t\r\n:#")
def test_no_entry_has_a_character_that_ends_it(character: str) -> None:
    files, (problem,) = files_of([f"/a{character}b"], [OWN])
    assert (files, problem.library) == ([], f"/a{character}b")


def test_one_fault_for_several_loaders_is_said_once(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "find_program", lambda _name: None)
    monkeypatch.setattr(check, "lib_of", lambda loader: "lib" if loader is OTHER else "lib64")
    gone = "No such file or directory: every program would complain on its standard error"
    assert check.check_files([f"{folder}/gone.so"], [OWN, OTHER]) == [LibraryProblem("", f"{folder}/gone.so", gone)]
    assert check.check_files([f"{folder}/$LIB/l.so"], [OTHER]) == [
        LibraryProblem("", f"{folder}/lib/l.so", f"{gone}; /lib/ld.so starts 32 bit i386 programs here, so there must "
                       "be a build for them: give the host that compiles a compiler that can make it (Debian: "
                       "gcc-multilib) and run preload_libraries, or remove that loader"),
    ]  # fmt: skip


NOT_SHARED = "is an ELF file, but no shared library"
FAULTS = [
    ({}, ""),
    ({"executable": False}, NOT_SHARED),
    ({"dynamic": False}, NOT_SHARED),
    ({"loaded_bytes": 4}, "was cut off: it has 3 bytes, and 4 would be loaded"),
    ({"bits": 32}, "is 32 bit x86_64, and /lib64/ld.so starts programs of 64 bit x86_64: each of them would complain; "
     "name the libraries with $LIB, and have a build for each kind (preload_libraries makes them where the host's "
     "compiler can)"),
    ({"versions": {"libc.so.6": ("GLIBC_2.36",)}}, ""),
    ({"versions": {"libc.so.6": ("GLIBC_2.37",)}},
     "needs glibc 2.37, and this host has 2.36: no program would start"),
    ({"needed": ("libc.musl-x86_64.so.1",)}, "is linked with musl, and this host's loader is that of glibc"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), FAULTS)
def test_what_the_headers_show(
    library: pathlib.Path, monkeypatch: pytest.MonkeyPatch, change: t.Dict[str, t.Any], reason: str
) -> None:
    monkeypatch.setattr(check, "read_elf", lambda _path: LIBRARY._replace(**change))
    monkeypatch.setattr(check, "glibc_here", lambda: (2, 36))
    problems = check.check_files([str(library)], [OWN])
    assert problems == ([LibraryProblem("", str(library), reason)] if reason else [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ElfError("cut off"), "is no library that could be loaded: cut off"),
        (OSError(5, "Input/output error"), "cannot be read: Input/output error"),
    ],
)
def test_a_file_whose_headers_cannot_be_read(
    library: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def read(_path: str) -> t.Any:
        raise error

    monkeypatch.setattr(check, "read_elf", read)
    assert check.check_files([str(library)], [OWN]) == [LibraryProblem("", str(library), reason)]


def test_without_a_loader_that_is_known_a_library_may_be_of_any_kind(
    library: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "read_elf", lambda _path: LIBRARY._replace(bits=32))
    assert check.check_files([str(library)], []) == []


LISTED = "3 libs found in cache `/etc/ld.so.cache'\n\tlibone.so.1 (libc6,x86-64) => /lib/libone.so.1\n"


def test_what_a_library_needs_must_be_known_to_the_loaders_or_be_a_file(
    library: pathlib.Path, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By ldconfig, beside the loader's C library, the loader itself, or by its path."""
    asked = []

    def run(command: t.List[str], _seconds: float) -> Ended:
        asked.append(command)
        return Ended(0, LISTED, "")

    (folder / "libtwo.so").write_text("")
    needed = ("libone.so.1", "libtwo.so", "ld.so", str(library), "found", "libgone.so", "/gone.so")
    loader = OWN._replace(libc=f"{folder}/libc.so.6")
    monkeypatch.setattr(check, "find_program", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(check, "run", run)
    monkeypatch.setattr(check, "read_elf", lambda _path: LIBRARY._replace(needed=needed))
    assert check.check_files([str(library)], [loader]) == [
        LibraryProblem("", str(library), "needs found, libgone.so, /gone.so, which this host does not have")
    ]
    assert asked == [["/sbin/ldconfig", "-p"]]


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), TimedOut("ldconfig", "hung")])
def test_where_ldconfig_cannot_be_asked_nothing_counts_as_missing(
    library: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def run(*_arguments: t.Any) -> Ended:
        raise error

    monkeypatch.setattr(check, "find_program", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(check, "run", run)
    monkeypatch.setattr(check, "read_elf", lambda _path: LIBRARY._replace(needed=("libgone.so",)))
    assert check.check_files([str(library)], [OWN]) == []


def test_only_what_the_manifest_beside_it_names_must_be_as_it_was_installed(library: pathlib.Path) -> None:
    manifest = library.parent / "manifest.json"
    for files, right in (({"other.so": "0"}, True), ({"l.so": sha256(b"xyz")}, True), ({"l.so": "0"}, False)):
        manifest.write_text(Manifest({}, files).text())
        reason = "is not the file that was installed (manifest.json beside it has another checksum): install it again"
        problems = check.check_files([str(library)], [OWN])
        assert problems == ([] if right else [LibraryProblem("", str(library), reason)])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make folders that others may not enter his own")
def test_a_library_lies_where_its_link_leads(library: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mount of that place counts, and is told with that place."""
    link = library.parent / "link.so"
    link.symlink_to(library.name)
    monkeypatch.setattr(check.install, "unloadable", lambda path: f"{path} is not loaded")
    for path in (library, link):
        assert check.check_files([str(path)], []) == [LibraryProblem("", str(path), f"{library} is not loaded")]


def test_every_folder_above_must_be_entered_by_everybody(library: pathlib.Path) -> None:
    lib = library.parent / "a" / "b"
    lib.mkdir(parents=True)
    for path in (lib, lib.parent):
        path.chmod(0o755)
    library.rename(lib / "l.so")
    assert check.check_files([f"{lib}/l.so"], [OWN]) == []
    lib.parent.chmod(0o754)
    assert check.check_files([f"{lib}/l.so"], [OWN]) == [
        LibraryProblem("", f"{lib}/l.so", f"{lib.parent} has mode 0754: programs of other users could not enter it "
                       "(0755 is right)"),
    ]  # fmt: skip
