# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write or remove /etc/libkeepalive.conf. The installed library reads what is new before any process does."""

from __future__ import annotations

import base64
import contextlib
import os
import stat
import typing as t

from ..linux import below_root, in_force, trusted
from ..linux.files import FileChange, apply_changes
from ..linux.immutable import not_replaceable
from ..settings.marker import MARKER, is_marked
from ..settings.options import LIBRARIES, LIBRARY_DIR
from . import check as host_wide_check
from . import settings_file

_MODE = 0o644

_READERS = tuple(f"{LIBRARY_DIR}/{name}" for name in LIBRARIES.values())

_LONGEST = 1 << 20
"""Bytes of a file that is read."""

NO_SETTINGS: t.Mapping[str, t.Any] = {"base64": None, "mtime_ns": None}
"""What was there before, where there was no file."""

SettingsChange = t.Dict[str, t.Any]
"""What became of the file; C(previous) is for restoring()."""


class SettingsRequest(t.NamedTuple):
    """What the file is to say, and who reads it first."""

    content: t.Optional[str]
    """None: there is to be no file."""
    mtime_ns: t.Optional[int] = None
    """When what is put back was written; None: now."""
    validate: bool = True
    libraries: t.Sequence[str] = _READERS
    """Preload libraries, of which the first that is there reads the file."""
    path: str = settings_file.PATH
    restored: bool = False
    """It is what was there before: it is not read again, and what is not ours by now does not stay unnoticed."""


class SettingsRefused(Exception):
    """Nothing was changed; the text says why, in one line."""

    def __init__(self, why: str, **told: t.Any) -> None:
        super().__init__(why)
        self.told = told
        """What is told beside it, as the module returns it."""


def restoring(previous: t.Mapping[str, t.Any], path: str = settings_file.PATH) -> SettingsRequest:
    """Return the request that puts back, byte for byte and with its time, what a change found there."""
    encoded, mtime_ns = previous.get("base64"), previous.get("mtime_ns")
    content = None if encoded is None else base64.b64decode(encoded).decode("utf-8", "surrogateescape")
    return SettingsRequest(content, int(mtime_ns) if mtime_ns else None, path=path, restored=True)


def change_settings(
    request: SettingsRequest, *, check: bool, take: t.Callable[[], t.Any], label: t.Callable[[str], t.Any]
) -> SettingsChange:
    """Do what is asked for; in check mode only say what would be done.

    :param take: called before the first change, where there is one: it keeps other runs away from the host.
    :param label: gives a path the security label of its place.
    :raises SettingsRefused: Nothing was changed.
    :raises NotLocked: Nothing was changed, because another run has the host.
    """
    path, after = request.path, request.content
    before = _present_text(path)
    if _is_foreign(before) and after is None and not request.restored:
        return {
            "changed": False,
            "previous": dict(NO_SETTINGS),
            "changed_headings": [],
            "checked_by": None,
            "msg": f"{path} is not ours and stays",
        }
    _refuse_foreign(path, before)
    if after is not None and not request.restored and not is_marked(after):
        raise SettingsRefused(f"content: the text must begin with '{MARKER}', or it could never be removed again")
    if _differs(path, before, after) and not_replaceable(path):
        raise SettingsRefused(f"nothing was changed: {not_replaceable(path)}")
    if _differs(path, before, after) and not check:
        take()
        before = _present_text(path)  # what others did until now counts
        _refuse_foreign(path, before)
    checked_by = None
    if after is not None and after != before and not request.restored:
        checked_by = _have_it_read(request, after, check)
    result: SettingsChange = {
        "changed": _differs(path, before, after),
        "previous": _portable(before, path),
        "changed_headings": settings_file.changed_headings(after or "", before or ""),
        "checked_by": checked_by,
        "diff": _diff(path, before, after),
    }
    if check:
        return result
    if result["changed"]:
        try:
            _write(request, before, label)
        except OSError as error:
            why = f"{error.strerror}: {error.filename or path}"
            if after == before or _present_text(path) != after:
                raise SettingsRefused(f"nothing was changed: {why}", **result) from error
            # Who is told that nothing was changed forgets the way back.
            result["msg"] = f"{path} is written, but not its owner, mode, time and label: {why}"
    if in_force.history(path).versions:
        # Also where it is as it should be: a run that was killed may have written it and not noted it any more.
        with contextlib.suppress(OSError):
            in_force.note(path, after)
    return result


