# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets that are wrong, and processes that may be why: a worker with the library, and all as it should be else."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import DropIn, HostPreload, ProcessFacts
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import ANY_KERNEL, Kernel, compare
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import causes
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Cause, Evidence

LIBRARY = "/usr/lib/libkeepalive/libkeepalive.so"
GOOD = {"LD_PRELOAD": LIBRARY, "TCP_KEEPIDLE": "60"}
WANTED = Expectation("a.service", frozenset(("connect",)), {"keepidle": 60, "user_timeout": 5000}, frozenset(), 0)
RIGHT = {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": 5000}


def elf(interpreter: t.Optional[str] = "/lib64/ld-linux-x86-64.so.2", go: bool = False) -> Elf:
    return Elf(64, "x86_64", False, True, interpreter, True, None, (), {}, go)


def facts(**changes: t.Any) -> ProcessFacts:
    normal = ProcessFacts("/usr/bin/worker", elf(), False, {LIBRARY: False}, {**GOOD, "TCP_USER_TIMEOUT": "5000"})
    return normal._replace(**changes)


def connection(protocol: str, state: str, direction: str, keepalive: bool, **options: t.Any) -> Record:
    own, peer, seen = ("192.0.2.1", 40000), ("192.0.2.9", 443), {**RIGHT, **options}
    return Record(1, "ipv4", protocol, state, own, peer, keepalive, seen, True, None, None, (), direction=direction)


def explain(
    process: ProcessFacts,
    evidence: t.Optional[Evidence] = None,
    expectation: Expectation = WANTED,
    keepalive: bool = True,
    protocol: str = "tcp",
    direction: str = "outgoing",
    kernel: Kernel = ANY_KERNEL,
    **options: t.Any,
) -> Cause:
    record = connection(protocol, "ESTABLISHED", direction, keepalive, **options)
    wrong = tuple(compare(record.subject(), expectation, kernel))
    assert wrong
    return causes.explain(Case(record, wrong, expectation, process, evidence or Evidence(), kernel))


PATH = "/etc/systemd/system/a.service.d/zz-keepalive.conf"
DROP_IN = DropIn(PATH, {**GOOD, "TCP_USER_TIMEOUT": "5000"}, {PATH: "[Service]\n"})
BEFORE, AFTER = {"started": 999.0}, {"started": 1001.0}
ENTRIES = ("/usr/$LIB/libkeepalive/libkeepalive.so",)
HOST, NEW_HOST = HostPreload(ENTRIES, ENTRIES), HostPreload(ENTRIES, ())


def with_drop_in(**changes: t.Any) -> t.Dict[str, t.Any]:
    return {"evidence": Evidence(drop_in=DROP_IN._replace(**changes))}
