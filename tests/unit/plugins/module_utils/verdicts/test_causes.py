# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each reason for its own evidence, and no reason where the evidence does not reach."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.settings_file import Settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import DUE_AT_START
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import compare
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import causes
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Evidence
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted
from ansible_collections.netops.keepalive.tests.unit.support.wrong_sockets import (
    AFTER,
    BEFORE,
    GOOD,
    HOST,
    LIBRARY,
    NEW_HOST,
    PATH,
    WANTED,
    connection,
    elf,
    explain,
    facts,
    with_drop_in,
)

NOT_LOADED: t.Dict[str, t.Any] = {"mapped": {"/usr/lib/libc.so.6": False}}
UNDONE: t.Dict[str, t.Any] = {**NOT_LOADED, "environment": {"PATH": "/bin"}}
BOTH = ("overridden_by_application", "opened_before_preload")

DERIVED = WANTED._replace(tcp={"keepidle": 60})
CHANGED: t.Dict[str, t.Any] = {"expectation": DERIVED, "keepintvl": 75, "keepcnt": 3}


@pytest.fixture(autouse=True)
def drop_in_came_into_force() -> None:
    noted(PATH, (0.0, None), (1000.0, "[Service]\n"))


def wide(at_start: t.Optional[t.Dict[str, int]] = None, **values: int) -> t.Dict[str, t.Any]:
    """A process that has the library and its values from the host's files, or had others there when it was started."""
    settings = {"TCP_KEEPIDLE": 60, "TCP_USER_TIMEOUT": 5000, **values}
    return {"environment": {"PATH": "/bin"}, "started": 1001.0, "host_preload": HOST,
            "settings": Settings(settings, settings if at_start is None else at_start)}  # fmt: skip


STALE_OR_NOT = ("stale_environment", "overridden_by_application", "opened_before_preload")
DROP_IN_EVIDENCE = with_drop_in()["evidence"]
OTHER = {**GOOD, "TCP_USER_TIMEOUT": "5000", "TCP_KEEPIDLE": "300"}

