# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last screen of a run, from its document: what it comes to, what is wrong, the worst first, and what is right."""

from __future__ import annotations

import os
import typing as t

from ..audit.report import findings_of
from ..rollout.outcomes import how_it_ended
from .findings import Alike, findings_in
from .lines import COLUMNS, folded, hosts_within, in_order, number_of
from .units import Said

ScreenLine = t.Tuple[str, str]
"""A text, and what it is, for its colour: V(plain), V(right), V(accepted), V(wrong), V(unknown), V(idle)."""

MOST = {"wrong": 12, "accepted": 4}
"""Findings of a kind; what is left out is counted."""
_LINES_OF_HOSTS = 8
_LINES_OF_UNITS = 3
_INDENT = 10
_NAMES_OF_HOSTS = 2 * (COLUMNS - _INDENT) - 20
"""Columns; broken between names they take two lines."""
_LABELS = {
    "failed": ("FAILED", "wrong"), "refused": ("REFUSED", "wrong"), "wrong": ("WRONG", "wrong"),
    "no_data": ("NO DATA", "unknown"), "not_begun": ("NOT BEGUN", "idle"), "accepted": ("ACCEPTED", "accepted"),
}  # fmt: skip
_WORDS = {
    "accepted": "accepted", "wrong": "wrong", "idle": "not running", "no_data": "without data", "failed": "failed",
    "refused": "refused", "not_begun": "not begun", "without": "without keepalive", "slow": "too slow",
    "tight": "too tight", "unknown": "unknown",
}  # fmt: skip


def screen(document: Said, hosts_too: bool = True, changed: t.Sequence[ScreenLine] = ()) -> t.List[ScreenLine]:
    """Return the screen.

    :param hosts_too: Whether what became of hosts that are not done is told; False where it stands elsewhere.
    :param changed: What has changed since another document.
    """
    return [
        *_head(document),
        *changed,
        *_findings(findings_in(document, hosts_too)),
        *_connections(document),
        *_as_they_should_be(document),
        *_ending(document),
    ]


def _head(document: Said) -> t.Iterator[ScreenLine]:
    hosts, units, audit = (document["totals"][key] for key in ("hosts", "units", "audit"))
    look = ", a look that changed nothing" if document["check_mode"] and document["kind"] != "audit" else ""
    yield f"{document['kind']}{look}, {document['ended'].replace('T', ' ').replace('Z', ' UTC')}", "plain"
    if not document["complete"]:
        yield from _fold("the run has not told how it ended: it is under way, or it died", "", "unknown")
    if units["total"]:
        yield from _sum(units["right"], units, "unit x host right", ("wrong", "no_data", "accepted", "idle"))
    if audit:
        counts = {**audit, "total": audit["connections"]}
        yield from _sum(audit["right"], counts, "connections right", ("without", "slow", "tight", "unknown"))
    yield from _sum(hosts["done"], hosts, "hosts done", ("failed", "refused", "no_data", "not_begun"))


def _sum(right: int, counts: Said, what: str, others: t.Sequence[str]) -> t.Iterator[ScreenLine]:
    rest = ", ".join(f"{counts[key]:,} {_WORDS[key]}" for key in others if counts[key])
    bad = any(counts[key] for key in others if key not in ("accepted", "idle"))
    text = f"{right:,} of {counts['total']:,} {what}{f': {rest}' if rest else ''}"
    yield from _fold(text, "", "wrong" if bad else "right")


def _findings(found: t.Sequence[Alike]) -> t.Iterator[ScreenLine]:
    for verdict, (label, what) in _LABELS.items():
        of_kind = [each for each in found if each.verdict == verdict]
        most = MOST["accepted" if verdict == "accepted" else "wrong"]
        for each in of_kind[:most]:
            yield "", "plain"
            yield from _block(each, label, what)
        if len(of_kind) > most:
            left = of_kind[most:]
            hosts = len({host for each in left for host in each.hosts})
            text = f"and {len(left):,} more such findings, on {number_of(hosts, 'host')}, see the whole table"
            yield "", "plain"
            yield from _fold(text, label, what)


def _block(each: Alike, label: str, what: str) -> t.Iterator[ScreenLine]:
    reasons = ", ".join(f"{reason} x {count:,}" for reason, count in each.reasons.items())
    many = number_of(len(each.hosts), "host")
    text = f"{each.unit} on {many}{f': {reasons}' if reasons else ''}" if each.unit else many
    yield from _fold(text, label, what)
    yield from _hosts(each.hosts)
    most = _LINES_OF_UNITS if each.unit else _LINES_OF_HOSTS
    folds = [fold for line in each.lines for fold in _fold(line, "", "plain", _INDENT)]
    yield from folds[:most]
    if len(folds) > most:
        yield f"{' ' * _INDENT}... and {number_of(len(folds) - most, 'more line')}", "plain"


