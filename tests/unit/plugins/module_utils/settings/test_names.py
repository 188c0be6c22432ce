# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt names and tags are named with what was meant; the table of variables is complete."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.settings.names import (
    OF_THE_ROLES,
    mentioned_in,
    nearest,
    unread,
    wrong_tags,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.variables import VARIABLES, is_layer

TOP = pathlib.Path(__file__).parents[5]
PARTS_OF_NAMES = (
    "keepalive_build",
    "keepalive_host",
    "keepalive_monitor",
    "keepalive_services",
    "keepalive_verify",
    "audit_keepalive",
)


def test_every_name_of_a_role_or_playbook_is_known() -> None:
    files = [*(TOP / "playbooks").rglob("*.yml"), *(TOP / "roles").glob("*/tasks/*.yml")]
    assert len(files) > 20
    read = {name for path in files for name in re.findall(r"\b(?:keepalive|audit)_[a-z0-9_]+", path.read_text("utf-8"))}
    playbooks = {path.stem for path in (TOP / "playbooks").glob("*.yml")}
    strange = {name for name in read if not is_layer(name) and not name.endswith("_")}
    assert strange - set(VARIABLES) - OF_THE_ROLES - set(PARTS_OF_NAMES) - playbooks - {"keepalive_refused"} == set(), (
        "add what operators may set to VARIABLES (settings/variables.py), the rest to OF_THE_ROLES (settings/names.py)"
    )


def test_no_name_is_known_that_no_task_has_any_more() -> None:
    files = [*(TOP / "playbooks").rglob("*.yml"), *(TOP / "roles").glob("*/tasks/*.yml")]
    read = {name for path in files for name in re.findall(r"\b(?:keepalive|audit)_[a-z0-9_]+", path.read_text("utf-8"))}
    assert OF_THE_ROLES - read == set(), (
        "take these out of OF_THE_ROLES (settings/names.py): a misspelt one is a mistake"
    )


def test_every_option_of_a_role_is_in_the_table() -> None:
    options: t.Set[str] = set()
    for path in (TOP / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text("utf-8"))["argument_specs"].values():
            options.update(entry.get("options") or {})
    assert options - set(VARIABLES) == set()


def test_every_variable_is_documented() -> None:
    documented = (TOP / "docs" / "variables.md").read_text("utf-8")
    internal = {"keepalive_services_base", "keepalive_services_host_settings"}
    assert [name for name in sorted(set(VARIABLES) - internal) if f"`{name}`" not in documented] == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("keepalive_service", "keepalive_services"),
        ("keepalive_services_web", "keepalive_services__web"),
        ("keepalive_services_default", "keepalive_services_defaults"),
        ("audit_idle_timout", "audit_idle_timeout"),
        ("kepalive_services", "keepalive_services"),
        ("Keepalive_services__web", "keepalive_services__web"),
        ("keepalive_service_web", "keepalive_services__web"),
        ("keepalive_services__", "keepalive_services__NAME"),
        ("keepalive_sevices__web", "keepalive_services__web"),
        ("keepalive_purge", "keepalive_services_purge"),
    ],
)
def test_what_was_most_likely_meant(name: str, meant: str) -> None:
    assert nearest(name) == meant
    assert unread([name]).mistakes == [
        f"{name}: nobody reads this variable; did you mean {meant}? If it is your own, name it in "
        "keepalive_own_variables"
    ]


def test_what_is_nobodys_mistake() -> None:
    fine = ["keepalive_services", "keepalive_services__web", "keepalive_rollout", "nginx_keepalive_timeout",
            "keepalived_vip", "housekeeping", "ansible_keepalive_x"]  # fmt: skip
    assert unread(fine) == ([], [])
    assert unread(["audit_rules"]) == ([], ["audit_rules"]), "auditd has variables that begin so"
    assert unread(["keepalive_myco_x"]).mistakes == [
        "keepalive_myco_x: nobody reads this variable; docs/variables.md has those that are read. If it is your own, "
        "name it in keepalive_own_variables"
    ]
    assert unread(["keepalive_myco_x"], own=["keepalive_myco_*"]) == ([], [])
    used = mentioned_in([{"a": ["{{ keepalive_myco_x + 1 }}"]}, "keepalive_service"])
    assert unread(["keepalive_myco_x"], mentioned=used) == ([], [])
    assert len(unread(["keepalive_service"], mentioned=used).mistakes) == 1, "a plain text mentions nothing"


NOTHING_RUNS = "nothing here has this tag, and everything would run; known: restart"
NOTHING_LEFT_OUT = "nothing here has this tag, and nothing would be left out; known: restart"


@pytest.mark.parametrize(
    ("run", "skip", "own", "said"),
    [
        (["all"], [], [], []),
        (["restart"], [], [], []),
        (["always"], ["restart"], [], []),
        (["verify"], [], [], [f"--tags verify: {NOTHING_RUNS}"]),
        (["all"], ["restarts"], [], [f"--skip-tags restarts: {NOTHING_LEFT_OUT}; did you mean restart?"]),
        (["restart"], ["restart"], [], ["--tags restart and --skip-tags restart: leave one of them out"]),
        (["keepalive"], [], ["keepalive", "always"], []),
        (["nginx"], [], ["keepalive", "always"], [f"--tags nginx: {NOTHING_RUNS}"]),
    ],
)
def test_tags(run: t.List[str], skip: t.List[str], own: t.List[str], said: t.List[str]) -> None:
    assert wrong_tags(run, skip, own) == said
