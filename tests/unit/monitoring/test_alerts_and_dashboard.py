# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts and dashboard say of metrics only what is written, and promtool takes all of it."""

from __future__ import annotations

import itertools
import json
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import OK, UNKNOWN, HostFound, UnitFound
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.metrics import METRICS, metrics_text

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


def test_the_dashboard_is_what_grafanas_json_model_says() -> None:
    """What it must have (Dashboard JSON model): no identity of one Grafana, unique panels within 24 columns."""
    assert DASHBOARD["id"] is None and re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", DASHBOARD["uid"])
    assert {
        "title": str, "tags": list, "schemaVersion": int, "version": int, "panels": list, "templating": dict,
        "annotations": dict, "time": dict, "refresh": str, "editable": bool, "graphTooltip": int, "timezone": str,
    } == {key: type(DASHBOARD[key]) for key in (
        "title", "tags", "schemaVersion", "version", "panels", "templating", "annotations", "time", "refresh",
        "editable", "graphTooltip", "timezone",
    )}  # fmt: skip
    assert [panel["id"] for panel in PANELS] == list(range(1, len(PANELS) + 1))
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    for panel in PANELS:
        assert {"type", "title", "description", "datasource", "gridPos", "targets", "fieldConfig", "options"} <= set(
            panel
        )
        assert panel["type"] in ("stat", "table", "timeseries")
        assert [target["refId"] for target in panel["targets"]] == ["A"]
        assert set(re.findall(r"\$\{?(\w+)", json.dumps(panel))) <= names


def test_no_panel_lies_on_another() -> None:
    def cells(panel: t.Mapping[str, t.Any]) -> t.Set[t.Tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        return set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )

    for one, other in itertools.combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
