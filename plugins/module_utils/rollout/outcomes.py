# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout came, for its last screen: which host, what was seen, what was undone, what to do next."""

from __future__ import annotations

import typing as t

from ..linux.host_ranges import ranges
from ..linux.printable import printable

HostOutcome = t.Mapping[str, t.Any]
"""V(state) (V(refused), V(failed) or V(done)) and V(seen), in lines; empty where the host was not begun."""


def by_state(
    outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str]
) -> t.Dict[str, t.List[str]]:
    """Sort the hosts: a host that cannot be reached is V(unreachable), whatever was known of it before."""
    found: t.Dict[str, t.List[str]] = {"refused": [], "failed": [], "unreachable": [], "done": [], "not begun": []}
    for host, outcome in outcomes.items():
        state = "unreachable" if host in unreachable else (outcome or {}).get("state", "not begun")
        found[state].append(host)
    return found


def trouble(
    outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str], skip_unreachable: bool = False
) -> t.List[str]:
    """Return the lines about every host that is not as it should be, and what to do; none where all are.

    What several hosts have alike is one block; the blocks of the most hosts come first.

    :param skip_unreachable: Whether the others go on without those that cannot be reached.
    """
    return [printable(line) for line in _trouble(outcomes, unreachable, skip_unreachable)]


def _trouble(
    outcomes: t.Mapping[str, t.Optional[HostOutcome]], unreachable: t.Sequence[str], skip_unreachable: bool
) -> t.List[str]:
    hosts = by_state(outcomes, unreachable)
    preflight = not any((outcome or {}).get("state") in ("failed", "done") for outcome in outcomes.values())
    lines: t.List[str] = []
    for state in ("refused", "failed"):
        for seen, alike in _alike(hosts[state], lambda host: _seen(host, outcomes[host])):
            lines += [f"{state.upper()} {block_of(alike)}", *(f"    {line}" for line in seen.split("\n")), ""]
    for seen, alike in _alike(hosts["unreachable"], lambda host: of_unreachable(outcomes[host], preflight)):
        lines += [f"UNREACHABLE {block_of(alike)}", f"    {seen}", ""]
    if not lines:
        return []
    gone, wrong = hosts["unreachable"], hosts["refused"] + hosts["failed"]
    if preflight and not (skip_unreachable and not wrong):
        lines.append(f"Nothing was changed on any of the {len(outcomes)} hosts.")
        lines.append("Next: fix what is named above, or leave those hosts out with --limit; then run again.")
    else:
        lines.append(f"Done: {_named(hosts['done'])}. Not begun, and as before: {_named(hosts['not begun'])}.")
        lines.append("Next: fix what is named above, then run the same again; what is done already is left as it is.")
    if gone and preflight and not skip_unreachable:
        lines.append(f"Without what cannot be reached: {limit_without(gone)}")
        lines.append("Or let the run leave such hosts out by itself: -e keepalive_unreachable=skip")
    elif gone:
        lines.append(f"When they are back: {limit_to(gone)}")
    return lines


def limit_without(hosts: t.Sequence[str]) -> str:
    """Return the option, to copy, that leaves hosts out."""
    return f"--limit 'all:{':'.join('!' + host for host in hosts)}'"


def limit_to(hosts: t.Sequence[str]) -> str:
    """Return the option, to copy, that takes some hosts alone."""
    return f"--limit '{','.join(hosts)}'"


def _alike(hosts: t.Sequence[str], said_of: t.Callable[[str], str]) -> t.List[t.Tuple[str, t.List[str]]]:
    """Bring those together of whom the same is said; who are most come first, otherwise the order stays."""
    found: t.Dict[str, t.List[str]] = {}
    for host in hosts:
        found.setdefault(said_of(host), []).append(host)
    return sorted(found.items(), key=lambda each: -len(each[1]))


def _seen(host: str, outcome: t.Optional[HostOutcome]) -> str:
    """Return what was seen, without the host's own name where a sentence of ours has it, so that hosts can be alike."""
    seen = str((outcome or {}).get("seen", "")).strip("\n") or "no reason was given"
    return seen.replace(f"nothing was changed on {host}, because of:", "nothing was changed, because of:")


def block_of(hosts: t.Sequence[str]) -> str:
    """Return the heading of what is said of some hosts."""
    return hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts: {ranges(hosts)}"


