# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a transaction in lines for people: what was seen, what was undone, what to do next."""

from __future__ import annotations

import typing as t

from .transaction import AS_BEFORE, LOCKED, REFUSED, Outcome


def failure_lines(outcome: Outcome, host: str) -> t.List[str]:
    """Return the lines about a host that is not verified."""
    back = outcome["back"]
    still_new = back["still_new"]
    lines = [
        f"keepalive was not rolled out on {host}; {_returned(outcome)}",
        f"step that failed: {outcome['step']}",
        f"what was seen: {outcome['seen']}",
        f"drop-ins put back: {', '.join(back['written']) or 'none were changed'}",
        f"restarted with the old settings: {', '.join(back['restarted']) or 'none were restarted'}",
    ]
    if still_new:
        lines.append(f"still with the new ones: {', '.join(still_new)}")
    return [*lines, f"open sockets put back: {_sockets(back)}", f"next: {_next(outcome)}"]


def remarks_of(outcome: Outcome) -> t.List[str]:
    """Return what is to be said of a host that is verified: what is left to others, and what was set."""
    remarks = [f"{unit}: {', '.join(why)}" for unit, why in outcome["restart_due"].items()]
    counts = outcome["counts"]
    if any(numbers.get("changed") for numbers in counts.values()):
        for unit, numbers in counts.items():
            others = {name: number for name, number in numbers.items() if name != "right" and number}
            if others:
                told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items() if number)
                remarks.append(f"{unit}: {told}")
    return remarks


def _returned(outcome: Outcome) -> str:
    back = outcome["back"]
    if outcome["state"] in (LOCKED, REFUSED):
        return "nothing was changed by this run"
    if back["written_failed"]:
        return f"THE HOST STILL HAS THE NEW DROP-INS, they could not be put back: {back['written_failed']}"
    if back["restarted_failed"]:
        return f"the host has its drop-ins from before, but with them too {back['restarted_failed']}"
    if outcome["state"] == AS_BEFORE:
        return "its services have what they had before"
    if back["sockets_failed"]:
        return "its services have what they had before, but their open sockets have not"
    return f"its services have what they had before, and that could not be noted: {back['noted_failed']}"


def _sockets(back: t.Mapping[str, t.Any]) -> str:
    if back["sockets_failed"]:
        return f"failed: {back['sockets_failed']}"
    counts = back["counts"]
    return ", ".join(f"{unit} {numbers['changed']}" for unit, numbers in counts.items()) or "none were changed"


def _next(outcome: Outcome) -> str:
    if outcome["state"] == LOCKED:
        return "wait until that run has ended, then run the playbook again"
    if outcome["back"]["written_failed"]:
        return "fix what keeps the drop-ins from being written, then run the playbook again, which puts them right"
    return "fix the unit or take its entry out, then run the playbook again"
