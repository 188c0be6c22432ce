# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run leaves its document wherever it ends; a place that cannot be written to ends it before a host is asked."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.version import VERSION
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_file import read_report
from ansible_collections.netops.keepalive.tests.unit.support.played_fleet import HOSTS, Run, fleet, run_in

REPORT = ("-e", "keepalive_report=report.json")


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> Run:
    return fleet(tmp_path, "enable_keepalive")


def document_in(folder: pathlib.Path, name: str = "report.json") -> t.Dict[str, t.Any]:
    """Return a document, which is held to the schema."""
    return read_report(str(folder / name))[1]


def states(document: t.Dict[str, t.Any]) -> str:
    return " ".join(host["state"] for host in document["hosts"].values())


def test_a_run_in_which_all_is_well(run: Run, tmp_path: pathlib.Path) -> None:
    status, _output = run(*REPORT, "-e", '{"finished": ["h2"], "right": ["h2"]}')
    document = document_in(tmp_path)
    assert (status, list(document["hosts"]), states(document)) == (0, HOSTS, " ".join(["done"] * 6))
    assert (document["kind"], document["complete"], document["check_mode"]) == ("enable", True, False)
    assert document["collection"] == VERSION
    host = document["hosts"]["h2"]
    assert host["libraries"] == {"made": {"compiler": "cc 12"}, "files": {"libkeepalive.so": "5f70"}}
    unit = host["units"]["a.service"]
    assert (unit["verdict"], unit["sockets"], unit["expected"]["tcp"]) == ("right", 3, {"keepidle": 60})
    assert (host["measured"], document["hosts"]["h1"]["measured"]) == ("at_end", "never")


def test_a_look(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "--check")
    document = document_in(tmp_path)
    assert document["check_mode"] is True
    assert document["hosts"]["h1"]["did"]["would_restart"] == ["a.service"]
    assert document["hosts"]["h1"]["did"]["changed"] == []


