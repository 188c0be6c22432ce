# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for what is only needed now: what is made and tried there is run by root, so nobody else may reach it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t

from .mounts import noexec_mount
from .printable import printable
from .trusted import fault

FOLDERS = ("/tmp", "/var/tmp", "/run", "/var/lib")
"""Looked at in this order after TMPDIR. Only root writes to the last two, of which no host is without."""

ANSIBLES: t.List[str] = []
"""Ansible's own place on this host (remote_tmp), where a module has said it: chosen by who runs us, so before ours."""

_INODES = 16
_KIB = 1024


class NoScratch(OSError):
    """There is no such place; the text names all that were looked at, and what would be right."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.strerror = text  # without a number, for which there would be advice that does not fit


class Need(t.NamedTuple):
    """What is asked of the place."""

    room: int = 0
    """bytes"""
    executes: bool = False
    """What is made there is loaded or run."""
    beside: str = ""
    """A folder that does at last, for what is made for it."""


ANY = Need()


def places_for(need: Need) -> t.List[str]:
    """Return the places that are looked at, in their order."""
    first = os.environ.get("TMPDIR", "")
    places = [first, FOLDERS[0], *ANSIBLES, *FOLDERS[1:], need.beside]
    return list(dict.fromkeys(filter(None, places)))


def find_place(need: Need = ANY) -> str:
    """Return the first place where a folder of our own can be had.

    :raises NoScratch: there is none.
    """
    reasons = []
    for place in places_for(need):
        reason = _unfit(place, need)
        if not reason:
            return place
        reasons.append(reason)
    wanted = [
        "that can be written to and that nobody else can change",
        *(["whose file system is not mounted noexec"] if need.executes else []),
        *([f"with {need.room // _KIB} KiB left"] if need.room else []),
    ]
    raise NoScratch(
        f"no place for temporary files: {'; '.join(reasons)}; set TMPDIR (in the play's environment) to a folder"
        f" {', '.join(wanted)}"
    )


@contextlib.contextmanager
def scratch(need: Need = ANY) -> t.Iterator[str]:
    """Make a folder that nobody else may enter, rename or replace, and remove it at the end.

    :raises NoScratch: there is no place where this can be had.
    """
    folder = tempfile.mkdtemp(prefix="keepalive-", dir=find_place(need))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unfit(place: str, need: Need) -> str:
    """Say why nothing is made in a place; empty for nothing."""
    wrong = fault(place, temporary=True)
    if wrong:
        return wrong
    shown = printable(place)
    if not os.path.isdir(place):
        return f"{shown} is no folder"
    system = os.statvfs(place)
    if system.f_flag & os.ST_RDONLY:
        return f"{shown} is read-only"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{shown} cannot be written to"
    mount = noexec_mount(place) if need.executes else ""
    if mount:
        return f"{shown} is mounted noexec" if mount == place else f"{shown} lies on {printable(mount)}, mounted noexec"
    free = system.f_bavail * system.f_frsize
    if free < need.room:
        return f"{shown} has {free // _KIB} KiB left"
    if need.room and system.f_files and system.f_favail < _INODES:
        return f"{shown} has {system.f_favail} inodes left"
    return ""
