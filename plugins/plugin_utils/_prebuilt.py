# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read on the controller what libraries are made of: the sources, or a folder with prebuilt ones.

Of prebuilt ones each file is read once. What is checked are these bytes, and these are what is sent: who changes a file
afterwards, or while it is read, changes nothing on a host.
"""

from __future__ import annotations

import errno
import os
import pathlib
import stat
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.libraries.command_file import NAME as COMMAND
from ..module_utils.libraries.manifest import MANIFEST, Manifest, link_to, manifest_in, sha256
from ..module_utils.linux.state_file import Damaged
from ._core import AnsibleActionFail
from ._signature import NAMESPACE, NotSigned, check_signature

SIGNATURE = f"{MANIFEST}.sig"
"""As ssh-keygen names it."""

_SOURCES = os.path.join(os.path.dirname(__file__), "..", "..", "csrc")
_PATTERNS = ("*.c", "*.h", "*.map", "Makefile", "LICENSE")
_LIMIT = 32 << 20
"""Bytes of a file; all of them together have some 300 KiB."""
_BESIDE = frozenset((MANIFEST, SIGNATURE, COMMAND))
"""What no manifest names; the command lies in a copy of what is installed on a host, and is not taken from there."""


class Prebuilt(t.NamedTuple):
    """Libraries that were brought, as they were read and found right."""

    variants: dict[str, dict[str, bytes]]
    """Kind of host to file name to content."""
    manifests: dict[str, str]
    """Kind of host to the text of a manifest of these files."""


class Signers(t.NamedTuple):
    """Who may sign what is brought."""

    path: str
    text: bytes


class Unusable(AnsibleActionFail):
    """What was brought is not taken: all that is wrong with it, a line for each."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        super().__init__("\n".join(f"prebuilt: {problem}" for problem in problems))
        self.problems = list(problems)


class _Wrong(Exception):
    """Something is wrong with one file, or with one folder; the text says it with its path."""


def found_on_controller(action: ActionBase, path: str) -> pathlib.Path:
    """Find a file or folder as Ansible finds a file; then, for C(-e), from where Ansible was started."""
    try:
        return pathlib.Path(action._find_needle("files", path))
    except AnsibleError:
        if not os.path.exists(path):
            raise
        return pathlib.Path(os.path.abspath(path))


def read_sources(folder: pathlib.Path = pathlib.Path(_SOURCES)) -> dict[str, str]:
    """Read every file that the build needs: name → content."""
    files = {path for pattern in _PATTERNS for path in folder.glob(pattern)}
    if folder / "Makefile" not in files:
        raise AnsibleActionFail(f"the collection is incomplete: no Makefile in {folder.resolve()}")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}


def read_brought(action: ActionBase, prebuilt: str, signers: str) -> Prebuilt:
    """Read what an operator's variables name.

    :param signers: the file of those who may sign; '' where no signature is demanded.
    :raises AnsibleError: it cannot be found, or not be used.
    """
    folder = found_on_controller(action, prebuilt)
    return read_prebuilt(folder, _read_signers(found_on_controller(action, signers), folder) if signers else None)


def read_prebuilt(folder: pathlib.Path, signers: Signers | None = None) -> Prebuilt:
    """Read the libraries of a folder, or of the folders in it, and check them.

    :param signers: who may have signed each manifest; None where no signature is demanded.
    :raises Unusable: with everything that is wrong.
    """
    if not folder.is_dir():
        raise Unusable([f"{folder} is not a folder"])
    found = Prebuilt({}, {})
    problems: list[str] = []
    for place in _places(folder):
        try:
            if place != folder and place.is_symlink():
                raise _Wrong(f"{place} is a symbolic link: copy the folder itself")
            found.variants[place.name], found.manifests[place.name] = _read_variant(place, signers)
        except _Wrong as wrong:
            problems.append(str(wrong))
    if not found.variants and not problems:
        problems = [f"neither {folder} nor the folders in it contain a .so file"]
    if problems:
        raise Unusable(problems)
    return found


