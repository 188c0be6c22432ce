# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit comes to: its sums and the words for them, and where that is asked for a line for each host."""

from __future__ import annotations

import typing as t

from ..linux.columns import aligned
from .remarks import EMPTY, AuditAnswer, Line, is_blind

VERDICTS = ("without", "slow", "tight", "unknown")
SPOKEN = {
    "without": "without keepalive",
    "slow": "too slow",
    "tight": "too tight",
    "unknown": "unknown",
    "right": "right",
}
COUNTS = ("connections", "right", "without", "slow", "tight", "unknown", "overdue", "listeners")
HEADER = ("HOST", "CONNECTIONS", "RIGHT", "WITHOUT", "SLOW", "TIGHT", "UNKNOWN", "OVERDUE", "LISTENERS")
LEGEND = (
    "RIGHT      keepalive is on, and keepidle + 2 x keepintvl < {timeout}: one lost probe is survived",
    "WITHOUT    keepalive is off: forgotten after {timeout} of silence, and nobody notices",
    "SLOW       keepalive is on, and its first probe comes after {timeout} (keepidle / keepintvl x keepcnt)",
    "TIGHT      the first probe comes in time; if it is lost, so may be the connection",
    "UNKNOWN    the options could not be read",
    "OVERDUE    of those that are not right: no data for {timeout} already; dead if something forgets that soon",
    "LISTENERS  hand on to what they accept what is not right",
)
IN_SHORT = {
    "without": "forgotten after {timeout} of silence, and nobody notices",
    "slow": "its first probe comes after {timeout} (keepidle / keepintvl x keepcnt)",
    "tight": "its first probe is in time; if that is lost, so may be the connection",
    "unknown": "the options could not be read",
}
BLIND = "?          not known: processes were not read, and the others have no connections (see below)"


def sums(known: t.Sequence[AuditAnswer], of_hosts: int, timeout: str) -> t.Iterator[Line]:
    """Yield what it comes to, and what the words mean that are used below."""
    total = {key: sum(answer["totals"][key] for answer in known) for key in COUNTS}
    wrong = [f"{total[key]:,} {SPOKEN[key]}" for key in VERDICTS if total[key]]
    text = f"{total['right']:,} of {total['connections']:,} connections right{': ' if wrong else ''}{', '.join(wrong)}"
    verdict = "wrong" if any(total[key] for key in ("without", "slow", "tight")) else "unknown" if wrong else "right"
    yield text, verdict
    if total["overdue"]:
        yield f"{total['overdue']:,} of these had no data for {timeout} already: dead if something forgets", verdict
    if total["listeners"]:
        listeners = "listener hands" if total["listeners"] == 1 else "listeners hand"
        yield f"{total['listeners']:,} {listeners} on to what is accepted what is not right", "wrong"
    read = sum(1 for answer in known if not is_blind(answer))
    partly = any(answer["unreadable"]["processes"] for answer in known)
    hosts = "host" if of_hosts == 1 else "hosts"
    yield f"{read:,} of {of_hosts:,} {hosts} read", "wrong" if read < of_hosts else "unknown" if partly else "right"
    if wrong:
        yield EMPTY
    for key in VERDICTS if wrong else ():
        if total[key]:
            yield f"    {SPOKEN[key]}: {IN_SHORT[key].format(timeout=timeout)}", "plain"


def host_table(answers: t.Mapping[str, t.Optional[AuditAnswer]]) -> t.Iterable[Line]:
    """Return a line for each host, below a header."""
    rows: t.List[t.Tuple[str, ...]] = []
    verdicts = ["plain"]
    for host, answer in answers.items():
        if not answer or "totals" not in answer:
            rows.append((host, *"-" * len(COUNTS)))
            verdicts.append("wrong")
            continue
        if is_blind(answer):
            rows.append((host, *"?" * len(COUNTS)))
            verdicts.append("unknown")
            continue
        totals = answer["totals"]
        wrong = any(totals[key] for key in ("without", "slow", "tight", "listeners"))
        rows.append((host, *(str(totals[key]) for key in COUNTS)))
        partly = totals["unknown"] or answer["unreadable"]["processes"]
        verdicts.append("wrong" if wrong else "unknown" if partly else "right")
    return zip(aligned(HEADER, rows, HEADER[1:]), (f"row {verdict}" for verdict in verdicts))


def legend(answers: t.Iterable[AuditAnswer], timeout: str) -> t.Iterator[Line]:
    """Yield what the table's titles mean."""
    for line in [*LEGEND, *([BLIND] if any(map(is_blind, answers)) else [])]:
        yield line.format(timeout=timeout), "row plain"
