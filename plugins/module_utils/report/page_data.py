# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the HTML page of a document shows, from the document: plain data, short enough for thousands of hosts.

What many cells have alike stands in a list once, and they hold its number.
"""

from __future__ import annotations

import json
import typing as t

from ..linux.host_ranges import hosts_within, in_order
from ..settings.options import DERIVE, TIMING
from .changes import Changes
from .changes_said import summary_of, told_of, told_of_values
from .findings import RANK, findings_in
from .found_times import FoundAlike, found_alike, found_by_audit, key_of, noticed_instead
from .noticed import noticed_after
from .rows import rows_in
from .screen_audit import findings_about_connections
from .units import Said

USUAL_TIMEOUT = 350
"""Seconds; what the timelines show where no audit was given another, and the audit's own default."""

_NAMES = 2000
"""Columns that the names of hosts take at most."""
_MOST_FOUND, _MOST_UNITS = 6, 3
"""Of values that were found in the place of one set, and of their units; the rest is counted."""
_ENTRY = ("verdict", "state", "why", "backend", "reasons", "found")
_COUNTS = ("sockets", "right", "wrong", "unknown")
_RANK_OF_UNITS = ("wrong", "no_data", "accepted", "idle", "right")
_DEEDS = ("changed", "restarted", "set_open", "stays", "would_change", "would_restart")


class Numbered:
    """Things, each once, by number."""

    def __init__(self) -> None:
        self.things: t.List[t.Any] = []
        self._numbers: t.Dict[str, int] = {}

    def number_of(self, thing: t.Any) -> int:
        """Return the number of a thing; an equal one has the same."""
        key = json.dumps(thing, sort_keys=True)
        if key not in self._numbers:
            self._numbers[key] = len(self.things)
            self.things.append(thing)
        return self._numbers[key]


def page_data(document: Said, changes: t.Optional[Changes] = None) -> t.Dict[str, t.Any]:
    """Return all that the page shows."""
    hosts, said, values = document["hosts"], Numbered(), Numbered()
    names = _units_worst_first(document)
    numbers = {name: number for number, name in enumerate(names)}
    rows = [_row(name, hosts[name], numbers, said, values) for name in in_order(hosts)]
    for order, row in enumerate(rows):
        row["order"] = order
    keys = ("kind", "begun", "ended", "complete", "check_mode", "collection", "ansible", "totals")
    return {
        **{key: document[key] for key in keys},
        "units": names,
        "said": said.things,
        "values": [*_values(values.things, found_alike(hosts.values())), *_advised(document)],
        "timeout": _timeout(document),
        "hosts": sorted(rows, key=lambda row: (_rank(row, said.things), row["order"])),
        "findings": _findings(document),
        "changes": _changes(changes) if changes else None,
    }


def _values(sets: t.Sequence[Said], found: t.Mapping[str, t.Sequence[FoundAlike]]) -> t.List[t.Dict[str, t.Any]]:
    """Return when things are noticed with each set of values, and with what was found in its place."""
    return [_beside(tcp, found.get(key_of(tcp), ())) for tcp in sets]


def _advised(document: Said) -> t.Iterator[t.Dict[str, t.Any]]:
    """Yield the same of what an audit advises for the shortest idle timeout that it was given, and of what it found."""
    audits = [
        host["audit"] for host in document["hosts"].values() if host["audit"] and host["audit"].get("recommended")
    ]
    found = found_by_audit(document["hosts"].values())
    if audits and found:
        advised = min(audits, key=lambda audit: audit["idle_timeout"])["recommended"]
        tcp = {**{name: advised[name] for name in TIMING}, "user_timeout": DERIVE}
        beside = _beside(tcp, found)
        yield {**beside, "advised": True, "found": [{**each, "unsaid": True} for each in beside["found"]]}


def _beside(tcp: Said, alike: t.Sequence[FoundAlike]) -> t.Dict[str, t.Any]:
    drawn = [each for each in alike if each.others][:_MOST_FOUND]
    others = [
        {**each._asdict(), "units": each.units[:_MOST_UNITS], "more": max(0, len(each.units) - _MOST_UNITS),
         **noticed_instead(tcp, each.others)}
        for each in drawn
    ]  # fmt: skip
    rest = sum(each.sockets for each in alike) - sum(each.sockets for each in drawn)
    return {"tcp": tcp, **noticed_after(tcp)._asdict(), "found": others, "not_drawn": rest}


def _units_worst_first(document: Said) -> t.List[str]:
    troubles: t.Dict[str, t.List[int]] = {}
    for host in document["hosts"].values():
        for unit, entry in host["units"].items():
            counts = troubles.setdefault(unit, [0] * len(_RANK_OF_UNITS))
            counts[_RANK_OF_UNITS.index(entry["verdict"])] -= 1
    return sorted(troubles, key=lambda unit: (troubles[unit][0], troubles[unit][2], unit))