def _read_signers(path: pathlib.Path, folder: pathlib.Path) -> Signers:
    if folder.resolve() in path.resolve().parents:
        raise Unusable(
            [f"who may sign is not told by a file in the set itself: keep {path} elsewhere than in {folder}"]
        )
    try:
        return Signers(str(path), _read(path, follow=True))
    except _Wrong as wrong:
        raise Unusable([f"who may sign cannot be told: {wrong}"]) from None


def _places(folder: pathlib.Path) -> list[pathlib.Path]:
    try:
        if _is_variant(folder):
            return [folder]
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _is_variant(path))
    except OSError as error:
        raise Unusable([f"{error.filename} cannot be read: {error.strerror}"]) from error


def _is_variant(folder: pathlib.Path) -> bool:
    return folder.is_dir() and (os.path.lexists(folder / MANIFEST) or any(folder.glob("*.so")))


def _read_variant(folder: pathlib.Path, signers: Signers | None) -> tuple[dict[str, bytes], str]:
    """Read one folder, which must be what its manifest says; return its files, and the manifest's text for these."""
    manifest = _read_manifest(folder, signers)
    strangers = [name for name in _names(folder) if name not in manifest.files and name not in _BESIDE]
    if strangers:
        more = f", nor {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise _Wrong(
            f"{folder / strangers[0]} is not named by the {MANIFEST} there{more}: remove what does not belong to the "
            "set, or copy the folder again"
        )
    files: dict[str, bytes] = {}
    for name, wanted in sorted(manifest.files.items()):
        path = folder / name
        if path.is_symlink() and sha256(link_to(os.readlink(path))) == wanted:
            continue  # by which $LIB finds a library: made on the host
        content = _read(path)
        if "/" in name and sha256(content) == manifest.files.get(path.name):
            continue  # what a copy has made of such a link
        if sha256(content) != wanted:
            raise _Wrong(f"{path} does not have the sha256 that {MANIFEST} beside it says: copy the folder again")
        files[name] = content
    return files, manifest._replace(files={name: manifest.files[name] for name in files}).text()


def _read_manifest(folder: pathlib.Path, signers: Signers | None) -> Manifest:
    """Read the manifest once, and believe it only where it is signed, if it has to be."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise _Wrong(
            f"{folder} has no {MANIFEST}, which says which files belong together and their sha256: copy it from where "
            "they were compiled, or have them compiled again (build_keepalive)"
        )
    content = _read(path)
    if signers is not None:
        if not os.path.lexists(folder / SIGNATURE):
            raise _Wrong(
                f"{path} is not signed, and {signers.path} says who must: where it was made, "
                f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY {MANIFEST}"
            )
        try:
            check_signature(content, _read(folder / SIGNATURE), signers.text)
        except NotSigned as problem:
            raise _Wrong(f"{path} {problem} (by {signers.path})") from None
    try:
        return manifest_in(content)
    except Damaged as damaged:
        raise _Wrong(
            f"{path} {damaged}. It says which files belong together and their sha256: copy the folder again"
        ) from None


def _names(folder: pathlib.Path) -> list[str]:
    """Return all that lies in a folder and the folders in it, but for what is hidden, without following a link."""
    found: list[str] = []
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(pathlib.Path(entry.path))
                    else:
                        found.append(os.path.relpath(entry.path, folder))
        except OSError as error:
            raise _Wrong(f"{error.filename} cannot be read: {error.strerror}") from error
    return sorted(found)


def _read(path: pathlib.Path, follow: bool = False) -> bytes:
    """Read a file, and wait for nobody: it may be a FIFO."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _Wrong(f"{path} is not a regular file")
            content = file.read(_LIMIT + 1)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Wrong(f"{path} is a symbolic link: copy the file itself") from error
        raise _Wrong(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _LIMIT:
        raise _Wrong(f"{path} has more than {_LIMIT} bytes, and no file of a set has")
    return content
