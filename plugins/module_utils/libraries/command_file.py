# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command keepalive-sockets on the host: one file beside the libraries, a link where people's shells look, and its
page of the manual where man(1) looks beside that link.

It is none of the manifest's files, because it is not compiled: a new release of it must not ask for a compiler.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import typing as t

from ..linux.baseline import FailsAnyway, held_against, run_once
from ..linux.carried import compiled_content
from ..linux.compiled import NAME as COMPILED
from ..linux.compiled import read_compiled
from ..linux.files import replace_file
from .manual import MANUAL, MANUAL_MARK

NAME = "keepalive-sockets"
LINK = f"/usr/local/bin/{NAME}"
"""Below /usr/local, because the distribution owns the rest of /usr; in the PATH of logins and of sudo."""

_MODE = 0o755
_HELP_SECONDS = 30


class DoesNotRun(Exception):
    """The command does not run on this host; the text says why."""


class Target(t.NamedTuple):
    """Where the command is to stand."""

    folder: str
    link: str
    """Empty for none."""

    @property
    def path(self) -> str:
        """The file itself."""
        return os.path.join(self.folder, NAME)

    @property
    def compiled(self) -> str:
        """What looks at this host, compiled: linux/compiled.py."""
        return os.path.join(self.folder, COMPILED)

    @property
    def page(self) -> str:
        """The page of the manual; empty where the host keeps none beside the link."""
        manuals = os.path.join(os.path.dirname(os.path.dirname(self.link)), "share", "man")
        return os.path.join(manuals, "man1", f"{NAME}.1") if self.link and os.path.isdir(manuals) else ""

    @property
    def page_is_ours(self) -> bool:
        """Tell whether a page may be written there, and removed."""
        found = _content(self.page) if self.page else None
        mark = f"{MANUAL_MARK}\n".encode()
        return bool(self.page) and (found.startswith(mark) if found is not None else not os.path.lexists(self.page))

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


def reasons_to_put(target: Target, content: bytes) -> t.List[str]:
    """Say what of the command is not as it should be."""
    reasons = []
    found = _content(target.path)
    if found is None:
        reasons.append(f"{NAME} is not installed")
    elif found != content:
        reasons.append(f"{NAME} changed")
    else:
        status = os.stat(target.path)
        if (stat.S_IMODE(status.st_mode), status.st_uid) != (_MODE, os.geteuid()):
            reasons.append(f"{NAME} had another mode or owner")
    if target.link and not target.linked and not target.obstacle:
        reasons.append(f"the link {target.link} is missing")
    if target.page_is_ours and _content(target.page) != MANUAL.encode():
        reasons.append(f"the page {target.page} is missing or another")
    return reasons


def put_command(target: Target, content: bytes, label: t.Callable[[str, str], t.Any]) -> None:
    """Install the command, after it has said its help.

    :param label: gives a file the security label of a place.
    :raises DoesNotRun: what was there stays.
    """

    def try_out(temporary: str) -> None:
        label(temporary, target.path)
        tried = run_once([temporary, "--help"], _HELP_SECONDS)
        plain = [*os.fsdecode(content[2 : content.index(b"\n")]).split(), "-c", "pass"]  # archive.py: #!python -I
        try:
            wrong = held_against(tried, lambda: run_once(plain, _HELP_SECONDS))
        except FailsAnyway as failure:
            raise DoesNotRun(f"without it {plain[0]} {failure}") from failure
        if wrong:
            raise DoesNotRun(f"{NAME} --help {wrong}")

    if reasons_to_put(target._replace(link=""), content):
        temporary = os.path.join(target.folder, f".{NAME}.new")
        replace_file(target.path, content, _MODE, prepare=try_out, temporary=temporary)
    if target.link and not target.linked and not target.obstacle:
        os.symlink(target.path, target.link)
    if target.page_is_ours and _content(target.page) != MANUAL.encode():
        os.makedirs(os.path.dirname(target.page), mode=0o755, exist_ok=True)
        replace_file(target.page, MANUAL.encode(), prepare=lambda temporary: label(temporary, target.page))


def keep_compiled(target: Target, text: str, label: t.Callable[[str, str], t.Any]) -> None:
    """Keep beside the command what looks at this host, compiled; where that cannot be kept, each look compiles it.

    :param text: what the looks of this release are sent, see linux/carried.py.
    """
    if read_compiled(text, target.compiled) is None:
        with contextlib.suppress(OSError):
            replace_file(
                target.compiled, compiled_content(text), prepare=lambda temporary: label(temporary, target.compiled)
            )


def installed_parts(target: Target) -> t.List[str]:
    """Name what take_command would remove."""
    return [
        *([target.link] if target.linked else []),
        *([target.page] if target.page_is_ours and os.path.lexists(target.page) else []),
        *(path for path in (target.compiled, target.path) if os.path.lexists(path)),
    ]


def take_command(target: Target) -> None:
    """Remove the command and its link; a link that is not ours stays."""
    for path in installed_parts(target):
        os.unlink(path)
        if path == target.page:
            with contextlib.suppress(OSError):  # others have pages there
                os.rmdir(os.path.dirname(path))


def observed_command(target: Target) -> str:
    """Say for a diff what is there."""
    found = _content(target.path)
    return wanted_command(target, found, target.linked) if found is not None else ""


def wanted_command(target: Target, content: bytes, linked: bool) -> str:
    """Say for a diff what should be there."""
    text = f"{target.path} sha256 {hashlib.sha256(content).hexdigest()}\n"
    return text + (f"{target.link} -> {target.path}\n" if linked else "")


def _content(path: str) -> t.Optional[bytes]:
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "rb") as file:
                return file.read()
    except FileNotFoundError:
        pass
    return None
