# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file changed from one moment to the next, and several files changed as one: all or none."""

from __future__ import annotations

import contextlib
import itertools
import os
import typing as t

Owner = t.Tuple[int, int]
"""User and group."""
Prepare = t.Callable[[str], t.Any]

_numbers = itertools.count()


class NotPutBack(OSError):
    """A change failed, and so did the way back: filename is what is not as it was before, strerror why."""


class FileChange(t.NamedTuple):
    """What becomes of one file; None stands for no file."""

    path: str
    before: t.Optional[str]
    after: t.Optional[str]


def apply_changes(changes: t.Sequence[FileChange], mode: int = 0o644) -> None:
    """Write, replace and remove files; where one cannot be, all are put back and the error is raised.

    Everything that can run out (space, inodes, permission) is tried with temporary files first; then each file is
    changed by one rename(2). What was there keeps a second name until all is done, so that putting it back needs no
    space and gives the same file, its times included. A folder that is needed is made, one that is left empty is
    removed where it can be; what is left when all is done is no error.

    :raises NotPutBack: Not all could be put back either.
    :raises OSError: As the file system said it; all is as before.
    """
    made: t.List[str] = []
    staged: t.Dict[str, str] = {}
    kept: t.Dict[str, str] = {}
    done: t.List[FileChange] = []
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
                temporary = temporary_beside(change.path)
                write_new(temporary, change.after.encode("utf-8", "surrogateescape"), mode)
                staged[change.path] = temporary
        for change in changes:
            if change.after is None:
                os.unlink(change.path)
            else:
                os.rename(staged[change.path], change.path)
                del staged[change.path]
            done.append(change)
    except OSError:
        lost = _put_back(done, kept)
        _remove([*staged.values(), *kept.values()], made[::-1])
        if lost:
            raise lost from None
        raise
    emptied = {os.path.dirname(change.path) for change in changes if change.after is None}
    _remove(kept.values(), [folder for folder in emptied if not os.path.islink(folder)])


def _put_back(done: t.Sequence[FileChange], kept: t.Dict[str, str]) -> t.Optional[NotPutBack]:
    """Give each file back what it was, the others too where one cannot be; return the first that is not."""
    lost: t.Optional[NotPutBack] = None
    for change in reversed(done):
        try:
            if change.before is None:
                os.unlink(change.path)
            else:
                os.rename(kept[change.path], change.path)
                del kept[change.path]
        except OSError as error:
            kept.pop(change.path, None)  # it is all that is left of the file
            lost = lost or NotPutBack(error.errno, error.strerror, change.path)
    return lost


def _remove(files: t.Iterable[str], folders: t.Iterable[str]) -> None:
    """Tidy up; what cannot be removed, or is not empty, is in nobody's way."""
    for path in files:
        with contextlib.suppress(OSError):
            os.unlink(path)
    for folder in folders:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _second_name(path: str) -> str:
    """Give a file another name beside its own; systemd ignores it."""
    folder, name = os.path.split(path)
    second = os.path.join(folder, f".{name}.{os.getpid()}")
    os.link(path, second)
    return second


def write_new(
    path: str, content: bytes, mode: int, owner: t.Optional[Owner] = None, prepare: t.Optional[Prepare] = None
) -> None:
    """Write a file under a name of our own, with all that it will have under its final one, and have it on the disk.

    What stands there is what a run that was killed has left, and goes. Whatever is raised, by C(prepare) too: nothing
    stays of the file.

    :param owner: to whom it is given; by default it is ours.
    :param prepare: called with the path when the file is whole: it labels the file, or tries it out.
    :raises OSError: as the file system said it.
    """
    if os.path.lexists(path):
        os.unlink(path)
    try:
        with open(path, "xb", opener=_private) as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if prepare is not None:
            prepare(path)
    except BaseException as error:  # a signal's SystemExit, too
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = path  # of what cannot be written, for want of room, the kernel names no file
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def replace_file(
    path: str,
    content: bytes,
    mode: int = 0o644,
    owner: t.Optional[Owner] = None,
    prepare: t.Optional[Prepare] = None,
    temporary: str = "",
) -> None:
    """Have a file say this from one moment to the next, also after a power cut; who has the old one open keeps it.

    :param prepare: called with the temporary path before the file counts; what it raises leaves the old one in force.
    :param temporary: a name in the same folder, by default one that nobody else uses and systemd ignores.
    :raises OSError: the old file is still there.
    """
    temporary = temporary or temporary_beside(path)
    write_new(temporary, content, mode, owner, prepare)
    try:
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path) or ".")


def temporary_beside(path: str) -> str:
    """Return a name for what will become a file; systemd ignores it, and it is short, however long the file's is."""
    return os.path.join(os.path.dirname(path), f".keepalive-{os.getpid()}-{next(_numbers)}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def sync_folder(folder: str) -> None:
    """Have what was renamed in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
