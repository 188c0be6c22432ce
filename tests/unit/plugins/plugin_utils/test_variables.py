# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host as a role would see them, one at a time, and every mistake."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.plugin_utils._core import (
    SINCE_2_19,
    as_data,
    as_template,
)
from ansible_collections.netops.keepalive.plugins.plugin_utils._variables import HostVariables

ROLES = ("keepalive_services", "keepalive_build", "keepalive_verify")


def variables(**given: t.Any) -> HostVariables:
    return HostVariables(Templar(loader=DataLoader(), variables=given), given, ROLES)


def test_what_nobody_sets_is_as_the_roles_say() -> None:
    found = variables()
    assert found.get("keepalive_services_settle") == 2
    assert found.get("keepalive_build_cc") == "cc"
    assert found.get("keepalive_verify_wait") == 10
    assert (found.get("keepalive_services_restart"), found.flag("keepalive_services_deploy")) == ("", True)
    assert (found.get("keepalive_build_prebuilt"), found.get("keepalive_build_prebuilt", "x")) == (None, "x")
    assert found.mistakes == []


def test_the_roles_defaults_see_the_variables_of_the_run() -> None:
    found = variables(ansible_skip_tags=["restart"], ansible_run_tags=["restart"])
    assert (found.get("keepalive_services_restart"), found.flag("keepalive_services_deploy")) == ("never", False)


def test_what_a_host_sets_wins_and_is_templated() -> None:
    found = variables(keepalive_services_settle=as_template("{{ base * 2 }}"), base=4)
    assert found.get("keepalive_services_settle") == (8 if SINCE_2_19 else "8")


def test_what_is_no_template_of_the_operators_stays_as_it_is() -> None:
    """Before 2.19 Ansible itself marks what hosts say."""
    said = "{{ base }}" if SINCE_2_19 else as_data("{{ base }}")
    assert variables(keepalive_build_cc=said).get("keepalive_build_cc") == "{{ base }}"


def test_a_mistake_does_not_keep_the_others_from_being_told() -> None:
    found = variables(keepalive_services_settle=as_template("{{ nowhere }}"), keepalive_services_purge="maybe")
    assert (found.get("keepalive_services_settle", 7), found.flag("keepalive_services_purge")) == (7, False)
    first, second = found.mistakes
    assert first.startswith("keepalive_services_settle: cannot be evaluated: ") and "nowhere" in first
    assert second == "keepalive_services_purge: 'maybe' is not one of true and false"


@pytest.mark.parametrize(("said", "meant"), [("yes", True), ("false", False), (1, True), (True, True), ("0", False)])
def test_yes_and_no_as_ansible_reads_them(said: t.Any, meant: bool) -> None:
    assert variables(keepalive_services_purge=said).flag("keepalive_services_purge") is meant
