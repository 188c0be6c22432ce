# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change what every process of the host is told (/etc/libkeepalive.conf, /etc/ld.so.preload), and put it back.

A new /etc/ld.so.preload is in force for a trial first: it stays only if somebody has come in over a new connection and
seen that programs start. Nobody can do that from within the host, so the transaction waits for it, as long as the
watchdog does.
"""

from __future__ import annotations

import os
import typing as t

from ..host_wide import change as settings_change
from ..host_wide import settings_file, state
from ..ld_so_preload import watchdog
from ..ld_so_preload.change import change_preload_file
from ..ld_so_preload.request import PreloadRefused, PreloadRequest
from ..linux.backup import copy_beside
from ..linux.file_lock import NotLocked
from ..linux.label import relabel, relabel_as
from ..linux.polling import poll_until
from ..linux.preload_file import LD_SO_PRELOAD
from ..units import dropin
from . import undo_host
from .transaction_host import Changed, StepFailed

_PAUSE = 0.2
_MARGIN = 30.0
"""Seconds beyond the watchdog's own: it has to end programs that hang before it answers."""

Diff = t.Dict[str, t.Any]


class HostWideFiles:
    """Both files of this host.

    :param armed: told of the name of a trial that waits to be confirmed.
    :param diffs: gets what is, or in check mode would be, changed.
    """

    def __init__(
        self,
        *,
        check: bool,
        tell: t.Callable[[str], t.Any],
        warn: t.Callable[[str], t.Any],
        armed: t.Callable[[str], t.Any],
        diffs: t.List[Diff],
        folder: str = "",
    ) -> None:
        self._check = check
        self._tell = tell
        self._warn = warn
        self._armed = armed
        self._diffs = diffs
        self._folder = folder

    def left(self) -> bool:
        """Tell whether a run that did not come to its end has changed them."""
        return undo_host.is_noted(self._folder)

    def write_settings(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        """Write the settings file, or remove it.

        :raises StepFailed: it is as before.
        """
        text = wanted["settings"]
        if text is None and state.look_at_host_wide().settings is None:
            return Changed(False)
        request = settings_change.SettingsRequest(content=text, validate=wanted.get("validate", True))
        result = self._noted(lambda take: self._settings(request, take))
        notes = [result["msg"]] if result.get("msg") else []
        return Changed(result["changed"], "" in result["changed_headings"], notes)

    def write_line(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        """Have every program load the libraries of V(use), or none where it is empty.

        :raises StepFailed: it is as before.
        """
        if not wanted["use"] and not state.look_at_host_wide().entries:
            return Changed(False)
        self._wait_for_an_earlier_trial(wanted.get("watchdog", 0))
        request = PreloadRequest(
            absent=not wanted["use"],
            use=wanted["use"],
            units=wanted.get("units", []),
            extra_programs=wanted.get("extra_programs", []),
            watchdog=wanted.get("watchdog", 60),
            backup=wanted.get("backup", False),
        )
        result = self._noted(lambda take: self._line(request, take))
        if result.get("armed"):
            self._wait_until_confirmed(result["token"], request.watchdog)
        return Changed(result["changed"], False, result["notes"])

    def put_back(self) -> t.List[str]:
        """Give both what they said before; return which said something else.

        :raises StepFailed: one could not be put back; the other was tried all the same.
        """
        before = undo_host.read_before(self._folder)
        if before is None:
            damage = undo_host.damage_before(self._folder)
            if damage:
                raise StepFailed("; ".join(damage))
            return []
        steps: t.List[t.Callable[[undo_host.HostWideBefore], t.List[str]]]
        steps = [self._put_settings_back, self._put_line_back]
        changed: t.List[str] = []
        failed: t.List[str] = []
        for step in steps if before.entries else reversed(steps):
            try:
                changed += step(before)
            except StepFailed as failure:
                failed.append(str(failure))
        if failed:
            raise StepFailed("; ".join(failed))
        return changed

    def forget(self) -> None:
        """Forget what they said before.

        :raises OSError: as the file system said it.
        """
        if not self._check:
            undo_host.forget_before(self._folder)

    def _put_settings_back(self, before: undo_host.HostWideBefore) -> t.List[str]:
        request = settings_change.SettingsRequest(content=before.settings, mtime_ns=before.mtime_ns, restored=True)
        result = self._settings(request, lambda: None)
        return [settings_file.PATH] if result["changed"] else []

    def _put_line_back(self, before: undo_host.HostWideBefore) -> t.List[str]:
        """Without a trial: they were in force until a moment ago, and nobody may be there to confirm it."""
        entries = list(before.entries)
        request = PreloadRequest(absent=not entries, libraries=entries or None, watchdog=0)
        return [LD_SO_PRELOAD] if self._line(request, lambda: None)["changed"] else []

    def _noted(self, change: t.Callable[[t.Callable[[], t.Any]], t.Dict[str, t.Any]]) -> t.Dict[str, t.Any]:
        """Make a change with a note of what was before on the disk first; none stays where it was refused."""
        fresh = not self.left()
        try:
            return change(self._note)
        except StepFailed as failure:
            if fresh and failure.nothing_done and not self._check:
                undo_host.forget_before(self._folder)
            raise

    def _note(self) -> None:
        for damage in undo_host.damage_before(self._folder):
            self._warn(damage)
        host = state.look_at_host_wide()
        ours = host.settings if dropin.is_ours(host.settings or "") else None
        mtime_ns = None if ours is None else os.stat(settings_file.PATH).st_mtime_ns
        undo_host.note_before(undo_host.HostWideBefore(host.entries, ours, mtime_ns), self._folder)

    def _settings(self, request: settings_change.SettingsRequest, take: t.Callable[[], t.Any]) -> t.Dict[str, t.Any]:
        try:
            result = settings_change.change_settings(request, check=self._check, take=take, label=relabel)
        except settings_change.SettingsRefused as refused:
            raise StepFailed(str(refused), nothing_done=True) from refused
        except OSError as error:
            raise StepFailed(f"{settings_file.PATH}: {error.strerror}: {error.filename}") from error
        self._diffs += [result["diff"]] if result["changed"] else []
        return result

    def _line(self, request: PreloadRequest, take: t.Callable[[], t.Any]) -> t.Dict[str, t.Any]:
        try:
            result = change_preload_file(request, check=self._check, take=take, label=relabel_as, backup=copy_beside)
        except PreloadRefused as refused:
            raise StepFailed(str(refused), nothing_done=True) from refused
        except NotLocked as error:
            raise StepFailed(f"{LD_SO_PRELOAD} was not changed: {error}", nothing_done=True) from error
        except OSError as error:  # of the note of what was before
            raise StepFailed(f"{LD_SO_PRELOAD}: {error.strerror}: {error.filename}", nothing_done=True) from error
        self._diffs += [result["diff"]] if result["changed"] else []
        return result

    def _wait_until_confirmed(self, token: str, seconds: int) -> None:
        """Wait until the trial has ended.

        :raises StepFailed: the old file is in force again.
        """
        self._tell(f"wait for a second connection, which confirms the new {LD_SO_PRELOAD}, for at most {seconds} s")
        self._armed(token)
        place = watchdog.guarded(LD_SO_PRELOAD)
        ended = poll_until(lambda: watchdog.trial_state(place, token)["result"], seconds + _MARGIN, _PAUSE)
        if not ended:
            raise StepFailed(f"the new {LD_SO_PRELOAD} is in force, and its watchdog has not answered")
        if not ended.startswith("committed"):
            raise StepFailed(f"the new {LD_SO_PRELOAD} was in force and was not confirmed: {ended}")

    def _wait_for_an_earlier_trial(self, seconds: int) -> None:
        """Let one end that this transaction had begun before it was killed; others say that they are there."""
        place = watchdog.guarded(LD_SO_PRELOAD)
        if not self._check and self.left() and watchdog.running(place):
            self._tell(f"wait until the trial of {LD_SO_PRELOAD} ends that was begun before")
            poll_until(lambda: not watchdog.running(place), seconds + _MARGIN, _PAUSE)
