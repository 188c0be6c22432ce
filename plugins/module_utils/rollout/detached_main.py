# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit keepalive-rollout.service runs: the transaction that a module has left in a folder for it.

systemd starts it again where it was killed. It then sees by its own note how often it was begun, and goes on; what was
before is on the disk since before its first change. Each step is a line of the unit's journal.
"""

from __future__ import annotations

import os
import sys
import typing as t

from ..linux import boot_clock
from ..linux.answering import SILENT
from ..linux.printable import printable
from ..linux.stuck import Watch
from .lock import Lock
from .outcome import NOT_AS_BEFORE
from .real_host import RealHost
from .transaction import MOST_ATTEMPTS, begun, transact
from .transaction_files import CODE, FOLDER, UNIT, Paper, TransactionFiles


def run_detached(arguments: t.Sequence[str] = ()) -> int:
    """Carry out what the folder says, and leave the answer there; return the exit status."""
    files = TransactionFiles(*(arguments or [FOLDER]))
    assignment = files.read("assignment")
    if assignment is None:
        _log("there is nothing to do: no assignment")
        return 0
    answer = files.read("answer")
    if answer is None or answer["id"] != assignment["id"]:
        with Watch(lambda why: f"{printable(why)}\n".encode("ascii", "backslashreplace"), 2):
            answer = _carry_out(files, assignment)
        files.write("answer", answer)
    files.remove("assignment", "progress", CODE)
    return 0


def _carry_out(files: TransactionFiles, assignment: Paper) -> Paper:
    last = files.read("progress") or {}
    attempt = int(last.get("attempt", 0)) + 1
    since = last.get("since", boot_clock.now())
    warnings: t.List[str] = []
    progress: Paper = {}

    def tell(step: str) -> None:
        _log(step)
        now = boot_clock.now()
        progress.update({
            "id": assignment["id"], "owner": assignment["run"].get("owner", "unknown"), "since": since, "step": step,
            "step_since": now, "attempt": attempt, "pid": os.getpid(), "boot": boot_clock.boot(),
        })  # fmt: skip
        files.write("progress", progress)

    def armed(token: str) -> None:
        """Say that a trial waits to be confirmed, to the module that waits for the answer."""
        progress["armed"] = token
        files.write("progress", progress)

    answer = {"id": assignment["id"], "owner": assignment["run"].get("owner", "unknown"), "since": since}
    tell("begin" if attempt == 1 else f"begin for the {attempt}. time: it was killed")
    if attempt > MOST_ATTEMPTS + 2:
        outcome = begun()
        outcome.update(
            state=NOT_AS_BEFORE, step=str(last.get("step", "")),
            seen=f"it was killed {attempt - 1} times, on its way back too; what was before is kept for the next run",
        )  # fmt: skip
        return {**answer, "ended": boot_clock.now(), "outcome": outcome, "warnings": warnings}
    run = {**assignment["run"], "unit": UNIT}
    policies = {one["name"]: one.get("restart", "if_running") for one in assignment["services"]}
    connection = run.pop("connection", ())
    host = RealHost(Lock(run), policies, warn=warnings.append, tell=tell, armed=armed, connection=connection)
    outcome = transact(assignment, host, tell, attempt)
    silent = [SILENT[pid] for pid in sorted(SILENT)]
    return {**answer, "ended": boot_clock.now(), "outcome": outcome, "warnings": [*warnings, *silent[:3]]}


def _log(line: str) -> None:
    text = printable(line) + "\n"
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