CASES: t.List[t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any], str, t.Tuple[str, ...], str]] = [
    ({**NOT_LOADED, "elf": elf(None)}, {}, "static_executable", (), "statically linked"),
    ({"elf": elf(go=True)}, {}, "static_executable", (), "Go program"),
    ({**NOT_LOADED, "secure": True}, {}, "secure_exec", (), "AT_SECURE"),
    ({**UNDONE, "secure": True}, {}, "secure_exec", (), "AT_SECURE"),
    (UNDONE, {}, "library_not_loaded", (), "has no LD_PRELOAD. It was not restarted since it was asked for, nothing"),
    ({**UNDONE, **BEFORE}, with_drop_in(), "library_not_loaded", (), "It was not restarted since /etc/systemd/"),
    ({**UNDONE, **AFTER}, with_drop_in(), "library_not_loaded", (), "EnvironmentFile=, UnsetEnvironment=, a later"),
    ({**UNDONE, **AFTER}, with_drop_in(environment={}), "library_not_loaded", (), "asks for none. Roll the entry out"),
    ({**NOT_LOADED, "environment": {"LD_PRELOAD": "/x/jemalloc.so"}}, {}, "library_not_loaded", (), "/x/jemalloc.so"),
    (NOT_LOADED, {}, "library_not_loaded", (), "in LD_PRELOAD, but it is missing, of another architecture"),
    ({**NOT_LOADED, "environment": None}, {}, "library_not_loaded", (), "does not show its environment"),
    ({**NOT_LOADED, "environment": None, **BEFORE}, with_drop_in(), "library_not_loaded", (), "Restart it."),
    ({**NOT_LOADED, "environment": None, **AFTER}, with_drop_in(), "library_not_loaded", (), "or the loader refused"),
    ({**UNDONE, **AFTER, "elf": elf("/lib/ld-musl-x86_64.so.1"), "host_preload": HOST}, {}, "library_not_loaded", (),
     "uses musl, which does not read /etc/ld.so.preload"),
    # started through the loader: the executable is ld.so, which names no interpreter itself
    ({**NOT_LOADED, "elf": elf(None), "program": "/lib64/ld-linux.so.2"}, {}, "library_not_loaded", (), "missing"),
    ({**NOT_LOADED, "elf": None}, {}, "library_not_loaded", (), "it is missing"),
    ({**UNDONE, "host_preload": NEW_HOST}, {}, "library_not_loaded", (), "before /etc/ld.so.preload named it"),
    # in that file the loader does not drop it
    ({**UNDONE, **AFTER, "host_preload": HOST, "secure": True}, {}, "library_not_loaded", (), "ld.so.preload, but it"),
    ({"mapped": None}, {}, "undetermined",
     ("library_not_loaded", "overridden_by_application", "stale_environment"), "does not show what it has mapped"),
    ({"environment": OTHER}, {}, "stale_environment", (), "goes by TCP_KEEPIDLE=300 where 60 is expected: restart it."),
    ({"environment": OTHER, **BEFORE}, with_drop_in(), "stale_environment", (),
     "goes by TCP_KEEPIDLE=300 where 60 is expected: it was started before /etc/systemd/system/a.service.d/"
     "zz-keepalive.conf, which says TCP_KEEPIDLE=60, was written; restart it."),
    # a restart would not mend what wins over the drop-in, nor one that says the same
    ({"environment": OTHER, **AFTER}, with_drop_in(), "overridden_by_configuration", (), "EnvironmentFile="),
    ({"environment": OTHER, **AFTER}, with_drop_in(environment=OTHER), "stale_environment", (), "roll the entry out"),
    # no TCP_KEEPIDLE: the library's own default of 15 s is in force
    ({"environment": {"PATH": "/bin", "TCP_USER_TIMEOUT": "5000"}}, {"keepidle": 15}, "stale_environment", (),
     "no TCP_KEEPIDLE where 60"),
    # an invalid value is ignored by the library
    ({"environment": {"TCP_KEEPIDLE": "60s", "TCP_USER_TIMEOUT": "5000"}}, {"keepidle": 15}, "stale_environment", (),
     "TCP_KEEPIDLE=60s"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "TCP_KEEPIDLE": "99"}}, {}, "stale_environment",
     ("stale_environment", "overridden_by_application"), "TCP_KEEPIDLE=99"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "LIBKEEPALIVE_DISABLE": "1"}}, {"keepalive": False},
     "overridden_by_configuration", (), "take LIBKEEPALIVE_DISABLE out of the unit's environment"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "LIBKEEPALIVE_DISABLE": "1"}}, {},
     "overridden_by_configuration", ("overridden_by_configuration", "overridden_by_application"), "DISABLE=1"),
    # the settings file is where the values are from: neither is the process stale nor the environment wrong
    (wide(), {}, "overridden_by_application", (), "keepidle is 300 instead of 60"),
    (wide(TCP_KEEPIDLE=300), {}, "overridden_by_configuration", (),
     "TCP_KEEPIDLE=300 from /etc/libkeepalive.conf where 60 is expected: correct /etc/libkeepalive.conf"),
    (wide({}), {}, "undetermined", ("stale_environment", "overridden_by_application"),
     "/etc/libkeepalive.conf was changed after the process was started"),
    ({**wide(LIBKEEPALIVE_DISABLE=1), "environment": GOOD}, {**with_drop_in(), "keepalive": False},
     "overridden_by_configuration", (), "LIBKEEPALIVE_DISABLE=1 from /etc/libkeepalive.conf"),
    # the environment wins over it, except where the loader does not trust it
    ({**wide({}, LIBKEEPALIVE_DISABLE=1),
      "environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "LIBKEEPALIVE_DISABLE": "0"}}, {},
     "overridden_by_application", (), "300"),
    ({**wide(), "environment": OTHER, "secure": True}, {}, "overridden_by_application", (), "300"),
    ({}, {}, "overridden_by_application", (), "keepidle is 300 instead of 60"),
    ({"mapped": {LIBRARY: True}}, {}, "overridden_by_application", (), "older version of the library"),
    ({"mapped": {"/usr/lib/x86_64-linux-gnu/libkeepalive/libkeepalive.so": False}}, {}, "overridden_by_application",
     (), "300"),
    # nothing of what the library sets is there: it may never have seen this socket
    ({}, {"user_timeout": 0, "keepintvl": 75}, "undetermined", BOTH, "nothing on the socket shows that it passed"),
    ({}, {"user_timeout": 0, "keepintvl": 75, "evidence": Evidence(through_right_listener=True)},
     "overridden_by_application", (), "300"),
    ({"environment": {**GOOD, "TCP_USER_TIMEOUT": "5000", "LIBKEEPALIVE_RESPECT": "1"}},
     {"user_timeout": 0, "keepintvl": 75}, "undetermined", BOTH, "LIBKEEPALIVE_RESPECT leaves such alone"),
    ({}, {"keepalive": False, "user_timeout": 0, "keepintvl": 75}, "undetermined", BOTH, "direct system call"),
    # a timeout derived from the library's own times, which the application has changed since
    ({"environment": {**GOOD, "TCP_KEEPINTVL": "20", "TCP_KEEPCNT": "5"}},
     {**CHANGED, "user_timeout": 160_000}, "overridden_by_application", (), "300"),
    ({"environment": {**GOOD, "TCP_KEEPINTVL": "0", "TCP_KEEPCNT": "5"}},
     {**CHANGED, "user_timeout": 435_000}, "overridden_by_application", (), "300"),
    # derived from those that are on the socket now: the library's would be another one
    ({"environment": {**GOOD, "TCP_KEEPINTVL": "20", "TCP_KEEPCNT": "5"}},
     {**CHANGED, "user_timeout": 525_000}, "undetermined", BOTH, "nothing on the socket shows"),
    # the library was there, so it was the application that turned keepalive off
    ({}, {"keepalive": False}, "overridden_by_application", (), "keepalive is off instead of on"),
    ({"environment": None}, {"user_timeout": 0}, "undetermined",
     ("overridden_by_application", "stale_environment", "opened_before_preload"), "overwritten its environment"),
    ({"environment": None, **AFTER}, {**with_drop_in(), "user_timeout": 0}, "undetermined",
     ("overridden_by_application", "overridden_by_configuration", "opened_before_preload"), "Nothing shows that"),
    ({"environment": None}, {}, "overridden_by_application", (), "300"),
    ({"environment": None}, {"evidence": Evidence(witness=True)}, "overridden_by_application", (), "300"),
    ({}, {"evidence": Evidence(older=True)}, "opened_before_preload", (), "handed over"),
    ({}, {"evidence": Evidence(handed_over=True)}, "opened_before_preload", (), "file descriptor store"),
    ({**NOT_LOADED, "elf": elf(None)}, {"evidence": Evidence(older=True)}, "static_executable", (), "static"),
    (NOT_LOADED, {"evidence": Evidence(inherited="systemd has it")}, "inherited_listener", (), "systemd has"),
    ({}, {"protocol": "mptcp", "keepidle": 60, "user_timeout": None}, "not_supported_by_protocol", (),
     "MPTCP has no user_timeout"),
    # the option that MPTCP lacks is not all that is wrong
    ({}, {"protocol": "mptcp", "user_timeout": None, "keepintvl": 15}, "overridden_by_application", (),
     "user_timeout is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("process", "socket", "reason", "candidates", "detail"), CASES)
def test_the_reason_follows_from_the_evidence(
    process: t.Dict[str, t.Any], socket: t.Dict[str, t.Any], reason: str, candidates: t.Tuple[str, ...], detail: str
) -> None:
    cause = explain(facts(**process), **{"keepidle": 300, **socket})
    assert (cause.reason, cause.candidates) == (reason, candidates)
    assert detail in cause.detail


@pytest.mark.parametrize(
    ("before", "socket", "reason", "candidates"),
    [
        ("TCP_KEEPIDLE=300 TCP_USER_TIMEOUT=5000", {}, "stale_environment", ()),
        ("TCP_KEEPIDLE=300 TCP_USER_TIMEOUT=4000", {"user_timeout": 4000}, "stale_environment", ()),
        ("TCP_KEEPIDLE=300 TCP_USER_TIMEOUT=4000", {"user_timeout": 5000}, "undetermined", STALE_OR_NOT),
        ("TCP_KEEPIDLE=301 TCP_USER_TIMEOUT=5000", {}, "undetermined", STALE_OR_NOT),
        ("LIBKEEPALIVE_DISABLE=1 TCP_KEEPIDLE=300 TCP_USER_TIMEOUT=5000", {}, "undetermined", STALE_OR_NOT),
        (None, {}, "undetermined", STALE_OR_NOT),
    ],
)
def test_who_is_older_than_its_drop_in_and_does_not_show_its_environment(
    before: t.Optional[str], socket: t.Dict[str, t.Any], reason: str, candidates: t.Tuple[str, ...]
) -> None:
    """As nginx with `restart: never` after a value was changed: the time tells before the values do."""
    noted(PATH, (0.0, before and f"[Service]\nEnvironment={before}\n"), (1000.0, "[Service]\n"))
    cause = explain(facts(environment=None, **BEFORE), DROP_IN_EVIDENCE, **{"keepidle": 300, **socket})
    assert (cause.reason, cause.candidates) == (reason, candidates)
    assert f"It was started before {PATH} was last changed: restart it. keepidle is 300 instead" in cause.detail


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
    record = connection("tcp", state, direction, True, keepidle=7200)
    evidence = Evidence(through_right_listener=listener_right, directives=directives)
    wrong = tuple(compare(record.subject(), SOCKET_UNIT))
    cause = causes.explain_systemd(Case(record, wrong, SOCKET_UNIT, evidence=evidence))
    assert cause.reason == reason
    assert detail in cause.detail


RIGHT_DIRECTIVES = {"keepalive": 1, "keepidle": 60}


@pytest.mark.parametrize(
    ("direction", "keepalive", "before", "reason"),
    [
        ("listening", True, True, "opened_before_preload"),
        ("listening", False, True, "opened_before_preload"),
        ("accepted", False, True, "opened_before_preload"),
        ("accepted", True, True, "undetermined"),  # the application has turned it on, and may have set the rest
        ("listening", True, False, "undetermined"),
    ],
)
def test_what_systemd_has_listened_on_since_before_the_drop_in_waits_for_a_restart(
    direction: str, keepalive: bool, before: bool, reason: str
) -> None:
    """So it counts as accepted where the restart is left to the operator."""
    record = connection(
        "tcp", "LISTEN" if direction == "listening" else "ESTABLISHED", direction, keepalive, keepidle=7200
    )
    evidence = Evidence(directives=RIGHT_DIRECTIVES, listens_since_before=before)
    wrong = tuple(compare(record.subject(), SOCKET_UNIT))
    cause = causes.explain_systemd(Case(record, wrong, SOCKET_UNIT, evidence=evidence))
    assert cause.reason == reason
    assert (cause.reason in DUE_AT_START) == (reason == "opened_before_preload")
