# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's sockets come to: counts, reasons, and whether that is as it should be."""

from __future__ import annotations

import typing as t

from ..settings.expectation import Expectation
from ..settings.service import DUE_AT_START
from ..sockets.record import Verdict
from ..units.asked import AskedUnit


class ProgramWrong(t.NamedTuple):
    """What is wrong with the program of a unit itself, whatever its sockets are."""

    unit: str
    """Of a template, the instance."""
    reason: str
    candidates: t.Tuple[str, ...]
    detail: str


class ProgramsFound(t.NamedTuple):
    """What runs for the sockets of a unit whose values a program is to set."""

    lines: t.Sequence[str] = ()
    """Each program in words, and whose it is."""
    wrong: t.Sequence[ProgramWrong] = ()


NO_PROGRAMS = ProgramsFound()


def summarize(
    verdicts: t.Sequence[Verdict],
    pids: t.List[int],
    hidden: t.List[int],
    unit: t.Optional[AskedUnit],
    expectation: t.Optional[Expectation],
    not_read: int,
    elsewhere: t.Sequence[str] = (),
    programs: ProgramsFound = NO_PROGRAMS,
) -> t.Dict[str, t.Any]:
    """Sum up what is said of the sockets of a unit.

    :param pids: Its processes.
    :param hidden: Those processes of which not even the number of sockets is known.
    :param not_read: How many connections a sample left out.
    :param elsewhere: The units that have the processes, where this one stands for them and has none.
    """
    running = bool(pids or hidden)
    if unit is not None and unit.is_socket:
        running = bool(verdicts) if unit.may_have_processes is None else unit.may_have_processes
    relevant = [verdict for verdict in verdicts if verdict.relevant]
    reasons: t.Dict[str, int] = {}
    for verdict in relevant:
        if verdict.reason is not None:
            reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1
    if hidden:
        reasons["unreadable"] = reasons.get("unreadable", 0) + len(hidden)
    for program in programs.wrong:
        reasons.setdefault(program.reason, 1)
    accept = expectation.accept.union(DUE_AT_START if unit and unit.at_work else ()) if expectation else frozenset()
    accepted = (
        bool(reasons)
        and (not hidden or "unreadable" in accept)
        and all(accept.issuperset(verdict.candidates) for verdict in relevant if verdict.reason)
        and all(accept.issuperset(program.candidates) for program in programs.wrong)
    )
    found = unit is None or unit.load_state != "not-found" or (expectation is not None and expectation.if_present)
    enough = expectation is None or not running or len(relevant) >= expectation.min_sockets
    return {
        "load_state": unit.load_state if unit is not None else None,
        "running": running,
        "state": _state(running, unit),
        "elsewhere": list(elsewhere),
        "pids": pids,
        "sockets": len(verdicts),
        "not_read": not_read,
        "relevant": len(relevant),
        "compliant": sum(1 for verdict in relevant if verdict.compliant),
        "noncompliant": sum(1 for verdict in relevant if verdict.compliant is False),
        "unknown": sum(1 for verdict in relevant if verdict.compliant is None),
        "unreadable_pids": hidden,
        "reasons": dict(sorted(reasons.items())),
        "programs": list(programs.lines),
        "programs_wrong": [one._asdict() for one in programs.wrong],
        "accepted": accepted,
        "ok": found and enough and (not reasons or accepted) and not elsewhere and not (unit and unit.crashing),
    }


def _state(running: bool, unit: t.Optional[AskedUnit]) -> str:
    if unit is not None and unit.load_state == "not-found":
        return "missing"
    if unit is not None and unit.crashing:
        return "crashing"
    if running:
        return "running"
    return "without_process" if unit is not None and unit.may_have_processes else "stopped"