def _hosts(hosts: t.Sequence[str]) -> t.Iterator[ScreenLine]:
    yield from _fold(hosts_within(hosts, _NAMES_OF_HOSTS), "", "plain", _INDENT)


def _connections(document: Said) -> t.Iterator[ScreenLine]:
    """Yield what an audit found, a finding of many hosts as one."""
    answers = {name: host["audit"] for name, host in document["hosts"].items() if host["audit"]}
    found = [finding for finding in findings_of(answers) if finding.wrong]
    for finding in found[: MOST["wrong"]]:
        first = finding.first
        way = "connects" if first["direction"] == "outgoing" else "accepts"
        counts = ", ".join(
            f"{finding.total(key):,} {_WORDS[key]}"
            for key in ("without", "slow", "tight", "unknown")
            if finding.total(key)
        )
        program = os.path.basename(first["program"])
        hosts = [host for host, _group in finding.groups]
        yield "", "plain"
        yield from _fold(f"{first['unit'] or 'no unit'}, {program} {way}: {counts}", "AT RISK", "wrong")
        yield from _hosts(hosts)
    if len(found) > MOST["wrong"]:
        yield "", "plain"
        yield from _fold(f"and {len(found) - MOST['wrong']:,} more such findings, see above", "AT RISK", "wrong")


def _as_they_should_be(document: Said) -> t.Iterator[ScreenLine]:
    """Yield one line for all that is right, and one for all that does not run."""
    for verdict, label, what in (("idle", "NOT RUN", "idle"), ("right", "RIGHT", "right")):
        counts: t.Dict[str, int] = {}
        for host in document["hosts"].values():
            for unit, entry in host["units"].items():
                if entry["verdict"] == verdict:
                    counts[unit] = counts.get(unit, 0) + 1
        if counts:
            total = sum(counts.values())
            words = [f"{unit} {count:,}" for unit, count in sorted(counts.items(), key=lambda each: -each[1])]
            yield "", "plain"
            yield _one_line(f"{label:<{_INDENT}}{total:,}: ", words), what


def _one_line(start: str, words: t.Sequence[str]) -> str:
    line = start
    for index, word in enumerate(words):
        more = f", and {len(words) - index} more"
        joined = word if index == 0 else f", {word}"
        if index and len(line) + len(joined) + (len(more) if index + 1 < len(words) else 0) > COLUMNS:
            return line + more
        line += joined
    return line


def _ending(document: Said) -> t.Iterator[ScreenLine]:
    """Yield what was done, or in check mode would be."""
    done = {name: document["hosts"][name]["did"] for name in in_order(document["hosts"])
            if document["hosts"][name]["state"] == "done"}  # fmt: skip
    if document["kind"] in ("enable", "disable") and done:
        yield "", "plain"
        if document["check_mode"]:
            keys = {"would_change": "would_change", "would_restart": "would_restart"}
        elif document["kind"] == "disable":
            keys = {"removed": "changed", "restarted": "restarted", "stays": "stays"}
        else:
            yield from _fold(_deeds(document, done), "", "plain")
            return
        told = {name: {to: did[key] for to, key in keys.items()} for name, did in done.items()}
        for line in how_it_ended(told):
            indent = len(line) - len(line.lstrip())
            yield from _fold(line, "", "plain", indent, indent + 4) if line else (("", "plain"),)


def _deeds(document: Said, done: t.Mapping[str, Said]) -> str:
    hosts = document["hosts"].values()
    changed = sum(1 for did in done.values() if did["changed"] or did["set_open"])
    restarts = sum(len(did["restarted"]) for did in done.values())
    opened = sum(sum(did["set_open"].values()) for did in done.values())
    undone = sum(1 for host in hosts if host["undone"])
    parts = [f"changed on {number_of(changed, 'host')}", number_of(restarts, "restart")]
    parts += [f"{number_of(opened, 'open socket')} set"] if opened else []
    parts += [f"taken back on {number_of(undone, 'host')}"] if undone else []
    return ", ".join(parts)


def _fold(text: str, label: str, what: str, indent: int = 0, indent_of_rest: int = -1) -> t.Iterator[ScreenLine]:
    first = f"{label:<{_INDENT}}" if label else " " * indent
    rest = " " * (len(first) if indent_of_rest < 0 else indent_of_rest)
    yield from ((line, what) for line in folded(text, first, rest))
