# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the file of a library says against naming it in /etc/ld.so.preload, read before any program is run with it."""

from __future__ import annotations

import os
import stat
import typing as t

from ..libraries import install
from ..libraries.loaders import Loader, expand, lib_of, uses_lib
from ..libraries.manifest import MANIFEST, look_at_file, read_manifest
from ..linux.command import TimedOut, find_program, run
from ..linux.elf import Elf, ElfError, read_elf
from ..linux.libc import dotted, glibc_here, libc_of, newest_glibc
from ..linux.trusted import fault


class LibraryProblem(t.NamedTuple):
    """One reason not to write the line."""

    program: str
    """The command that showed it; empty where the file itself did."""
    library: str
    """The library's path; empty where it is not one library's fault."""
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.library, self.program, self.reason) if part)


Named = t.List[t.Tuple[str, t.Optional[Loader]]]
"""Files with the loader that would load each; without one where the host has no loader that is known."""


def files_of(libraries: t.Sequence[str], loaders: t.Sequence[Loader]) -> t.Tuple[Named, t.List[LibraryProblem]]:
    """Return the file that each entry means for each loader of the host, and what is wrong with the entries."""
    files: Named = []
    problems: t.List[LibraryProblem] = []
    libs = {loader.path: lib_of(loader) for loader in loaders if any(map(uses_lib, libraries))}
    for library in libraries:
        if not library.startswith("/"):
            problems.append(LibraryProblem("", library, "is not an absolute path"))
        elif any(character in library for character in " \t\r\n:#"):
            problems.append(
                LibraryProblem("", library, "has a character that ends an entry: blank, newline, colon or '#'")
            )
        elif not uses_lib(library):
            files += [(library, loader) for loader in loaders] or [(library, None)]
        elif not loaders:
            problems.append(
                LibraryProblem("", library, "has $LIB, and no loader was found that could be asked what it means")
            )
        else:
            for loader in loaders:
                lib = libs[loader.path]
                if lib is None:
                    problems.append(
                        LibraryProblem(loader.path, library, "the loader does not tell what $LIB stands for")
                    )
                else:
                    files.append((expand(library, lib), loader))
    return files, problems


def check_files(libraries: t.Sequence[str], loaders: t.Sequence[Loader]) -> t.List[LibraryProblem]:
    """Say what is wrong with the files that the loaders of this host would load; each file's first fault."""
    files, problems = files_of(libraries, loaders)
    known = _known_libraries(loaders)
    seen: t.Set[t.Tuple[str, str]] = set()
    for path, loader in files:
        reason = _access(path) or _content(path, loader, known)
        if not os.path.lexists(path) and loader and path not in libraries:
            reason += (
                f"; {loader.path} starts {loader.kind} programs here, so there must be a build for them: give the"
                " host that compiles a compiler that can make it (Debian: gcc-multilib) and run preload_libraries, or"
                " remove that loader"
            )
        if reason and (path, reason) not in seen:
            seen.add((path, reason))
            problems.append(LibraryProblem("", path, reason))
    return problems


def _access(path: str) -> str:
    """Every user's programs load the library, and only root may change it."""
    try:
        status = os.stat(path)
    except OSError as error:
        return f"{error.strerror}: every program would complain on its standard error"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    if not status.st_mode & stat.S_IROTH:
        return f"has mode {stat.S_IMODE(status.st_mode):04o}: programs of other users could not read it (0644 is right)"
    wrong = fault(path)
    if wrong:
        return f"{wrong}; who may write there could put code into every process of the host"
    unloadable = install.unloadable(os.path.realpath(path))
    if unloadable:
        return unloadable
    folder = os.path.dirname(os.path.realpath(path))
    while folder != "/":
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        if not mode & stat.S_IXOTH:
            return f"{folder} has mode {mode:04o}: programs of other users could not enter it (0755 is right)"
        folder = os.path.dirname(folder)
    return ""


def _content(path: str, loader: t.Optional[Loader], known: t.Optional[t.Set[str]]) -> str:
    try:
        elf = read_elf(path)
        size = os.stat(path).st_size
    except ElfError as error:
        return f"is no library that could be loaded: {error}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not elf.executable or not elf.dynamic:
        return "is an ELF file, but no shared library"
    if size < elf.loaded_bytes:
        return f"was cut off: it has {size} bytes, and {elf.loaded_bytes} would be loaded"
    if loader is not None:
        reason = _fit(elf, loader)
        if reason:
            return reason
    if known is not None:
        missing = [name for name in elf.needed if name not in known and not os.path.exists(name)]
        if missing:
            return f"needs {', '.join(missing)}, which this host does not have"
    return _changed(path)


def _fit(elf: Elf, loader: Loader) -> str:
    if elf.abi != loader.elf.abi:
        return (
            f"is {elf.bits} bit {elf.machine}, and {loader.path} starts programs of {loader.kind}: each of them would"
            " complain; name the libraries with $LIB, and have a build for each kind (preload_libraries makes them"
            " where the host's compiler can)"
        )
    here, needs = glibc_here(), newest_glibc(elf)
    if here and needs > here:
        return f"needs glibc {dotted(needs)}, and this host has {dotted(here)}: no program would start"
    if libc_of(elf) == "musl":
        return "is linked with musl, and this host's loader is that of glibc"
    return ""


def _changed(path: str) -> str:
    """Return what is wrong with a library that is not the one that was tried at its installation."""
    folder, name = os.path.split(path)
    manifest = read_manifest(folder)
    if manifest and name in manifest.files and look_at_file(path).sha256 not in (manifest.files[name], None):
        return f"is not the file that was installed ({MANIFEST} beside it has another checksum): install it again"
    return ""


def _known_libraries(loaders: t.Sequence[Loader]) -> t.Optional[t.Set[str]]:
    """Return the names of the libraries that the loaders find; None where that cannot be asked."""
    program = find_program("ldconfig")
    if not program:
        return None
    try:
        listed = run([program, "-p"], 30).stdout
    except (OSError, TimedOut):
        return None
    names = {line.split()[0] for line in listed.splitlines() if "=>" in line}
    for loader in loaders:
        names.update(os.listdir(os.path.dirname(loader.libc)))
        names.add(os.path.basename(loader.path))
    return names
