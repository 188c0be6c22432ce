# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as JUnit XML: a suite for each host, a case for the host and for each unit, for CI."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .rows import ReportRow, rows_in
from .units import Said

MARK_OF_JUNIT = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="netops.keepalive'

_ENDS = {
    "wrong": "failure", "failed": "failure", "refused": "failure", "no_data": "error", "idle": "skipped",
    "not_begun": "skipped",
}  # fmt: skip


def junit_of(document: Said) -> str:
    """Return the text of the file."""
    whole = ElementTree.Element("testsuites", {"name": f"netops.keepalive {document['kind']}"})
    suites: t.Dict[str, ElementTree.Element] = {}
    counts: t.Dict[str, t.Dict[str, int]] = {}
    for row in rows_in(document):
        if row.host not in suites:
            about = {"name": row.host, "timestamp": document["ended"].rstrip("Z")}
            suites[row.host] = ElementTree.SubElement(whole, "testsuite", about)
            counts[row.host] = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        _add_case(suites[row.host], row)
        counts[row.host]["tests"] += 1
        end = _ENDS.get(row.verdict)
        if end:
            counts[row.host][{"failure": "failures", "error": "errors"}.get(end, end)] += 1
    for host, numbers in counts.items():
        suites[host].attrib.update({key: str(number) for key, number in numbers.items()})
    for key in ("tests", "failures", "errors", "skipped"):
        whole.set(key, str(sum(numbers[key] for numbers in counts.values())))
    body = ElementTree.tostring(whole, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _add_case(suite: ElementTree.Element, row: ReportRow) -> None:
    name = row.what if row.what == "host" else row.name
    case = ElementTree.SubElement(suite, "testcase", {"classname": row.host, "name": name, "time": "0"})
    end = _ENDS.get(row.verdict)
    said = f"{row.reasons}: {row.detail}" if row.reasons and row.detail else row.reasons or row.detail or row.verdict
    if end == "skipped":
        ElementTree.SubElement(case, end, {"message": said})
    elif end:
        ElementTree.SubElement(case, end, {"message": said, "type": row.verdict}).text = said
    elif row.verdict == "accepted":
        ElementTree.SubElement(case, "system-out").text = f"accepted: {said}"
