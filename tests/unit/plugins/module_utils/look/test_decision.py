# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is due on a host: each thing that a rollout would do there, alone and whole, and nothing where all is right."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look.decision import (
    Aim,
    left_to_the_operator,
    trouble_with,
    what_is_due,
)

UNIT: t.Dict[str, t.Any] = {"drop_in_sha256": "aa", "stale": {}, "overruled": [], "need_daemon_reload": False}
FOUND: t.Dict[str, t.Any] = {
    "units": {"web.service": UNIT, "old.service": {**UNIT, "drop_in_sha256": None}},
    "dropins": ["web.service"],
    "unfinished": [],
    "library_users": [],
    "host_wide": {"entries": [], "settings": False},
}
WANTED = {"web.service": "aa"}
RIGHT = {"ok": True, "reasons": {}, "relevant": 2, "compliant": 2}
AIM = Aim([{"name": "web.service", "restart": "if_running"}], [{"name": "old.service", "restart": "if_running"}])


def found(
    unit: t.Optional[t.Mapping[str, t.Any]] = None, name: str = "web.service", **more: t.Any
) -> t.Dict[str, t.Any]:
    """Return what a host tells on which nothing is due, but for this."""
    told = {**copy.deepcopy(FOUND), **more}
    told["units"][name].update(unit or {})
    return told


def due(aim: Aim = AIM, told: t.Optional[t.Dict[str, t.Any]] = None, **more: t.Any) -> t.List[str]:
    return what_is_due(aim, told or found(), more.pop("wanted", WANTED), **more)


def sockets(**unit: t.Any) -> t.Dict[str, t.Any]:
    return {"units": {"web.service": {**RIGHT, **unit}}}


def test_nothing_is_due_where_all_is_as_it_is_wanted() -> None:
    assert due(sockets=sockets()) == []
    assert due(Aim([]), wanted={}) == []


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (found({"drop_in_sha256": None}), ["drop-ins: web.service"]),
        (found({"drop_in_sha256": "bb"}), ["drop-ins: web.service"]),
        (found(dropins=["web.service", "old.service"]), ["drop-ins to take away: old.service"]),
        (found({"stale": {"web.service": ["x"]}}), ["restarts: web.service"]),
        (found({"stale": {"old.service": ["x"]}}, "old.service"), ["restarts: old.service"]),
        (found({"unattached": {"web@1.service": ["x"]}}), ["programs: web@1.service"]),
        (found({"need_daemon_reload": True}), ["systemd has yet to read the files: web.service"]),
        (found({"overruled": ["lost"]}), ["something else wins over the drop-in: web.service"]),
        (found(unfinished=["web.service"]), ["left by a run that did not come to its end: web.service"]),
        (found(host_wide={"entries": ["/l.so"], "settings": False}), ["the host-wide mode: /l.so"]),
        (found(host_wide={"entries": [], "settings": True}), ["the host-wide mode: settings"]),
        (
            found(library_users=[{"unit": "old.service", "loaded_by": "environment"}]),
            ["still with a library: old.service"],
        ),
    ],
)
def test_each_thing_that_is_not_is_due(told: t.Dict[str, t.Any], why: t.List[str]) -> None:
    assert due(told=told) == why


@pytest.mark.parametrize(
    "told",
    [
        found(unfinished=["other.service"]),
        found(dropins=["web.service", "other.service"]),
        found(library_users=[{"unit": "old.service", "loaded_by": "host"}]),
        found(library_users=[{"unit": "other.service", "loaded_by": "environment"}]),
    ],
)
def test_what_the_run_does_not_speak_of_is_left_alone(told: t.Dict[str, t.Any]) -> None:
    assert due(told=told) == []


def test_with_purge_it_speaks_of_every_unit_that_has_a_drop_in() -> None:
    told = found(dropins=["web.service", "other.service"], unfinished=["other.service"])
    assert due(AIM._replace(purge=True), told) == [
        "drop-ins to take away: other.service",
        "left by a run that did not come to its end: other.service",
    ]


def test_the_instances_of_a_template_count_as_its_units() -> None:
    aim = Aim([], [{"name": "w@.service", "restart": "if_running"}])
    told = found(library_users=[{"unit": "w@1.service", "loaded_by": "unknown"}])
    assert due(aim, told, wanted={}) == ["still with a library: w@1.service"]
    told["units"]["w@.service"] = {**UNIT, "stale": {"w@1.service": ["x"], "w@2.service": ["y"]}}
    assert "restarts: w@1.service, w@2.service" in due(aim, told, wanted={})


def test_a_restart_that_no_run_makes_is_not_due_but_left_to_the_operator() -> None:
    aim = AIM._replace(services=[{"name": "web.service", "restart": "never"}])
    told = found({"stale": {"web.service": ["has no library"]}})
    assert due(aim, told) == []
    assert left_to_the_operator(aim, told) == {"web.service": ["has no library"]}
    assert left_to_the_operator(AIM, told) == {}


def test_a_run_that_only_restarts_writes_nothing() -> None:
    aim = AIM._replace(deploy=False)
    assert due(aim, found({"drop_in_sha256": None}, dropins=["old.service"])) == []
    assert due(aim, found({"drop_in_sha256": None, "stale": {"web.service": ["x"]}})) == ["restarts: web.service"]


def test_the_libraries_are_due_for_what_is_wrong_with_them() -> None:
    assert due(libraries=["sources changed", "cc changed"]) == ["libraries: sources changed, cc changed"]


WRONG = sockets(ok=False, reasons={"stale_environment": 1}, compliant=1)


def test_sockets_that_are_wrong_are_waited_for() -> None:
    assert due(sockets=WRONG) == ["sockets that are wrong: web.service (stale_environment)"]
    assert due(sockets=sockets(ok=False)) == ["sockets that are wrong: web.service (fewer than min_sockets)"]
    assert trouble_with(WRONG["units"]) == ["web.service (stale_environment)"]


@pytest.mark.parametrize("change", [{"verify": False}, {"must_be_right": False}, {"check_mode": True}])
def test_but_not_where_nobody_would_wait_or_go_back_for_them(change: t.Dict[str, t.Any]) -> None:
    assert due(AIM._replace(**change), sockets=WRONG) == []


@pytest.mark.parametrize(
    ("entry", "unit", "is_due"),
    [
        ({}, {"compliant": 1, "reasons": {"library_not_loaded": 1}}, True),
        ({}, {"compliant": 1, "reasons": {"overridden_by_application": 1}}, False),
        ({"overwrite": True}, {"compliant": 1, "reasons": {"overridden_by_application": 1}}, True),
        ({"overwrite": True}, {"compliant": 1, "reasons": {"not_supported_by_protocol": 1}}, False),
        ({}, {"compliant": 0, "reasons": {"overridden_by_application": 1, "library_not_loaded": 1}}, True),
        ({}, {}, False),
    ],
)
def test_open_sockets_are_set_where_some_can_be_put_right(
    entry: t.Dict[str, t.Any], unit: t.Dict[str, t.Any], is_due: bool
) -> None:
    aim = AIM._replace(services=[{"name": "web.service", "live": True, **entry}])
    assert due(aim, sockets=sockets(**unit)) == (["open sockets: web.service"] if is_due else [])


def test_all_that_is_due_is_said_at_once() -> None:
    told = found({"drop_in_sha256": "bb", "stale": {"web.service": ["x"]}})
    assert due(told=told, libraries=["y"]) == ["libraries: y", "drop-ins: web.service", "restarts: web.service"]
