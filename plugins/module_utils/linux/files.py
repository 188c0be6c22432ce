# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several files changed as one: all or none."""

from __future__ import annotations

import os
import tempfile
import typing as t


class Change(t.NamedTuple):
    """What becomes of one file; None stands for no file."""

    path: str
    before: t.Optional[str]
    after: t.Optional[str]


def apply_changes(changes: t.Sequence[Change], mode: int = 0o644) -> None:
    """Write, replace and remove files; where one cannot be, all are put back and the error is raised.

    Everything that can run out (space, inodes, permission) is tried with temporary files first; then each file is
    changed by one rename(2). What was there keeps a second name until all is done, so that putting it back needs no
    space and gives the same file, its times included. A folder that is needed is made, one that is left empty is
    removed.

    :raises OSError: As the file system said it.
    """
    made: t.List[str] = []
    staged: t.Dict[str, str] = {}
    kept: t.Dict[str, str] = {}
    done: t.List[Change] = []
    try:
        for change in changes:
            if change.before is not None:
                kept[change.path] = _second_name(change.path)
            if change.after is not None:
                folder = os.path.dirname(change.path)
                if not os.path.isdir(folder):
                    os.mkdir(folder, 0o755)
                    made.append(folder)
                    os.chmod(folder, 0o755)  # whatever the umask
                staged[change.path] = _stage(change.path, change.after, mode)
        for change in changes:
            if change.after is None:
                os.unlink(change.path)
            else:
                os.rename(staged[change.path], change.path)
                del staged[change.path]
            done.append(change)
    except OSError:
        for change in reversed(done):
            if change.before is None:
                os.unlink(change.path)
            else:
                os.rename(kept.pop(change.path), change.path)
        for path in [*staged.values(), *kept.values()]:
            os.unlink(path)
        for folder in reversed(made):
            os.rmdir(folder)
        raise
    for path in kept.values():
        os.unlink(path)
    for folder in {os.path.dirname(change.path) for change in changes if change.after is None}:
        if not os.listdir(folder):
            os.rmdir(folder)


def _second_name(path: str) -> str:
    """Give a file another name beside its own; systemd ignores it."""
    folder, name = os.path.split(path)
    second = os.path.join(folder, f".{name}.{os.getpid()}")
    os.link(path, second)
    return second


def _stage(path: str, content: str, mode: int) -> str:
    """Write a temporary file beside the one it will become; systemd ignores its name."""
    descriptor, temporary = tempfile.mkstemp(prefix=".keepalive-", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        os.unlink(temporary)
        raise
    return temporary


def sync_folder(folder: str) -> None:
    """Have what was renamed in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
