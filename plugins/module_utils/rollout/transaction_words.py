# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a transaction in lines for people: what was seen, what was undone, what to do next."""

from __future__ import annotations

import typing as t

from .outcome import AS_BEFORE, INCOMPLETE, LOCKED, REFUSED, Outcome

_SETTINGS, _LINE, _LIBRARIES = "/etc/libkeepalive.conf", "the line in /etc/ld.so.preload", "the libraries"


def failure_lines(outcome: Outcome, host: str, removal: bool = False) -> t.List[str]:
    """Return the lines about a host that is not verified."""
    back = outcome["back"]
    still_new = back["still_new"]
    seen = [f"step that failed: {outcome['step']}", f"what was seen: {outcome['seen']}"]
    if outcome["state"] == INCOMPLETE:
        return [
            f"keepalive was taken away from {host}, but for what is said here",
            *seen,
            f"taken away: {', '.join(changed_things(outcome)) or 'nothing'}",
            f"restarted: {', '.join(outcome['restarted']) or 'none were restarted'}",
            "next: see to what is left, then run the playbook again, which takes that away",
        ]
    lines = [
        f"keepalive was not {'taken away from' if removal else 'rolled out on'} {host}; {_returned(outcome)}",
        *seen,
        f"drop-ins put back: {', '.join(back['written']) or 'none were changed'}",
        f"restarted with the old settings: {', '.join(back['restarted']) or 'none were restarted'}",
    ]
    if back["programs"]:
        lines.insert(4, f"programs put back: {', '.join(back['programs'])}")
    if back["host_wide"]:
        lines.insert(3, f"files put back: {', '.join(back['host_wide'])}")
    if still_new:
        lines.append(f"still with the new ones: {', '.join(still_new)}")
    return [*lines, f"open sockets put back: {_sockets(back)}", f"next: {_next(outcome)}"]


def remarks_of(outcome: Outcome, removal: bool = False) -> t.List[str]:
    """Return what is to be said of a host that is verified: what is left to others, and what was set."""
    foreseen = "would_restart" in outcome
    remarks = [*outcome["host_wide"]["notes"], *waiting_lines(outcome["host_wide"]["restart_due"])]
    if not (removal and foreseen):  # what they run without is to go
        remarks += [f"{unit}: {', '.join(why)}" for unit, why in outcome["restart_due"].items()]
    remarks += [
        f"{row['unit'] or row['program']}: process {row['pid']} ({row['program']}) {row['has']}, until its next start"
        for row in outcome["left"]
        if not row["blocks"] and row["by"] != "host"
    ]
    remarks += _of_programs(outcome["programs"], foreseen)
    counts = {} if foreseen else outcome["counts"]  # what would be changed says it
    if any(numbers.get("changed") for numbers in counts.values()):
        for unit, numbers in counts.items():
            others = {name: number for name, number in numbers.items() if name != "right" and number}
            if others:
                told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items() if number)
                remarks.append(f"{unit}: {told}")
    used_by = outcome["libraries"]["used_by"]
    if used_by:
        units = sorted({row["unit"] for row in used_by if row["unit"]})
        remarks.append(
            f"/usr/lib/libkeepalive stays: {len(used_by)} processes map a library of it until their next start, in "
            f"{', '.join(units) or 'no unit'}. No program loads it any more. Start those again, or the host, and run "
            "this playbook again to remove the folder"
        )
    return remarks


def _of_programs(programs: t.Mapping[str, t.Mapping[str, t.Any]], foreseen: bool) -> t.List[str]:
    """Say what was done with programs of the kernel, and who has a library besides."""
    lines = []
    for done in dict.fromkeys(one["done"] for one in (() if foreseen else programs.values())):
        lines.append(f"program {done}: {', '.join(name for name, one in programs.items() if one['done'] == done)}")
    return lines + [
        f"{name}: process {', '.join(map(str, one['library']))} keeps the library that it was started with, until its "
        "next start; until then both set the options, the program last"
        for name, one in programs.items()
        if one["library"]
    ]


