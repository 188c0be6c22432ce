# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a rollout on one host, in one go: all of its steps, or everything is taken back.

It decides over plain data and asks a host for each step, so that it can be tried without one. Its outcome says what was
seen and done, never what was meant: each part of it is filled by the step that did it. A removal goes the same way.
"""

from __future__ import annotations

import typing as t

from ..linux.file_lock import NotLocked
from .outcome import AS_BEFORE, INCOMPLETE, LOCKED, NOT_AS_BEFORE, REFUSED, VERIFIED, Outcome
from .restarts import RestartRequest
from .transaction_back import WayBack
from .transaction_host import Changed, StepFailed, TransactionHost, Written

Assignment = t.Mapping[str, t.Any]
"""What is to be done on a host, see DEFAULTS."""

BEGIN = "Begin the rollout on this host"
SETTINGS, NO_SETTINGS = "Write the settings file", "Remove the settings file"
LINE, NO_LINE = "Have every program load the libraries", "Have no program load the libraries"
WRITE = "Write the drop-ins"
RESTART = "Restart what runs without them"
LEFT = "Stop where something is left of what was taken away"
PROGRAMS, NO_PROGRAMS = "Attach the programs of the units", "Detach the programs of the units"
OPEN = "Set the open sockets"
RESTORE = "Put back what was set on open sockets"
SOCKETS = "Stop where sockets are wrong"
LIBRARIES = "Remove the libraries"
CONFIRM = "End the rollout on this host"
KILLED = "Go on after the transaction was killed"

DEFAULTS: t.Mapping[str, t.Any] = {
    "removal": False, "libraries_too": False, "open_sockets_too": False, "host_wide": None, "dropins": [],
    "purge": False, "programs": [], "services": [], "units": [], "without": [], "listed": None, "window": False,
    "settle": 2.0, "job_timeout": 300, "one_at_a_time": False, "verify": True, "verify_wait": 10.0, "verify_fail": True,
    "max_sockets": 1000, "replaced": [],
}  # fmt: skip
"""What an assignment says where it says nothing.

