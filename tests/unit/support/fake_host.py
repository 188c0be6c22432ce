# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for a transaction, nothing but its state: what the disk says, what runs with it, what sockets have."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import RestartRequest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction_host import (
    Changed,
    LibrariesGone,
    StepFailed,
    Written,
)


class Killed(BaseException):
    """The transaction was killed here: no line of it runs any more."""


class FakeHost:
    """A unit's text is V(old) or V(new); so is what it runs with."""

    def __init__(self, *units: str, live: int = 2) -> None:
        self.disk = dict.fromkeys(units, "old")
        self.runs: t.Dict[str, str] = dict.fromkeys(units, "old")
        """What each runs with; V(down): it does not run."""
        self.sockets = dict.fromkeys(units, "old")
        self.programs = dict.fromkeys(units, "old")
        """What is attached to the cgroup of each; it follows what the disk says."""
        self.record: t.Dict[str, str] = {}
        self.told: t.Dict[str, t.Any] = {"settings": None, "use": []}
        """What every process is told."""
        self.told_before: t.Optional[t.Dict[str, t.Any]] = None
        """The note of what it was told before."""
        self.libraries = True
        self.users: t.List[t.Dict[str, t.Any]] = []
        self.locked = False
        self.fails: t.Dict[str, t.Any] = {}
        """What happens in a step, by its name: an exception that is raised. Of a restart by V(restart UNIT)."""
        self.after: t.Dict[str, t.Any] = {}
        """The same, when the step has done its work."""
        self.compliant = True
        self.left: t.List[t.Dict[str, t.Any]] = []
        self.due: t.Dict[str, t.List[str]] = {}
        self.steps: t.List[str] = []
        self._live = live

    def _step(self, name: str, when: t.Optional[t.Dict[str, t.Any]] = None) -> None:
        if when is None:
            self.steps.append(name)
        failure = (self.fails if when is None else when).get(name)
        if failure:
            raise failure

    def lock(self) -> None:
        self._step("lock")
        if self.locked:
            raise NotLocked("another run is changing this host: eve")
        self.locked = True

    def unlock(self) -> None:
        self.locked = False

    def host_wide_left(self) -> bool:
        return self.told_before is not None

    def _tell(self, step: str, key: str, wanted: t.Mapping[str, t.Any]) -> Changed:
        self._step(step)
        changed = self.told[key] != wanted[key]
        if changed:
            self.told_before = self.told_before or dict(self.told)
            self.told[key] = wanted[key]
        self._step(step, self.after)
        return Changed(changed, notes=[f"{step} was tried"] if changed else [])

    def write_settings(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        return self._tell("settings", "settings", wanted)

    def write_line(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        return self._tell("line", "use", wanted)

    def put_back_host_wide(self) -> t.Sequence[str]:
        self._step("put_back_host_wide")
        before = self.told_before or self.told
        changed = [key for key in self.told if self.told[key] != before[key]]
        self.told = dict(before)
        return changed

    def without_libraries(self) -> t.Sequence[t.Mapping[str, t.Any]]:
        return [{"unit": "", "pid": 9, "program": "/bin/y", "why": "it is old"}]

    def remove_libraries(self) -> LibrariesGone:
        self._step("libraries")
        if self.users:
            return LibrariesGone(used_by=self.users)
        removed, self.libraries = (["/lib/x"] if self.libraries else []), False
        self._step("libraries", self.after)
        return LibrariesGone(removed)

    def write(
        self, dropins: t.Sequence[t.Mapping[str, t.Any]], listed: t.Optional[t.Sequence[str]], purge: bool = False
    ) -> Written:
        unfinished = dict.fromkeys(self.record, True)
        in_force = [unit for unit in self.record if self.runs[unit] == self.disk[unit] != self.record[unit]]
        self._step("write" if dropins else "look")
        changed = [one["unit"] for one in dropins if self.disk[one["unit"]] != one["content"]]
        for one in dropins:
            self.record.setdefault(one["unit"], self.disk[one["unit"]])
            self.disk[one["unit"]] = one["content"]
        self._step("write" if dropins else "look", self.after)
        return Written(changed, unfinished, in_force)

    def restart(self, request: RestartRequest, done: t.Dict[str, t.Any]) -> None:
        done.update(restarted={}, restart_due=self.due, reloaded=True, left=[])
        way = "restart back" if request.reload else "restart"
        self._step(way)
        failures = []
        for unit in list(dict.fromkeys([*request.policies, *request.units, *request.forced])):
            stale = self.runs[unit] not in ("down", self.disk[unit]) and unit not in self.due
            if stale or unit in request.forced or (unit in request.down and self.runs[unit] == "down"):
                done["restarted"][unit] = {"before": 1, "after": 0}
                before, self.runs[unit] = self.runs[unit], "down"
                try:
                    self._step(f"{way} {unit}")
                except StepFailed as failure:
                    if unit not in request.forced:
                        raise
                    failures.append(failure)
                    continue
                assert before
                self.runs[unit] = self.disk[unit]
                self.sockets[unit] = self.disk[unit]
        if failures:
            raise failures[0]
        self._step(way, self.after)
        done["left"] = self.left

    def set_programs(
        self,
        names: t.Sequence[str],
        done: t.Dict[str, t.Any],
        texts: t.Mapping[str, t.Optional[str]] = {},
        back: bool = False,
    ) -> None:
        for unit in names:
            self._step(f"{'program back' if back else 'program'} {unit}")
            if self.programs[unit] != self.disk[unit]:
                done[unit] = {"done": "replaced", "library": []}
            self.programs[unit] = self.disk[unit]
            self._step(f"{'program back' if back else 'program'} {unit}", self.after)

    def remove_programs(self, done: t.Dict[str, t.Any]) -> None:
        self._step("programs away")
        for unit in self.programs:
            done[unit] = {"done": "detached", "library": []}
            self.programs[unit] = "none"

    def set_open(self, expected: t.Sequence[t.Mapping[str, t.Any]], done: t.Dict[str, t.Any]) -> None:
        self._step("set_open")
        for one in expected:
            done["previous"].append({"unit": one["name"], "before": self.sockets[one["name"]]})
            done["counts"][one["name"]] = {"changed": self._live, "right": 0}
            self.sockets[one["name"]] = "live"
            self._step("set_open", self.after)

    def verify(self, expected: t.Sequence[t.Mapping[str, t.Any]], wait: float, most: int) -> t.Dict[str, t.Any]:
        self._step("verify")
        units = {one["name"]: {"ok": self.compliant, "reasons": {"overridden_by_application": 1}} for one in expected}
        return {"compliant": self.compliant, "units": units}

    def put_back(self, listed: t.Optional[t.Sequence[str]]) -> t.Sequence[str]:
        self._step("put_back")
        self.disk.update(self.record)
        self._step("put_back", self.after)
        return list(self.record)

    def restore_open(self, previous: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> t.Dict[str, t.Any]:
        self._step("restore_open")
        if previous is None:
            self.sockets = dict.fromkeys(self.sockets, "restored")
            return {}
        for one in previous:
            self.sockets[one["unit"]] = one["before"]
        return {one["unit"]: {"changed": self._live} for one in previous}

    def confirm(self, still_due: t.Sequence[str], listed: t.Optional[t.Sequence[str]], host_wide: bool = False) -> None:
        self._step("confirm")
        self.told_before = None if host_wide else self.told_before
        self.record = {unit: was for unit, was in self.record.items() if unit in still_due}
        self._step("confirm", self.after)
