# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which finding is OK, WARNING, CRITICAL or UNKNOWN; and what the plugin, the metrics and the facts make of it."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.facts import facts_text
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    HostFound,
    UnitFound,
    unit_found,
)
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.metrics import METRICS, metrics_text
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.plugin import failed_lines, plugin_lines
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.version import VERSION
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.summary import (
    ProgramsFound,
    ProgramWrong,
    summarize,
)

RIGHT = Verdict(relevant=True, compliant=True)
UNREADABLE = Verdict(relevant=True, reason="unreadable", candidates=("unreadable",))
RUNS = {"Id": "a.service", "LoadState": "loaded", "ActiveState": "active"}


def wrong(*candidates: str) -> Verdict:
    reason = candidates[0] if len(candidates) == 1 else "undetermined"
    return Verdict(relevant=True, compliant=False, reason=reason, candidates=candidates)


def found(*verdicts: Verdict, **more: t.Any) -> UnitFound:
    expectation = Expectation(
        "a.service", frozenset(("connect",)), {}, frozenset(more.pop("accept", ())), more.pop("min_sockets", 0)
    )
    unit = unit_from("a.service", more.pop("properties", RUNS))
    programs = ProgramsFound((), [ProgramWrong("a.service", one[0], one, "") for one in more.pop("programs", ())])
    summary = summarize(
        verdicts, more.pop("pids", [9]), more.pop("hidden", []), unit, expectation, 0, programs=programs, **more
    )
    return unit_found("a.service", summary, verdicts, expectation)


@pytest.mark.parametrize(
    ("unit", "state", "why"),
    [
        (found(RIGHT), OK, ""),
        (found(), OK, ""),
        (found(pids=[]), OK, ""),
        (found(RIGHT, wrong("overridden_by_application"), accept=["overridden_by_application"]), OK, ""),
        (found(UNREADABLE, accept=["unreadable"]), OK, ""),
        (found(wrong("stale_environment")), WARNING, "1 of 1 sockets wrong; stale_environment x 1"),
        (found(wrong("stale_environment", "opened_before_preload")), WARNING,
         "1 of 1 sockets wrong; undetermined x 1"),
        (found(wrong("stale_environment", "overridden_by_application")), CRITICAL,
         "1 of 1 sockets wrong; undetermined x 1"),
        (found(RIGHT, min_sockets=2), WARNING, "1 sockets, of 2 at least"),
        (found(properties={"Id": "a.service", "LoadState": "not-found"}, pids=[]), WARNING,
         "there is a drop-in, and no such unit"),
        (found(RIGHT, wrong("library_not_loaded")), CRITICAL, "1 of 2 sockets wrong; library_not_loaded x 1"),
        (found(wrong("library_not_loaded"), UNREADABLE), CRITICAL,
         "1 of 2 sockets wrong; 1 of 2 sockets unknown; library_not_loaded x 1, unreadable x 1"),
        (found(wrong("stale_environment"), UNREADABLE), UNKNOWN,
         "1 of 2 sockets wrong; 1 of 2 sockets unknown; stale_environment x 1, unreadable x 1"),
        (found(hidden=[9]), UNKNOWN, "unreadable x 1; 1 process not readable"),
        (found(properties=None, pids=[]), UNKNOWN, "systemd says nothing of it"),
        (found(RIGHT, programs=[("program_not_attached",)]), CRITICAL, "program_not_attached x 1"),
        (found(RIGHT, programs=[("undetermined",)]), UNKNOWN, "undetermined x 1"),
        (found(RIGHT, programs=[("program_not_attached",)], accept=["program_not_attached"]), OK, ""),
        (found(RIGHT, programs=[("opened_before_attach",)]), WARNING, "opened_before_attach x 1"),
        (found(hidden=[8, 9]), UNKNOWN, "unreadable x 2; 2 processes not readable"),
        (found(hidden=[9], accept=["unreadable"]), OK, ""),
        (found(RIGHT, UNREADABLE), UNKNOWN, "1 of 2 sockets unknown; unreadable x 1"),
        (found(properties={**RUNS, "SubState": "auto-restart", "Result": "exit-code"}, pids=[]), CRITICAL,
         "it ends again and again"),
        (found(pids=[], elsewhere=["b.service", "c.service"]), WARNING,
         "its processes are those of b.service, c.service"),
        (found(RIGHT, Verdict(relevant=False, compliant=False)), OK, ""),
    ],
)  # fmt: skip
def test_what_a_unit_comes_to(unit: UnitFound, state: int, why: str) -> None:
    assert (unit.state, unit.why) == (state, why)


@pytest.mark.parametrize(
    "reason", ["stale_environment", "opened_before_preload", "opened_before_attach", "due_at_restart"]
)
def test_what_the_next_start_does_away_with_is_a_warning(reason: str) -> None:
    assert found(wrong(reason)).state == WARNING


@pytest.mark.parametrize(
    ("host", "state"),
    [
        (HostFound(), UNKNOWN),
        (HostFound([UnitFound("a", OK)]), OK),
        (HostFound([UnitFound("a", OK), UnitFound("b", WARNING)]), WARNING),
        (HostFound([UnitFound("a", WARNING), UnitFound("b", UNKNOWN)]), UNKNOWN),
        (HostFound([UnitFound("a", UNKNOWN), UnitFound("b", CRITICAL)]), CRITICAL),
        (HostFound([UnitFound("a", OK)], [(CRITICAL, "x")]), CRITICAL),
    ],
)
def test_a_host_is_as_its_worst_and_one_of_which_nothing_is_asked_is_not_right(host: HostFound, state: int) -> None:
    assert host.state == state