def would_be_done(hosts: t.Mapping[str, HostOutcome], most: t.Optional[int] = None) -> t.List[str]:
    """Return the summary of a run in check mode: what would be changed and restarted, once for hosts that are alike.

    :param hosts: By host, C(would_change) and C(would_restart), each a list of words such as names of units.
    :param most: How many different blocks are shown; the others are counted.
    """
    lines, idle = _blocks(hosts, _FORESEEN, most)
    if idle:
        lines += [f"Nothing to do on {block_of(idle)}", ""]
    restarts = _number(hosts, "would_restart")
    busy = len(hosts) - len(idle)
    lines.append(f"Nothing was changed: this was a look. {busy} of {len(hosts)} hosts, {restarts} restarts.")
    return [printable(line) for line in lines]


def taken_away(hosts: t.Mapping[str, HostOutcome], most: t.Optional[int] = None) -> t.List[str]:
    """Return the last screen of a removal: what went, what was restarted, what stays; once for hosts that are alike.

    :param hosts: By host, C(removed), C(restarted) and C(stays), each a list of words.
    """
    lines, idle = _blocks(hosts, _TAKEN, most)
    if idle:
        lines += [f"{block_of(idle)}: there was nothing of this collection", ""]
    return [printable(line) for line in lines[:-1]]


def was_done(hosts: t.Mapping[str, HostOutcome], most: t.Optional[int] = None) -> t.List[str]:
    """Return what a rollout has changed and restarted, once for hosts that are alike.

    :param hosts: By host, C(changed), C(restarted) and C(set_open), each a list of words.
    """
    lines, idle = _blocks(hosts, _DONE, most)
    if not lines:
        return ["Nothing was to be done: nothing was changed, and nothing was restarted."]
    if idle:
        lines += [f"Nothing was to be done on {block_of(idle)}", ""]
    restarts = _number(hosts, "restarted")
    lines.append(f"Changed: {len(hosts) - len(idle)} of {len(hosts)} hosts, with {restarts} restarts.")
    return [printable(line) for line in lines]


def _number(hosts: t.Mapping[str, HostOutcome], key: str) -> int:
    return sum(len(outcome.get(key) or ()) for outcome in hosts.values())


def _blocks(
    hosts: t.Mapping[str, HostOutcome], words: t.Mapping[str, str], most: t.Optional[int]
) -> t.Tuple[t.List[str], t.List[str]]:
    """Return a block of lines for hosts of which the same is said, and the hosts of which nothing is."""
    idle = [host for host, outcome in hosts.items() if not any(outcome.get(key) for key in words)]
    without = set(idle)
    busy = [host for host in hosts if host not in without]

    def said_of(host: str) -> str:
        said = ((word, list(hosts[host].get(key) or ())) for key, word in words.items())
        return "\n".join(f"    {word}: {', '.join(items)}" for word, items in said if items)

    found = _alike(busy, said_of)
    lines: t.List[str] = []
    for said, alike in found[:most]:
        lines += [block_of(alike), *said.split("\n"), ""]
    left = [host for _said, alike in found[len(found[:most]) :] for host in alike]
    if left:
        lines += [f"And something else on {block_of(left)}: keepalive_report_table shows all", ""]
    return lines, idle


_FORESEEN = {"would_change": "would be changed", "would_restart": "would be restarted"}
_TAKEN = {"removed": "taken away", "restarted": "restarted", "stays": "stays"}
_DONE = {"changed": "changed", "restarted": "restarted", "set_open": "open sockets set"}


def how_it_ended(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[str]:
    """Return the screen of hosts whose outcomes say what would be done, or what was taken away; none of others."""
    would = {host: outcome for host, outcome in hosts.items() if _FORESEEN.keys() & outcome.keys()}
    taken = {host: outcome for host, outcome in hosts.items() if _TAKEN.keys() & outcome.keys()}
    return (would_be_done(would) if would else []) + (taken_away(taken) if taken else [])


def of_unreachable(outcome: t.Optional[HostOutcome], preflight: bool) -> str:
    """Return what is known of a host that could not be reached, or went away.

    :param preflight: Whether nothing has been begun on any host.
    """
    state = (outcome or {}).get("state")
    if preflight or (outcome or {}).get("left_out"):
        return "could not be reached"
    if state == "done":
        return "went away after it was done and verified"
    return (
        "went away in the middle: what it runs with is not known. When it is back, run again: what the processes show "
        "decides what is left to do, and what the host had before is kept there for the way back"
    )


def _named(hosts: t.Sequence[str]) -> str:
    return ranges(hosts) if hosts else "none"
