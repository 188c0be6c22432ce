# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says of a unit: its verdict, what was expected, and what was found, alike sockets as one."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.units import Said, unit_entries
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    EXPECTED,
    RIGHT,
    STALE,
    STOPPED,
    socket,
)

NOTHING = {"verdict": "no_data", "state": "unknown", "why": "", "backend": "preload", "sockets": 0, "right": 0,
           "wrong": 0, "unknown": 0, "reasons": {}, "expected": None, "found": []}  # fmt: skip
OF_EXPECTED = {"libraries": ["connect"], "tcp": {"keepidle": 60, "user_timeout": -1}, "accept": [], "min_sockets": 0}


@pytest.mark.parametrize(
    ("unit", "verdict", "why"),
    [
        (RIGHT, "right", ""),
        (ACCEPTED, "accepted", ""),
        (STALE, "wrong", ""),
        ({**RIGHT, "ok": False}, "wrong", "fewer sockets than min_sockets"),
        (STOPPED, "idle", "not running"),
        ({**STOPPED, "ok": False, "state": "missing"}, "wrong", "there is no such unit"),
        ({**STOPPED, "ok": False, "elsewhere": ["b.service"]}, "wrong", "not running: b.service has one"),
    ],
)
def test_the_verdict_is_that_of_the_table(unit: Said, verdict: str, why: str) -> None:
    entry = unit_entries({"units": {"a.service": unit}}, {})["a.service"]
    assert (entry["verdict"], entry["why"]) == (verdict, why)


def test_a_unit_that_may_be_missing_and_is_has_no_entry() -> None:
    assert unit_entries({"units": {"a.service": {**STOPPED, "state": "missing"}}}, {"a.service": EXPECTED}) == {}


def test_a_unit_that_nobody_could_read_is_no_data() -> None:
    assert unit_entries({}, {"a.service": EXPECTED}) == {"a.service": {**NOTHING, "expected": OF_EXPECTED}}


def test_all_that_is_said_of_one_that_is_wrong() -> None:
    other = socket("a.service", found=15)
    answer = {
        "units": {"a.service": STALE},
        "sockets": [
            other,
            socket("a.service"),
            socket("a.service"),
            socket("a.service", relevant=False),
            socket("z.service"),
        ],
    }
    finding = {
        "unit": "a.service", "direction": "outgoing", "reason": "stale_environment",
        "detail": "keepidle was 7200 when it was started",
        "values": [{"option": "keepidle", "expected": 60, "found": 7200}], "sockets": 2,
    }  # fmt: skip
    assert unit_entries(answer, {"a.service": EXPECTED}) == {
        "a.service": {
            "verdict": "wrong", "state": "running", "why": "", "backend": "preload", "sockets": 4, "right": 1,
            "wrong": 3, "unknown": 0, "reasons": {"stale_environment": 3}, "expected": OF_EXPECTED,
            "found": [finding, {**finding, "values": [{"option": "keepidle", "expected": 60, "found": 15}],
                                "sockets": 1}],
        }
    }  # fmt: skip


def test_sockets_of_an_instance_are_found_with_its_template() -> None:
    answer = {"units": {"w@.service": STALE}, "sockets": [socket("w@one.service")]}
    assert [each["unit"] for each in unit_entries(answer, {})["w@.service"]["found"]] == ["w@one.service"]


def test_by_what_a_unit_has_its_settings() -> None:
    expected = {"a.socket": EXPECTED, "b.service": {**EXPECTED, "backend": "bpf"}, "c.service": EXPECTED}
    assert [each["backend"] for each in unit_entries({}, expected).values()] == ["systemd", "bpf", "preload"]
