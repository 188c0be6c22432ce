# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are restarted, by policy, by what their processes show, and by what was asked for."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.due import due_units
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit

CHANGES = "its drop-in changes"
FAILED = "it ran when an earlier run that did not come to its end changed its drop-in, and has failed since"
STOPPED = "it was stopped in the middle of its restart"
ASKED = "this was asked for"


def unit(name: str, state: str = "active", stale: t.Sequence[str] = ()) -> Unit:
    return Unit(name, {"ActiveState": state}, None, list(stale))


CASES: t.Dict[str, t.Tuple[t.Dict[str, t.Any], Unit, t.List[str], t.List[str]]] = {
    "right": ({}, unit("a.service"), [], []),
    "stale": ({}, unit("a.service", stale=["x", "y"]), ["restart a.service: x; y"], []),
    "stale, by its policy only said": (
        {"policies": {"a.service": "never"}}, unit("a.service", stale=["x"]), [], ["x"]),
    "stale, to be reloaded": (
        {"policies": {"a.service": "reload_then_verify"}}, unit("a.service", stale=["x"]),
        ["reload a.service: x"], []),
    "stale, an instance by its template's policy": (
        {"policies": {"w@.service": "never"}}, unit("w@1.service", stale=["x"]), [], ["x"]),
    "stale, an instance by its own policy": (
        {"policies": {"w@.service": "never", "w@1.service": "if_running"}}, unit("w@1.service", stale=["x"]),
        ["restart w@1.service: x"], []),
    "to be changed": ({"assumed": ["a.service"]}, unit("a.service"), [f"restart a.service: {CHANGES}"], []),
    "to be changed, by its template": (
        {"assumed": ["w@.service"]}, unit("w@1.service"), [f"restart w@1.service: {CHANGES}"], []),
    "to be changed, and not running": ({"assumed": ["a.service"]}, unit("a.service", "inactive"), [], []),
    "to be changed, and stale": (
        {"assumed": ["a.service"]}, unit("a.service", stale=["x"]), ["restart a.service: x"], []),
    "to be changed, by its policy only said": (
        {"assumed": ["a.service"], "policies": {"a.service": "never"}}, unit("a.service"), [], [CHANGES]),
    "its library to be replaced": (
        {"replaced": ["/l.so"]}, unit("a.service")._replace(libraries=("/k.so", "/l.so")),
        ["restart a.service: maps a /l.so, which is going to be replaced"], []),
    "its library to be replaced, and its drop-in to be changed": (
        {"replaced": ["/l.so"], "assumed": ["a.service"]}, unit("a.service")._replace(libraries=("/l.so",)),
        [f"restart a.service: {CHANGES}"], []),
    "its library to be replaced, by its policy only said": (
        {"replaced": ["/l.so"], "policies": {"a.service": "never"}}, unit("a.service")._replace(libraries=("/l.so",)),
        [], ["maps a /l.so, which is going to be replaced"]),
    "its library to be replaced, and to have a program instead": (
        {"replaced": ["/l.so"], "spared": ["a.service"]}, unit("a.service")._replace(libraries=("/l.so",)), [], []),
    "another library to be replaced": (
        {"replaced": ["/l.so"]}, unit("a.service")._replace(libraries=("/k.so",)), [], []),
    "to have a program, stale by its library": (
        {"assumed": ["a.service"], "spared": ["a.service"]}, unit("a.service", stale=["x"]), [], []),
    "to have a program, by its template": ({"assumed": ["w@.service"], "spared": ["w@.service"]},
                                           unit("w@1.service", stale=["x"]), [], []),
    "to have a program, forced": (
        {"forced": ["a.service"], "spared": ["a.service"]}, unit("a.service"), [f"restart a.service: {ASKED}"], []),
    "to lose its drop-in, by which it had a program": (
        {"assumed": ["a.service"], "going": ["a.service"]}, unit("a.service")._replace(by_program=True), [], []),
    "to lose its drop-in, by which it had a program, as its template says": (
        {"assumed": ["w@.service"], "going": ["w@.service"]}, unit("w@1.service")._replace(by_program=True), [], []),
    "to lose its drop-in, by which it had a library": (
        {"assumed": ["a.service"], "going": ["a.service"]}, unit("a.service"), [f"restart a.service: {CHANGES}"], []),
    "to have a library instead of its program": (
        {"assumed": ["a.service"]}, unit("a.service")._replace(by_program=True),
        [f"restart a.service: {CHANGES}"], []),
    "failed in an earlier run": (
        {"ran": ["a.service"]}, unit("a.service", "failed"), [f"restart a.service: {FAILED}"], []),
    "failed in an earlier run, by its template": (
        {"ran": ["w@.service"]}, unit("w@1.service", "failed"), [f"restart w@1.service: {FAILED}"], []),
    "failed by itself": ({"ran": ["b.service"]}, unit("a.service", "failed"), [], []),
    "stopped since an earlier run": ({"ran": ["a.service"]}, unit("a.service", "inactive"), [], []),
    "stopped by us": (
        {"ran": ["a.service"], "down": ["a.service"]}, unit("a.service", "inactive"),
        [f"restart a.service: {STOPPED}"], []),
    "runs, and would have been started": ({"ran": ["a.service"], "down": ["a.service"]}, unit("a.service"), [], []),
    "runs since an earlier run": ({"ran": ["a.service"]}, unit("a.service"), [], []),
    "forced": ({"forced": ["a.service"]}, unit("a.service", "inactive", ["x"]), [f"restart a.service: {ASKED}"], []),
    "forced, whatever its policy": (
        {"forced": ["a.service"], "policies": {"a.service": "never"}}, unit("a.service"),
        [f"restart a.service: {ASKED}"], []),
    "forced, to be reloaded": (
        {"forced": ["a.service"], "policies": {"a.service": "reload_then_verify"}}, unit("a.service"),
        [f"reload a.service: {ASKED}"], []),
    "forced, to be reloaded where it does not run": (
        {"forced": ["a.service"], "policies": {"a.service": "reload_then_verify"}}, unit("a.service", "inactive"),
        [f"restart a.service: {ASKED}"], []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_unit(case: str) -> None:
    arguments, one, expected, reported = CASES[case]
    due, said = due_units([one], **{"policies": {}, **arguments})
    assert [str(unit) for unit in due] == expected
    assert said == ({one.name: reported} if reported else {})
    assert [unit.forced for unit in due] == [ASKED in line for line in expected]


def test_the_order_stays_and_what_is_known_of_a_unit_is_not_changed() -> None:
    units = [unit("b.service", stale=["x"]), unit("a.service"), unit("c.service", stale=["y"])]
    due, said = due_units(units, {}, assumed=["a.service"])
    assert ([one.unit.name for one in due], said) == (["b.service", "a.service", "c.service"], {})
    assert units[1].stale == [], "the reason is the plan's, not the unit's"
