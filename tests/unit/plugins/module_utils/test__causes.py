# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each reason for its own evidence, and no reason where the evidence does not reach."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _causes as causes
from ansible_collections.netops.keepalive.plugins.module_utils._compliance import Expectation, Subject, compare
from ansible_collections.netops.keepalive.plugins.module_utils._elf import Elf

LIBRARY = "/usr/lib/libkeepalive/libkeepalive.so"
GOOD = {"LD_PRELOAD": LIBRARY, "TCP_KEEPIDLE": "60"}
WANTED = Expectation("a.service", frozenset(("connect",)), {"keepidle": 60, "user_timeout": 5000}, frozenset(), 0)
RIGHT = {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": 5000}


def elf(interpreter: t.Optional[str] = "/lib64/ld-linux-x86-64.so.2", go: bool = False) -> Elf:
    return Elf(64, "x86_64", False, True, interpreter, True, None, (), {}, go)


def facts(**changes: t.Any) -> causes.ProcessFacts:
    normal = causes.ProcessFacts(
        "/usr/bin/worker", elf(), False, {LIBRARY: False}, {**GOOD, "TCP_USER_TIMEOUT": "5000"}
    )
    return normal._replace(**changes)


def explain(
    process: causes.ProcessFacts,
    evidence: t.Optional[causes.Evidence] = None,
    expectation: Expectation = WANTED,
    keepalive: bool = True,
    protocol: str = "tcp",
    direction: str = "outgoing",
    **options: t.Any,
) -> causes.Cause:
    subject = Subject(protocol, "ESTABLISHED", direction, True, keepalive, {**RIGHT, **options})
    wrong = compare(subject, expectation)
    assert wrong
    return causes.explain(wrong, subject, expectation, process, evidence or causes.Evidence())


NOT_LOADED: t.Dict[str, t.Any] = {"mapped": {"/usr/lib/libc.so.6": False}}

CASES: t.List[t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any], str, t.Tuple[str, ...], str]] = [
    ({**NOT_LOADED, "elf": elf(None)}, {}, "static_executable", (), "statically linked"),
    ({"elf": elf(go=True)}, {}, "static_executable", (), "Go program"),
    ({**NOT_LOADED, "secure": True}, {}, "secure_exec", (), "AT_SECURE"),
    ({**NOT_LOADED, "environment": {"PATH": "/bin"}}, {}, "library_not_loaded", (), "has no LD_PRELOAD. It was"),
    ({**NOT_LOADED, "environment": {"LD_PRELOAD": "/x/jemalloc.so"}}, {}, "library_not_loaded", (), "/x/jemalloc.so"),
    (NOT_LOADED, {}, "library_not_loaded", (), "the file is missing"),
    ({**NOT_LOADED, "environment": None}, {}, "library_not_loaded", (), "does not show its environment"),
    ({**NOT_LOADED, "elf": elf("/lib/ld-musl-x86_64.so.1")}, {}, "library_not_loaded", (), "uses musl"),
    # started through the loader: the executable is ld.so, which names no interpreter itself
    ({**NOT_LOADED, "elf": elf(None), "program": "/lib64/ld-linux.so.2"}, {}, "library_not_loaded", (), "missing"),
    ({**NOT_LOADED, "elf": None}, {}, "library_not_loaded", (), "the file is missing"),
    ({"mapped": None}, {}, "undetermined",
     ("library_not_loaded", "overridden_by_application", "stale_environment"), "does not show what it has mapped"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "TCP_KEEPIDLE": "300"}}, {}, "stale_environment", (),
     "TCP_KEEPIDLE=300 where 60 is expected"),
    # no TCP_KEEPIDLE: the library's own default of 15 s is in force
    ({"environment": {"PATH": "/bin", "TCP_USER_TIMEOUT": "5000"}}, {"keepidle": 15}, "stale_environment", (),
     "no TCP_KEEPIDLE where 60"),
    # an invalid value is ignored by the library
    ({"environment": {"TCP_KEEPIDLE": "60s", "TCP_USER_TIMEOUT": "5000"}}, {"keepidle": 15}, "stale_environment", (),
     "TCP_KEEPIDLE=60s"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "TCP_KEEPIDLE": "99"}}, {}, "stale_environment",
     ("stale_environment", "overridden_by_application"), "TCP_KEEPIDLE=99"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "LIBKEEPALIVE_DISABLE": "1"}}, {}, "stale_environment",
     ("stale_environment", "overridden_by_application"), "LIBKEEPALIVE_DISABLE=1"),
    ({}, {}, "overridden_by_application", (), "keepidle is 300 instead of 60"),
    ({"mapped": {LIBRARY: True}}, {}, "overridden_by_application", (), "older version of the library"),
    ({}, {"keepalive": False}, "undetermined", ("overridden_by_application", "opened_before_preload"),
     "direct system call"),
    ({"environment": None}, {}, "undetermined", ("overridden_by_application", "stale_environment"),
     "overwritten its environment"),
    ({"environment": None}, {"evidence": causes.Evidence(witness=True)}, "overridden_by_application", (), "300"),
    ({}, {"evidence": causes.Evidence(older=True)}, "opened_before_preload", (), "handed over"),
    ({**NOT_LOADED, "elf": elf(None)}, {"evidence": causes.Evidence(older=True)}, "static_executable", (), "static"),
    (NOT_LOADED, {"evidence": causes.Evidence(inherited=True)}, "inherited_listener", (), ".socket unit"),
    ({}, {"protocol": "mptcp", "keepidle": 60, "user_timeout": None}, "not_supported_by_protocol", (),
     "MPTCP has no user_timeout"),
    # the option that MPTCP lacks is not all that is wrong
    ({}, {"protocol": "mptcp", "user_timeout": None}, "overridden_by_application", (), "user_timeout is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("process", "socket", "reason", "candidates", "detail"), CASES)
def test_the_reason_follows_from_the_evidence(
    process: t.Dict[str, t.Any], socket: t.Dict[str, t.Any], reason: str, candidates: t.Tuple[str, ...], detail: str
) -> None:
    cause = explain(facts(**process), **{"keepidle": 300, **socket})
    assert (cause.reason, cause.candidates) == (reason, candidates)
    assert detail in cause.detail


def test_one_of_two_libraries_is_enough() -> None:
    both = WANTED._replace(libraries=frozenset(("connect", "socket")))
    assert explain(facts(), expectation=both, keepidle=300).reason == "overridden_by_application"


SOCKET_UNIT = Expectation("a.socket", frozenset(), {"keepidle": 60, "keepcnt": 0}, frozenset(), 0)


@pytest.mark.parametrize(
    ("directives", "direction", "listener_right", "reason", "detail"),
    [
        ({"keepalive": 1, "keepidle": 0}, "listening", False, "stale_environment", "keepidle 0, expected 60"),
        ({"keepalive": 0, "keepidle": 60}, "accepted", False, "stale_environment", "KeepAlive=no"),
        ({"keepalive": 1, "keepidle": 60, "keepcnt": 5}, "listening", False, "undetermined", "restart a.socket"),
        ({"keepalive": 1, "keepidle": 60}, "accepted", False, "undetermined", "restart a.socket"),
        ({"keepalive": 1, "keepidle": 60}, "accepted", True, "undetermined", "The listener is right"),
        ({}, "listening", False, "undetermined", "restart a.socket"),
    ],
)
def test_of_a_socket_unit(
    directives: t.Dict[str, t.Optional[int]], direction: str, listener_right: bool, reason: str, detail: str
) -> None:
    state = "LISTEN" if direction == "listening" else "ESTABLISHED"
    subject = Subject("tcp", state, direction, True, True, {**RIGHT, "keepidle": 7200})
    wrong = compare(subject, SOCKET_UNIT)
    cause = causes.explain_systemd(wrong, subject, SOCKET_UNIT, directives, listener_right)
    assert cause.reason == reason
    assert detail in cause.detail
