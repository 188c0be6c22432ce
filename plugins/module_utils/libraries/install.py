# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the libraries and their company into the folder, and take them away, under processes that have them mapped.

A file is never written in place: the processes that map it would die. A file whose bytes are right is not replaced
either: a process that maps it would count as stale without need; unless others could change it, who may still have it
open. Everything that can fail (space, the self-test)
happens in a folder beside the files, before the first of them is replaced.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import typing as t

from ..linux import answering
from ..linux.files import sync_folder, write_new
from ..linux.mounts import noexec_mount
from ..linux.preload_file import LD_SO_PRELOAD, named_in
from ..linux.printable import printable
from ..linux.procfs import HOST, Proc
from ..linux.trusted import fault
from .manifest import MANIFEST, Manifest, look_at_file, read_manifest, sha256, target_of
from .table import FOLDER_MODE, file_of, is_tried

_STAGING = ".libkeepalive.new"

Labeller = t.Callable[[str, str], bool]
"""Gives the file or folder (first path) the security label that belongs to the place of the second path; says whether
it had another (and in check mode does no more than that)."""


class InUse(Exception):
    """The libraries must not be removed now; the text says why."""


def install(
    folder: str,
    contents: t.Mapping[str, bytes],
    made: t.Dict[str, str],
    try_out: t.Callable[[t.Sequence[str]], None],
    label: Labeller,
) -> t.List[str]:
    """Install files and their manifest; return the names of those that were replaced or new.

    :param contents: by file name.
    :param made: what they were made from, for the manifest.
    :param try_out: called with the staged paths of all that can be tried; what it raises stops everything.
    :raises OSError: nothing has been replaced, unless the text says otherwise.
    """
    manifest = Manifest(made, {name: sha256(content) for name, content in contents.items()})
    old = read_manifest(folder)
    created = not os.path.isdir(folder)
    staging = os.path.join(folder, _STAGING)
    try:
        if created:
            os.mkdir(folder, FOLDER_MODE)
            label(folder, folder)
        _take_over(folder)
        _remove_tree(staging)
        os.mkdir(staging, 0o700)
        for name, content in [*contents.items(), (MANIFEST, manifest.text().encode("utf-8"))]:
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                raise IsADirectoryError(f"{path} is a folder; a file must stand there")
            _make_folders(staging, name)
            _write(os.path.join(staging, name), content, file_of(name).mode)
            label(os.path.join(staging, name), path)
        try_out([os.path.join(staging, name) for name in contents if is_tried(name)])
        changed = [
            name for name, wanted in manifest.files.items()
            if look_at_file(os.path.join(folder, name)).sha256 != wanted or fault(os.path.join(folder, name))
        ]  # fmt: skip
        for name in changed:
            for place in _make_folders(folder, name):
                label(place, place)
            os.rename(os.path.join(staging, name), os.path.join(folder, name))
        for name in sorted(set(old.files if old else ()) - set(manifest.files)):
            _remove(folder, name)
        repair(folder, manifest.files, label)
        sync_folder(folder)
        os.rename(os.path.join(staging, MANIFEST), os.path.join(folder, MANIFEST))
        sync_folder(folder)
        return changed
    finally:
        _remove_tree(staging)
        if created:
            with contextlib.suppress(OSError):  # not empty: the installation has succeeded
                os.rmdir(folder)


def repair(folder: str, names: t.Iterable[str], label: Labeller, pretend: bool = False) -> t.List[str]:
    """Put mode, owner and label of the folder and the named files right; return what was wrong.

    Mode and owner are changed in place, which no process notices.

    :param pretend: only say it.
    """
    wrong = []
    names = list(names)
    folders = sorted({place for name in names for place in _folders_of(name)})
    for name in [folder, *folders, *names]:
        path = os.path.join(folder, name)
        if os.path.islink(path):
            continue
        status = os.stat(path)
        mode = FOLDER_MODE if name == folder or name in folders else file_of(name).mode
        if stat.S_IMODE(status.st_mode) != mode:
            wrong.append(f"{name} had mode {stat.S_IMODE(status.st_mode):04o} instead of {mode:04o}")
        owner = (os.geteuid(), os.getegid())
        if (status.st_uid, status.st_gid) != owner:
            wrong.append(f"{name} belonged to {status.st_uid}:{status.st_gid} instead of {owner[0]}:{owner[1]}")
        if not pretend:
            if (status.st_uid, status.st_gid) != owner:
                os.chown(path, *owner)
            if stat.S_IMODE(os.stat(path).st_mode) != mode:
                os.chmod(path, mode)
        if label(path, path):
            wrong.append(f"{name} had another security label")
    return wrong


