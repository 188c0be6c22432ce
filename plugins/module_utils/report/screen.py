# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last screen of a run, from its document: what it comes to, what is wrong, the worst first, and what is right."""

from __future__ import annotations

import typing as t

from ..linux.folded import COLUMNS
from .findings import Alike, findings_in
from .lines import INDENT, MOST_FINDINGS, WORDS, ScreenLine, in_columns, names_of, number_of
from .screen_audit import connections, findings_about_connections, what_would_change
from .screen_ending import ending
from .units import Said

_MOST_ACCEPTED = 4
_MOST_BLOCKS = 8
"""Of hosts on which the same was done."""
_LINES_OF_HOSTS = 8
_LINES_OF_UNITS = ((3, 6), (6, 3))
"""What was seen takes so many lines where there are so many findings at most; otherwise one."""
WHERE_TO_LOOK_UP = "What each word means, and what helps: docs/reasons.md of this collection"
_LABELS = {
    "failed": ("FAILED", "wrong"), "refused": ("REFUSED", "wrong"), "wrong": ("WRONG", "wrong"),
    "no_data": ("NO DATA", "unknown"), "not_begun": ("NOT BEGUN", "idle"), "accepted": ("ACCEPTED", "accepted"),
}  # fmt: skip


def screen(
    document: Said, hosts_too: bool = True, whole: bool = False, changed: t.Sequence[ScreenLine] = ()
) -> t.List[ScreenLine]:
    """Return the screen.

    :param hosts_too: Whether what became of hosts that are not done is told; False where it stands elsewhere.
    :param whole: Whether all that was done is told, however many lines that takes.
    :param changed: What has changed since another document.
    """
    found, at_risk = findings_in(document, hosts_too), findings_about_connections(document)
    lines = _Findings(found, document["totals"]["hosts"]["total"])
    return [
        *_head(document),
        *changed,
        *lines.of(verdict for verdict in _LABELS if verdict != "accepted"),
        *connections(at_risk),
        *lines.of(["accepted"]),
        *_where_to_look_up(found),
        *_to_do([each for each in found if each.verdict == "to_do"]),
        *_as_they_should_be(document),
        *what_would_change(document, at_risk),
        *ending(document, None if whole else _MOST_BLOCKS),
    ]


def _head(document: Said) -> t.Iterator[ScreenLine]:
    hosts, units, audit = (document["totals"][key] for key in ("hosts", "units", "audit"))
    look = ", a look that changed nothing" if document["check_mode"] and document["kind"] != "audit" else ""
    yield f"{document['kind']}{look}, {document['ended'].replace('T', ' ').replace('Z', ' UTC')}", "plain"
    if not document["complete"]:
        yield from in_columns("the run has not told how it ended: it is under way, or it died", "", "unknown")
    if units["total"]:
        yield from _sum(units["right"], units, "unit x host right", ("wrong", "no_data", "accepted", "idle"))
    if audit:
        counts = {**audit, "total": audit["connections"]}
        if audit["connections"]:
            yield from _sum(audit["right"], counts, "connections right", ("without", "slow", "tight", "unknown"))
        else:
            yield "no connections to judge; those between processes of one host are left out", "plain"
        if audit["listeners"]:
            text = number_of(audit["listeners"], "listener")
            verb = "hands" if audit["listeners"] == 1 else "hand"
            yield f"{text} {verb} on to what is accepted what is not right", "wrong"
    yield from _sum(hosts["done"], hosts, "hosts done", ("failed", "refused", "no_data", "not_begun"))


def _sum(right: int, counts: Said, what: str, others: t.Sequence[str]) -> t.Iterator[ScreenLine]:
    rest = [f"{counts[key]:,} {WORDS[key]}" for key in others if counts[key]]
    bad = any(counts[key] for key in others if key not in ("accepted", "idle"))
    line = f"{right:,} of {counts['total']:,} {what}{':' if rest else ''}"
    for index, part in enumerate(rest):
        word = part + ("," if index + 1 < len(rest) else "")
        if len(line) + 1 + len(word) > COLUMNS:
            yield line, "wrong" if bad else "right"
            line = f"   {word}"
        else:
            line += f" {word}"
    yield line, "wrong" if bad else "right"


