# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""manifest.json: what is installed and from what it was made, so that the next run can tell whether it still holds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import typing as t

from ..linux.state_file import Damaged, parse_json, read_json
from .table import file_of

MANIFEST = "manifest.json"
_FORMAT = 1
_MANAGED_BY = "netops.keepalive.preload_libraries"
_FILE_NAME = re.compile(r"(lib[a-z0-9]*/([a-z0-9][a-z0-9_-]*/)?)?[A-Za-z0-9_][A-Za-z0-9._+-]*")
_LONGEST_NAME = 255
_LIMIT = 1 << 20
"""Bytes; it names some ten files."""
_LINK = b"\0link to "


class Manifest(t.NamedTuple):
    """The content of one manifest."""

    made: t.Dict[str, str]
    """What the libraries were made from and for; where any of it changes, they are made again."""
    files: t.Dict[str, str]
    """SHA-256 by file name."""

    def text(self) -> str:
        content = {"format": _FORMAT, "managed_by": _MANAGED_BY, "made": self.made, "files": self.files}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"


class InstalledFile(t.NamedTuple):
    """One file of the manifest as it is now."""

    sha256: t.Optional[str]
    """None where there is no regular file of that name."""
    mode: int
    uid: int
    gid: int
    link: bool = False


def is_file_name(name: str) -> bool:
    """Whether a file may have this name: nothing hidden, nothing that LD_PRELOAD would split, and no folder but those
    that C($LIB) can stand for."""
    return len(name) <= _LONGEST_NAME and bool(_FILE_NAME.fullmatch(name)) and name != MANIFEST


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha256_of_text(content: str) -> str:
    """Return the checksum of a file, from its text; bytes that are none stand in it as surrogates (PEP 383)."""
    return sha256(content.encode("utf-8", "surrogateescape"))


def link_to(target: str) -> bytes:
    """Return the content that stands for a symbolic link, where a link is to be installed."""
    return _LINK + os.fsencode(target)


def target_of(content: bytes) -> t.Optional[str]:
    """Where the link leads that a content stands for; None where it is an ordinary file's."""
    return os.fsdecode(content[len(_LINK) :]) if content.startswith(_LINK) else None


def parse_manifest(text: t.Any) -> t.Optional[Manifest]:
    """Read a manifest; None where it is none of ours or damaged, which then counts as not installed."""
    try:
        return manifest_in(text.encode("utf-8")) if isinstance(text, str) else None
    except (Damaged, UnicodeEncodeError):
        return None


def manifest_in(content: bytes) -> Manifest:
    """Read a manifest.

    :raises Damaged: it is none of ours.
    """
    return _manifest_from(parse_json(content))


def _manifest_from(content: t.Any) -> Manifest:
    if not isinstance(content, dict) or (content.get("format"), content.get("managed_by")) != (_FORMAT, _MANAGED_BY):
        raise Damaged(f"is not of format {_FORMAT} and managed by {_MANAGED_BY}")
    made: t.Any = content.get("made")
    files: t.Any = content.get("files")
    if not _are_texts(made) or not _are_texts(files):
        raise Damaged("has something else than texts in made or files")
    if not all(map(is_file_name, files)):
        raise Damaged("names files that are none of ours")
    return Manifest(dict(made), dict(files))


def _are_texts(values: t.Any) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def read_manifest(folder: str, private: bool = True) -> t.Optional[Manifest]:
    """Read the manifest of a folder; None where there is none or no valid one.

    :param private: whether only one counts that nobody but root and we can have written.
    """
    try:
        return _manifest_from(read_json(os.path.join(folder, MANIFEST), _LIMIT, private))
    except (FileNotFoundError, Damaged):
        return None


def manifest_damage(folder: str, private: bool = True) -> str:
    """Say why the manifest of a folder is not believed; '' where it is, or where there is none."""
    try:
        _manifest_from(read_json(os.path.join(folder, MANIFEST), _LIMIT, private))
    except FileNotFoundError:
        return ""
    except Damaged as damaged:
        return f"{os.path.join(folder, MANIFEST)} {damaged}; it was not believed"
    return ""


def look_at_file(path: str) -> InstalledFile:
    """Look at one file; symbolic links are not followed, because a library is never one."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return InstalledFile(None, 0, 0, 0)
    if stat.S_ISLNK(status.st_mode):
        return InstalledFile(sha256(link_to(os.readlink(path))), 0, status.st_uid, status.st_gid, True)
    if not stat.S_ISREG(status.st_mode):
        return InstalledFile(None, 0, 0, 0)
    with open(path, "rb") as file:
        return InstalledFile(sha256(file.read()), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def changes_since(installed: t.Optional[Manifest], made: t.Mapping[str, t.Optional[str]]) -> t.List[str]:
    """Say why the libraries must be made again, as far as the manifest tells; empty where it does not.

    :param made: what they would be made from now; None for what cannot be known now and is compared with nothing (the
        version of a compiler that has been removed since: what it made is still right).
    """
    if installed is None:
        return ["not installed"]
    if ("prebuilt" in made) != ("prebuilt" in installed.made):
        ways = ("compiled here", "prebuilt")
        return [f"{ways['prebuilt' in made]} instead of {ways['prebuilt' in installed.made]}"]
    reasons = []
    for key in sorted(set(made) | set(installed.made)):
        old, new = installed.made.get(key), made.get(key)
        if old != new and not (key in made and new is None):
            reasons.append(_change(key, old, new))
    return reasons


def _change(key: str, old: t.Optional[str], new: t.Optional[str]) -> str:
    if key in ("sources", "prebuilt") and old and new:
        return f"{key} changed"
    return f"{key} changed from {'nothing' if old is None else repr(old)} to {'nothing' if new is None else repr(new)}"


def damaged_files(installed: Manifest, folder: str) -> t.List[str]:
    """Say which files do not have the bytes that were installed; empty where all have."""
    return damages_seen(installed, {name: look_at_file(os.path.join(folder, name)) for name in installed.files})


def damages_seen(installed: Manifest, there: t.Mapping[str, InstalledFile]) -> t.List[str]:
    """Say the same of files that were looked at, by name."""
    reasons = []
    for name, wanted in sorted(installed.files.items()):
        found = there[name]
        if found.sha256 is None or (found.link and found.sha256 != wanted):
            reasons.append(f"{name} is missing")
        elif found.sha256 != wanted:
            reasons.append(f"{name} was changed by something else")
    return reasons


def observed_manifest(folder: str) -> str:
    """Return what is there now, for a diff: the manifest as it would read if it had been written from the files.

    Where the files are as the manifest says, this is the manifest's own text, with a line for each wrong mode or owner.
    """
    installed = read_manifest(folder)
    if installed is None:
        return ""
    files = {}
    for name in installed.files:
        found = look_at_file(os.path.join(folder, name))
        files[name] = found.sha256 or "missing"
        if found.sha256 and not attributes_right(name, found):
            files[name] += f" mode {found.mode:04o} owner {found.uid}:{found.gid}"
    return Manifest(installed.made, files).text()


def attributes_right(name: str, found: InstalledFile) -> bool:
    """Whether mode and owner are those of a fresh installation by the user that runs now (root, in practice)."""
    mode = file_of(name).mode if not found.link else 0  # that of a link counts for nothing
    return (found.mode, found.uid, found.gid) == (mode, os.geteuid(), os.getegid())
