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

from ..linux.command import TimedOut, run
from ..linux.elf import read_elf
from ..linux.printable import printable
from ..linux.scratch import scratch
from ..settings.options import LIBRARIES
from . import build as libraries_build
from . import manifest
from .loaders import Loader, find_loaders, lib_of
from .selftest import Refused

_SECONDS = 30
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
    """Why the host's compiler cannot make libraries for other kinds, by folder; empty where it can."""
    reasons = {}
    for lib, loader in sorted(layout.others.items()):
        with scratch() as directory:
            try:
                libraries_build.check_toolchain(compiler_for(loader, cc), directory)
            except libraries_build.BuildError as error:
                reasons[lib] = str(error).splitlines()[0]
    return reasons


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
    :raises Refused: what build_others() raises.
    """
    with scratch() as directory:  # Ansible's own would make a folder in root's home
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
        with scratch() as directory:
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
    noise: t.List[str] = []  # of what others have in /etc/ld.so.preload
    for name in ("", *_NAMES):
        environment = {"LD_PRELOAD": os.path.join(folder, name)} if name else {}
        try:
            ended = run(loader.program, _SECONDS, environment=environment)
        except (OSError, TimedOut) as error:
            raise Refused(f"{name} for {loader.kind} programs: {error}") from error
        if not name:
            noise = ended.stderr.splitlines()
            continue
        said = [line for line in ended.stderr.splitlines() if line not in noise]
        if ended.status != 0 or said:
            raise Refused(
                f"{name} for {loader.kind} programs: {loader.path} {ended}: {printable(said[-1], 300) if said else ''}"
            )
