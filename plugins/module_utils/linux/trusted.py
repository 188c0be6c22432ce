# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""May root execute or load what is at a path? The one rule for all that we start, load, or have others load.

Nobody but root (and whoever runs this) may be able to change what a name stands for: the file, every folder above it,
and the same for every symbolic link on the way, must belong to him and be writable by nobody else. That is what sudo's
secure_path assumes and sshd's StrictModes asks for. Where it holds, the answer cannot change between the look and the
use either, because nobody who may change anything is a stranger.

Access lists need no look of their own: what they grant at most is shown in the group's bits, as their mask (acl(5)).
"""

from __future__ import annotations

import errno
import os
import re
import stat
import typing as t

from .executable import env_program
from .printable import printable

_LINKS = 40
"""How many symbolic links the kernel follows for one path."""
_SCRIPTS = 5
"""How often it lets the program of a script be a script in turn."""
_FIRST_LINE = 256
"""Bytes of a script's first line that it looks at (BINPRM_BUF_SIZE)."""


def owners() -> t.FrozenSet[int]:
    """Whose files are trusted: root's, and those of who runs this."""
    return frozenset((0, os.geteuid()))


def fault(path: str, trusted: t.Optional[t.Container[int]] = None, temporary: bool = False) -> str:
    """Say which part of an absolute path lets others decide what is found there; empty where none does.

    A folder with the sticky bit counts as writable by others, which it is: whoever comes first has a name in it, and
    what root had there yesterday may have been tidied away since.

    :param trusted: the owners that are right, by default owners().
    :param temporary: only ask for what keeps our own things ours in a folder until we remove them, for which the sticky
        bit is enough.
    """
    if not path.startswith("/") or "\0" in path:
        return f"{printable(path) or 'nothing'} is not an absolute path: it may mean another file in each folder"
    right = owners() if trusted is None else trusted
    place, todo, links = "/", ["", *reversed(path.split("/"))], 0
    while todo:
        name = todo.pop()
        part = os.path.dirname(place) if name == ".." else os.path.join(place, name) if name not in ("", ".") else place
        try:
            status = os.lstat(part)
        except OSError as error:
            return f"{printable(part)}: {error.strerror}"
        wrong = _wrong(part, status, right, temporary)
        if wrong:
            return wrong
        if not stat.S_ISLNK(status.st_mode):
            place = part
            continue
        links += 1
        if links > _LINKS:
            return f"{printable(path)}: {os.strerror(errno.ELOOP)}"
        target = os.readlink(part)
        place = "/" if target.startswith("/") else place
        todo += reversed(target.split("/"))
    return ""


def fault_of_program(path: str, depth: int = _SCRIPTS) -> str:
    """Return the same for what is executed at a path: of a script also its interpreter, and what C(env) runs."""
    wrong = fault(path)
    if wrong:
        return wrong
    try:
        interpreters = _interpreters(path)
    except OSError as error:
        return f"{printable(path)}: {error.strerror}"
    if interpreters and not depth:
        return f"{printable(path)}: {os.strerror(errno.ELOOP)}"
    found = (fault_of_program(interpreter, depth - 1) for interpreter in interpreters)
    return next(filter(None, found), "")


def _wrong(part: str, status: os.stat_result, right: t.Container[int], temporary: bool) -> str:
    mode = stat.S_IMODE(status.st_mode)
    link = stat.S_ISLNK(status.st_mode)  # its mode says nothing: who may change it is a matter of its folder
    sticky = stat.S_ISDIR(status.st_mode) and mode & stat.S_ISVTX
    writable = mode & (stat.S_IWGRP | stat.S_IWOTH) and not link and not (sticky and temporary)
    if status.st_uid in right and not writable:
        return ""
    wanted = "it must belong to root" if status.st_uid not in right else "nobody else may write there"
    if writable and status.st_uid not in right:
        wanted += " and nobody else may write there"
    remark = ", where everybody may make names" if sticky and writable else ""
    of_link = " (a symbolic link)" if link else ""
    return f"{printable(part)}{of_link} belongs to user {status.st_uid} and has mode {mode:04o}{remark}: {wanted}"


def _interpreters(path: str) -> t.List[str]:
    """Return what the first line of a script has executed; nothing for what is no script."""
    with open(path, "rb") as stream:
        start = stream.read(_FIRST_LINE)
    if not start.startswith(b"#!"):
        return []
    line = os.fsdecode(start[2:].partition(b"\n")[0].strip(b" \t"))  # at these two the kernel splits, and at no other
    interpreter, argument = re.fullmatch(r"([^ \t]*)[ \t]*(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    by_env = env_program(argument) if os.path.basename(interpreter) == "env" else None
    return [interpreter, *([by_env] if by_env else [])]