def unloadable(folder: str) -> str:
    """Say why nothing that is installed in a folder can be loaded, and what would be right; empty where it can."""
    mount = noexec_mount(folder)
    if not mount:
        return ""
    shown = printable(mount)
    return (
        f"{folder} lies on {shown}, which is mounted noexec, so that no program can load a library from there; take"
        f" noexec away (mount -o remount,exec {shown}, and in /etc/fstab or the mount unit)"
    )


def folder_doubt(folder: str) -> str:
    """Say why what is installed may be another's work, its manifest too; empty where only root can have changed it."""
    manifest = read_manifest(folder)
    paths = [os.path.join(folder, name) for name in (MANIFEST, *(manifest.files if manifest else ()))]
    return next(filter(None, (fault(path) for path in paths if os.path.lexists(path))), "")


def installed_names(folder: str) -> t.List[str]:
    """Return the files that installations have put there, an interrupted one included; without the manifest."""
    names: t.Set[str] = set()
    for place in (folder, os.path.join(folder, _STAGING)):
        manifest = read_manifest(place)
        names.update(manifest.files if manifest else ())
    return sorted(name for name in names if os.path.lexists(os.path.join(folder, name)))


def anything_installed(folder: str) -> bool:
    """Whether remove() would do anything."""
    own = [*installed_names(folder), MANIFEST, _STAGING]
    return any(os.path.lexists(os.path.join(folder, name)) for name in own)


def remove(folder: str) -> None:
    """Remove what was installed, the manifest last, and the folder if that leaves it empty.

    Processes that map the files keep them: only the names go.
    """
    for name in installed_names(folder):
        _remove(folder, name)
    _remove_tree(os.path.join(folder, _STAGING))
    _remove_file(os.path.join(folder, MANIFEST))
    if not os.listdir(folder):
        os.rmdir(folder)


def refuse_if_preloaded(folder: str, names: t.Iterable[str], ld_so_preload: str = LD_SO_PRELOAD) -> None:
    """Make sure that no file is named in /etc/ld.so.preload: each program would complain on its standard error.

    :raises InUse: one is.
    """
    try:
        with open(ld_so_preload, "rb") as file:
            entries = named_in(file.read())
    except FileNotFoundError:
        return
    for name in names:
        path = os.path.join(folder, name)
        for entry in entries:
            # $LIB and $ORIGIN are for the loader to expand; the same file name behind them is suspicion enough.
            if os.path.realpath(entry) == os.path.realpath(path) or ("$" in entry and os.path.basename(entry) == name):
                raise InUse(
                    f"{path} is named in {ld_so_preload} (as {entry}): every program of the host would complain about"
                    " the missing file; take it out of there first"
                )


def processes_mapping(folder: str, names: t.Iterable[str], proc: Proc = HOST) -> t.List[int]:
    """Return the PIDs of the processes that have one of the files mapped, replaced or not."""
    wanted = {os.path.join(os.path.realpath(folder), name) for name in names}
    return [pid for pid, _files in answering.mapping(wanted.__contains__, proc)]


def _write(path: str, content: bytes, mode: int) -> None:
    """Write a new file, or make a link, and have it on the disk before anything depends on it."""
    target = target_of(content)
    if target is not None:
        os.symlink(target, path)
        return
    write_new(path, content, mode)


def _folders_of(name: str) -> t.List[str]:
    """Return the folders in which a file of this name lies, below that of the installation, outer ones first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _make_folders(folder: str, name: str) -> t.List[str]:
    """Make those that are missing; return which these were."""
    made = []
    for place in (os.path.join(folder, part) for part in _folders_of(name)):
        if os.path.islink(place):
            os.unlink(place)
        if not os.path.isdir(place):
            os.mkdir(place, FOLDER_MODE)
            os.chmod(place, FOLDER_MODE)  # whatever the umask
            made.append(place)
        _take_over(place)
    return made


def _take_over(folder: str) -> None:
    """Let nobody else change what is in a folder from now on; the one above is ours, so it is the one that we mean."""
    if fault(folder):
        os.chown(folder, os.geteuid(), os.getegid())
        os.chmod(folder, FOLDER_MODE)


def _remove(folder: str, name: str) -> None:
    """Remove a file, and the folders that this leaves empty."""
    _remove_file(os.path.join(folder, name))
    for part in reversed(_folders_of(name)):
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(folder, part))


def _remove_file(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _remove_tree(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        shutil.rmtree(path)
