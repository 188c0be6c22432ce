# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run's document says of one unit on one host: what is expected of its sockets, and what was found."""

from __future__ import annotations

import typing as t

from ..linux.unit_names import template_of
from ..verdicts.report import why_no_sockets

Said = t.Mapping[str, t.Any]
Entry = t.Dict[str, t.Any]

VERDICTS = ("right", "accepted", "wrong", "idle", "no_data")
"""V(idle): it does not run, so nothing can be right or wrong; V(no_data): nobody could read its sockets."""

_EXPECTED = ("libraries", "tcp", "accept", "min_sockets")


def unit_entries(answer: Said, expected: t.Mapping[str, Said]) -> t.Dict[str, Entry]:
    """Return the units of a host by name.

    :param answer: What socket_options_info or a rollout says of the live sockets; empty where nobody could read them.
    :param expected: By unit, what is expected of its sockets; of what is not in it nothing is known.
    """
    found = answer.get("units", {})
    findings = _findings(answer.get("sockets", []), found)
    entries = {}
    for name in sorted({*found, *expected}):
        unit = found.get(name)
        if unit is None:
            entries[name] = _entry("no_data", name, expected.get(name))
        elif not (unit["ok"] and unit["state"] == "missing"):  # the host is as one for which it is not listed
            entries[name] = _of_found(unit, name, expected.get(name), findings.get(name, []))
    return entries


def _of_found(unit: Said, name: str, expected: t.Optional[Said], findings: t.List[Entry]) -> Entry:
    why = why_no_sockets(unit)
    if why:
        return {**_entry("idle" if unit["ok"] else "wrong", name, expected), "state": unit["state"], "why": why}
    reasons = dict(sorted(unit["reasons"].items()))
    verdict = "wrong" if not unit["ok"] else "accepted" if reasons else "right"
    return {
        **_entry(verdict, name, expected),
        "state": unit["state"],
        "why": "fewer sockets than min_sockets" if verdict == "wrong" and not reasons else "",
        "sockets": unit["relevant"],
        "right": unit["compliant"],
        "wrong": unit["noncompliant"],
        "unknown": unit["unknown"],
        "reasons": reasons,
        "found": findings,
    }


def _entry(verdict: str, name: str, expected: t.Optional[Said]) -> Entry:
    return {
        "verdict": verdict, "state": "unknown", "why": "",
        "backend": _backend(name, expected),
        "sockets": 0, "right": 0, "wrong": 0, "unknown": 0, "reasons": {},
        "expected": {key: expected[key] for key in _EXPECTED if key in expected} if expected else None,
        "found": [],
    }  # fmt: skip


def _backend(name: str, expected: t.Optional[Said]) -> str:
    """Return by what a unit gets its settings."""
    return "systemd" if name.endswith(".socket") else (expected or {}).get("backend") or "preload"


def _findings(sockets: t.Iterable[Said], units: t.Container[str]) -> t.Dict[str, t.List[Entry]]:
    """Bring those sockets of a unit together that are wrong in the same way, the most frequent first."""
    counts: t.Dict[str, t.Dict[str, Entry]] = {}
    for socket in sockets:
        name = socket["unit"] if socket["unit"] in units else template_of(socket["unit"]) or socket["unit"]
        if not socket["reason"] or not socket["relevant"] or name not in units:
            continue
        seen = {
            "unit": socket["unit"],
            "direction": socket["direction"],
            "reason": socket["reason"],
            "detail": socket["detail"] or "",
            "values": [
                {"option": each["option"], "expected": each["expected"], "found": each["value"]}
                for each in socket["wrong"]
            ],
        }
        alike = counts.setdefault(name, {}).setdefault(repr(seen), {**seen, "sockets": 0})
        alike["sockets"] += 1
    return {name: sorted(alike.values(), key=lambda each: -each["sockets"]) for name, alike in counts.items()}
