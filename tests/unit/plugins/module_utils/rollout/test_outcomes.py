# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on the last screen of a rollout that went wrong."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.rollout.outcomes import trouble

DONE = {"state": "done"}


def test_nothing_is_said_where_all_is_well() -> None:
    assert trouble({"a": DONE, "b": DONE}, []) == []
    assert trouble({"a": {}, "b": None}, []) == [], "before the first batch"


def test_a_host_that_failed_in_the_middle() -> None:
    outcomes = {"a": DONE, "b": {"state": "failed", "seen": "one\ntwo"}, "c": DONE, "d": {}, "e": None}
    assert trouble(outcomes, ["c"]) == [
        "FAILED b",
        "    one",
        "    two",
        "",
        "UNREACHABLE c",
        "    went away after it was done and verified",
        "",
        "Done: a. Not begun, and as before: d, e.",
        "Next: fix what is named above, then run the same again; what is done already is left as it is.",
    ]


def test_a_host_that_went_away_in_the_middle() -> None:
    assert trouble({"a": DONE, "b": {}}, ["b"])[:2] == [
        "UNREACHABLE b",
        "    went away in the middle: what it runs with is not known. When it is back, run again: what the processes "
        "show decides what is left to do, and what the host had before is kept there for the way back",
    ]


def test_every_host_that_is_not_ready_is_named_before_anything_is_written() -> None:
    lines = trouble({"a": {"state": "refused", "seen": "x"}, "b": {}, "c": {"state": "refused", "seen": "y\nz"}}, ["b"])
    assert lines == [
        "REFUSED a",
        "    x",
        "",
        "REFUSED c",
        "    y",
        "    z",
        "",
        "UNREACHABLE b",
        "    could not be reached",
        "",
        "Nothing was changed on any of the 3 hosts.",
        "Next: fix what is named above, or leave those hosts out with --limit; then run again.",
    ]


def test_a_large_fleet_still_fits_on_a_screen() -> None:
    outcomes = {f"h{number}": DONE for number in range(500)}
    outcomes["bad"] = {"state": "failed", "seen": "x"}
    assert "Done: h0, h1, h2, h3, h4, h5, h6, h7, h8, h9 and 490 more. Not begun, and as before: none." in trouble(
        outcomes, []
    )
