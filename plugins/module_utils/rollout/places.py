# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Can a rollout write where it will have to? Asked before anything is written, and without writing."""

from __future__ import annotations

import os
import typing as t

from ..libraries import install, manifest, multilib
from ..libraries.table import tools_for
from ..linux import file_lock
from ..linux.command import find_program
from ..settings.options import LIBRARY_DIR
from ..units import dropin
from . import undo

KIB = 1024
_INODES = 16


class NeededPlace(t.NamedTuple):
    """A folder that will be written to, and what for."""

    path: str
    needed: int
    """bytes"""
    purpose: str
    cure: str = "remount it"
    """What to do where it is read-only."""


def places_of_changes() -> t.List[NeededPlace]:
    """Return where each rollout writes that changes anything."""
    return [
        NeededPlace(dropin.DIRECTORY, 128 * KIB, "the drop-ins"),
        NeededPlace(undo.FOLDER, 128 * KIB, "what has to be put back if it fails"),
        NeededPlace(file_lock.FOLDER, 16 * KIB, "the lock of the rollout"),
    ]


def place_of_libraries() -> NeededPlace:
    """Return where they are installed; those that are there are at most replaced, one by one."""
    needed = 0 if _installed() else 2048 * KIB
    cure = "remount it, or put them into the image that it comes with"  # what is put beside that, the next one lacks
    return NeededPlace(LIBRARY_DIR, needed, "the libraries", cure)


def _installed() -> bool:
    there = manifest.read_manifest(LIBRARY_DIR)
    return there is not None and "python" not in there.made  # which stands in for what could not be compiled


def place_problem(place: NeededPlace) -> t.Optional[str]:
    """Say why a folder cannot be written to; one that is not there yet is made in the nearest that is."""
    folder = place.path
    while not os.path.isdir(folder) and folder != "/":
        folder = os.path.dirname(folder)
    system = os.statvfs(folder)
    if system.f_flag & os.ST_RDONLY:
        return f"{folder} is read-only, and {place.purpose} must be written there; {place.cure}, or leave this host out"
    if not os.access(folder, os.W_OK | os.X_OK):
        return (
            f"{folder} cannot be written to, not by root either, and {place.purpose} must be; see 'lsattr -d {folder}'"
        )
    free = system.f_bavail * system.f_frsize
    if free < place.needed:
        return f"{folder} has {free // KIB} KiB left, {place.purpose} may need {place.needed // KIB}; free some space"
    if place.needed and system.f_files and system.f_favail < _INODES:
        return (
            f"{folder} has {system.f_favail} inodes left, and {place.purpose} must be written there; remove some files"
        )
    return None


def load_problem() -> t.List[str]:
    """Say why no program could load a library from where they are installed; nothing where each can."""
    why = install.unloadable(LIBRARY_DIR)
    return [f"{why}, or leave this host out"] if why else []


def unwritable(libraries: bool) -> t.Dict[str, t.List[str]]:
    """Return why a rollout cannot write, each reason once, by what it would write.

    C(changes) matters where anything at all is due on the host, C(libraries) where they are. Where nothing is, a host
    with a full disk, or with a C(/usr) that comes read-only out of an image, is in order as it is.

    :param libraries: whether some service needs them.
    """
    wanted = {"changes": places_of_changes(), "libraries": [place_of_libraries()] if libraries else []}
    return {what: list(dict.fromkeys(filter(None, map(place_problem, of)))) for what, of in wanted.items()}


def missing_for_build(cc: str) -> t.List[str]:
    """Return which programs are missing to compile the libraries; empty where they are installed already."""
    if _installed():
        return []
    return [name for name in tools_for(cc) if not find_program(name)]


def obstacle_to_build() -> str:
    """Say why nothing can be compiled here, compiler or not; empty where the libraries are installed already."""
    return "" if _installed() else multilib.no_place_to_build(LIBRARY_DIR)
