# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which C library a file is linked with, which release of it does, and which one this host has."""

from __future__ import annotations

import os
import re
import typing as t

from .elf import Elf

Release = t.Tuple[int, ...]
"""The numbers of a release, V((2, 34)); none where it is not known."""

_RELEASE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,9}")


def glibc_here() -> Release:
    """Return the release of glibc that runs us; none on a host of another C library, and where it does not say."""
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ()
    name, _blank, number = version.rpartition(" ")
    return release_of(number) if name == "glibc" else ()


def newest_glibc(elf: Elf) -> Release:
    """Return the lowest glibc release that has every symbol version the file asks for, e.g. (2, 34)."""
    wanted = [name[len("GLIBC_") :] for names in elf.versions.values() for name in names if name.startswith("GLIBC_")]
    return max(map(release_of, wanted), default=())


def release_of(text: str) -> Release:
    """Return the numbers of a release, V((2, 34)) for V(2.34); none where the text is something else (V(PRIVATE))."""
    return tuple(map(int, text.split("."))) if _RELEASE.fullmatch(text) else ()


def dotted(release: Release) -> str:
    """Return a release as people write it, V(2.34)."""
    return ".".join(map(str, release))


def libc_named(library: str) -> str:
    """Return the C library that goes by a file name, V(glibc) or V(musl); '' where it is another library."""
    if library == "libc.so.6":
        return "glibc"
    return "musl" if library == "libc.so" or library.startswith("libc.musl") else ""


def libc_of(elf: Elf) -> str:
    """Return the C library that a file is linked with; '' where it names none."""
    return next(filter(None, map(libc_named, elf.needed)), "")


def is_musl_loader(path: t.Optional[str]) -> bool:
    """Tell whether a program loader is that of musl, by its name."""
    return path is not None and os.path.basename(path).startswith("ld-musl")
