# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation names is there: tasks and their results, modules, roles and filters, files that are linked."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest
import yaml

TOP = pathlib.Path(__file__).parents[3]
CONTROLLERS = (TOP / "docs" / "controllers.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def tasks() -> t.Dict[str, t.Dict[str, t.Any]]:
    """Return all tasks of roles and playbooks by name, those in blocks too."""
    found: t.Dict[str, t.Dict[str, t.Any]] = {}

    def walk(items: t.Any) -> None:
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                found[item.get("name", "")] = item
                for key in ("tasks", "block", "rescue", "always"):
                    walk(item.get(key))

    for folder in ("playbooks", "roles"):
        for path in (TOP / folder).rglob("*.yml"):
            if path.parent.name not in ("meta", "defaults", "vars"):
                walk(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def returned_by(module: str) -> t.Set[str]:
    tree = ast.parse((TOP / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    values = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return set(yaml.safe_load(values["RETURN"]))


def test_the_tasks_that_controllers_show_are_there_and_return_what_is_said() -> None:
    rows = re.findall(r"(?m)^\|.*\| \*(.+)\* \| (.*) \|$", CONTROLLERS)
    assert len(rows) == 7
    known = tasks()
    for name, fields in rows:
        module = next(key.rpartition(".")[2] for key in known[name] if key.startswith("netops.keepalive."))
        assert set(re.findall(r"`res\.(\w+)`", fields)) - returned_by(module) == set(), name


def test_the_changelog_names_what_is_there() -> None:
    releases = yaml.safe_load((TOP / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    latest = releases[max(releases, key=lambda version: [int(part) for part in version.split(".")])]
    for each in latest.get("modules", []):
        assert (TOP / "plugins" / "modules" / f"{each['name']}.py").is_file(), each["name"]
    for kind, plugins in (latest.get("plugins") or {}).items():
        for each in plugins:
            assert (TOP / "plugins" / kind / f"{each['name']}.py").is_file(), each["name"]
    for each in (latest.get("objects") or {}).get("role", []):
        assert (TOP / "roles" / each["name"]).is_dir(), each["name"]


def anchors(page: pathlib.Path) -> t.Set[str]:
    """Return what GitHub makes of a page's headings."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page",
    sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("roles/*/README.md"), TOP / "csrc" / "README.md"]),
    ids=lambda page: str(page.relative_to(TOP)),
)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    for target, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{target}#{anchor}"