def _write(request: SettingsRequest, before: t.Optional[str], label: t.Callable[[str], t.Any]) -> None:
    path, after = request.path, request.content
    if after != before:
        in_force.note(path, before)
    # One that was another user's is replaced: he may have it open for writing.
    if after != before or trusted.fault(path):
        apply_changes([FileChange(path, before, after)], _MODE)
    if after is None:
        return
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, _MODE)
    if request.mtime_ns is not None:
        os.utime(path, ns=(request.mtime_ns, request.mtime_ns))
    label(path)


def _present_text(path: str) -> t.Optional[str]:
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise SettingsRefused(f"nothing was changed: {path} is not a regular file; rename or remove it")
    try:
        return below_root.read_text(path, _LONGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsRefused(
            f"nothing was changed: {path} cannot be read: {error.strerror}; rename or remove it"
        ) from error


def _is_foreign(text: t.Optional[str]) -> bool:
    return text is not None and not is_marked(text)


def _refuse_foreign(path: str, text: t.Optional[str]) -> None:
    if _is_foreign(text):
        raise SettingsRefused(
            f"nothing was changed: {path} is not ours (its first line is not '{MARKER}…'): rename or remove it"
        )


def _differs(path: str, before: t.Optional[str], after: t.Optional[str]) -> bool:
    return after != before or (after is not None and _mode_is_wrong(path))


def _mode_is_wrong(path: str) -> bool:
    """To the libraries a file that others may write, that is not root's, or that they cannot read is none."""
    status = os.stat(path)
    return stat.S_IMODE(status.st_mode) != _MODE or (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid())


def _have_it_read(request: SettingsRequest, text: str, check: bool) -> t.Optional[str]:
    """Have the library read the text; return which one did."""
    if not request.validate:
        return None
    library = next((path for path in request.libraries if os.path.exists(path)), None)
    if library is None:
        if check:
            return None
        raise SettingsRefused(
            f"nothing was changed: none of {', '.join(request.libraries)} is there to check the file; "
            "install the libraries first (role keepalive_build)"
        )
    wrong = trusted.fault(library)
    if wrong:
        raise SettingsRefused(f"nothing was changed: root does not load {library} to check the file: {wrong}")
    try:
        found = host_wide_check.complaints(text, library)
    except host_wide_check.CannotCheck as error:
        raise SettingsRefused(
            f"nothing was changed: {library} cannot check the file: {error}; where this host may not make mount "
            "namespaces (a container without CAP_SYS_ADMIN), set validate: false (keepalive_host_validate)"
        ) from error
    if found:
        raise SettingsRefused(
            f"nothing was changed: {library} does not understand the file: {'; '.join(found)}", complaints=found
        )
    return library


def _portable(text: t.Optional[str], path: str) -> t.Dict[str, t.Any]:
    if text is None:
        return dict(NO_SETTINGS)
    encoded = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
    return {"base64": encoded, "mtime_ns": os.stat(path).st_mtime_ns}


def _diff(path: str, before: t.Optional[str], after: t.Optional[str]) -> t.Dict[str, str]:
    diff = {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}
    if before is not None and before == after and _mode_is_wrong(path):
        status = os.stat(path)
        diff["before"] = f"mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}:{status.st_gid}\n"
        diff["after"] = f"mode {_MODE:04o}, owner {os.geteuid()}:{os.getegid()}\n"
    return diff
