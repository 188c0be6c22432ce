# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook enable_keepalive over a fleet: who is touched, where it stops, and what its last screen says."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.played_fleet import HOSTS, Run, fleet, recap, through


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> Run:
    return fleet(tmp_path, "enable_keepalive")


def test_every_host_that_is_not_ready_is_told_and_none_is_touched(run: Run) -> None:
    status, output = run("-e", '{"refused": ["h2", "h5"], "gone": ["h3"]}')
    assert status != 0
    assert sorted(re.findall(r"looked at (h\d)", output)) == ["h1", "h2", "h4", "h5", "h6"], (
        "one that fails does not keep the others from being looked at"
    )
    assert through("rollout", output) == []
    report = output.partition("REFUSED h2")[2]
    assert "    what was seen: h2\n\nREFUSED h5\n    preflight: first line\n    what was seen: h5\n" in report
    assert "UNREACHABLE h3\n    could not be reached\n\nNothing was changed on any of the 6 hosts.\n" in report


def test_a_host_on_which_nothing_is_due_has_no_other_task(run: Run) -> None:
    status, output = run("-e", '{"finished": ["h1", "h2", "h4", "h5", "h6"]}')
    assert (status, through("rollout", output)) == (0, ["h3"])
    tasks = {host: int(number) for host, number in re.findall(r"(?m)^(h\d) +: ok=(\d+)", output)}
    assert tasks == {"h1": 4, "h2": 1, "h3": 3, "h4": 1, "h5": 1, "h6": 1}, "the reports are h1's, the rollout is h3's"


def test_where_nothing_is_due_anywhere_nobody_is_warned(run: Run) -> None:
    status, output = run("-e", '{"finished": ["h1", "h2", "h3", "h4", "h5", "h6"]}')
    assert (status, through("rollout", output)) == (0, [])
    assert "WARNING" not in output and "Next:" not in output


def test_they_come_in_the_order_of_the_inventory(run: Run) -> None:
    status, output = run("-e", '{"keepalive_serial": 1, "finished": ["h2"]}')
    assert status == 0
    assert re.findall(r"rollout of (h\d) is through", output) == ["h1", "h3", "h4", "h5", "h6"]


def test_a_limit_and_a_choice_of_hosts_hold_for_every_play(run: Run) -> None:
    status, output = run("-e", '{"keepalive_hosts": ["h1", "h2"]}', "--limit", "h2,h3")
    assert (status, through("rollout", output)) == (0, ["h2"])


def test_what_another_host_compiles_it_has_compiled_before_the_first_batch(
    run: Run,
) -> None:
    status, output = run("-e", '{"compiled_for": ["h2", "h4"]}')
    assert (status, through("compilation", output), through("build", output)) == (0, ["h2", "h4"], ["h2", "h4"])
    assert output.rindex("compilation of") < output.index("rollout of")
    assert through("rollout", output) == HOSTS


def test_where_it_cannot_nothing_is_written(run: Run) -> None:
    status, output = run("-e", '{"compiled_for": ["h2", "h4"], "fail_in_build": ["h4"]}')
    assert (status, through("rollout", output)) == (2, [])
    assert "REFUSED h4\n    cannot compile\n" in output


def test_a_host_that_fails_ends_the_rollout_with_its_batch(run: Run) -> None:
    status, output = run("-e", '{"fail_in_rollout": ["h3"]}')
    assert status == 2
    assert through("rollout", output) == ["h1", "h2", "h4"], "the others of its batch come to their end"
    assert recap(output, "failed") == ["h3"]
    assert (
        "\nFAILED h3\n    rollout: first line\n    what was seen: h3\n\n"
        "Done: h[1,2,4]. Not begun, and as before: h5, h6.\n"
        "Next: fix what is named above, then run the same again; what is done already is left as it is.\n"
    ) in output


def test_a_host_that_goes_away_ends_the_rollout_with_its_batch(run: Run) -> None:
    status, output = run("-e", '{"gone_in_rollout": ["h3"]}')
    assert status == 4
    assert through("rollout", output) == ["h1", "h2", "h4"]
    assert (recap(output, "unreachable"), recap(output, "failed")) == (["h3"], [])
    assert "\nUNREACHABLE h3\n    went away in the middle: " in output
    assert "\nDone: h[1,2,4]. Not begun, and as before: h5, h6.\n" in output


def test_a_rollout_in_which_all_is_well_comes_to_its_end(run: Run) -> None:
    status, output = run()
    assert (status, through("rollout", output)) == (0, HOSTS)
    assert "Next:" not in output


def test_the_rollout_knows_what_was_seen(run: Run) -> None:
    status, output = run("-e", '{"finished": ["h2"]}')
    assert status == 0
    assert sorted(re.findall(r"rollout of (h\d) is through, seen: (h\d)", output)) == [
        (host, host) for host in HOSTS if host != "h2"
    ]


def test_a_look_shows_a_diff_that_hosts_have_alike_once(run: Run) -> None:
    _status, output = run("--check", "--diff")
    assert output.count("+the same") == 1
    shown = output[output.index("6 hosts: h[1-6]:") :]
    assert shown.startswith(
        "6 hosts: h[1-6]:\n--- before\n+++ after\n@@ -0,0 +1 @@\n+the same\n\n"
        "2 hosts: h1, h2:\n--- before\n+++ after\n@@ -0,0 +1 @@\n+for True\n\n"
    )
    assert output.index("+for False") < output.index("Nothing was changed: this was a look.")


@pytest.mark.parametrize("options", [["--check"], ["--diff"]])
def test_diffs_are_shown_where_both_was_asked_for(run: Run, options: list[str]) -> None:
    """Without --check each host's task shows what it changes, as everywhere."""
    assert "+the same" not in run(*options)[1]


def test_a_look_is_one_batch(run: Run) -> None:
    assert run("--check")[1].count("PLAY [Roll out where something is due]") == 1
    assert run()[1].count("PLAY [Roll out where something is due]") == 3


@pytest.mark.parametrize("options", [["--check"], []])
def test_what_hosts_remark_alike_is_said_once(run: Run, options: list[str]) -> None:
    output = run(*options)[1]
    assert [line for line in output.splitlines() if "it is old" in line] == [
        "h1, h2, h3 and 3 more: b.service: it is old"
    ]
