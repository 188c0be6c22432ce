# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back of a transaction, the only one: what does not go back is said, and the rest goes back all the same."""

from __future__ import annotations

import typing as t

from .restarts import RestartRequest, RestartResult
from .transaction_host import StepFailed, TransactionHost

PARTS = ("host_wide", "written", "programs", "sockets", "restarted", "noted")
"""What can fail, in the order in which it is tried; C(..._failed) of V(back) says how."""


class WayBack:
    """Takes everything back that an outcome says was done, and fills its V(back).

    :param task: the assignment.
    :param previous: what it takes to undo what was set on open sockets.
    :param attempt: how often the transaction was begun.
    """

    def __init__(
        self,
        task: t.Mapping[str, t.Any],
        host: TransactionHost,
        outcome: t.Dict[str, t.Any],
        previous: t.Sequence[t.Mapping[str, t.Any]],
        attempt: int,
        tell: t.Callable[[str], t.Any],
    ) -> None:
        self._task = task
        self._host = host
        self._outcome = outcome
        self._back = outcome["back"]
        self._previous = previous
        self._attempt = attempt
        self._tell = tell

    def take(self) -> bool:
        """Go; tell whether the host is as before."""
        back, outcome = self._back, self._outcome
        back["taken"] = True
        forced = [*outcome["restarted"], outcome["failed_unit"], *outcome["in_force"]]
        forced = list(dict.fromkeys(filter(None, forced)))
        if self._task["host_wide"] is not None:
            self._try("host_wide", "put back what every process was told", self._put_back_host_wide)
        self._try("written", "put the previous drop-ins back", self._put_back)
        if self._task["programs"] and not back["written_failed"]:
            self._try("programs", "put the previous programs back", self._put_programs_back)
        if self._previous:
            self._try("sockets", "put the previous values back on the open sockets", self._restore_open)
        if not back["written_failed"]:
            self._restart(forced)
        back["still_new"] = sorted(set(forced) - set(back["restarted"]))
        if not back["written_failed"]:
            self._try("noted", "note that it is as before", self._confirm)
        return not any(back[f"{part}_failed"] for part in PARTS)

    def _try(self, part: str, step: str, do: t.Callable[[], t.Any]) -> None:
        self._tell(step)
        try:
            do()
        except Exception as failure:
            self._back[f"{part}_failed"] = str(failure)

    def _put_back_host_wide(self) -> None:
        self._back["host_wide"] = list(self._host.put_back_host_wide())

    def _put_back(self) -> None:
        self._back["written"] = list(self._host.put_back(self._task["listed"]))

    def _put_programs_back(self) -> None:
        names = list(dict.fromkeys([*self._task["programs"], *self._outcome["unfinished"]]))
        self._host.set_programs([name for name in names if name != "*"], self._back["programs"], back=True)

    def _restore_open(self) -> None:
        self._back["counts"] = self._host.restore_open(self._previous)

    def _confirm(self) -> None:
        host_wide = self._task["host_wide"] is not None and not self._back["host_wide_failed"]
        self._host.confirm([], self._task["listed"], host_wide)

    def _restart(self, forced: t.Sequence[str]) -> None:
        task, back, unfinished = self._task, self._back, self._outcome["unfinished"]
        self._tell("restart with them what was restarted")
        done: RestartResult = {}
        failed_unit = ""
        ran = [unit for unit, ran in unfinished.items() if ran] if self._attempt > 1 else []
        try:
            self._host.restart(
                RestartRequest(
                    {one["name"]: one.get("restart", "if_running") for one in task["services"]},
                    forced=forced,
                    units=list(unfinished) if self._attempt > 1 else [],
                    ran=ran,
                    down=ran,
                    settle=task["settle"],
                    job_timeout=task["job_timeout"],
                    reload=True,
                ),
                done,
            )
        except Exception as failure:
            back["restarted_failed"] = str(failure)
            failed_unit = failure.unit if isinstance(failure, StepFailed) else ""
        back["restarted"] = sorted(set(done.get("restarted", {})) - {failed_unit})
