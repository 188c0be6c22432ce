# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a job is waited for, and what becomes of one that is given up."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import job, systemd


class Manager:
    """Answers as systemctl does; what is asked of it is kept."""

    def __init__(self, *shown: t.Dict[str, str], verb: t.Tuple[int, str] = (0, ""), ends: bool = True) -> None:
        self.shown = list(shown)
        """One after the other, the last again and again; NoAnswer comes for an empty one."""
        self.verb, self.ends = verb, ends
        self.asked: t.List[t.Any] = []

    def run(self, command: t.List[str], *limit: float) -> t.Tuple[int, str, str]:
        if command[1] == "show":
            shown = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
            if not shown:
                raise systemd.NoAnswer("systemd is busy")
            return 0, "\n\n".join(f"Id={name}\n{text}" for name, text in shown.items()), ""
        self.asked.append((command, *limit))
        if command[1] != "cancel" and not self.ends:
            raise systemd.NoAnswer("too late")
        return (self.verb[0], "said nothing of use", self.verb[1])


def test_what_systemctl_says_of_a_job_comes_back() -> None:
    manager = Manager({"a.service": "LoadState=loaded"}, verb=(5, "Unit a.service not found."))
    assert job.wait_for(manager.run, "restart", ["a.service", "b.service"], 77) == (5, "Unit a.service not found.")
    assert manager.asked == [(["systemctl", "restart", "--", "a.service", "b.service"], 77)]


SHORT, LONG, ENDLESS = (
    {"TimeoutStartUSec": "1s", "TimeoutStopUSec": "2s"},
    {"TimeoutStartUSec": "1min 30s", "TimeoutStopUSec": "0"},
    {"TimeoutStartUSec": "1s", "TimeoutStopUSec": "infinity"},
)


@pytest.mark.parametrize(
    ("units", "limit"),
    [
        ([SHORT], 18),  # 10 s, twice the start, three times the stop
        ([LONG], 190),
        ([SHORT, LONG], 190),
        ([LONG, SHORT], 190),
        ([SHORT, ENDLESS], 33),
        ([{"TimeoutStartUSec": "infinity", "TimeoutStopUSec": "1s"}], 33),
        ([{"TimeoutStopUSec": "1s"}], 33),
        ([{"TimeoutStartUSec": "0", "TimeoutStopUSec": "0"}], 10),
        ([], 33),
    ],
)
def test_a_job_has_the_time_that_its_units_have(units: t.List[t.Dict[str, str]], limit: float) -> None:
    assert job.limit_of(units, 33) == limit
    assert job.limit_of(iter(units), 33) == limit


@pytest.mark.parametrize(
    ("shown", "unit", "doing", "cancelled"),
    [
        (
            {"a.service": "Job=7\nActiveState=activating"},
            "a.service", "it is still being started by systemd; its job was cancelled", ["7"],
        ),
        (
            {"a.service": "Job=0\nActiveState=active", "b.service": "Job=12 /org/job/12\nActiveState=deactivating"},
            "b.service", "it is still being stopped by systemd; its job was cancelled", ["12"],
        ),
        (
            {"a.service": "Job=7\nActiveState=inactive", "b.service": "Job=8\nActiveState=reloading"},
            "b.service", "it is still being reloaded by systemd; its job was cancelled", ["7", "8"],
        ),
        (
            {"a.service": "ActiveState=active", "b.service": "Job=8\nActiveState=inactive"},
            "b.service",
            "its job waited for those of other units (see 'systemctl list-jobs'), and was cancelled", ["8"],
        ),
        (
            {"a.service": "Job=0\nActiveState=active", "b.service": "ActiveState=activating"},
            "b.service", "it is still being started by systemd", [],
        ),
        (
            {"a.service": "ActiveState=active", "b.service": "Job=0\nActiveState=failed"},
            "a.service", "although systemd has no job for it any more", [],
        ),
        (
            {"a.service": "Job=odd\nActiveState=activating"},
            "a.service", "it is still being started by systemd; its job was cancelled", [],
        ),
        ({}, "a.service", "and nobody is there to cancel its job", []),
    ],
    ids=["starting", "stopping", "reloading", "behind", "without a job", "none", "odd", "busy"],
)  # fmt: skip
def test_a_job_that_is_given_up_is_cancelled_and_said_of_the_unit_it_hung_at(
    shown: t.Dict[str, str], unit: str, doing: str, cancelled: t.List[str]
) -> None:
    units = sorted(shown) or ["a.service", "b.service"]
    manager = Manager(dict.fromkeys(units, "TimeoutStartUSec=infinity"), shown, ends=False)
    with pytest.raises(job.Unfinished) as raised:
        job.wait_for(manager.run, "restart", units, 33)
    assert (raised.value.unit, str(raised.value)) == (unit, f"'systemctl restart' did not end within 33 s, {doing}")
    assert manager.asked == [
        (["systemctl", "restart", "--", *units], 33),
        *((["systemctl", "cancel", "--", number],) for number in cancelled),
    ]


def test_no_more_lines_are_told_than_are_asked_for() -> None:
    def run(command: t.List[str], limit: float) -> t.Tuple[int, str, str]:
        assert command[:-1] == [
            "journalctl", "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE", "--lines=5"
        ]  # fmt: skip
        return 0, "".join(f'{{"MESSAGE":"{number}"}}\n' for number in range(7)), ""

    assert job.last_lines(run, "a.service") == "0\n1\n2\n3\n4"