def waiting_lines(rows: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[str]:
    """Say who takes part in the host-wide mode after the next start only, once for each reason."""
    by_reason: t.Dict[str, t.Set[str]] = {}
    for row in rows:
        by_reason.setdefault(row["why"], set()).add(row["unit"])
    return [
        f"{', '.join(sorted(filter(None, units))) or 'outside of units'}: {why}; until it is started again, by you or "
        "by 'restart: if_running' in an entry, it runs as before"
        for why, units in by_reason.items()
    ]


def changed_things(outcome: Outcome) -> t.List[str]:
    """Name all that was changed on a host, or in check mode would be: files and units."""
    host_wide = outcome["host_wide"]
    return [
        *([_LINE] if host_wide["line"] else []),
        *([_SETTINGS] if host_wide["settings"] else []),
        *outcome["written"],
        *(f"the program of {name}" for name in outcome["programs"]),
        *([_LIBRARIES] if outcome["libraries"]["removed"] else []),
    ]


def for_the_report(outcome: Outcome, removal: bool) -> t.Dict[str, t.Any]:
    """Return what the last screen says of a host that is verified; empty where a table says it."""
    if "would_restart" in outcome:
        would_set = {unit: numbers["changed"] for unit, numbers in outcome["counts"].items() if numbers.get("changed")}
        opened = [f"open sockets of {unit} ({number})" for unit, number in would_set.items()]
        return {"would_change": changed_things(outcome) + opened, "would_restart": list(outcome["would_restart"])}
    if not removal:
        return {}
    stays = [f"{unit} (until its next start)" for unit in outcome["restart_due"]]
    stays += [f"{_LIBRARIES} (processes still map them)"] if outcome["libraries"]["used_by"] else []
    return {"removed": changed_things(outcome), "restarted": list(outcome["restarted"]), "stays": stays}


def _returned(outcome: Outcome) -> str:
    back = outcome["back"]
    if outcome["state"] in (LOCKED, REFUSED):
        return "nothing was changed by this run"
    if back["host_wide_failed"]:
        failed = [back[f"{part}_failed"] for part in ("host_wide", "written", "restarted", "noted")]
        return f"THE HOST DOES NOT HAVE ALL THAT IT HAD BEFORE: {'; '.join(filter(None, failed))}"
    if back["written_failed"]:
        return f"THE HOST STILL HAS THE NEW DROP-INS, they could not be put back: {back['written_failed']}"
    noted = f", and that could not be noted: {back['noted_failed']}" if back["noted_failed"] else ""
    if back["programs_failed"]:
        return f"THE HOST STILL HAS NEW PROGRAMS of its units, they could not be put back: {back['programs_failed']}"
    if back["restarted_failed"]:
        return f"the host has its drop-ins from before, but with them too {back['restarted_failed']}{noted}"
    if outcome["state"] == AS_BEFORE:
        return "its services have what they had before"
    if back["sockets_failed"]:
        return f"its services have what they had before, but their open sockets have not{noted}"
    return f"its services have what they had before{noted}"


def _sockets(back: t.Mapping[str, t.Any]) -> str:
    if back["sockets_failed"]:
        return f"failed: {back['sockets_failed']}"
    counts = back["counts"]
    return ", ".join(f"{unit} {numbers['changed']}" for unit, numbers in counts.items()) or "none were changed"


def _next(outcome: Outcome) -> str:
    back = outcome["back"]
    if outcome["state"] == LOCKED:
        return "wait until that run has ended, then run the playbook again"
    if back["host_wide_failed"]:
        return "fix what keeps the host from going back, then run the playbook again"
    if back["written_failed"]:
        return "fix what keeps the drop-ins from being written, then run the playbook again, which puts them right"
    if outcome["host_wide"]["line"] or outcome["host_wide"]["settings"]:
        return "fix what was seen, then run the playbook again"
    return "fix the unit or take its entry out, then run the playbook again"
