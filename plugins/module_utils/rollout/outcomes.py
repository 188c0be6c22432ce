# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout came, for its last screen: which host, what was seen, what was undone, what to do next."""

from __future__ import annotations

import typing as t

from ..linux.printable import printable

HostOutcome = t.Mapping[str, t.Any]
"""V(state) (V(refused), V(failed) or V(done)) and V(seen), in lines; empty where the host was not begun."""

_MOST_NAMES = 10


def by_state(
    outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str]
) -> t.Dict[str, t.List[str]]:
    """Sort the hosts: a host that cannot be reached is V(unreachable), whatever was known of it before."""
    found: t.Dict[str, t.List[str]] = {"refused": [], "failed": [], "unreachable": [], "done": [], "not begun": []}
    for host, outcome in outcomes.items():
        state = "unreachable" if host in unreachable else (outcome or {}).get("state", "not begun")
        found[state].append(host)
    return found


def trouble(outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str]) -> t.List[str]:
    """Return the lines about every host that is not as it should be, and what to do; none where all are."""
    return [printable(line) for line in _trouble(outcomes, unreachable)]


def _trouble(outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str]) -> t.List[str]:
    hosts = by_state(outcomes, unreachable)
    lines: t.List[str] = []
    for state in ("refused", "failed"):
        for host in hosts[state]:
            seen = (str((outcomes[host] or {}).get("seen", "")).strip("\n") or "no reason was given").split("\n")
            lines += [f"{state.upper()} {host}", *(f"    {line}" for line in seen), ""]
    preflight = not any((outcome or {}).get("state") in ("failed", "done") for outcome in outcomes.values())
    for host in hosts["unreachable"]:
        lines += [f"UNREACHABLE {host}", f"    {_of_unreachable(outcomes[host], preflight)}", ""]
    if not lines:
        return []
    if preflight:
        lines.append(f"Nothing was changed on any of the {len(outcomes)} hosts.")
        lines.append("Next: fix what is named above, or leave those hosts out with --limit; then run again.")
        return lines
    lines.append(f"Done: {_named(hosts['done'])}. Not begun, and as before: {_named(hosts['not begun'])}.")
    lines.append("Next: fix what is named above, then run the same again; what is done already is left as it is.")
    return lines


def _of_unreachable(outcome: t.Optional[HostOutcome], preflight: bool) -> str:
    if preflight:
        return "could not be reached"
    if (outcome or {}).get("state") == "done":
        return "went away after it was done and verified"
    return (
        "went away in the middle: what it runs with is not known. When it is back, run again: what the processes show "
        "decides what is left to do, and what the host had before is kept there for the way back"
    )


def _named(hosts: t.Sequence[str]) -> str:
    if not hosts:
        return "none"
    more = f" and {len(hosts) - _MOST_NAMES} more" if len(hosts) > _MOST_NAMES else ""
    return ", ".join(hosts[:_MOST_NAMES]) + more