def test_a_host_that_fails_and_those_that_were_not_begun(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", '{"fail_in_rollout": ["h3"], "finished": ["h6"]}')
    document = document_in(tmp_path)
    assert (document["complete"], states(document)) == (True, "done done failed done not_begun done")
    assert document["hosts"]["h3"]["why"] == ["rollout: first line", "what was seen: h3"]
    assert document["hosts"]["h3"]["undone"] == {
        "changed": ["a.service"], "restarted": ["a.service"], "set_open": {}, "still_new": [],
        "failed": ["it did not come back"],
    }  # fmt: skip


def test_a_host_that_goes_away_is_no_data(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", '{"gone_in_rollout": ["h3"], "right": ["h3"]}')
    document = document_in(tmp_path)
    assert (document["complete"], states(document)) == (True, "done done no_data done not_begun not_begun")
    assert document["hosts"]["h3"]["why"][0].startswith("went away in the middle")
    assert document["hosts"]["h3"]["units"]["a.service"]["verdict"] == "no_data", "it was right before"


def test_where_the_whole_batch_goes_away_nobody_knows_of_it(run: Run, tmp_path: pathlib.Path) -> None:
    """No task can say anything any more: it is told by what was written down before."""
    run(*REPORT, "-e", '{"gone_in_rollout": ["h1"], "finished": ["h2"]}')
    document = document_in(tmp_path)
    assert (document["complete"], states(document)) == (False, "no_data done no_data no_data no_data no_data")


def test_where_no_host_can_be_reached(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", json.dumps({"gone": HOSTS}))
    document = document_in(tmp_path)
    assert (document["complete"], states(document)) == (False, " ".join(["no_data"] * 6))


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_hosts_that_are_refused_and_such_that_cannot_be_reached(run: Run, tmp_path: pathlib.Path, policy: str) -> None:
    refused = ["h2"] if policy == "stop" else []
    run(*REPORT, "-e", json.dumps({"refused": refused, "gone": ["h3"], "keepalive_unreachable": policy}))
    document = document_in(tmp_path)
    others = "not_begun" if policy == "stop" else "done"
    second = "refused" if refused else "done"
    assert states(document) == f"{others} {second} no_data {others} {others} {others}"
    assert document["complete"] is True


@pytest.mark.parametrize("playbook", ["disable_keepalive", "audit_keepalive"])
def test_mistakes_in_the_variables(tmp_path: pathlib.Path, playbook: str) -> None:
    fleet(tmp_path, playbook)(*REPORT, wrong=["h2"])
    document = document_in(tmp_path)
    assert (document["kind"], document["complete"]) == (playbook.split("_")[0], True)
    assert states(document) == "not_begun refused not_begun not_begun not_begun not_begun"
    assert document["hosts"]["h2"]["why"][0].startswith("keepalive_service: nobody reads this variable")


def test_what_could_not_be_compiled(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", '{"compiled_for": ["h2", "h4"], "fail_in_build": ["h4"]}')
    document = document_in(tmp_path)
    assert (document["complete"], states(document)) == (
        True,
        "not_begun not_begun not_begun refused not_begun not_begun",
    )


def test_a_removal(tmp_path: pathlib.Path) -> None:
    fleet(tmp_path, "disable_keepalive")(*REPORT)
    document = document_in(tmp_path)
    assert (document["kind"], states(document)) == ("disable", " ".join(["done"] * 6))
    assert document["hosts"]["h1"]["did"]["stays"] == ["b.service (until its next start)"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("no/where/report.json", "cannot be written: there is no folder {}/no/where on the controller"),
        ("report", "is neither a folder that is there, nor a file that ends with .json"),
        ("hosts.json", "is there, and no report of an earlier run: it would be overwritten"),
    ],
)
def test_a_bad_place_ends_the_run_before_anything_is_changed(
    run: Run, tmp_path: pathlib.Path, place: str, said: str
) -> None:
    (tmp_path / "hosts.json").write_text("{}")
    status, output = run("-e", f"keepalive_report={place}")
    assert status != 0
    assert "REFUSED 6 hosts: " in output
    assert f"\n    keepalive_report: '{place}' {said.format(tmp_path)}" in output
    assert "rollout of" not in output
    assert (tmp_path / "hosts.json").read_text() == "{}"


def test_each_run_has_a_file_of_its_own_in_a_folder(run: Run, tmp_path: pathlib.Path) -> None:
    status, _output = run("-e", "keepalive_report=reports/")
    (found,) = (tmp_path / "reports").iterdir()
    assert status == 0
    assert document_in(tmp_path, "reports")["begun"].replace("-", "").replace(":", "") in found.name


def test_an_audit_and_the_role_that_verifies(tmp_path: pathlib.Path) -> None:
    totals = {"connections": 2, "right": 1, "without": 1, "slow": 0, "tight": 0, "unknown": 0, "overdue": 0,
              "listeners": 0}  # fmt: skip
    sockets = {"state": "running", "elsewhere": [], "ok": True, "reasons": {}, "relevant": 7, "compliant": 7,
               "noncompliant": 0, "unknown": 0}  # fmt: skip
    readable = {"processes": 0, "why": ""}
    answered = {
        "audit_answer": {"idle_timeout": 350, "totals": totals, "groups": [], "unreadable": readable},
        "keepalive_services_resolved": [{"name": "a.service", "expected": {"libraries": [], "tcp": {}}}],
        "keepalive_verify_sockets": {"sockets": [], "units": {"a.service": sockets}},
    }  # fmt: skip
    failed = {"keepalive_services_resolved": [], "audit_answer": {"failed": True, "msg": "no root\nhere"}}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"netops.keepalive.report": {"of": "document", "phase": "end", "whole_host": True}, "run_once": True},
        ],
    }
    verify = {"name": "netops.keepalive.keepalive_verify", "tasks_from": "report"}
    play_of_role = {**play, "tasks": [{"ansible.builtin.include_role": verify}]}
    (tmp_path / "hosts.json").write_text(
        json.dumps({"all": {"hosts": {"h1": answered, "h2": failed, "h3": {}}}}), encoding="utf-8"
    )
    fleet(tmp_path, "enable_keepalive")
    for name, tasks in (("audit", play), ("verify", play_of_role)):
        (tmp_path / "play.yml").write_text(json.dumps([tasks]), encoding="utf-8")
        run_in(tmp_path, "-i", "hosts.json", "play.yml", "-e", f"keepalive_report={name}.json")
    audit, verified = document_in(tmp_path, "audit.json"), document_in(tmp_path, "verify.json")
    assert (states(audit), states(verified)) == ("done no_data no_data", "done done no_data")
    assert audit["hosts"]["h2"]["why"] == ["no root\\x0ahere"]
    assert (audit["totals"]["audit"]["without"], verified["totals"]["audit"]) == (1, None)
    assert audit["totals"]["units"]["right"] == verified["totals"]["units"]["right"] == 1


