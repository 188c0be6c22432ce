# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be changed in files is shown once for all hosts on which it is the same."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.plugin_utils._foreseen_diffs import put_off, put_off_in, shown_once

NEW = {"before_header": "/etc/a", "after_header": "/etc/a", "before": "", "after": "one\ntwo\n"}
CHANGED = {"before_header": "/etc/a", "after_header": "/etc/a", "before": "one\n", "after": "one\ntwo\n"}
RESTART = {"before": "", "after": "restart a.service\n"}


def test_what_hosts_have_alike_is_shown_once() -> None:
    assert shown_once({"web1": [NEW, RESTART], "web2": [NEW, RESTART], "web3": [NEW, RESTART], "db": [CHANGED]}) == [
        "3 hosts: web[1-3]:",
        *("--- before: /etc/a", "+++ after: /etc/a", "@@ -0,0 +1,2 @@", "+one", "+two", ""),
        "3 hosts: web[1-3]:",
        *("--- before", "+++ after", "@@ -0,0 +1 @@", "+restart a.service", ""),
        "db:",
        *("--- before: /etc/a", "+++ after: /etc/a", "@@ -1 +1,2 @@", " one", "+two", ""),
    ]


def test_200_hosts_have_the_lines_of_one() -> None:
    one = shown_once({"web001": [NEW, RESTART]})
    assert len(shown_once({f"web{number:03}": [NEW, RESTART] for number in range(1, 201)})) == len(one) == 13


def test_nothing_is_shown_where_nothing_differs() -> None:
    assert shown_once({}) == []
    assert shown_once({"web1": [], "web2": [{"before": "x\n", "after": "x\n"}]}) == []


def test_what_a_file_of_others_holds_is_not_shown_raw() -> None:
    """A drop-in that somebody has edited is shown as it was."""
    shown = shown_once({"h": [{"before": "\x1b[2Jgone\n", "after": ""}]})
    assert shown[4] == "-\\x1b[2Jgone"


def test_the_report_has_what_ansible_would_have_shown() -> None:
    result: t.Dict[str, t.Any] = {"changed": True, "diff": [NEW]}
    put_off(result)
    assert result == {"changed": True, "would_differ": [NEW]}
    single: t.Dict[str, t.Any] = {"diff": NEW}
    put_off(single)
    assert single == {"would_differ": [NEW]}


def test_libraries_come_first() -> None:
    variables = {
        "keepalive_rollout": {"id": "x", "libraries_due": ["not installed"]},
        "keepalive_build_installed": {"would_differ": [NEW]},
        "keepalive_done": {"look": "x", "would_differ": [RESTART]},
    }
    assert put_off_in(variables) == [NEW, RESTART]


def test_of_an_earlier_playbook_in_the_same_command_nothing_is_shown() -> None:
    variables = {
        "keepalive_rollout": {"id": "y", "libraries_due": []},
        "keepalive_build_installed": {"would_differ": [NEW]},
        "keepalive_done": {"look": "x", "would_differ": [RESTART]},
    }
    assert put_off_in(variables) == []
    assert put_off_in({}) == []
