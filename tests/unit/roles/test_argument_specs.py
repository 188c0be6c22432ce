# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role's argument_specs.yml and defaults/main.yml say the same."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

ROLES = pathlib.Path(__file__).parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())


def load(role: str, path: str) -> t.Any:
    return yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8")) or {}


def options(role: str) -> t.Dict[str, t.Any]:
    """Return every option of every entry point, those of main last."""
    specs = load(role, "meta/argument_specs.yml")["argument_specs"]
    merged: t.Dict[str, t.Any] = {}
    for entry in sorted(specs, key=lambda name: name == "main"):
        merged.update(specs[entry].get("options") or {})
    return merged


def test_there_are_roles() -> None:
    assert {"keepalive_build", "keepalive_services", "keepalive_verify"} <= set(NAMES)


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_an_option(role: str) -> None:
    assert set(load(role, "defaults/main.yml")) - set(options(role)) == set()


@pytest.mark.parametrize("role", NAMES)
def test_every_option_says_its_default(role: str) -> None:
    """A value stands in both. Without one in the specs, it is computed or only described in defaults/main.yml."""
    defaults = load(role, "defaults/main.yml")
    text = (ROLES / role / "defaults/main.yml").read_text(encoding="utf-8")
    for name, option in options(role).items():
        if "default" in option:
            assert name in defaults, f"{name}: the specs say {option['default']!r}, defaults/main.yml nothing"
            assert defaults[name] == option["default"], name
            assert type(defaults[name]) is type(option["default"]), name
        elif name in defaults:
            assert isinstance(defaults[name], str) and "{{" in defaults[name], f"{name}: the specs say no default"
        else:
            mentioned = re.search(rf"(?m)^#.*\b{name}\b", text)
            assert mentioned, f"{name}: defaults/main.yml does not say what happens without it"


@pytest.mark.parametrize("role", NAMES)
def test_entry_points_agree_on_their_options(role: str) -> None:
    specs = load(role, "meta/argument_specs.yml")["argument_specs"]
    everywhere = options(role)
    for entry, spec in specs.items():
        for name, option in (spec.get("options") or {}).items():
            assert option == everywhere[name], f"{entry}: {name}"
            assert name.startswith(role + "_") or name == role, f"{name}: a role's variables begin with its name"


@pytest.mark.parametrize("role", NAMES)
def test_every_entry_point_has_tasks_and_every_file_of_tasks_that_is_called_by_name_exists(role: str) -> None:
    for entry in load(role, "meta/argument_specs.yml")["argument_specs"]:
        assert (ROLES / role / "tasks" / f"{entry}.yml").is_file()
