# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of sockets in brief says what the whole answer says."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look.brief import in_brief, in_full

RIGHT: t.Dict[str, t.Any] = {
    "ok": True, "state": "running", "elsewhere": [], "relevant": 3, "compliant": 3, "noncompliant": 0, "unknown": 0,
    "reasons": {},
}  # fmt: skip
WRONG = {**RIGHT, "ok": False, "compliant": 2, "noncompliant": 1, "reasons": {"overruled": 1}}
OTHERS = [
    WRONG,
    {**WRONG, "ok": True},
    {**RIGHT, "ok": False},
    {**RIGHT, "state": "stopped", "relevant": 0, "compliant": 0},
    {**RIGHT, "elsewhere": ["b.service"]},
    {**RIGHT, "compliant": 2, "unknown": 1},
]


def test_a_unit_of_which_there_is_nothing_to_say_is_one_number() -> None:
    answer = {"sockets": [], "units": {"a.service": RIGHT, "b.service": WRONG, "c.service": {**RIGHT, "relevant": 1}}}
    assert in_brief(answer) == {
        "sockets": [],
        "units": {"b.service": WRONG, "c.service": {**RIGHT, "relevant": 1}},
        "right": {"a.service": 3},
    }


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_is_lost(other: t.Dict[str, t.Any]) -> None:
    answer = {"sockets": [{"unit": "b.service"}], "compliant": False, "units": {"a.service": RIGHT, "b.service": other}}
    assert in_full(in_brief(answer)) == answer
    assert in_brief(answer)["right"] == {"a.service": 3}


@pytest.mark.parametrize("answer", [{}, {"units": {"a.service": RIGHT}}])
def test_what_was_not_put_in_brief_is_as_it_was(answer: t.Dict[str, t.Any]) -> None:
    assert in_full(answer) == answer
