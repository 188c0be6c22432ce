# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction would do, without doing any of it: for check mode, and to see that there is nothing to do."""

from __future__ import annotations

import typing as t

from ..units.attach_line import attach_words
from .outcome import Outcome
from .restarts import RestartRequest
from .transaction import Assignment, assignment_of, begun
from .transaction_host import TransactionHost


def foreseen(assignment: Assignment, host: TransactionHost) -> Outcome:
    """Return an outcome with what would be done; V(changed) tells whether anything would.

    :param host: one in check mode, which changes nothing.
    :raises StepFailed: something forbids it.
    """
    task, outcome = assignment_of(assignment), begun()
    new_to_all = _told_to_every_process(task["host_wide"], host, outcome["host_wide"])
    written = host.write(task["dropins"], task["listed"], task["purge"])
    outcome.update(written=list(written.changed), unfinished=dict(written.unfinished), in_force=list(written.in_force))
    policies = {one["name"]: one.get("restart", "if_running") for one in task["services"]}
    texts = {one["unit"]: one.get("content") for one in task["dropins"]}
    request = RestartRequest(
        policies,
        units=list(dict.fromkeys([*task["units"], *written.unfinished])),
        assumed=[
            *(unit for unit in written.changed if unit not in written.remarked),
            *(policies if new_to_all else ()),
        ],
        replaced=tuple(task["replaced"]),
        ran=[unit for unit, ran in written.unfinished.items() if ran],
        spared=tuple(unit for unit, text in texts.items() if text and attach_words(text) is not None),
        going=tuple(unit for unit in written.changed if texts.get(unit) is None),
    )
    done: t.Dict[str, t.Any] = {}
    host.restart(request, done)
    outcome["restart_due"], outcome["would_restart"] = done["restart_due"], done["would_restart"]
    if task["programs"] and task["removal"]:
        host.remove_programs(outcome["programs"])
    elif task["programs"]:
        host.set_programs(task["programs"], outcome["programs"], texts)
    live: t.Dict[str, t.Any] = {"counts": {}, "previous": []}
    expected = [one["expected"] for one in task["services"] if one.get("live") and one.get("expected")]
    if expected:
        host.set_open(expected, live)
    outcome["counts"] = live["counts"]
    gone = False
    if task["open_sockets_too"]:
        outcome["counts"] = host.restore_open(None)
    if task["libraries_too"]:
        libraries = host.remove_libraries()
        outcome["libraries"] = {"removed": list(libraries.removed), "used_by": list(libraries.used_by)}
        gone = bool(libraries.removed)
    set_open = any(numbers.get("changed") for numbers in outcome["counts"].values())
    of_all = outcome["host_wide"]["settings"] or outcome["host_wide"]["line"]
    outcome["changed"] = bool(of_all or written.changed or done["changed"] or outcome["programs"] or set_open or gone)
    return outcome


def _told_to_every_process(
    wanted: t.Optional[t.Mapping[str, t.Any]], host: TransactionHost, told: t.Dict[str, t.Any]
) -> bool:
    """Look what would become of both files; tell whether every listed service would have something new of them."""
    if wanted is None:
        return False
    settings, line = host.write_settings(wanted), host.write_line(wanted)
    told.update(
        settings=settings.changed, line=line.changed, left=host.host_wide_left(), notes=[*settings.notes, *line.notes]
    )
    return bool(wanted["use"]) and (settings.concerns_all or line.changed)


def is_quiet(outcome: Outcome) -> bool:
    """Tell whether nothing is to be changed, and nothing of an earlier run to be ended."""
    return not outcome["changed"] and not outcome["unfinished"] and not outcome["host_wide"]["left"]