class _Findings:
    """What is not right; the more there is, the less of what was seen is told of each."""

    def __init__(self, found: t.Sequence[Alike], of_hosts: int) -> None:
        self._found, self._of_hosts = found, of_hosts
        many = sum(1 for each in found if each.unit and each.verdict != "to_do")
        self._lines = next((lines for most, lines in _LINES_OF_UNITS if many <= most), 1)

    def of(self, verdicts: t.Iterable[str]) -> t.Iterator[ScreenLine]:
        """Yield those with one of the verdicts."""
        for verdict in verdicts:
            label = _LABELS[verdict]
            of_kind = [each for each in self._found if each.verdict == verdict]
            most = _MOST_ACCEPTED if verdict == "accepted" else MOST_FINDINGS
            for each in of_kind[:most]:
                yield "", "plain"
                yield from _block(each, label, self._of_hosts, self._lines)
            if len(of_kind) > most:
                left = of_kind[most:]
                hosts = len({host for each in left for host in each.hosts})
                on = number_of(hosts, "host")
                text = f"and {len(left):,} more such findings, on {on}: keepalive_report_table shows all"
                yield "", "plain"
                yield from in_columns(text, *label)


def _block(each: Alike, label: t.Tuple[str, str], of_hosts: int, lines_of_unit: int) -> t.Iterator[ScreenLine]:
    reasons = ", ".join(f"{reason} x {count:,}" for reason, count in each.reasons.items())
    everywhere = len(each.hosts) == of_hosts > 1
    many = f"{'all ' if everywhere else ''}{number_of(len(each.hosts), 'host')}"
    text = f"{each.unit} on {many}{f': {reasons}' if reasons else ''}" if each.unit else many
    yield from in_columns(text, *label)
    if not everywhere:
        yield from names_of(each.hosts)
    most = lines_of_unit if each.unit else _LINES_OF_HOSTS
    folds = [fold for line in each.lines for fold, _what in in_columns(line, "", "plain", INDENT)]
    if len(folds) > most == 1:
        yield f"{folds[0] if len(folds[0]) <= COLUMNS - 4 else folds[0][: COLUMNS - 4].rpartition(' ')[0]} ...", "plain"
        return
    yield from ((fold, "plain") for fold in folds[:most])
    if len(folds) > most:
        yield f"{' ' * INDENT}... and {number_of(len(folds) - most, 'more line')}", "plain"


def _where_to_look_up(found: t.Iterable[Alike]) -> t.Iterator[ScreenLine]:
    """Yield where it stands what a reason means, if one is told that somebody has to see to."""
    if any(each.verdict in ("wrong", "no_data") and each.unit for each in found):
        yield "", "plain"
        yield WHERE_TO_LOOK_UP, "plain"


def _to_do(found: t.Sequence[Alike]) -> t.Iterator[ScreenLine]:
    """Yield in one line what is wrong now and would be seen to."""
    counts: t.Dict[str, int] = {}
    for each in found:
        counts[each.unit] = counts.get(each.unit, 0) + len(each.hosts)
    yield from _counted("TO DO", counts, "accepted")


def _as_they_should_be(document: Said) -> t.Iterator[ScreenLine]:
    """Yield one line for all that is right, and one for all that does not run."""
    for verdict, label, what in (("idle", "NOT RUN", "idle"), ("right", "RIGHT", "right")):
        counts: t.Dict[str, int] = {}
        for host in document["hosts"].values():
            for unit, entry in host["units"].items():
                if entry["verdict"] == verdict:
                    counts[unit] = counts.get(unit, 0) + 1
        yield from _counted(label, counts, what)


def _counted(label: str, counts: t.Mapping[str, int], what: str) -> t.Iterator[ScreenLine]:
    if counts:
        words = [f"{unit} {count:,}" for unit, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]
        yield "", "plain"
        yield _one_line(f"{label:<{INDENT}}{sum(counts.values()):,}: ", words), what


def _one_line(start: str, words: t.Sequence[str]) -> str:
    line = start
    for index, word in enumerate(words):
        more = f", and {len(words) - index} more"
        joined = word if index == 0 else f", {word}"
        if index and len(line) + len(joined) + (len(more) if index + 1 < len(words) else 0) > COLUMNS:
            return line + more
        line += joined
    return line
