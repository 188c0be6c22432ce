# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on the last screen of a rollout that went wrong."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.rollout.outcomes import (
    how_it_ended,
    taken_away,
    trouble,
    was_done,
    would_be_done,
)

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
        "When they are back: --limit 'c'",
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
        "Without what cannot be reached: --limit 'all:!b'",
        "Or let the run leave such hosts out by itself: -e keepalive_unreachable=skip",
    ]


def test_a_large_fleet_still_fits_on_a_screen() -> None:
    outcomes = {f"h{number}": DONE for number in range(500)}
    outcomes["bad"] = {"state": "failed", "seen": "x"}
    assert "Done: h[0-499]. Not begun, and as before: none." in trouble(outcomes, [])


def test_one_mistake_of_many_hosts_is_one_block() -> None:
    web = [f"web{number:02}" for number in range(1, 61)]
    outcomes: t.Dict[str, t.Any] = {"db1": {"state": "refused", "seen": "y"}}
    outcomes.update(
        {host: {"state": "refused", "seen": f"nothing was changed on {host}, because of:\nx"} for host in web}
    )
    assert trouble(outcomes, []) == [
        "REFUSED 60 hosts: web[01-60]", "    nothing was changed, because of:", "    x", "", "REFUSED db1", "    y", "",
        "Nothing was changed on any of the 61 hosts.",
        "Next: fix what is named above, or leave those hosts out with --limit; then run again.",
    ]  # fmt: skip


def test_hosts_that_are_left_out_come_with_the_line_for_later() -> None:
    gone = {"left_out": True}
    assert trouble({"a": DONE, "b": gone, "c": gone}, ["b", "c"], skip_unreachable=True) == [
        "UNREACHABLE 2 hosts: b, c", "    could not be reached", "",
        "Done: a. Not begun, and as before: none.",
        "Next: fix what is named above, then run the same again; what is done already is left as it is.",
        "When they are back: --limit 'b,c'",
    ]  # fmt: skip


def test_what_a_look_foresees() -> None:
    same = {"would_change": ["a.service"], "would_restart": ["a.service"]}
    assert would_be_done({"h1": same, "h2": {}, "h3": same, "h4": {"would_change": ["b.service"]}}) == [
        "2 hosts: h1, h3", "    would be changed: a.service", "    would be restarted: a.service", "",
        "h4", "    would be changed: b.service", "", "Nothing to do on h2", "",
        "Nothing was changed: this was a look. 3 of 4 hosts, 2 restarts.",
    ]  # fmt: skip


def test_what_was_taken_away() -> None:
    gone = {"removed": ["a.service"], "restarted": ["a.service"], "stays": []}
    assert taken_away({"h1": gone, "h2": {"removed": [], "restarted": [], "stays": []}, "h3": gone}) == [
        "2 hosts: h1, h3", "    taken away: a.service", "    restarted: a.service", "",
        "h2: there was nothing of this collection",
    ]  # fmt: skip
    assert how_it_ended({"h": {"state": "done"}}) == []
    assert how_it_ended({"h": gone}) == taken_away({"h": gone})


def test_what_was_changed_and_restarted() -> None:
    one = {"changed": ["a.service"], "restarted": ["a.service", "b.service"], "set_open": []}
    other = {"changed": [], "restarted": [], "set_open": ["c.service 3"]}
    idle: t.Dict[str, t.Any] = {"changed": [], "restarted": [], "set_open": []}
    assert was_done({"h1": one, "h2": idle, "h3": one, "h4": other}) == [
        "2 hosts: h1, h3", "    changed: a.service", "    restarted: a.service, b.service", "",
        "h4", "    open sockets set: c.service 3", "", "Nothing was to be done on h2", "",
        "Changed: 3 of 4 hosts, with 4 restarts.",
    ]  # fmt: skip
    assert was_done({"h2": idle}) == ["Nothing was to be done: nothing was changed, and nothing was restarted."]


def test_more_blocks_than_a_screen_has_room_for_are_counted() -> None:
    hosts = {f"h{number}": {"would_change": [f"{number}.service"]} for number in range(5)}
    assert would_be_done(hosts, most=1) == [
        "h0", "    would be changed: 0.service", "",
        "And something else on 4 hosts: h[1-4]: keepalive_report_table shows all", "",
        "Nothing was changed: this was a look. 5 of 5 hosts, 0 restarts.",
    ]  # fmt: skip
    assert len(would_be_done(hosts)) == 16
