# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That a host has no place to compile stops its rollout only where it is the one that compiles."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TASKS = pathlib.Path(__file__).parents[3] / "roles" / "keepalive_services" / "tasks" / "preflight.yml"
OBSTACLE = "the libraries cannot be compiled: no place for temporary files"


def problems(build: t.Mapping[str, t.Any], **variables: t.Any) -> t.List[str]:
    """Return what stops the rollout, as the real task templates it."""
    (task,) = [task for task in yaml.safe_load(TASKS.read_text()) if "ansible.builtin.fail" in task]
    found = {"problems": ["one"], "build": build, "dropins": []}
    own = {name: trust_as_template(text) for name, text in task["vars"].items()}
    given = {"keepalive_services_found": found, "keepalive_services_mistakes": [], **own, **variables}
    templar = Templar(loader=DataLoader(), variables=given)
    return t.cast(t.List[str], templar.template(trust_as_template("{{ problems }}")))


def test_a_host_without_a_place_is_not_begun() -> None:
    assert problems({"missing": [], "obstacle": OBSTACLE}) == ["one", OBSTACLE]


@pytest.mark.parametrize("build", [{}, {"missing": [], "obstacle": ""}])
def test_where_there_is_one_or_nothing_was_asked_there_is_no_problem(build: t.Mapping[str, t.Any]) -> None:
    assert problems(build) == ["one"]


@pytest.mark.parametrize("name", ["keepalive_build_prebuilt", "keepalive_build_delegate"])
def test_where_another_compiles_it_is_none(name: str) -> None:
    build = {"missing": ["cc"], "obstacle": OBSTACLE}
    assert problems(build, **{name: "build1"}, keepalive_build_packages=[]) == ["one"]
    assert len(problems(build, **{name: ""}, keepalive_build_packages=[])) == 3
