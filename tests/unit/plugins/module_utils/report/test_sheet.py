# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A line for each host, unit and kind of connection, and no cell that a spreadsheet runs."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.sheet import MARK_OF_CSV, csv_of
from ansible_collections.netops.keepalive.tests.unit.support.reported import RUN, STALE, host, made_up, socket


def test_the_whole_of_it() -> None:
    hosts = {
        "h1": host({"a.service": STALE}, [socket("a.service")]),
        "h2": HostSeen(why=["could not,", "be reached"]),
    }
    assert csv_of(document_of(RUN, hosts)) == (
        "host,what,name,verdict,sockets,right,wrong,unknown,reasons,detail\n"
        "h1,host,h1,done,0,0,0,0,,\n"
        "h1,unit,a.service,wrong,4,1,3,0,stale_environment x 3,keepidle was 7200 when it was started\n"
        'h2,host,h2,no_data,0,0,0,0,,"could not, / be reached"\n'
    )


def test_connections_of_an_audit_are_in_it() -> None:
    text = csv_of(made_up(10, "audit"))
    assert text.startswith(MARK_OF_CSV)
    rows = [row for row in csv.reader(io.StringIO(text)) if row[1] == "connections"]
    assert rows == [
        ["web0006.example.com", "connections", "reporter.service, psql connects", "wrong", "2", "0", "2", "0",
         "without x 2", ""],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ['=cmd|"/c calc"!A1', "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_run_by_a_spreadsheet(name: str) -> None:
    text = csv_of(document_of(RUN, {name: host({name: STALE}, [socket(name, detail=name)])}))
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert rows[1][2] == f"'{name}"
