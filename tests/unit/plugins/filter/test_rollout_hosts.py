# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who goes on from the look at the fleet to the rollout, in which order."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.filter.rollout_hosts import FilterModule

pick = FilterModule().filters()["rollout_hosts"]

DUE = {"keepalive_rollout": {"due": ["restarts: a.service"], "build_for": {}}}
DONE = {"keepalive_rollout": {"due": [], "build_for": {}}}
TO_COMPILE = {"keepalive_rollout": {"due": ["libraries: new"], "build_for": {"needs_build": True}}}
BY_ITSELF = {"keepalive_rollout": {"due": ["libraries: new"], "build_for": {"needs_build": False}}}
FLEET: t.Dict[str, t.Any] = {
    "z": DUE, "a": DONE, "m": TO_COMPILE, "never_looked_at": {}, "gone": {"keepalive_rollout": {"unreachable": True}},
    "b": BY_ITSELF,
}  # fmt: skip


def test_those_on_which_something_is_due_in_their_order() -> None:
    assert pick(FLEET, FLEET) == ["z", "m", "b"]
    assert pick(["b", "a", "z"], FLEET) == ["b", "z"]


def test_those_that_wait_for_another_host() -> None:
    assert pick(FLEET, FLEET, to_compile=True) == ["m"]


def test_none_is_a_pattern_that_nobody_fits() -> None:
    assert pick([], FLEET) == pick(["a", "gone"], FLEET) == pick(FLEET, {}) == ["all", "!all"]


class HostVars:
    """What Ansible gives as hostvars: to be asked so, it templates nothing."""

    def raw_get(self, name: str) -> t.Any:
        return FLEET[name]

    def get(self, name: str) -> t.Any:
        raise AssertionError(f"{name} was templated")


def test_nothing_is_templated_for_it() -> None:
    assert pick(["a", "b"], HostVars()) == ["b"]


def test_of_hosts_on_which_nothing_is_due_the_variables_are_not_asked_for() -> None:
    """Ansible puts them together anew for each; what the report has said is with every host that could be reached."""
    looked = {"keepalive_looked": {"hosts": {"not begun": ["m", "z"], "done": ["a", "b"]}}}
    asked = []

    class Counted(HostVars):
        def raw_get(self, name: str) -> t.Any:
            asked.append(name)
            return {**FLEET[name], **({} if name == "gone" else looked)}

    assert pick(["gone", "a", "b", "m", "z"], Counted()) == ["m", "z"]
    assert asked == ["gone", "a", "m", "z"]


def test_nobody_where_the_report_has_stopped_the_run() -> None:
    assert pick(["a", "z"], {"a": {}, "z": {**DUE, "keepalive_looked": {"stop": True}}}) == ["all", "!all"]
