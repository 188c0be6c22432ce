# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction would do, without doing any of it: for check mode, and to see that there is nothing to do."""

from __future__ import annotations

import typing as t

from .restarts import RestartRequest
from .transaction import Assignment, Outcome, TransactionHost, assignment_of, begun


def foreseen(assignment: Assignment, host: TransactionHost) -> Outcome:
    """Return an outcome with what would be done; V(changed) tells whether anything would.

    :param host: one in check mode, which changes nothing.
    :raises StepFailed: something forbids it.
    """
    task, outcome = assignment_of(assignment), begun()
    written = host.write(task["dropins"], task["listed"])
    outcome.update(written=list(written.changed), unfinished=dict(written.unfinished), in_force=list(written.in_force))
    policies = {one["name"]: one.get("restart", "if_running") for one in task["services"]}
    request = RestartRequest(
        policies,
        units=list(dict.fromkeys([*task["without"], *written.unfinished])),
        assumed=written.changed,
        ran=[unit for unit, ran in written.unfinished.items() if ran],
    )
    done: t.Dict[str, t.Any] = {}
    host.restart(request, done)
    outcome["restart_due"], outcome["would_restart"] = done["restart_due"], done["would_restart"]
    live: t.Dict[str, t.Any] = {"counts": {}, "previous": []}
    expected = [one["expected"] for one in task["services"] if one.get("live") and one.get("expected")]
    if expected:
        host.set_open(expected, live)
    outcome["counts"] = live["counts"]
    set_open = any(numbers.get("changed") for numbers in live["counts"].values())
    outcome["changed"] = bool(written.changed or done["changed"] or set_open)
    return outcome


def is_quiet(outcome: Outcome) -> bool:
    """Tell whether nothing is to be changed, and nothing of an earlier run to be ended."""
    return not outcome["changed"] and not outcome["unfinished"]
