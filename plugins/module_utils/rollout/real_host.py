# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host that a transaction works on: each step by what there is one way for (files, restarts, open sockets)."""

from __future__ import annotations

import os
import typing as t

from ..bpf.system_call import BpfRefused
from ..host_wide.state import look_at_host_wide
from ..libraries.command_file import LINK, Target
from ..libraries.install import InUse
from ..libraries.removal import NotRemovable, take_libraries_away
from ..linux import systemd
from ..linux.file_lock import NotLocked
from ..linux.label import relabel
from ..linux.polling import poll_until
from ..linux.procfs import HOST
from ..linux.unit_names import is_template, template_of
from ..live.memory import ChangeGroup
from ..monitor.installation import MonitorRefused, take_monitor_away
from ..processes import users
from ..settings.expectation import parse_expected
from ..settings.options import LIBRARY_DIR
from ..sockets.access import choose_access
from ..units import dropin
from ..units.unit import Unit, UnitsOfHost
from ..verdicts.answer_form import result_of
from ..verdicts.inspection import Audit
from ..verdicts.question import question_from
from . import programs, undo
from .dropins import DropinRequest, DropinsFailed, change_dropins
from .due import policy_of
from .host_wide_files import HostWideFiles
from .lock import Lock
from .open_sockets import OpenSockets
from .restart import RestartFailed
from .restarts import RestartRequest, RestartResult, Restarts
from .transaction_files import UNIT
from .transaction_host import Changed, LibrariesGone, StepFailed, Written

_PAUSE, _REST = 0.2, 10
"""Seconds between two looks at the sockets at least, and how many times as long as a look the rest after it is."""