def _row(name: str, host: Said, numbers: t.Mapping[str, int], said: Numbered, values: Numbered) -> t.Dict[str, t.Any]:
    """Return a host; each of its units as numbers: the unit, what is said, the values (or -1), and counts of sockets.

    Where all sockets are right, that is one count.
    """
    units = []
    for unit, entry in host["units"].items():
        tcp = values.number_of(entry["expected"]["tcp"]) if entry["expected"] else -1
        cell = [numbers[unit], said.number_of({key: entry[key] for key in _ENTRY}), tcp]
        counts = [entry[key] for key in _COUNTS]
        units.append([*cell, *(counts[:1] if counts[0] == counts[1] and not any(counts[2:]) else counts)])
    row: t.Dict[str, t.Any] = {"name": name, "state": host["state"], "units": sorted(units)}
    did = {key: host["did"][key] for key in _DEEDS if host["did"][key]}
    audit = host["audit"]["totals"] if host["audit"] else None
    libraries = host["libraries"]["files"] if host["libraries"] else None
    more = {"why": host["why"], "did": did, "undone": host["undone"], "due": host["due"], "remarks": host["remarks"],
            "audit": audit, "libraries": libraries}  # fmt: skip
    return {**row, **{key: value for key, value in more.items() if value}}


def _rank(row: Said, said: t.Sequence[Said]) -> t.Tuple[int, int]:
    """Put the worst host first, and of those that are alike the one with more that is wrong."""
    verdicts = [said[unit[1]]["verdict"] for unit in row["units"]]
    states = ([row["state"]] if row["state"] != "done" else []) + (["wrong"] if _at_risk(row) else [])
    ranks = [RANK.index(verdict) for verdict in [*states, *verdicts] if verdict in RANK]
    return min(ranks, default=len(RANK)), -verdicts.count("wrong")


def _at_risk(row: Said) -> int:
    return sum((row.get("audit") or {}).get(key, 0) for key in ("without", "slow", "tight"))


def _timeout(document: Said) -> t.Dict[str, t.Any]:
    """Return the shortest idle timeout that an audit was given, and whether one was."""
    given = [host["audit"]["idle_timeout"] for host in document["hosts"].values() if host["audit"]]
    return {"seconds": min(given, default=USUAL_TIMEOUT), "given": bool(given)}


def _findings(document: Said) -> t.List[t.Dict[str, t.Any]]:
    """Return what is not right, the same of many hosts once, the worst first; connections behind what is wrong."""
    found = [
        {"verdict": each.verdict, "unit": each.unit, "count": len(each.hosts), "reasons": dict(each.reasons),
         "hosts": hosts_within(in_order(each.hosts), _NAMES), "lines": list(each.lines)}
        for each in findings_in(document)
    ]  # fmt: skip
    risks = []
    for finding in findings_about_connections(document):
        if finding.wrong:
            hosts = list(dict.fromkeys(host for host, _group in finding.groups))
            row = _name_of(document, hosts[0], finding.first)
            reasons = {key: finding.total(key) for key in ("without", "slow", "tight", "unknown") if finding.total(key)}
            risks.append(
                {"verdict": "at_risk", "unit": row, "count": len(hosts), "reasons": reasons,
                 "hosts": hosts_within(in_order(hosts), _NAMES), "lines": []}
            )  # fmt: skip
    after = sum(1 for each in found if RANK.index(each["verdict"]) <= RANK.index("wrong"))
    return [*found[:after], *risks, *found[after:]]


def _name_of(document: Said, host: str, group: Said) -> str:
    """Return what the other forms call a kind of connections."""
    alone = {"hosts": {host: {**document["hosts"][host], "units": {}, "audit": {"groups": [group]}}}}
    return next(row.name for row in rows_in(alone) if row.what == "connections")


def _changes(changes: Changes) -> t.Dict[str, t.Any]:
    def listed(found: t.Iterable[t.Any], say: t.Callable[[t.Any], str]) -> t.List[t.Dict[str, str]]:
        return [{"said": say(each), "hosts": hosts_within(each.hosts, _NAMES)} for each in found]

    return {
        "summary": summary_of(changes),
        "worse": listed(changes.worse, told_of),
        "mended": listed(changes.mended, told_of),
        "others": listed(changes.others, told_of),
        "values": listed(changes.values, told_of_values),
        "new": hosts_within(changes.hosts_new, _NAMES) if changes.hosts_new else "",
        "gone": hosts_within(changes.hosts_gone, _NAMES) if changes.hosts_gone else "",
    }
