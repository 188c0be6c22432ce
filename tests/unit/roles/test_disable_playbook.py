# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook disable_keepalive over a fleet: where it stops, who is shown as failed, what its last screen says."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.played_fleet import Run, fleet


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> Run:
    return fleet(tmp_path, "disable_keepalive")


def shown_as(output: str, what: str) -> t.List[str]:
    return re.findall(rf"(?m)^fatal: \[(h\d)\]: {what}", output)


def test_a_mistake_ends_the_run_on_a_host_that_has_it(run: Run) -> None:
    status, output = run(wrong=["h3", "h4", "h5"])
    assert status == 2
    assert shown_as(output, "FAILED") == ["h3"]
    report, _fatal, rest = output.partition("fatal: ")
    assert report.endswith(
        "\nREFUSED 3 hosts: h[3-5]\n"
        "    keepalive_service: nobody reads this variable; did you mean keepalive_services? If it is your own, name "
        "it in keepalive_own_variables\n\n"
        "Nothing was changed on any of the 6 hosts.\n"
        "Next: fix what is named above, or leave those hosts out with --limit; then run again.\n"
    )
    below = [line for line in rest.partition("PLAY RECAP")[0].splitlines() if line and not line.startswith("NO MORE ")]
    assert len(below) == 1, "no dump below the report"
    assert "TASK [See which hosts" not in output


def test_a_host_that_cannot_be_reached_stops_the_run(run: Run) -> None:
    status, output = run("-e", '{"gone": ["h1", "h2"]}')
    assert status == 4
    assert shown_as(output, "FAILED") == [], output
    assert (
        "\nUNREACHABLE 2 hosts: h1, h2\n    could not be reached\n\nNothing was changed on any of the 6 hosts.\n"
        in output
    )
    assert "--limit 'all:!h1:!h2'\n" in output
    assert "asked on" not in output
    assert "taken away: " not in output


def test_a_host_that_cannot_be_reached_is_left_out_where_that_is_wanted(run: Run) -> None:
    status, output = run("-e", '{"keepalive_unreachable": "skip", "gone": ["h1", "h2"]}')
    assert status == 4
    assert shown_as(output, "FAILED") == [], output
    screen = output.rpartition("\nTASK [")[2].partition("PLAY RECAP")[0]
    assert (
        "\n4 hosts: h[3-6]\n    taken away: a.service, the libraries\n    restarted: a.service\n"
        "    stays: b.service (until its next start)\n\n"
        "UNREACHABLE 2 hosts: h1, h2\n    could not be reached\n\n"
    ) in screen
    assert "When they are back: --limit 'h1,h2'\n" in screen


def test_the_last_screen_says_what_was_taken_away(run: Run) -> None:
    status, output = run()
    assert status == 0, output
    assert "\n6 hosts: h[1-6]\n    taken away: a.service, the libraries\n" in output
    status, output = run("--check")
    assert "Nothing was changed: this was a look. 6 of 6 hosts, 6 restarts." in output