class RealHost:
    """This host.

    :param lock: that of the transaction.
    :param policies: C(restart) by unit: who must not be restarted is not restarted to go back either.
    :param warn: told of what is no reason to fail.
    :param tell: told of what a step does.
    :param connection: the processes of who waits for the transaction; they are gone before anybody reads its answer.
    :param armed: told of a trial of /etc/ld.so.preload that waits to be confirmed, by its name.
    """

    def __init__(
        self,
        lock: Lock,
        policies: t.Mapping[str, str],
        *,
        check: bool = False,
        warn: t.Callable[[str], t.Any],
        tell: t.Callable[[str], t.Any],
        armed: t.Callable[[str], t.Any] = lambda _token: None,
        connection: t.Collection[int] = (),
    ) -> None:
        self._lock = lock
        self._policies = policies
        self._check = check
        self._warn = warn
        self._tell = tell
        self._connection = connection
        self.diffs: t.List[t.Dict[str, t.Any]] = []
        """What was, or in check mode would be, changed."""
        self._host_wide = HostWideFiles(check=check, tell=tell, warn=warn, armed=armed, diffs=self.diffs)

    def lock(self) -> None:
        self._lock.take()

    def unlock(self) -> None:
        self._lock.leave()

    def host_wide_left(self) -> bool:
        return self._host_wide.left()

    def write_settings(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        return self._host_wide.write_settings(wanted)

    def write_line(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        return self._host_wide.write_line(wanted)

    def put_back_host_wide(self) -> t.Sequence[str]:
        return self._host_wide.put_back()

    def without_libraries(self) -> t.Sequence[t.Mapping[str, t.Any]]:
        rows = users.without_libraries(look_at_host_wide())
        return [row for row in rows if row["unit"] != UNIT]  # we end anyway

    def remove_libraries(self) -> LibrariesGone:
        """Only what the host told every process counts: what a drop-in told one was seen to after its restart."""
        ours = {*self._connection, *HOST.ancestors(os.getpid())}
        used_by = [
            user
            for user in users.library_users()
            if user["loaded_by"] == "host" and user["unit"] != UNIT and user["pid"] not in ours
        ]
        if used_by:
            return LibrariesGone(used_by=used_by)
        try:
            monitor = take_monitor_away(systemd.ask_systemd, self._check)
            gone = take_libraries_away(Target(LIBRARY_DIR, LINK), self._check)
        except MonitorRefused as error:
            raise StepFailed(str(error)) from error
        except (NotRemovable, InUse) as error:
            if self._check:
                return LibrariesGone()  # what goes before them is still there
            raise StepFailed(str(error)) from error
        except OSError as error:
            raise StepFailed(f"the libraries cannot be removed: {error.strerror}: {error.filename}") from error
        return LibrariesGone([*monitor, *gone.removed])

    def write(
        self, dropins: t.Sequence[t.Mapping[str, t.Any]], listed: t.Optional[t.Sequence[str]], purge: bool = False
    ) -> Written:
        record = undo.read_previous(undo.FOLDER)
        own = [*(each["unit"] for each in dropins), *undo.listed_in(record, listed)]
        names = list(dict.fromkeys([*own, *(dropin.installed(dropin.DIRECTORY) if purge else ())]))
        try:
            units = UnitsOfHost(systemd.ask_systemd, record).units(names)
            running = {name: _running(name, units) for name in names}
            done = change_dropins(
                DropinRequest(
                    dropins,
                    purge=purge,
                    rollout=True,
                    listed=listed,
                    running=[name for name, those in running.items() if those],
                    fresh=[name for name, those in running.items() if those and all(map(_has_all, those))],
                ),
                check=self._check,
                warn=self._warn,
                label=relabel,
            )
        except DropinsFailed as failure:
            raise StepFailed(str(failure), nothing_done=failure.as_before) from failure
        except systemd.SystemdError as error:
            raise StepFailed(str(error), nothing_done=True) from error
        self.diffs += done["diff"]
        in_force = [
            one.name
            for name in done["unfinished"]
            if policy_of(name, self._policies) != "never"
            for one in running[name]
            if not one.stale and not one.by_program  # programs go back without a restart
        ]
        return Written(done["changed_units"], done["unfinished"], in_force, tuple(done["remarked_units"]))

    def restart(self, request: RestartRequest, done: RestartResult) -> None:
        work = Restarts(request, check=self._check, tell=self._tell)
        try:
            work.do()
        except RestartFailed as failure:
            raise StepFailed(str(failure), failure.unit) from failure
        except systemd.SystemdError as error:
            raise StepFailed(str(error)) from error
        finally:
            for name in ("changed", "restarted", "restart_due", "reloaded", "left"):
                done[name] = work.result[name]
            if self._check:
                done["would_restart"] = work.would_restart
        self.diffs += [work.result["diff"]] if work.result["diff"]["after"] else []

    def set_programs(
        self,
        names: t.Sequence[str],
        done: t.Dict[str, t.Any],
        texts: t.Optional[t.Mapping[str, t.Optional[str]]] = None,
        back: bool = False,
    ) -> None:
        if not names:
            return
        failed = []
        try:
            units = UnitsOfHost(systemd.ask_systemd, undo.read_previous(undo.FOLDER)).units(names)
        except systemd.SystemdError as error:
            raise StepFailed(str(error)) from error
        for unit in units.values():
            try:
                what = programs.see_to(unit, texts=texts or {}, back=back, check=self._check, diffs=self.diffs)
            except (BpfRefused, NotLocked, OSError) as error:
                failed.append(f"{unit.name}: no program can be attached: {error}")
                if not back:
                    raise StepFailed(failed[0], unit.name) from error
                continue
            if what:
                done[unit.name] = what
        if failed:
            raise StepFailed("; ".join(failed))

    def remove_programs(self, done: t.Dict[str, t.Any]) -> None:
        try:
            done.update(programs.remove_all(self._check, self.diffs))
        except (BpfRefused, NotLocked) as error:
            raise StepFailed(f"a program cannot be detached: {error}") from error

    def set_open(self, expected: t.Sequence[t.Mapping[str, t.Any]], done: t.Dict[str, t.Any]) -> None:
        sockets = OpenSockets(check=self._check)
        for damage in sockets.memory.damages:
            self._warn(damage)
        try:
            sockets.set(parse_expected([{**entry, "accept": []} for entry in expected]))
        except systemd.SystemdError as error:
            raise StepFailed(str(error)) from error
        except OSError as error:
            raise StepFailed(f"The sockets of this host cannot be set: {error}") from error
        finally:
            done["previous"] = sockets.previous()
            done["counts"] = sockets.results.counts(sockets.names)
        changes = sockets.results.diff(0)
        self.diffs += [{"before": "", "after": changes}] if changes else []

    def verify(self, expected: t.Sequence[t.Mapping[str, t.Any]], wait: float, most: int) -> t.Dict[str, t.Any]:
        try:
            question = question_from({"expected": list(expected)}, systemd.ask_systemd)
            access = choose_access()
            answer = poll_until(
                lambda: Audit(question, access.reader).run(),
                wait,
                _PAUSE,
                enough=lambda answer: answer.compliant(question.expected),
                rest=_REST,
            )
        except (ValueError, systemd.SystemdError) as error:
            raise StepFailed(str(error)) from error
        except OSError as error:
            raise StepFailed(f"The sockets of this host cannot be read: {error}") from error
        for damage in answer.damages:
            self._warn(damage)
        return result_of(answer, question.expected, most)

    def put_back(self, listed: t.Optional[t.Sequence[str]]) -> t.Sequence[str]:
        record = undo.listed_in(undo.read_previous(undo.FOLDER), listed)
        try:
            change_dropins(DropinRequest(list(record.values())), check=self._check, warn=self._warn, label=relabel)
        except DropinsFailed as failure:
            raise StepFailed(str(failure)) from failure
        return list(record)

    def restore_open(self, previous: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> t.Dict[str, t.Any]:
        sockets = OpenSockets(check=self._check)
        groups = [ChangeGroup(**{**group, "inodes": tuple(group["inodes"])}) for group in previous or ()]
        try:
            sockets.restore(None if previous is None else groups)
        except systemd.SystemdError as error:
            raise StepFailed(str(error)) from error
        except OSError as error:
            raise StepFailed(f"The sockets of this host cannot be set: {error}") from error
        return dict(sockets.results.counts(sockets.names))

    def confirm(self, still_due: t.Sequence[str], listed: t.Optional[t.Sequence[str]], host_wide: bool = False) -> None:
        due = {name for unit in still_due for name in (unit, template_of(unit) or unit)}
        try:
            record = undo.read_previous(undo.FOLDER)
            undo.write_previous(undo.FOLDER, undo.without_confirmed(record, due, listed))
            if host_wide:
                self._host_wide.forget()
        except OSError as error:
            raise StepFailed(f"the end of the rollout cannot be noted: {error.strerror}: {error.filename}") from error


def _has_all(unit: Unit) -> bool:
    """Tell whether a unit runs with what its drop-in says."""
    return not unit.stale and not unit.unattached


def _running(name: str, units: t.Mapping[str, Unit]) -> t.List[Unit]:
    """Return the unit, or the instances of the template, that run."""
    mine = [unit for unit in units.values() if (template_of(unit.name) if is_template(name) else unit.name) == name]
    return [unit for unit in mine if systemd.is_active(unit.properties)]
