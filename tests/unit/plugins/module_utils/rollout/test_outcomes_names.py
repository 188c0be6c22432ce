# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which state each host is, and which of many are named."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import outcomes


def test_in_which_state_each_host_is() -> None:
    found = {
        "a": {"state": "done"}, "b": {"state": "failed"}, "c": {"state": "refused"}, "d": None, "e": {},
        "f": {"state": "done"}, "g": {"state": "failed"},
    }  # fmt: skip
    assert outcomes.by_state(found, ["f", "g", "none"]) == {
        "refused": ["c"], "failed": ["b"], "unreachable": ["f", "g"], "done": ["a"], "not begun": ["d", "e"],
    }  # fmt: skip


def test_a_host_that_gave_no_reason_and_one_that_said_more_than_one_may_see() -> None:
    failed = {
        "a": {"state": "failed", "seen": "\n"},
        "b": {"state": "failed"},
        "c": {"state": "failed", "seen": "\n\x1b\n"},
    }
    assert outcomes.trouble(failed, [])[:6] == [
        "FAILED 2 hosts: a, b", "    no reason was given", "", "FAILED c", "    \\x1b", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, " and 1 more"), (12, " and 2 more")])
def test_how_many_hosts_are_named(count: int, more: str) -> None:
    """Those that a number tells apart are one range; of others at most ten are named."""
    letters = "abcdefghijkl"
    done = {f"h{letter}": {"state": "done"} for letter in letters[:count]}
    names = ", ".join(f"h{letter}" for letter in letters[:10])
    assert outcomes.trouble({"bad": {"state": "failed", "seen": "x"}, **done}, [])[3] == (
        f"Done: {names}{more}. Not begun, and as before: none."
    )
