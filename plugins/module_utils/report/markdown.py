# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as Markdown, for a ticket: totals, what is wrong, the worst first, and what is right.

What hosts say stands in code spans, where nothing of it is a link, a mention or a picture.
"""

from __future__ import annotations

import re
import typing as t

from ..audit.overview import COUNTS
from ..linux.host_ranges import hosts_within
from .changes import Changes
from .changes_said import summary_of, told_of, told_of_values
from .findings import Alike, findings_in
from .lines import number_of
from .rows import ReportRow, rows_in
from .totals import STATES
from .units import VERDICTS, Said

MARK_OF_MARKDOWN = "# keepalive: "

_MOST = 100
"""Findings that are told; who wants all of them takes the sheet."""
_NAMES = 400
"""Columns that the names of hosts take at most."""


def markdown_of(document: Said, changes: t.Optional[Changes] = None) -> str:
    """Return the text of the file."""
    look = ", a look that changed nothing" if document["check_mode"] else ""
    lines = [f"{MARK_OF_MARKDOWN}{document['kind']}{look}, {document['ended']}", ""]
    if not document["complete"]:
        lines += ["**The run has not told how it ended.**", ""]
    totals = document["totals"]
    lines += _counts("unit x host", totals["units"], VERDICTS)
    lines += _counts("hosts", totals["hosts"], STATES)
    if totals["audit"]:
        counts = {**totals["audit"], "total": totals["audit"]["connections"]}
        lines += _counts("connections", counts, COUNTS[1:])
    lines += _changes(changes) if changes else []
    found = findings_in(document)
    connections = [row for row in rows_in(document) if row.what == "connections" and row.verdict == "wrong"]
    if found or connections:
        lines += ["## Findings", ""]
        lines += [line for each in found[:_MOST] for line in _finding(each)]
        lines += [line for row in connections[:_MOST] for line in _connections(row)]
        left = max(0, len(found) - _MOST) + max(0, len(connections) - _MOST)
        lines += [f"- and {number_of(left, 'more finding')}"] if left else []
        lines.append("")
    else:
        lines += ["Nothing is wrong.", ""]
    written = f"netops.keepalive {code(document['collection'])}, ansible-core {code(document['ansible'])}"
    return "\n".join([*lines, f"Written by {written}.", ""])


def _counts(what: str, counts: Said, keys: t.Sequence[str]) -> t.List[str]:
    if not counts["total"]:
        return []
    titles = " | ".join(key.replace("_", " ") for key in keys)
    return [
        f"| {what} | {titles} |",
        f"|---:|{'---:|' * len(keys)}",
        f"| {counts['total']:,} | {' | '.join(f'{counts[key]:,}' for key in keys)} |",
        "",
    ]


def _changes(changes: Changes) -> t.List[str]:
    summary = summary_of(changes)
    lines = ["## Changes", "", f"{summary[0].upper()}{summary[1:]}.", ""]
    told: t.List[t.Tuple[str, str, t.Sequence[str]]] = []
    for label, found in (("WORSE", changes.worse), ("MENDED", changes.mended), ("OTHER", changes.others)):
        told += [(label, told_of(change), change.hosts) for change in found]
    told += [("VALUES", told_of_values(each), each.hosts) for each in changes.values]
    told += [("NEW", "hosts", changes.hosts_new)] if changes.hosts_new else []
    told += [("NOT IN THIS RUN", "hosts", changes.hosts_gone)] if changes.hosts_gone else []
    lines += [f"- **{label}** {code(text)}: {_hosts(hosts)}" for label, text, hosts in told[:_MOST]]
    lines += [f"- and {number_of(len(told) - _MOST, 'more change')}"] if len(told) > _MOST else []
    return [*lines, *([""] if told else [])]


def _finding(each: Alike) -> t.List[str]:
    subject = f"{code(each.unit)} on " if each.unit else ""
    reasons = ", ".join(f"{code(reason)} x {count:,}" for reason, count in each.reasons.items())
    label = each.verdict.replace("_", " ").upper()
    many = number_of(len(each.hosts), "host")
    lines = [f"- **{label}** {subject}{many}{f', {reasons}' if reasons else ''}: {_hosts(each.hosts)}"]
    return [*lines, *(f"  - {code(line)}" for line in each.lines)]


def _connections(row: ReportRow) -> t.List[str]:
    return [f"- **AT RISK** {code(row.name)}, {code(row.reasons)}: {_hosts([row.host])}"]


def _hosts(hosts: t.Sequence[str]) -> str:
    return code(hosts_within(hosts, _NAMES))


def code(text: str) -> str:
    """Return a text as a code span, whatever is in it."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{blank}{text}{blank}{fence}"
