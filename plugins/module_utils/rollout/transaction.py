# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a rollout on one host, in one go: all of its steps, or everything is taken back.

It decides over plain data and asks a host for each step, so that it can be tried without one. Its outcome says what was
seen and done, never what was meant: each part of it is filled by the step that did it.
"""

from __future__ import annotations

import typing as t

from ..linux.file_lock import NotLocked
from .restarts import RestartRequest, RestartResult

Assignment = t.Mapping[str, t.Any]
"""What is to be done on a host, see assignment_of()."""

Outcome = t.Dict[str, t.Any]
"""What was done there, see begun()."""

VERIFIED, AS_BEFORE, NOT_AS_BEFORE, REFUSED, LOCKED = "verified", "as_before", "not_as_before", "refused", "locked"

WRITE = "Write the drop-ins"
RESTART = "Restart what runs without them"
LEFT = "Stop where something is left of what was taken away"
OPEN = "Set the open sockets"
SOCKETS = "Stop where sockets are wrong"
CONFIRM = "End the rollout on this host"
KILLED = "Go on after the transaction was killed"

DEFAULTS: t.Mapping[str, t.Any] = {
    "dropins": [], "services": [], "without": [], "listed": None, "window": False, "settle": 2.0, "job_timeout": 300,
    "one_at_a_time": False, "verify": True, "verify_wait": 10.0, "verify_fail": True, "max_sockets": 1000,
}  # fmt: skip
"""What an assignment says where it says nothing. V(dropins), as service_dropins takes them. V(services), in the order
of the restarts: C(name), C(restart), C(live), C(expected); who is only to be restarted has no C(expected). V(without):
of whom no process may keep anything. V(listed): the units that the run speaks of. V(window): what is left to be
restarted may still go back in a later run."""


class StepFailed(Exception):
    """A step did not succeed; the text says what was seen."""

    def __init__(self, seen: str, unit: str = "", nothing_done: bool = False) -> None:
        super().__init__(seen)
        self.unit = unit
        """The unit that did not come back, if it was one."""
        self.nothing_done = nothing_done
        """Whether the step is known to have changed nothing."""


class Written(t.NamedTuple):
    """What writing the drop-ins has changed, and what an earlier run has left."""

    changed: t.Sequence[str]
    unfinished: t.Mapping[str, bool]
    """Units of an earlier run that did not come to its end, and whether they ran before it."""
    in_force: t.Sequence[str]
    """Those that run already with what that one has written: to go back, they have to be restarted."""


class TransactionHost(t.Protocol):
    """What a transaction asks a host for. Each raises StepFailed where it does not succeed."""

    def lock(self) -> None:
        """Keep other runs away.

        :raises NotLocked: one is there.
        """

    def unlock(self) -> None:
        """Let other runs in."""

    def write(self, dropins: t.Sequence[t.Mapping[str, t.Any]], listed: t.Optional[t.Sequence[str]]) -> Written:
        """Write and remove drop-ins, all or none; what was there before is on the disk first."""

    def restart(self, request: RestartRequest, done: RestartResult) -> None:
        """Have systemd read its files, restart what is due, and see that it stays up; 'done' grows with the work."""

    def set_open(self, expected: t.Sequence[t.Mapping[str, t.Any]], done: t.Dict[str, t.Any]) -> None:
        """Set the open sockets; 'done' gets C(counts), and C(previous), what it takes to undo it."""

    def verify(self, expected: t.Sequence[t.Mapping[str, t.Any]], wait: float, most: int) -> t.Dict[str, t.Any]:
        """Read the live sockets until they are right, or the time is over; return the answer."""

    def put_back(self, listed: t.Optional[t.Sequence[str]]) -> t.Sequence[str]:
        """Give the units the drop-ins that they had; return which, in the order in which they were changed."""

    def restore_open(self, previous: t.Sequence[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
        """Give the open sockets what they had; return how many of which unit had which outcome."""

    def confirm(self, still_due: t.Sequence[str], listed: t.Optional[t.Sequence[str]]) -> None:
        """Forget what was there before, but for the units whose restart is still due."""


def assignment_of(given: Assignment) -> t.Dict[str, t.Any]:
    """Return an assignment with all that it does not say."""
    return {**DEFAULTS, **given}


def begun() -> Outcome:
    """Return the outcome of a transaction that has done nothing yet."""
    return {
        "state": REFUSED, "step": "", "seen": "", "failed_unit": "",
        "written": [], "unfinished": {}, "in_force": [],
        "restarted": {}, "restart_due": {}, "reloaded": False, "left": [],
        "counts": {}, "sockets": {},
        "back": {
            "taken": False, "written": [], "restarted": [], "counts": {}, "still_new": [],
            "written_failed": "", "restarted_failed": "", "sockets_failed": "", "noted_failed": "",
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
        transaction.outcome.update(state=LOCKED, step=WRITE, seen=f"no drop-in was written: {held}")
        transaction.outcome["lock_holder"] = dict(held.holder)
        return transaction.outcome
    try:
        transaction.run()
    finally:
        host.unlock()
    return transaction.outcome


MOST_ATTEMPTS = 2
"""How often a transaction goes forward: one that is killed once more goes back."""


class _Transaction:
    def __init__(
        self, assignment: Assignment, host: TransactionHost, tell: t.Callable[[str], t.Any], attempt: int
    ) -> None:
        self._task = assignment
        self._host = host
        self._tell = tell
        self._attempt = attempt
        self._policies = {one["name"]: one.get("restart", "if_running") for one in assignment["services"]}
        self._expected = {one["name"]: one["expected"] for one in assignment["services"] if one.get("expected")}
        self._live: t.Dict[str, t.Any] = {"counts": {}, "previous": []}
        self._step = ""
        self.outcome = begun()

    def run(self) -> None:
        outcome = self.outcome
        try:
            if self._attempt > MOST_ATTEMPTS:
                self._begin(KILLED)
                self._note_unfinished()
                raise StepFailed(f"it was killed {self._attempt - 1} times, so it goes back")
            self._forward()
        except Exception as failure:
            outcome["step"] = self._step
            outcome["seen"] = (
                str(failure) if isinstance(failure, StepFailed) else f"{type(failure).__name__}: {failure}"
            )
            outcome["failed_unit"] = getattr(failure, "unit", "")
            self._tell(f"failed: {outcome['seen']}")
            if self._step == WRITE and self._attempt == 1 and getattr(failure, "nothing_done", False):
                outcome["state"] = REFUSED
            else:
                self._back()
        else:
            outcome["state"] = VERIFIED
        self._tell(f"ended: {outcome['state']}")

    def _begin(self, step: str) -> None:
        self._step = step
        self._tell(step)

    def _forward(self) -> None:
        task, outcome = self._task, self.outcome
        self._begin(WRITE)
        self._note(self._host.write(task["dropins"], task["listed"]))
        self._begin(RESTART)
        self._host.restart(self._restarts(), outcome)
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
        if task["verify"] and self._expected:
            self._begin(SOCKETS)
            outcome["sockets"] = self._host.verify(
                list(self._expected.values()), task["verify_wait"], task["max_sockets"]
            )
            if task["verify_fail"] and not outcome["sockets"]["compliant"]:
                raise StepFailed(_wrong(outcome["sockets"]["units"]))
        self._begin(CONFIRM)
        self._host.confirm(list(outcome["restart_due"]) if task["window"] else [], task["listed"])

    def _note(self, written: Written) -> None:
        self.outcome["written"] = list(written.changed)
        self.outcome["unfinished"] = dict(written.unfinished)
        self.outcome["in_force"] = list(written.in_force)

    def _note_unfinished(self) -> None:
        """Look what is left of a run that did not come to its end, and write nothing."""
        written = self._host.write([], self._task["listed"])
        self.outcome["unfinished"], self.outcome["in_force"] = dict(written.unfinished), list(written.in_force)

    def _restarts(self) -> RestartRequest:
        task, unfinished = self._task, self.outcome["unfinished"]
        ran = [unit for unit, ran in unfinished.items() if ran]
        return RestartRequest(
            self._policies,
            expected=self._expected,
            units=list(dict.fromkeys([*task["without"], *unfinished])),
            ran=ran,
            down=ran if self._attempt > 1 else [],
            without=task["without"],
            settle=task["settle"],
            job_timeout=task["job_timeout"],
            one_at_a_time=task["one_at_a_time"],
            wait=task["verify_wait"] if task["verify"] else None,
        )

    def _back(self) -> None:
        """Take everything back; what does not go back is said, and the rest is taken back all the same."""
        task, outcome = self._task, self.outcome
        back = outcome["back"]
        back["taken"] = True
        restarted = [*outcome["restarted"], outcome["failed_unit"], *outcome["in_force"]]
        forced = list(dict.fromkeys(filter(None, restarted)))
        self._tell("put the previous drop-ins back")
        try:
            back["written"] = list(self._host.put_back(task["listed"]))
        except Exception as failure:
            back["written_failed"] = str(failure)
        if self._live["previous"]:
            self._tell("put the previous values back on the open sockets")
            try:
                back["counts"] = self._host.restore_open(self._live["previous"])
            except Exception as failure:
                back["sockets_failed"] = str(failure)
        if not back["written_failed"]:
            self._restart_with_the_old_ones(forced)
        back["still_new"] = sorted(set(forced) - set(back["restarted"]))
        if not back["written_failed"]:
            try:
                self._host.confirm([], task["listed"])
            except Exception as failure:
                back["noted_failed"] = str(failure)
        failures = [back[f"{part}_failed"] for part in ("written", "restarted", "sockets", "noted")]
        outcome["state"] = NOT_AS_BEFORE if any(failures) else AS_BEFORE

    def _restart_with_the_old_ones(self, forced: t.Sequence[str]) -> None:
        back, unfinished = self.outcome["back"], self.outcome["unfinished"]
        self._tell("restart with them what was restarted")
        done: RestartResult = {}
        failed_unit = ""
        ran = [unit for unit, ran in unfinished.items() if ran] if self._attempt > 1 else []
        try:
            self._host.restart(
                RestartRequest(
                    self._policies,
                    forced=forced,
                    units=list(unfinished) if self._attempt > 1 else [],
                    ran=ran,
                    down=ran,
                    settle=self._task["settle"],
                    job_timeout=self._task["job_timeout"],
                    reload=True,
                ),
                done,
            )
        except Exception as failure:
            back["restarted_failed"] = str(failure)
            failed_unit = failure.unit if isinstance(failure, StepFailed) else ""
        back["restarted"] = sorted(set(done.get("restarted", {})) - {failed_unit})


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