V(removal): what is there is taken away, with the libraries and what was set on open sockets where that is said.
V(host_wide): None leaves alone what every process is told; else C(settings), the text of the settings file or None for
no file, C(use), the libraries that every program loads, and how they are tried. V(dropins), as change_dropins() takes
them; V(purge): those of all others go. V(programs): the units whose cgroups are to have what their drop-ins say of
programs; in a removal, V(["*"]): every one of this host. V(services), in the order of the restarts: C(name),
C(restart), C(live), C(expected); who is only to be restarted has no C(expected). V(units): who else may have to be
restarted. V(without): of whom no process may keep anything. V(listed): the units that the run speaks of. V(window):
what is left to be restarted may still go back in a later run. V(replaced), of check mode alone: the libraries that this
run would replace, by path."""


def assignment_of(given: Assignment) -> t.Dict[str, t.Any]:
    """Return an assignment with all that it does not say."""
    return {**DEFAULTS, **given}


def begun() -> Outcome:
    """Return the outcome of a transaction that has done nothing yet."""
    return {
        "state": REFUSED, "step": "", "seen": "", "failed_unit": "",
        "host_wide": {"settings": False, "line": False, "left": False, "notes": [], "restart_due": []},
        "written": [], "unfinished": {}, "in_force": [],
        "restarted": {}, "restart_due": {}, "reloaded": False, "left": [],
        "programs": {}, "counts": {}, "sockets": {}, "libraries": {"removed": [], "used_by": []},
        "back": {
            "taken": False, "host_wide": [], "written": [], "restarted": [], "counts": {}, "still_new": [],
            "programs": {}, "host_wide_failed": "", "written_failed": "", "programs_failed": "",
            "restarted_failed": "", "sockets_failed": "",
            "noted_failed": "",
        },
    }  # fmt: skip


def transact(
    assignment: Assignment, host: TransactionHost, tell: t.Callable[[str], t.Any], attempt: int = 1
) -> Outcome:
    """Do all of it on a host, or take back what was done.

    :param tell: told of each step before it.
    :param attempt: how often this transaction was begun: one that was killed goes on, and goes back the third time.
    """
    transaction = _Transaction(assignment_of(assignment), host, tell, attempt)
    try:
        host.lock()
    except NotLocked as held:
        transaction.outcome.update(state=LOCKED, step=BEGIN, seen=str(held))
        transaction.outcome["lock_holder"] = dict(held.holder)
        return transaction.outcome
    try:
        transaction.run()
    finally:
        host.unlock()
    return transaction.outcome


MOST_ATTEMPTS = 2
"""How often a transaction goes forward: one that is killed once more goes back."""


class _Incomplete(Exception):
    """Something of a removal is left; the text says what."""


class _Transaction:
    def __init__(
        self, assignment: Assignment, host: TransactionHost, tell: t.Callable[[str], t.Any], attempt: int
    ) -> None:
        self._task = assignment
        self._host = host
        self._tell = tell
        self._attempt = attempt
        self._expected = {one["name"]: one["expected"] for one in assignment["services"] if one.get("expected")}
        self._live: t.Dict[str, t.Any] = {"counts": {}, "previous": []}
        self._step = ""
        self.outcome = begun()

    def run(self) -> None:
        outcome = self.outcome
        try:
            if self._attempt > MOST_ATTEMPTS:
                self._give_up()
            self._forward()
        except _Incomplete as left:
            outcome.update(state=INCOMPLETE, step=self._step, seen=str(left))
        except Exception as failure:
            outcome["step"] = self._step
            outcome["seen"] = (
                str(failure) if isinstance(failure, StepFailed) else f"{type(failure).__name__}: {failure}"
            )
            outcome["failed_unit"] = getattr(failure, "unit", "")
            self._tell(f"failed: {outcome['seen']}")
            if self._has_done_nothing(failure):
                outcome["state"] = REFUSED
            else:
                way = WayBack(self._task, self._host, outcome, self._live["previous"], self._attempt, self._tell)
                outcome["state"] = AS_BEFORE if way.take() else NOT_AS_BEFORE
        else:
            outcome["state"] = VERIFIED
        self._tell(f"ended: {outcome['state']}")

    def _give_up(self) -> t.NoReturn:
        self._begin(KILLED)
        self._note(self._host.write([], self._task["listed"]))
        left = self.outcome["host_wide"]["left"] = self._host.host_wide_left()
        killed = f"it was killed {self._attempt - 1} times"
        if self._task["removal"] and not left and not self.outcome["unfinished"]:
            raise _Incomplete(f"{killed}; run again to take away what is left")
        raise StepFailed(f"{killed}, so it goes back")

    def _has_done_nothing(self, failure: Exception) -> bool:
        host_wide = self.outcome["host_wide"]
        touched = host_wide["settings"] or host_wide["line"] or host_wide["left"]
        early = self._step in (SETTINGS, NO_SETTINGS, LINE, NO_LINE, WRITE)
        return early and not touched and self._attempt == 1 and getattr(failure, "nothing_done", False)

    def _begin(self, step: str) -> None:
        self._step = step
        self._tell(step)

    def _forward(self) -> None:
        task, outcome = self._task, self.outcome
        if task["host_wide"] is not None:
            self._tell_every_process(task["host_wide"])
        self._begin(WRITE)
        self._note(self._host.write(task["dropins"], task["listed"], task["purge"]))
        self._begin(RESTART)
        self._host.restart(self._restarts(), outcome)
        if task["removal"]:
            self._take_the_rest_away()
            return
        if task["programs"]:
            self._begin(PROGRAMS)
            self._host.set_programs(task["programs"], outcome["programs"])
        self._see_to_the_sockets()
        self._begin(CONFIRM)
        due = list(outcome["restart_due"]) if task["window"] else []
        self._host.confirm(due, task["listed"], task["host_wide"] is not None)

    def _tell_every_process(self, wanted: t.Mapping[str, t.Any]) -> None:
        """Write both files, in such an order that a program which loads the libraries has its settings."""
        told = self.outcome["host_wide"]
        told["left"] = self._host.host_wide_left()
        if wanted["use"]:
            self._settings(SETTINGS, wanted)
            self._line(LINE, wanted)
        else:
            self._line(NO_LINE, wanted)
            self._settings(NO_SETTINGS, wanted)

    def _settings(self, step: str, wanted: t.Mapping[str, t.Any]) -> None:
        self._begin(step)
        self._keep("settings", self._host.write_settings(wanted))

    def _line(self, step: str, wanted: t.Mapping[str, t.Any]) -> None:
        self._begin(step)
        self._keep("line", self._host.write_line(wanted))

    def _keep(self, file: str, change: Changed) -> None:
        told = self.outcome["host_wide"]
        told[file] = change.changed
        told["notes"] = [*told["notes"], *change.notes]

    def _see_to_the_sockets(self) -> None:
        task, outcome = self._task, self.outcome
        blocking = [row for row in outcome["left"] if row["blocks"]]
        if blocking:
            self._step = LEFT
            raise StepFailed(_left(blocking))
        live = [one["expected"] for one in task["services"] if one.get("live") and one.get("expected")]
        if live:
            self._begin(OPEN)
            try:
                self._host.set_open(live, self._live)
            finally:
                outcome["counts"] = self._live["counts"]
        if task["host_wide"] and task["host_wide"]["use"]:
            outcome["host_wide"]["restart_due"] = list(self._host.without_libraries())
        if task["verify"] and self._expected:
            self._begin(SOCKETS)
            expected = list(self._expected.values())
            outcome["sockets"] = self._host.verify(expected, task["verify_wait"], task["max_sockets"])
            if task["verify_fail"] and not outcome["sockets"]["compliant"]:
                raise StepFailed(_wrong(outcome["sockets"]["units"]))

    def _take_the_rest_away(self) -> None:
        """From here on nothing is taken back: what is left is said, and a later run takes it away."""
        outcome = self.outcome
        self._begin(CONFIRM)
        self._host.confirm([], self._task["listed"], self._task["host_wide"] is not None)
        failed = []
        steps = [(NO_PROGRAMS, self._remove_programs)] if self._task["programs"] else []
        steps += [(RESTORE, self._restore_open)] if self._task["open_sockets_too"] else []
        steps += [(LIBRARIES, self._remove_libraries)] if self._task["libraries_too"] else []
        for step, do in steps:
            self._begin(step)
            try:
                do()
            except StepFailed as failure:
                failed.append((step, str(failure)))
        if failed:
            self._step = failed[0][0]
            raise _Incomplete("; ".join(seen for _step, seen in failed))
        blocking = [row for row in outcome["left"] if row["blocks"]]
        if blocking:
            self._step = LEFT
            raise _Incomplete(f"{_left(blocking)}; the libraries stay until then")

    def _remove_programs(self) -> None:
        """Before old values are put back on open sockets: one that enforces its own would not let them be."""
        self._host.remove_programs(self.outcome["programs"])

    def _restore_open(self) -> None:
        self.outcome["counts"] = self._host.restore_open(None)

    def _remove_libraries(self) -> None:
        """Not where a service still has something: the programs that it starts would complain about missing ones."""
        if not any(row["blocks"] for row in self.outcome["left"]):
            gone = self._host.remove_libraries()
            self.outcome["libraries"] = {"removed": list(gone.removed), "used_by": list(gone.used_by)}

    def _note(self, written: Written) -> None:
        self.outcome["written"] = list(written.changed)
        self.outcome["unfinished"] = dict(written.unfinished)
        self.outcome["in_force"] = list(written.in_force)

    def _restarts(self) -> RestartRequest:
        task, unfinished = self._task, self.outcome["unfinished"]
        ran = [unit for unit, ran in unfinished.items() if ran]
        return RestartRequest(
            {one["name"]: one.get("restart", "if_running") for one in task["services"]},
            expected=self._expected,
            units=list(dict.fromkeys([*task["units"], *unfinished])),
            ran=ran,
            down=ran if self._attempt > 1 else [],
            without=task["without"],
            settle=task["settle"],
            job_timeout=task["job_timeout"],
            one_at_a_time=task["one_at_a_time"],
            wait=task["verify_wait"] if task["verify"] else None,
        )


def _left(rows: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    processes = ", ".join(
        f"{row['unit']}: process {row['pid']} ({row['program']}) {row['has']} after the restart" for row in rows
    )
    return f"{processes}; end these processes, or set 'restart: never' for the unit to leave them alone"


def _wrong(units: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    named = ", ".join(
        f"{name} ({', '.join(unit['reasons']) or 'fewer than min_sockets'})"
        for name, unit in units.items()
        if not unit["ok"]
    )
    return f"live sockets are wrong: {named}; fix what the table above says, or 'accept' the reason in the unit's entry"
