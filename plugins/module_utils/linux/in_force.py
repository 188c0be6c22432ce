# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With which text of a file was a process started? What a file said since this boot began, and since when.

Programs overwrite their environment, and nothing shows what a library has read, so for some only times are left to
judge by. A file's own times are those of the wall clock: a step of it would restart services for nothing, or none. So
whoever puts a file in force notes here what it says, by the clock of this boot. The notes stand in /run and end with
the boot: then everything was started with what the disk said. What changed without a note is not shown to have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from . import boot_clock
from .files import replace_file
from .state_file import Damaged, parse_json

FOLDER = "/run/netops.keepalive/in-force"

_KEPT = 100
"""Texts of one file. Who is older than the oldest of them counts as started with that one."""


class Version(t.NamedTuple):
    """What a file said from a moment on, until the next version."""

    since: float
    """In seconds since boot."""
    text: t.Optional[str]
    """None: there was no such file."""
    read: bool = True
    """Whether those it is for have been told: systemd reads unit files when it is reloaded."""


class History(t.NamedTuple):
    """The versions of one file in this boot, in their order; none where nothing has noted any."""

    versions: t.Tuple[Version, ...] = ()

    def at(self, started: t.Optional[float], text: t.Optional[str]) -> t.Optional[str]:
        """Return the text with which a process was started; the present one where nothing shows another.

        :param started: In seconds since boot.
        :param text: What the file says now.
        """
        if started is None or not self.versions or self.versions[-1].text != text:
            return text
        reached = [version for version in self.versions if version.since <= started]
        return (reached or self.versions)[-1 if reached else 0].text

    def unread(self, text: t.Optional[str]) -> bool:
        """Tell whether the file was changed since systemd read it at our request; False where nothing shows it."""
        return bool(self.versions) and (self.versions[-1].text != text or not self.versions[-1].read)


def history(path: str) -> History:
    """Return what is noted of a file in this boot; nothing where that is not for us to see."""
    try:
        with open(_place(path), "rb") as file:
            noted = parse_json(file.read())
        if noted["boot"] != boot_clock.boot():
            return History()
        return History(tuple(Version(float(since), text, read is True) for since, text, read in noted["versions"]))
    except (OSError, Damaged, ValueError, TypeError, KeyError):
        return History()


def note(path: str, text: t.Optional[str], read: bool = True) -> None:
    """Note what a file says: before it is changed, and once it has been.

    The first note of a boot holds since its beginning.

    :raises OSError: As the file system said it.
    """
    versions = history(path).versions
    if not versions:
        _write(path, [Version(0.0, text, read)])
    elif versions[-1].text != text:
        _write(path, [*versions, Version(boot_clock.tick(), text, read)])


def put_in_force(path: str, text: t.Optional[str]) -> None:
    """Note that systemd has read a file just now that was changed before: who runs by now was started without it.

    :raises OSError: As the file system said it.
    """
    versions = list(history(path).versions)
    if not versions:
        versions = [Version(0.0, None if text is not None else "")]  # it said something else, nobody noted what
    elif versions[-1].text == text:
        versions.pop()
    _write(path, [*versions, Version(boot_clock.tick(), text)])


def changed_since(texts: t.Mapping[str, t.Optional[str]], started: t.Optional[float]) -> bool:
    """Tell whether a process is shown to have been started with other lines than it would be now; comments are none.

    :param texts: By path what each file says now; the first that is there is the one that counts.
    """
    then = _first(history(path).at(started, text) for path, text in texts.items())
    return _lines(then) != _lines(_first(texts.values()))


def says_the_same(before: t.Optional[str], after: t.Optional[str]) -> bool:
    """Tell whether a file only gets other comments: nobody is restarted for these."""
    return _lines(before) == _lines(after)


def _first(texts: t.Iterable[t.Optional[str]]) -> t.Optional[str]:
    return next((text for text in texts if text is not None), None)


def _lines(text: t.Optional[str]) -> t.Optional[t.List[str]]:
    if text is None:
        return None
    lines = [line.strip() for line in text.split("\n")]
    return [line for line in lines if line and not line.startswith(("#", ";"))]


def _place(path: str) -> str:
    """Name the file for a path, which may be longer than a name can be."""
    return os.path.join(FOLDER, hashlib.sha256(os.fsencode(path)).hexdigest())


def _write(path: str, versions: t.Sequence[Version]) -> None:
    os.makedirs(os.path.dirname(FOLDER), mode=0o700, exist_ok=True)
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    text = json.dumps({"path": path, "boot": boot_clock.boot(), "versions": versions[-_KEPT:]})
    replace_file(_place(path), text.encode(), 0o600)
