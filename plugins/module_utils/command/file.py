# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command keepalive-sockets on the host: one file beside the libraries, and a link where people's shells look.

It is none of the manifest's files, because it is not compiled: a new release of it must not ask for a compiler.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import typing as t

from ..linux.command import run
from ..linux.printable import quoted
from .archive import NAME

LINK = f"/usr/local/bin/{NAME}"
"""Below /usr/local, because the distribution owns the rest of /usr; in the PATH of logins and of sudo."""

_MODE = 0o755
_HELP_SECONDS = 30

Labeller = t.Callable[[str, str], bool]
"""Puts the security label of a place on a path; says whether it was another."""


class Unusable(Exception):
    """The command does not run on this host; the text says why."""


class Place(t.NamedTuple):
    """Where it stands."""

    folder: str
    link: str
    """Empty for none."""

    @property
    def path(self) -> str:
        """The file itself."""
        return os.path.join(self.folder, NAME)

    @property
    def linked(self) -> bool:
        """Tell whether the link is there and ours."""
        return bool(self.link) and os.path.islink(self.link) and os.readlink(self.link) == self.path

    @property
    def obstacle(self) -> str:
        """Say what is in the way of the link, '' for nothing."""
        if not self.link or self.linked:
            return ""
        if os.path.lexists(self.link):
            return f"{self.link} is somebody else's and was left alone"
        folder = os.path.dirname(self.link)
        return "" if os.path.isdir(folder) else f"there is no folder {folder}"


def due(place: Place, content: bytes) -> t.List[str]:
    """Say what is not as it should be."""
    reasons = []
    found = _read(place.path)
    if found is None:
        reasons.append(f"{NAME} is not installed")
    elif found != content:
        reasons.append(f"{NAME} changed")
    else:
        status = os.stat(place.path)
        if (stat.S_IMODE(status.st_mode), status.st_uid) != (_MODE, os.geteuid()):
            reasons.append(f"{NAME} had another mode or owner")
    if place.link and not place.linked and not place.obstacle:
        reasons.append(f"the link {place.link} is missing")
    return reasons


def put(place: Place, content: bytes, label: Labeller) -> None:
    """Install it, after it has said its help.

    :raises Unusable: It does not run here; what was there stays.
    """
    if due(place._replace(link=""), content):
        temporary = os.path.join(place.folder, f".{NAME}.new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), _MODE)
                os.fsync(file.fileno())
            label(temporary, place.path)
            try:
                ended = run([temporary, "--help"], _HELP_SECONDS)
            except OSError as error:
                raise Unusable(f"root does not run it: {error.strerror}") from error
            if ended.status != 0 or ended.stderr:
                raise Unusable(f"{NAME} --help {ended}: {quoted(ended.stderr) or quoted(ended.stdout)}")
            os.rename(temporary, place.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    if place.link and not place.linked and not place.obstacle:
        os.symlink(place.path, place.link)


def installed(place: Place) -> t.List[str]:
    """Name what take would remove."""
    return [*([place.link] if place.linked else []), *([place.path] if os.path.lexists(place.path) else [])]


def take(place: Place) -> None:
    """Remove it and its link; a link that is not ours stays."""
    for path in installed(place):
        os.unlink(path)


def observed_text(place: Place) -> str:
    """Say for a diff what is there."""
    found = _read(place.path)
    return wanted_text(place, found, place.linked) if found is not None else ""


def wanted_text(place: Place, content: bytes, linked: bool) -> str:
    """Say for a diff what should be there."""
    text = f"{place.path} sha256 {hashlib.sha256(content).hexdigest()}\n"
    return text + (f"{place.link} -> {place.path}\n" if linked else "")


def _read(path: str) -> t.Optional[bytes]:
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "rb") as file:
                return file.read()
    except FileNotFoundError:
        pass
    return None
