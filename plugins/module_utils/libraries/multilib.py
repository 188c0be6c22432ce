# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A build of the preload libraries for each kind of program that a host runs, laid out for C($LIB).

An entry with $LIB in /etc/ld.so.preload means another folder to each loader. The host's own kind finds the libraries
through links, so there is one file of each; programs of another kind find theirs in a folder.
"""

from __future__ import annotations

import os
import typing as t

from ..linux.baseline import FailsAnyway, held_against, run_once
from ..linux.elf import read_elf
from ..linux.scratch import Need, NoScratch, find_place, scratch
from ..settings.options import LIBRARIES
from . import build as libraries_build
from . import manifest
from .loaders import Loader, find_loaders, lib_of
from .selftest import Refused

_SECONDS = 30
_ROOM = 8 << 20
"""Bytes that a build may take."""
_NAMES = tuple(LIBRARIES.values())


class Layout(t.NamedTuple):
    """What $LIB stands for on this host."""

    native: str
    """For the programs of the host's own kind, e.g. V(lib/x86_64-linux-gnu)."""
    others: t.Dict[str, Loader]
    """For programs of other kinds, e.g. V(lib32), and the loader that says so."""

    def text(self) -> str:
        return ", ".join([self.native, *sorted(self.others)])


def find_layout() -> t.Optional[Layout]:
    """Return the layout that this host needs; None where all its programs are of one kind."""
    loaders = find_loaders()
    abi = read_elf("/proc/self/exe").abi
    native = [loader for loader in loaders if loader.elf.abi == abi]
    if len(loaders) < 2 or not native:
        return None
    own = lib_of(native[0])
    found = [(lib_of(loader), loader) for loader in loaders if loader is not native[0]]
    others = {lib: loader for lib, loader in found if lib and lib != own}
    return Layout(own, others) if own and others else None


def compiler_for(loader: Loader, cc: str) -> str:
    """Return the compiler's command for programs of a loader's kind."""
    x32 = loader.elf.bits == 32 and loader.elf.machine == "x86_64"
    return f"{cc} {'-mx32' if x32 else f'-m{loader.elf.bits}'}"


def can_compile(layout: Layout, cc: str) -> t.Dict[str, str]:
    """Why the host's compiler cannot make libraries for other kinds, by folder; empty where it can.

    :raises build.NoRoom, NoScratch: it could not be tried.
    """
    reasons = {}
    for lib, loader in sorted(layout.others.items()):
        with scratch(Need(_ROOM)) as directory:
            try:
                libraries_build.check_toolchain(compiler_for(loader, cc), directory)
            except libraries_build.NoRoom:  # says nothing of the compiler
                raise
            except libraries_build.BuildError as error:
                reasons[lib] = libraries_build.what_failed(error)
    return reasons


def place_to_build(target: str) -> Need:
    """Return what is needed to compile what is installed into I(target), and to load what is for other kinds."""
    return Need(_ROOM, executes=True, beside=os.path.dirname(target))


def no_place_to_build(target: str) -> str:
    """Say why there is no place to compile; empty where there is one."""
    try:
        find_place(place_to_build(target))
    except NoScratch as error:
        return f"the libraries cannot be compiled: {error}"
    return ""


def build_all(
    sources: t.Mapping[str, str],
    target: str,
    cc: str,
    cflags: t.Optional[str],
    ldflags: t.Optional[str],
    layout: t.Optional[Layout],
) -> t.Dict[str, bytes]:
    """Make everything that is installed into I(target), by name.

    :param layout: the programs of other kinds that get libraries, too.
    :raises build.BuildError: what build() and build_others() raise.
    :raises NoScratch: there is no place for it.
    :raises Refused: what build_others() raises.
    """
    with scratch(place_to_build(target)) as directory:
        contents = libraries_build.build(sources, directory, target, cc, cflags, ldflags)
    if layout:
        contents.update(build_others(layout, sources, target, cc, cflags, ldflags))
    return contents


def build_others(
    layout: Layout,
    sources: t.Mapping[str, str],
    target: str,
    cc: str,
    cflags: t.Optional[str],
    ldflags: t.Optional[str],
) -> t.Dict[str, bytes]:
    """Make the libraries for all other kinds, by name below I(target), and the links for the host's own.

    :raises build.BuildError: the compiler ran and failed.
    :raises Refused: what it made does not load into a program of its kind.
    """
    contents = links(layout)
    for lib, loader in sorted(layout.others.items()):
        with scratch(place_to_build(target)) as directory:
            command = compiler_for(loader, cc)
            made = libraries_build.build(sources, directory, target, command, cflags, ldflags, _NAMES)
            try_out(loader, os.path.join(directory, "src", "build"))
        contents.update({f"{lib}/{name}": content for name, content in made.items()})
    return contents


def links(layout: Layout) -> t.Dict[str, bytes]:
    """Return the links that lead the host's own programs from $LIB to the libraries; one to the folder is a loop."""
    back = "../" * (layout.native.count("/") + 1)
    return {f"{layout.native}/{name}": manifest.link_to(back + name) for name in _NAMES}


def try_out(loader: Loader, folder: str) -> None:
    """Load each library into a program of its kind.

    :raises Refused: it does not, or says something that it does not say without.
    """
    for name in _NAMES:
        subject = f"{name} for {loader.kind} programs"
        tried = run_once(loader.program, _SECONDS, {"LD_PRELOAD": os.path.join(folder, name)})
        try:
            wrong = held_against(tried, lambda: run_once(loader.program, _SECONDS))
        except FailsAnyway as failure:
            raise Refused(
                f"{subject} cannot be tried: {loader.path} {failure}, without it; put that right on this host"
            ) from failure
        if wrong:
            raise Refused(f"{subject}: {loader.path} with it {wrong}")
