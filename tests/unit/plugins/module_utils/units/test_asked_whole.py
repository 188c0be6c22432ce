# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is made of systemd's answer about one unit."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit, askable, unit_from

NOTHING_SAID = {"keepalive": None, "keepidle": None, "keepintvl": None, "keepcnt": None, "defer_accept": None}


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("a.service", None, AskedUnit("a.service", ("a.service",), None, None, (), {}, ())),
        ("w@.service", None, AskedUnit("w@.service", ("w@*.service",), None, None, (), {}, ())),
        ("a.socket", None, AskedUnit("a.socket", ("a.socket",), None, None, (), {}, ())),
        ("a.service", {}, AskedUnit("a.service", ("a.service",), None, False, (), {}, ())),
        ("a.service", {"Id": ""}, AskedUnit("a.service", ("a.service",), None, False, (), {}, ())),
        (
            "alias.service",
            {
                "Id": "a.service",
                "LoadState": "loaded",
                "ActiveState": "active",
                "KeepAlive": "yes",
                "Accept": "yes",
                "Triggers": "b.service",
                "TriggeredBy": "a.path a.socket a.timer b.socket",
            },
            AskedUnit("alias.service", ("a.service",), "loaded", True, (), {}, ("a.socket", "b.socket")),
        ),
        (
            "a.socket",
            {
                "Id": "a.socket",
                "LoadState": "loaded",
                "ActiveState": "inactive",
                "Triggers": "a.service b.service",
                "Listen": "[::]:7777 (Stream)",
                "Accept": "no",
                "KeepAlive": "yes",
                "KeepAliveProbes": "3",
            },
            AskedUnit(
                "a.socket",
                ("a.service", "b.service"),
                "loaded",
                False,
                (("::", 7777),),
                {**NOTHING_SAID, "keepalive": 1, "keepcnt": 3},
                (),
            ),
        ),
        (
            "alias.socket",
            {"Id": "a.socket", "Accept": "yes"},
            AskedUnit("alias.socket", ("a@*.service",), None, False, (), NOTHING_SAID, ()),
        ),
        ("a.socket", {}, AskedUnit("a.socket", (), None, False, (), NOTHING_SAID, ())),
    ],
)
def test_a_unit_is_what_systemd_says_of_it(
    name: str, properties: t.Optional[t.Dict[str, str]], expected: AskedUnit
) -> None:
    assert unit_from(name, properties) == expected


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("active", True),
        ("reloading", True),
        ("deactivating", True),
        ("activating", True),
        ("inactive", False),
        ("failed", False),
        ("", False),
    ],
)
def test_a_unit_may_have_processes_on_its_way_up_and_down(state: str, there: bool) -> None:
    """A job that runs for hours is "activating" all the time."""
    assert unit_from("a.service", {"ActiveState": state}).may_have_processes is there


def test_whose_listeners_and_processes_are_a_units() -> None:
    unit = AskedUnit("a.socket", ("a.service", "w@*.service"), None, None, (("::", 80),), {})
    assert unit.is_socket is True
    assert AskedUnit("a.service", (), None, None, (), {}).is_socket is False
    assert [unit.listens_on(address) for address in (("::", 80), ("::", 81), ("0.0.0.0", 80))] == [True, False, False]
    names = ("a.service", "w@1.service", "b.service", "")
    assert [unit.holds(name) for name in names] == [True, True, False, False]
    assert AskedUnit("*", ("*",), None, None, (), {}).holds("") is False, "who is in no unit is in none of these"


@pytest.mark.parametrize("name", ["w@.service", "a*.service", "a?.service", "[ab].service", "*"])
def test_what_names_no_single_unit_is_not_asked_for(name: str) -> None:
    assert askable(["b.service", name, "a@b.service"]) == ["b.service", "a@b.service"]
