# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put our entries into /etc/ld.so.preload, or take them out: decided, tried, and in force from one moment to the next.

With a watchdog what is in force is on trial: it goes back by itself unless confirm() is called in time, over a new
connection or by a new process, which shows that the host is well.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import typing as t

from ..libraries import loaders as libraries_loaders
from ..linux import in_force
from ..linux.file_lock import locked
from ..linux.files import replace_file, sync_folder
from ..linux.immutable import not_replaceable
from ..linux.trusted import fault
from ..settings.options import LIBRARIES
from . import trial, watchdog
from .file import is_below, own_entries, with_entries, without_entries
from .preflight import NewEntries, try_entries, watchdog_of
from .request import PreloadRefused, PreloadRequest, TrialFailed, in_words_of

PreloadChange = t.Dict[str, t.Any]
"""What became of the file, as ld_so_preload returns it; C(armed) and C(token) where it is on trial."""


def change_preload_file(
    request: PreloadRequest,
    *,
    check: bool,
    take: t.Callable[[], t.Any],
    label: t.Callable[[str, str], t.Any],
    backup: t.Callable[[str], str],
) -> PreloadChange:
    """Do what is asked for; in check mode only say what would be done.

    :param take: called before the first change, where there is one: it keeps other runs away from the host.
    :param label: gives a file (first path) the security label that belongs to the place of the second.
    :param backup: keeps a copy of a file, and returns its path.
    :raises PreloadRefused: Nothing was changed.
    :raises NotLocked: Nothing was changed, because another run is at the file, or has the host.
    """
    place = watchdog.guarded(request.path)
    with in_words_of(place.path, PreloadRefused), locked("preload-file", place.path):
        return _Change(request, place, check, take, label, backup).make()


def confirm(path: str, token: str) -> PreloadChange:
    """Let a new file stay, as we are here over a new connection, if programs start, too; else take it back.

    :raises TrialFailed: It was taken back, or could not be.
    """
    place = watchdog.guarded(path)
    with in_words_of(path, TrialFailed):
        seen = trial.programs_start(watchdog.remembered(place, token))
        word = watchdog.end(place, token, "abort" if seen else "commit")
    if seen:
        raise TrialFailed(seen, seen=seen, healed=word.startswith("reverted"), result=word)
    if word != "committed":
        raise TrialFailed(word, seen=f"the host is well, but the new file could not stay: {word}", healed=True)
    return {"changed": True, "result": word}


def abort_trial(path: str, token: str) -> PreloadChange:
    """Have the old file back at once.

    :raises TrialFailed: It is too late for that, or nobody answers.
    """
    with in_words_of(path, TrialFailed):
        return {"changed": False, "armed": False, "result": watchdog.end(watchdog.guarded(path), token, "abort")}


def look_at_trial(path: str, token: str) -> PreloadChange:
    """Return what has become of a trial, without any influence on it.

    :raises TrialFailed: It cannot be seen.
    """
    with in_words_of(path, TrialFailed):
        return {"changed": False, **watchdog.trial_state(watchdog.guarded(path), token)}


