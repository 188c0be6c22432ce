# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents of runs over fleets that are made up."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, RunSeen, document_of

from .audit_answers import COUNTS, NOBODYS, NOTHING_CUT, group

Facts = t.Dict[str, t.Any]

RUN = RunSeen("enable", "2026-11-27T08:00:00Z", "2026-11-27T08:02:30Z", collection="0.1.0", ansible="2.19.1")
RIGHT: Facts = {
    "ok": True, "state": "running", "elsewhere": [], "relevant": 4, "compliant": 4, "noncompliant": 0, "unknown": 0,
    "reasons": {},
}  # fmt: skip
STALE: Facts = {**RIGHT, "ok": False, "compliant": 1, "noncompliant": 3, "reasons": {"stale_environment": 3}}
ACCEPTED: Facts = {**RIGHT, "compliant": 2, "noncompliant": 2, "reasons": {"overridden_by_application": 2}}
STOPPED: Facts = {**RIGHT, "state": "stopped", "relevant": 0, "compliant": 0}
EXPECTED: Facts = {
    "name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60, "user_timeout": -1}, "accept": [],
    "min_sockets": 0, "live": False, "respect": False, "overwrite": False, "if_present": False,
}  # fmt: skip


def socket(unit: str, reason: str = "stale_environment", found: t.Any = 7200, **others: t.Any) -> Facts:
    """A socket as socket_options_info tells of it."""
    wrong = [{"option": "keepidle", "value": found, "expected": 60}]
    return {
        "unit": unit, "reason": reason, "detail": "keepidle was 7200 when it was started", "relevant": True,
        "direction": "outgoing", "wrong": wrong, **others,
    }  # fmt: skip


def host(units: t.Mapping[str, Facts], sockets: t.Sequence[Facts] = (), **others: t.Any) -> HostSeen:
    """A host on which the sockets were read at the end."""
    told: Facts = {
        "state": "done", "measured": "at_end", "answer": {"units": units, "sockets": list(sockets)},
        "expected": dict.fromkeys(units, EXPECTED),
    }  # fmt: skip
    return HostSeen(**{**told, **others})


def audited(connections: int = 9, right: int = 9, **counts: int) -> Facts:
    """What an audit says of a host."""
    return {
        "idle_timeout": 350, "totals": {**COUNTS, "connections": connections, "right": right, **counts},
        "left_out": {"local": 0, "recent": 0, "ansible": 0}, "groups": [], "groups_total": 0,
        "groups_cut": NOTHING_CUT, "unowned": NOBODYS, "unreadable": {"processes": 0, "why": ""},
        "recommended": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4},
    }  # fmt: skip


def _audit(index: int) -> Facts:
    program = Program("/usr/bin/psql", unit="reporter.service")
    found = [group(program, "outgoing", connections=2, without=2)] if index % 20 == 5 else []
    return {**audited(9, 7 if found else 9, without=2 if found else 0), "groups": found, "groups_total": len(found)}


def fleet_of(number: int, kind: str = "enable") -> t.Dict[str, HostSeen]:
    """A fleet of so many hosts with four units each: most are right, and some of each kind are not."""
    hosts = {}
    for index in range(number):
        units = {
            "billing.service": STALE if index % 50 == 7 or index % 50 == 8 else RIGHT,
            "nginx.service": ACCEPTED if index % 10 == 3 else RIGHT,
            "redis-server.service": RIGHT,
            "worker@.service": STOPPED if index % 7 == 0 else RIGHT,
        }
        sockets = [socket("billing.service")] * 3 if units["billing.service"] is STALE else []
        name = f"web{index + 1:04}.example.com"
        if index % 100 == 42:
            hosts[name] = HostSeen(why=["could not be reached"])
        elif index % 200 == 99:
            why = ["nginx.service: did not stay up: failed (failed), result exit-code, exit status 3"]
            hosts[name] = HostSeen("failed", why, expected=dict.fromkeys(units, EXPECTED))
        else:
            did = {"changed": ["billing.service"], "restarted": ["billing.service"]} if kind == "enable" else {}
            hosts[name] = host(units, sockets, did=did, audit=_audit(index) if kind == "audit" else None)
    return hosts


def made_up(number: int, kind: str = "enable", **of_run: t.Any) -> Facts:
    """The document of a run over such a fleet."""
    return document_of(RUN._replace(kind=kind, **of_run), fleet_of(number, kind))
