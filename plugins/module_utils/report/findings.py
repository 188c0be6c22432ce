# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not right, the same of many hosts as one, the worst first."""

from __future__ import annotations

import typing as t

from ..linux.unit_names import template_of
from .units import Said

RANK = ("failed", "refused", "wrong", "no_data", "not_begun", "accepted", "to_do")
"""The worst first; V(to_do): what is wrong where the run has not begun, or, as a look says, would see to it."""


class Alike(t.NamedTuple):
    """What several hosts have alike."""

    verdict: str
    """One of RANK."""
    unit: str
    """Empty for what is said of hosts."""
    hosts: t.Tuple[str, ...]
    reasons: t.Mapping[str, int]
    sockets: int
    """Those that are not right, of all the hosts."""
    lines: t.Tuple[str, ...]
    """What was seen; of the first host where it differs in small things."""


def findings_in(document: Said, hosts_too: bool = True) -> t.List[Alike]:
    """Return all of a document.

    :param hosts_too: Whether what became of hosts is told as well.
    """
    alike: t.Dict[t.Tuple[t.Any, ...], t.List[t.Tuple[str, Said]]] = {}
    for name, host in document["hosts"].items():
        if hosts_too and host["state"] != "done":
            alike.setdefault((host["state"], "", tuple(_said_of(name, host))), []).append((name, host))
        foreseen = _foreseen(document, host)
        for unit, entry in host["units"].items():
            unread = entry["verdict"] == "no_data" and host["state"] == "done" and not document["check_mode"]
            if entry["verdict"] in ("wrong", "accepted") or unread:
                verdict = "to_do" if entry["verdict"] == "wrong" and unit in foreseen else entry["verdict"]
                key = (verdict, unit, (entry["why"], *entry["reasons"]))
                alike.setdefault(key, []).append((name, entry))
    found = [_alike(verdict, unit, said, members) for (verdict, unit, said), members in alike.items()]
    return sorted(found, key=lambda each: (RANK.index(each.verdict), -len(each.hosts), -each.sockets, each.unit))


def _foreseen(document: Said, host: Said) -> t.FrozenSet[str]:
    """Return the units of a host that are yet to be seen to."""
    if host["state"] == "not_begun":
        return frozenset(host["units"])
    if not document["check_mode"]:
        return frozenset()
    names = {*host["did"]["would_change"], *host["did"]["would_restart"]}
    return frozenset(names | {template_of(name) or name for name in names})


def _said_of(name: str, host: Said) -> t.List[str]:
    """Return what was seen on a host, without its own name, so that hosts can be alike."""
    return [line.replace(f" {name}; ", " the host; ").replace(f" on {name},", ",") for line in host["why"]]


def _alike(verdict: str, unit: str, said: t.Tuple[str, ...], members: t.Sequence[t.Tuple[str, Said]]) -> Alike:
    hosts = tuple(name for name, _entry in members)
    if not unit:
        return Alike(verdict, unit, hosts, {}, 0, said)
    reasons: t.Dict[str, int] = {}
    for _name, entry in members:
        for reason, count in entry["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    sockets = sum(entry["wrong"] + entry["unknown"] for _name, entry in members)
    return Alike(verdict, unit, hosts, reasons, sockets, tuple(_seen(members)))


def _seen(members: t.Sequence[t.Tuple[str, Said]]) -> t.List[str]:
    """Return what was seen for each reason where it was seen most often, and the values that are not as expected."""
    first = members[0][1]
    counts: t.Dict[str, t.Dict[t.Tuple[str, str], int]] = {}
    for _name, entry in members:
        for finding in entry["found"]:
            told = all(f"{each['option']} is " in finding["detail"] for each in finding["values"])
            said = (finding["detail"], "" if told else _values(finding["values"]))
            of_reason = counts.setdefault(finding["reason"], {})
            of_reason[said] = of_reason.get(said, 0) + finding["sockets"]
    lines = [first["why"]] if first["why"] else []
    for of_reason in counts.values():
        detail, values = max(of_reason, key=lambda said: of_reason[said])
        lines += filter(None, (detail, values))
    return lines


def _values(values: t.Sequence[Said]) -> str:
    return ", ".join(
        f"{each['option']} {_shown(each['found'])} instead of {_shown(each['expected'])}" for each in values
    )


def _shown(value: t.Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "unknown" if value is None else str(value)
