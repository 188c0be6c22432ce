# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the audit of a host, as sockets_audit_info gives them."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program, advise
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.audit.report import render

VALUES = KeepaliveTimes(120, 30, 4)
COUNTS = dict.fromkeys(("connections", "right", "without", "slow", "tight", "unknown", "overdue", "listeners"), 0)


NOTHING_CUT = {"groups": 0, "connections": 0, "findings": 0, "listeners": 0, "whose": []}
NOBODYS = {"sockets": 0, "users": 0, "whose": []}


def group(program: Program, direction: str, /, wrong: bool = True, **settings: t.Any) -> t.Dict[str, t.Any]:
    plain: t.Dict[str, t.Any] = {
        **{name: count for name, count in COUNTS.items() if name != "listeners"},
        "unit": program.unit, "units": 1, "program": program.path, "script": program.script, "direction": direction,
        "user": None, "found_values_total": 0, "processes": 1,
        "longest_silence": None, "found_values": [], "peers": [], "peers_total": 0, "listeners": [],
        "listeners_total": 0, "advice": dict(advise(program, direction, VALUES)._asdict()) if wrong else None,
    }  # fmt: skip
    return {**plain, **settings}


def answer(*groups: t.Dict[str, t.Any], **totals: int) -> t.Dict[str, t.Any]:
    return {
        "idle_timeout": 350, "totals": {**COUNTS, **totals}, "left_out": {"local": 0, "recent": 0, "ansible": 0},
        "groups": list(groups), "groups_total": len(groups), "groups_cut": NOTHING_CUT, "unowned": NOBODYS,
        "unreadable": {"processes": 0, "why": ""},
    }  # fmt: skip


def text_of(answers: t.Dict[str, t.Any], table: bool = True, columns: int = 10_000) -> str:
    return "\n".join(line for line, _what in render(answers, table, columns)) + "\n"
