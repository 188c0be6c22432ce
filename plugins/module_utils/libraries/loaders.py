# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program loaders of this host, one for each kind of program that it runs, and what each takes $LIB for."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from ..linux.command import TimedOut, run
from ..linux.elf import Elf, ElfError, read_elf
from ..linux.once import asked_once
from ..linux.scratch import scratch
from ..linux.trusted import fault

_PATTERNS = ("ld-linux*.so.*", "ld64.so.*", "ld.so.1")
_FOLDERS = ("/lib64", "/lib", "/lib32", "/libx32")
_GUESSES = ("lib64", "lib", "lib32", "libx32")
_SECONDS = 10
_LIB = re.compile(r"\$(LIB\b|\{LIB\})")


class Loader(t.NamedTuple):
    """One loader of glibc that programs of this host can run with."""

    path: str
    elf: Elf
    libc: str
    """The C library that belongs to it. It can be executed and then prints its version: a program of each kind that
    is always there."""

    @property
    def kind(self) -> str:
        return f"{self.elf.bits} bit {self.elf.machine}"

    @property
    def program(self) -> t.List[str]:
        """A command that does nothing but start and end."""
        return [self.path, self.libc]


def find_loaders(root: str = "/") -> t.List[Loader]:
    """All loaders that work; one whose programs the kernel or the processor cannot run (x32) is left out, and one that
    others than root could change.
    """
    found: t.Dict[str, Loader] = {}
    for folder in _FOLDERS:
        for pattern in _PATTERNS:
            for path in sorted(glob.glob(os.path.join(root, folder.lstrip("/"), pattern))):
                real = os.path.realpath(path)
                libc = os.path.join(os.path.dirname(real), "libc.so.6")
                if real in found or fault(path) or fault(libc):
                    continue
                try:
                    loader = Loader(path, read_elf(real), libc)
                    if run(loader.program, _SECONDS).status == 0:
                        found[real] = loader
                except (OSError, ElfError, TimedOut):
                    continue
    return list(found.values())


@asked_once
def lib_of(loader: Loader) -> t.Optional[str]:
    """Return what C($LIB) stands for, e.g. V(lib/x86_64-linux-gnu), V(lib64) or V(lib32): the loader itself is asked.

    It loads its own libc from a folder in question; where the folder is the wrong one it complains of that. It may also
    complain of what others have in /etc/ld.so.preload. None where no folder is the right one.
    """
    folder = os.path.dirname(os.path.realpath(loader.path))
    guesses = [folder[len(start) :] for start in ("/usr/", "/") if folder.startswith(start)][:1]
    for guess in dict.fromkeys([*guesses, *_GUESSES]):
        with scratch() as temporary:
            os.makedirs(os.path.join(temporary, guess))
            os.symlink(loader.libc, os.path.join(temporary, guess, "probe.so"))
            try:
                ended = run(loader.program, _SECONDS, environment={"LD_PRELOAD": f"{temporary}/$LIB/probe.so"})
            except (OSError, TimedOut):
                return None
            if ended.status == 0 and temporary not in ended.stderr:
                return guess
    return None


def uses_lib(path: str) -> bool:
    """Whether an entry means another file for each loader."""
    return bool(_LIB.search(path))


def expand(path: str, lib: str) -> str:
    """Return the file that an entry means for a loader."""
    return _LIB.sub(lambda _match: lib, path)