def test_a_report_is_shown_from_its_file_alone(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", '{"fail_in_rollout": ["h3"], "finished": ["h1"], "right": ["h1"]}')
    screen = run_in(tmp_path, "netops.keepalive.report", "-e", "keepalive_report=report.json")
    assert re.search(r"\n\d of 6 hosts done: 1 failed, \d not begun\n", screen)
    assert "\nFAILED    1 host\n          h3\n          rollout: first line\n" in screen
    assert "HOST  " not in screen
    said = run_in(tmp_path, "netops.keepalive.report", "-e", "keepalive_report=.", fails=True)
    assert "holds no report (keepalive-*.json)" in " ".join(said.split())
    (tmp_path / "keepalive-enable-20261127T080000Z.json").write_bytes((tmp_path / "report.json").read_bytes())
    table = run_in(tmp_path, "netops.keepalive.report", "-e", "keepalive_report=. keepalive_report_table=1")
    assert re.search(r"\nHOST +UNIT +SOCKETS +RIGHT +WRONG +WHY\n", table)
    assert re.search(r"\nh1 +a.service +3 +3 +0\n", table)


def test_a_report_with_a_mistake_is_an_error_with_its_place(run: Run, tmp_path: pathlib.Path) -> None:
    text = json.dumps({"report": "netops.keepalive", "version": 1})
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    said = run_in(tmp_path, "netops.keepalive.report", "-e", "keepalive_report=report.json", fails=True)
    assert f"keepalive_report: {tmp_path}/report.json: kind: is missing" in " ".join(said.split())


def test_a_run_has_one_report(tmp_path: pathlib.Path) -> None:
    fleet(tmp_path, "disable_keepalive")
    (tmp_path / "hosts").write_text("h1 keepalive_report=a.json\nh2 keepalive_report=b.json\nh3\n")
    said = run_in(tmp_path, "-i", "hosts", "netops.keepalive.disable_keepalive", fails=True)
    assert "\nREFUSED h2\n    keepalive_report: 'b.json' on this host, and 'a.json' on h1: a run has one report" in said
    assert "\nREFUSED h3\n    keepalive_report: '' on this host, and 'a.json' on h1" in said
    assert [path.name for path in tmp_path.glob("*.json")] == []


def test_other_forms_stand_beside_the_document(run: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "report.md").write_text("mine")
    formats = ("-e", "keepalive_report_formats=markdown,csv,junit,html")
    status, output = run(*REPORT, *formats)
    assert status != 0
    assert f"cannot be written as markdown too: {tmp_path}/report.md is there" in " ".join(output.split())
    assert "rollout of" not in output
    (tmp_path / "report.md").unlink()
    assert run(*REPORT, *formats, "-e", '{"right": ["h1"]}')[0] == 0
    assert (tmp_path / "report.md").read_text().startswith("# keepalive: enable, ")
    assert "\nh6,host,h6,done,0,0,0,0,,\n" in (tmp_path / "report.csv").read_text()
    assert 'name="netops.keepalive enable" tests="' in (tmp_path / "report.xml").read_text()
    assert (tmp_path / "report.html").read_text().startswith('<!DOCTYPE html>\n<html lang="en" data-report="netops')
    (tmp_path / "report.csv").unlink()
    run_in(tmp_path, "netops.keepalive.report", *REPORT, "-e", "keepalive_report_formats=csv")
    assert "\nh6,host,h6,done,0,0,0,0,,\n" in (tmp_path / "report.csv").read_text()


def test_ci_fails_for_what_was_chosen(run: Run, tmp_path: pathlib.Path) -> None:
    run(*REPORT, "-e", '{"fail_in_rollout": ["h3"]}')
    shown = ("netops.keepalive.report", *REPORT, "-e")
    run_in(tmp_path, *shown, "audit_fail_on=drift")
    said = run_in(tmp_path, *shown, "audit_fail_on=drift,no_data", fails=True)
    assert "audit_fail_on: no_data: 6 units; see above" in " ".join(said.split())