HOST = HostFound(
    [
        UnitFound("a.service", OK, "", True, {"right": 3, "accepted": 1, "wrong": 0, "unknown": 0}, {"unreadable": 1}),
        UnitFound("b.service", WARNING, "waits", True, {"right": 1, "accepted": 0, "wrong": 2, "unknown": 0}),
        UnitFound("c.service", CRITICAL, "why|\n\x1b", True, {"right": 0, "accepted": 0, "wrong": 1, "unknown": 0}),
        UnitFound('d"\\x2d.service', UNKNOWN, "dark"),
    ],
    [(UNKNOWN, "unread")],
)


def test_the_plugin_says_the_worst_first_and_nothing_raw() -> None:
    assert plugin_lines(HOST, 0.25) == [
        "KEEPALIVE CRITICAL - 1 problem of the host, 3 of 4 units not right, 4 of 8 sockets right, 1 accepted | "
        "units=4;;;0 units_wrong=2;0;;0 units_unknown=1;;;0 sockets_right=4;;;0 sockets_accepted=1;;;0 "
        "sockets_wrong=3;;;0 sockets_unknown=0;;;0 time=0.250s;;;0",
        "CRITICAL c.service: why/\\x0a\\x1b",
        'UNKNOWN d"\\x2d.service: dark',
        "UNKNOWN unread",
        "WARNING b.service: waits",
    ]
    assert plugin_lines(HostFound([UnitFound("a", OK, "", True, {"right": 1})]), 0)[0].startswith(
        "KEEPALIVE OK - 1 unit right, 1 of 1 sockets right | units=1;;;0 "
    )
    assert plugin_lines(HostFound(), 0)[0].startswith(
        "KEEPALIVE UNKNOWN - no unit here has a drop-in of this collection: nothing was compared | units=0;;;0 "
    )
    assert plugin_lines(HostFound(host_wide=True), 0)[0].startswith(
        "KEEPALIVE UNKNOWN - no unit or program is named: nothing was compared | units=0;;;0 "
    )
    assert plugin_lines(HostFound([], [(UNKNOWN, "unread")]), 0)[0].startswith("KEEPALIVE UNKNOWN - unread | ")
    two = [UnitFound("a", OK, "", True, {"right": 1}), UnitFound("b", OK, "", True, {"accepted": 2})]
    assert plugin_lines(HostFound(two), 0)[0].startswith(
        "KEEPALIVE OK - 2 units right, 1 of 3 sockets right, 2 accepted |"
    )
    assert plugin_lines(HostFound(two, [(CRITICAL, "x")]), 0)[0].startswith(
        "KEEPALIVE CRITICAL - 1 problem of the host, 0 of 2 units not right, 1 of 3 sockets right, 2 accepted |"
    )
    assert failed_lines("a|b\n") == ["KEEPALIVE UNKNOWN - a/b\\x0a"]


def values(text: str) -> t.Dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_the_metrics_say_what_is_known_and_of_the_unknown_nothing() -> None:
    said = values(metrics_text(HOST, 1700000000.1234, 0.2512))
    assert said["keepalive_check_duration_seconds"] == "0.251"
    assert said["keepalive_last_check_timestamp_seconds"] == "1700000000.123"
    assert {name: value for name, value in said.items() if name.startswith("keepalive_unit_compliant")} == {
        'keepalive_unit_compliant{unit="a.service"}': "1",
        'keepalive_unit_compliant{unit="b.service"}': "0",
        'keepalive_unit_compliant{unit="c.service"}': "0",
    }
    assert said['keepalive_unit_status{unit="d\\"\\\\x2d.service"}'] == "3"
    assert said['keepalive_sockets{unit="a.service",state="accepted"}'] == "1"
    assert said['keepalive_sockets_not_right{unit="a.service",reason="unreadable"}'] == "1"
    assert not any("d\\" in name for name in said if name.startswith(("keepalive_sockets", "keepalive_unit_running")))
    assert {name.partition("{")[0] for name in said} == set(METRICS)


def test_a_look_that_failed_leaves_nothing_that_looks_right() -> None:
    assert values(metrics_text(None, 1.0, 0.5)) == {
        f'keepalive_build_info{{version="{VERSION}"}}': "1",
        "keepalive_check_success": "0",
    }


def test_the_facts_are_json_without_anything_raw() -> None:
    facts = json.loads(facts_text(HOST, "", 0))
    assert facts["units"]["c.service"]["why"] == "why|\\x0a\\x1b"
    assert (facts["state"], facts["checked"], facts["version"]) == ("CRITICAL", "1970-01-01T00:00:00Z", VERSION)
    assert json.loads(facts_text(None, "no", 0)) == {
        "version": VERSION, "checked": "1970-01-01T00:00:00Z", "state": "UNKNOWN", "problems": ["no"],
        "host_wide": None, "units": {},
    }  # fmt: skip
