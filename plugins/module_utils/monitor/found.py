# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at a host's sockets came to, for monitoring: a state for each unit, and one for the host."""

from __future__ import annotations

import collections
import typing as t

from ..settings.expectation import Expectation
from ..sockets.record import Verdict

OK, WARNING, CRITICAL, UNKNOWN = range(4)
"""The exit codes of monitoring plugins."""
STATE_NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
WORST_LAST = (OK, WARNING, UNKNOWN, CRITICAL)
"""What cannot be seen may be critical: so it counts for more than a warning, and never hides what is seen."""

SOCKET_STATES = ("right", "accepted", "wrong", "unknown")

PENDING = frozenset(("stale_environment", "opened_before_preload", "opened_before_attach", "due_at_restart"))
"""The reasons that the next start of the unit, or its next connection, does away with: WARNING and not CRITICAL."""


class UnitFound(t.NamedTuple):
    """One unit whose sockets were compared, or could not be."""

    name: str
    state: int
    why: str = ""
    """Why it is not OK, in one line."""
    running: t.Optional[bool] = None
    """None where that is not known."""
    sockets: t.Mapping[str, int] = {}
    """How many are in each of SOCKET_STATES; empty where nothing is known."""
    reasons: t.Mapping[str, int] = {}
    """Why so many sockets are not right, those too that are accepted."""

    @property
    def compliant(self) -> t.Optional[bool]:
        """Tell whether nothing is wrong; None where it cannot be said."""
        return None if self.state == UNKNOWN else self.state == OK


class HostFound(t.NamedTuple):
    """All that a look found."""

    units: t.Sequence[UnitFound] = ()
    problems: t.Sequence[t.Tuple[int, str]] = ()
    """What concerns no unit alone: a state and why."""
    host_wide: bool = False

    @property
    def state(self) -> int:
        """Return the worst of all; that nothing is asked here is nothing that is right."""
        states = [unit.state for unit in self.units] + [state for state, _why in self.problems]
        return max(states or [UNKNOWN], key=WORST_LAST.index)


def unit_found(
    name: str, summary: t.Mapping[str, t.Any], verdicts: t.Sequence[Verdict], expectation: Expectation
) -> UnitFound:
    """Judge one unit.

    :param summary: what is said of the unit, see verdicts/summary.py.
    :param verdicts: on its sockets.
    """
    accept = expectation.accept
    states: t.Counter[str] = collections.Counter()
    severities: t.List[int] = [OK]
    for verdict in verdicts:
        if verdict.relevant:
            of_socket, severity = _of_socket(verdict, accept)
            states[of_socket] += 1
            severities.append(severity)
    for program in summary["programs_wrong"]:
        candidates = set(program["candidates"])
        if program["reason"] == "undetermined":
            severities.append(UNKNOWN)
        elif not accept.issuperset(candidates):
            severities.append(WARNING if PENDING.issuperset(candidates) else CRITICAL)
    if summary["unreadable_pids"] and "unreadable" not in accept:
        severities.append(UNKNOWN)
    if summary["state"] == "crashing":
        severities.append(CRITICAL)
    if summary["load_state"] is None and not summary["running"] and "@" not in name and "*" not in name:
        severities.append(UNKNOWN)
    state = max(severities, key=WORST_LAST.index)
    if state == OK and not summary["ok"]:
        state = WARNING  # there are too few of them, there is no such unit, or another one has its processes
    return UnitFound(
        name,
        state,
        _why(summary, states, expectation) if state != OK else "",
        bool(summary["running"]),
        {each: states[each] for each in SOCKET_STATES},
        dict(summary["reasons"]),
    )


def _of_socket(verdict: Verdict, accept: t.FrozenSet[str]) -> t.Tuple[str, int]:
    if verdict.compliant:
        return "right", OK
    candidates = set(verdict.candidates)
    if candidates and accept.issuperset(candidates):
        return "accepted", OK
    if verdict.compliant is None:
        return "unknown", UNKNOWN
    return "wrong", WARNING if candidates and PENDING.issuperset(candidates) else CRITICAL


def _why(summary: t.Mapping[str, t.Any], states: t.Mapping[str, int], expectation: Expectation) -> str:
    parts = []
    for state in ("wrong", "unknown"):
        if states[state]:
            parts.append(f"{states[state]} of {summary['relevant']} sockets {state}")
    if summary["reasons"]:
        parts.append(", ".join(f"{reason} x {count}" for reason, count in sorted(summary["reasons"].items())))
    hidden = len(summary["unreadable_pids"])
    if hidden:
        parts.append(f"{hidden} process{'es' if hidden > 1 else ''} not readable")
    if summary["state"] == "missing":
        parts.append("there is a drop-in, and no such unit")
    if summary["state"] == "crashing":
        parts.append("it ends again and again")
    if summary["elsewhere"]:
        parts.append(f"its processes are those of {', '.join(summary['elsewhere'])}")
    if summary["running"] and summary["relevant"] < expectation.min_sockets:
        parts.append(f"{summary['relevant']} sockets, of {expectation.min_sockets} at least")
    return "; ".join(parts) or "systemd says nothing of it"
