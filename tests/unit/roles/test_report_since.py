# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run tells what has changed since another one; what it cannot be compared with ends it before a host is asked."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import text_of
from ansible_collections.netops.keepalive.tests.unit.support.played_fleet import Run, fleet, run_in
from ansible_collections.netops.keepalive.tests.unit.support.reported import RUN, STALE, document_of, host

SINCE = ("-e", "keepalive_report_since=")


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> Run:
    return fleet(tmp_path, "enable_keepalive")


def earlier_in(folder: pathlib.Path, name: str, day: int = 1, **others: t.Any) -> str:
    """Write the document of a run in which one host of six was there, and its unit was wrong."""
    run = RUN._replace(begun=f"2026-01-{day:02}T08:00:00Z", ended=f"2026-01-{day:02}T08:01:00Z", **others)
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text_of(document_of(run, {"h1": host({"a.service": STALE})})), encoding="utf-8")
    return str(folder / name)


def test_the_last_screen_and_the_ticket_tell_what_has_changed(run: Run, tmp_path: pathlib.Path) -> None:
    since = earlier_in(tmp_path, "week.json")
    told = "since enable, 2026-01-01 08:01:00 UTC: "
    _status, output = run(
        "-e", f"keepalive_report=now.json keepalive_report_formats=markdown keepalive_report_since={since}",
        "-e", '{"finished": ["h1", "h2", "h3", "h4", "h5", "h6"], "right": ["h1"]}',
    )  # fmt: skip
    assert f"{told}1 mended, 1 with other values, 5 hosts\n          new\n" in output
    assert f"S{told[1:]}1 mended, 1 with other values, 5 hosts new.\n" in (tmp_path / "now.md").read_text()
    (tmp_path / "now.md").unlink()
    later = run_in(
        tmp_path, "netops.keepalive.report", "-e", "keepalive_report=now.json keepalive_report_formats=markdown",
        "-e", f"keepalive_report_since={since}",
    )  # fmt: skip
    assert f"{told}1 mended, 1 with other values, 5 hosts\n          new\n" in later
    assert f"S{told[1:]}1 mended, 1 with other values, 5 hosts new.\n" in (tmp_path / "now.md").read_text()
    said = run_in(
        tmp_path,
        "netops.keepalive.report",
        "-e",
        f"keepalive_report={since} keepalive_report_since=now.json",
        fails=True,
    )
    assert "keepalive_report_since: now.json: begun: '20" in " ".join(said.split())
    assert "is not before '2026-01-01T08:00:00Z', when the run of the report began" in " ".join(said.split())


def test_of_a_folder_the_last_run_that_has_ended_counts(run: Run, tmp_path: pathlib.Path) -> None:
    both = ("-e", "keepalive_report=reports/ keepalive_report_since=reports/")
    assert "\nsince " not in run(*both)[1], "the first run"
    for made in (tmp_path / "reports").iterdir():
        made.unlink()
    earlier_in(tmp_path / "reports", "keepalive-enable-20260102T080000Z.json", 2)
    earlier_in(tmp_path / "reports", "keepalive-enable-20260101T080000Z.json", 1)
    earlier_in(tmp_path / "reports", "keepalive-enable-20260103T080000Z.json", 3, complete=False)
    status, output = run(*both)
    assert status == 0
    assert "\nsince enable, 2026-01-02 08:01:00 UTC: " in output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"report": "netops.keepalive", "version": 2}',
         "since.json: version: 2: this release reads 1; use the release that has written it, or a later one"),
        ('{"report": "netops.keepalive", "version": 1}', "since.json: kind: is missing; begun: is missing; "),
        ("{", "since.json: line 1, column 2: this is no JSON: "),
        ("", "since.json: line 1, column 1: this is no JSON: "),
        (None, "since.json cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_one_error(run: Run, tmp_path: pathlib.Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "since.json").write_text(text, encoding="utf-8")
    status, output = run("-e", "keepalive_report_since=since.json")
    assert status != 0
    assert "REFUSED 6 hosts: " in output
    assert f"\n    keepalive_report_since: 'since.json' {tmp_path}/{said}" in output
    assert output.count("keepalive_report_since: ") == 1
    assert "rollout of" not in output
    earlier_in(tmp_path, "now.json")
    shown = run_in(tmp_path, "netops.keepalive.report", "-e", "keepalive_report=now.json",
                        "-e", "keepalive_report_since=since.json", fails=True)  # fmt: skip
    assert f"keepalive_report_since: {tmp_path}/{said}" in " ".join(shown.split())


def test_a_run_is_not_compared_with_itself(run: Run, tmp_path: pathlib.Path) -> None:
    earlier_in(tmp_path, "now.json")
    before = (tmp_path / "now.json").read_text()
    status, output = run("-e", "keepalive_report=now.json keepalive_report_since=./now.json")
    assert status != 0
    assert "keepalive_report_since: './now.json' is where the report of this run goes; name another" in output
    assert (tmp_path / "now.json").read_text() == before