class _Change(t.NamedTuple):
    """One change of one file, with what it needs of others."""

    request: PreloadRequest
    place: watchdog.GuardedFile
    check: bool
    take: t.Callable[[], t.Any]
    label: t.Callable[[str, str], t.Any]
    backup: t.Callable[[str], str]

    def make(self) -> PreloadChange:
        request, path = self.request, self.place.path
        self._refuse_where_others_write()
        if self.check:
            watchdog.refuse_during_a_trial(self.place)
        notes = [] if self.check else watchdog.clean_up(self.place)
        before = _read(path)
        wanted = [] if request.absent else _wanted(request)
        old = before or b""
        after = with_entries(old, wanted, request.folder) if wanted else without_entries(old, request.folder)
        new = before if after == old else after or None  # where nothing is left in it, no file is
        attributes = _wrong_attributes(path) if before is not None and new is not None else ""
        result: PreloadChange = {
            "changed": new != before or bool(attributes),
            "path": path,
            "entries": own_entries(after, request.folder),
            "removed": [entry for entry in own_entries(old, request.folder) if entry not in wanted],
            "notes": notes,
            "trial": "none",
            "watchdog": "",
            "diff": _diff(path, before, new, attributes),
        }
        if not self.check and in_force.history(path).versions:
            _note(path, before)  # a run that was killed may have written it and not noted it any more
        if not result["changed"]:
            return result
        if not self.check:
            self.take()
        if new != before:
            _refuse_mounted(path)
            _refuse_immutable(path)
        if wanted and new != before:
            tried = try_entries(request, NewEntries(wanted, old, after), notes, foretold=self.check)
            result.update({} if tried is None else {"tried": tried})
        if self.check:
            return result
        if new == before:
            self._put_right(after)
        else:
            result.update(self._write(before, new, notes))
        return result

    def _refuse_where_others_write(self) -> None:
        path = self.place.path
        wrong = fault(os.path.dirname(path))
        if wrong:
            raise PreloadRefused(f"path: {path}: {wrong}; nothing was changed", path=path)

    def _put_right(self, content: bytes) -> None:
        """Give a file that says what it should the mode and the owner that it should have."""
        path = self.place.path
        if fault(path):  # another user may have it open for writing: his would stay the old file
            self._put(content)
        else:
            os.chown(path, os.geteuid(), os.getegid())
            os.chmod(path, watchdog.MODE)
        sync_folder(os.path.dirname(path))

    def _write(self, before: t.Optional[bytes], new: t.Optional[bytes], notes: t.List[str]) -> PreloadChange:
        """Have the file say something else, None: be away; return what is to be told of it."""
        path, result = self.place.path, {}
        if before is not None and self.request.backup:
            result["backup_file"] = self.backup(path)
        _note(path, before)
        on_trial = new is not None and not self.request.absent and self.request.watchdog > 0
        if new is not None and on_trial:
            result.update(self._begin(new))
        try:
            if new is None:
                os.unlink(path)
            elif not on_trial:
                self._put(new)
            sync_folder(os.path.dirname(path))
        except OSError as error:
            if _read(path) != new:
                raise
            # Who is told that nothing was changed forgets the way back.
            notes.append(f"{path} is changed, but whether the disk has it is not known: {error.strerror}")
        with contextlib.suppress(OSError):  # it is in force
            _note(path, new)
        return result

    def _put(self, content: bytes) -> None:
        replace_file(self.place.path, content, watchdog.MODE, prepare=self._prepare, temporary=self.place.new)

    def _prepare(self, path: str) -> None:
        self.label(path, self.place.path)

    def _begin(self, content: bytes) -> PreloadChange:
        """Have the watchdog put the file in force; whoever asked for it has to confirm it."""
        program, token = watchdog_of(self.request), secrets.token_hex(8)
        watchdog.remember(self.place, token, trial.noise())
        how = watchdog.begin(self.place, program, content, token, self.request.watchdog, self._prepare)
        return {"armed": True, "token": token, "trial": how, "watchdog": watchdog.linking(program)}


def _read(path: str) -> t.Optional[bytes]:
    """Return the file's content, None where there is none; what is no plain file is refused."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        raise PreloadRefused(
            f"{path} is a symbolic link to {os.readlink(path)}, so somebody else manages it; give that file as"
            " path, or put a plain file in the link's place"
        )
    if not stat.S_ISREG(status.st_mode):
        raise PreloadRefused(f"{path} is not a regular file")
    with open(path, "rb") as file:
        return file.read()


def _refuse_mounted(path: str) -> None:
    source = watchdog.mounted_from(path)
    if source is not None:
        raise PreloadRefused(
            f"{path} is a mount of its own (of {source}), as container engines make them: it cannot be replaced"
            " from here; change the file that is mounted, where it is mounted from"
        )


def _refuse_immutable(path: str) -> None:
    """Before a trial, which a mount over such a file would still begin."""
    why = not_replaceable(path)
    if why:
        raise PreloadRefused(f"{why}; nothing was changed")


def _wanted(request: PreloadRequest) -> t.List[str]:
    """Return the entries, as given or as this host needs them."""
    folder, given = request.folder, request.libraries
    if given is not None:
        foreign = [entry for entry in given if not is_below(entry, folder)]
        if foreign or not given:
            raise PreloadRefused(
                f"libraries: {foreign or 'empty'}: every entry must be below library_dir ({folder}), because what"
                " is elsewhere is not ours and would never be removed"
            )
        return list(dict.fromkeys(given))
    names = [LIBRARIES[name] for name in LIBRARIES if name in request.use]
    if not names:
        raise PreloadRefused("use: empty; name at least one of connect, listen, socket, or set state: absent")
    multilib = len(libraries_loaders.find_loaders()) > 1
    return [f"{folder}/$LIB/{name}" if multilib else f"{folder}/{name}" for name in names]


def _note(path: str, content: t.Optional[bytes]) -> None:
    """Note what the file says, to tell later which processes were started with it."""
    in_force.note(path, None if content is None else content.decode("utf-8", "surrogateescape"))


def _wrong_attributes(path: str) -> str:
    """Mode and owner, where they are not those that the loader and security need."""
    status = os.stat(path)
    found = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    right = (watchdog.MODE, os.geteuid(), os.getegid())
    return "" if found == right else f"mode {found[0]:04o}, owner {found[1]}:{found[2]}"


def _diff(path: str, before: t.Optional[bytes], after: t.Optional[bytes], attributes: str) -> t.Dict[str, str]:
    def text(content: t.Optional[bytes]) -> str:
        return "" if content is None else content.decode("utf-8", "surrogateescape")

    def header(content: t.Optional[bytes], remark: str) -> str:
        return f"{path} (no such file)" if content is None else path + (f" ({remark})" if remark else "")

    right = f"mode {watchdog.MODE:04o}, owner {os.geteuid()}:{os.getegid()}" if attributes else ""
    return {
        "before": text(before),
        "after": text(after),
        "before_header": header(before, attributes),
        "after_header": header(after, right),
    }
