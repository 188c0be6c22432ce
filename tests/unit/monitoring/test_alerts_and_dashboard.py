# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts and dashboard say of metrics only what is written, and promtool takes all of it."""

from __future__ import annotations

import copy
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import (
    OK,
    SOCKET_STATES,
    UNKNOWN,
    HostFound,
    UnitFound,
)
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.metrics import METRICS, metrics_text
from ansible_collections.netops.keepalive.tests.unit.support.grafana_schema import departures_of

REPOSITORY = pathlib.Path(__file__).parents[3]
FOLDER = REPOSITORY / "docs" / "monitoring"
RULES = FOLDER / "keepalive.rules.yml"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS = DASHBOARD["panels"]
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (Debian: prometheus)")


def promtool(*arguments: t.Union[str, pathlib.Path], said: str = "") -> str:
    done = subprocess.run(
        [str(PROMTOOL), *map(str, arguments)], input=said, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def queries() -> t.List[str]:
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def of_rules() -> t.List[str]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def test_only_metrics_that_are_written_are_asked_for() -> None:
    asked = {name for text in [*queries(), *of_rules()] for name in re.findall(r"\bkeepalive_\w+", text)}
    asked |= {
        name
        for variable in DASHBOARD["templating"]["list"]
        for name in re.findall(r"\bkeepalive_\w+", variable.get("definition", ""))
    }
    assert asked - set(METRICS) == set()


@needs_promtool
def test_promtool_takes_the_metrics() -> None:
    found = HostFound(
        [
            UnitFound("a.service", OK, "", True, {"right": 2, "wrong": 0}, {"unreadable": 1}),
            UnitFound('od"d\\x2d.service', UNKNOWN, "why"),
        ]
    )  # fmt: skip
    for each in (found, HostFound(), None):
        assert promtool("check", "metrics", said=metrics_text(each, 1.5, 0.25)) == ""


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES)


@needs_promtool
def test_each_alert_comes_where_it_is_due_and_only_there() -> None:
    assert "SUCCESS" in promtool("test", "rules", pathlib.Path(__file__).parent / "rules_test.yml")


def test_each_alert_is_tried() -> None:
    tried = yaml.safe_load((pathlib.Path(__file__).parent / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    names = {one["alertname"] for test in tried for one in test["alert_rule_test"] if one["exp_alerts"]}
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    assert names == {rule["alert"] for group in groups for rule in group["rules"]}


@needs_promtool
def test_promtool_takes_each_query_of_the_dashboard(tmp_path: pathlib.Path) -> None:
    """As rules, because not every release of promtool has a command for queries."""
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$\w+", ".*", query)} for number, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", file)


def test_the_dashboard_is_what_grafanas_schema_says() -> None:
    assert departures_of(DASHBOARD) == []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("panels", 0, "options", "colourMode"), "value", "panels.0.options: Additional properties are not allowed"),
        (("panels", 0, "options", "colorMode"), "red", "panels.0.options.colorMode: 'red' is not one of"),
        (("panels", 6, "fieldConfig", "overrides", 0, "properties", 0, "value"), 5, ".value: 5 is not of type"),
        (("panels", 7, "options", "legend"), {}, "panels.7.options.legend: 'displayMode' is a required property"),
        (("panels", 7, "type"), "graph", "panels.7: "),
        (("panels", 0, "gridPos", "w"), 25, "panels.0.gridPos.w: 25 is greater than the maximum of 24"),
        (("panels", 0, "targets"), [], "panels.0.targets: [] "),
        (("templating", "list", 1, "sort"), "name", "templating.list.1.sort: 'name' is not one of"),
        (("id",), 12, "id: 12 is not of type 'null'"),
        (("uid",), "keep alive", "uid: 'keep alive' does not match"),
    ],
)
def test_what_grafana_would_not_understand_is_told_with_its_place(
    place: t.Tuple[t.Any, ...], value: t.Any, said: str
) -> None:
    dashboard = copy.deepcopy(DASHBOARD)
    at = dashboard
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    (told,) = departures_of(dashboard)
    assert said in told


def test_each_panel_is_known_by_one_number_and_its_variables_are_there() -> None:
    assert [panel["id"] for panel in PANELS] == list(range(1, len(PANELS) + 1))
    variables = DASHBOARD["templating"]["list"]
    names = {variable["name"] for variable in variables}
    for panel in PANELS:
        assert [target["refId"] for target in panel["targets"]] == ["A"]
    for each in [*PANELS, *variables]:
        assert set(re.findall(r"\$\{?(\w+)", json.dumps(each))) - {"__all"} <= names


def test_states_have_the_colours_that_they_have_in_the_report() -> None:
    (panel,) = (one for one in PANELS if one["title"] == "Sockets by state")
    colours = {
        one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
        for one in panel["fieldConfig"]["overrides"]
    }
    assert colours == {"right": "green", "accepted": "blue", "wrong": "red", "unknown": "purple"}
    assert set(colours) == set(SOCKET_STATES)


def test_no_panel_lies_on_another() -> None:
    def cells(panel: t.Mapping[str, t.Any]) -> t.Set[t.Tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        return set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )

    for one, other in itertools.combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
