# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CI sees a suite for each host, and what is wrong as a failure, what is not known as an error."""

from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.junit import MARK_OF_JUNIT, junit_of
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    host,
    made_up,
    socket,
)


def test_the_whole_of_it() -> None:
    units = {"a.service": STALE, "b.service": RIGHT, "c.service": ACCEPTED, "d.service": STOPPED}
    hosts = {"h1": host(units, [socket("a.service")]), "h2": HostSeen(why=["gone"]), "h3": HostSeen("failed", ["x"]),
             "h4": HostSeen("not_begun")}  # fmt: skip
    whole = ElementTree.fromstring(junit_of(document_of(RUN, hosts)))
    assert whole.attrib == {
        "name": "netops.keepalive enable", "tests": "8", "failures": "2", "errors": "1", "skipped": "2"
    }  # fmt: skip
    assert whole[0].attrib == {
        "name": "h1", "timestamp": "2026-11-27T08:02:30", "tests": "5", "failures": "1", "errors": "0", "skipped": "1"
    }  # fmt: skip
    cases = [
        (case.get("classname"), case.get("name"), [(part.tag, part.get("type"), part.get("message")) for part in case])
        for case in whole.iter("testcase")
    ]
    stale = "stale_environment x 3: keepidle was 7200 when it was started"
    assert cases == [
        ("h1", "host", []),
        ("h1", "a.service", [("failure", "wrong", stale)]),
        ("h1", "b.service", []),
        ("h1", "c.service", [("system-out", None, None)]),
        ("h1", "d.service", [("skipped", None, "not running")]),
        ("h2", "host", [("error", "no_data", "gone")]),
        ("h3", "host", [("failure", "failed", "x")]),
        ("h4", "host", [("skipped", None, "not_begun")]),
    ]


def test_connections_of_an_audit_are_cases() -> None:
    text = junit_of(made_up(10, "audit"))
    assert text.startswith(MARK_OF_JUNIT)
    (failed,) = [case for case in ElementTree.fromstring(text).iter("testcase") if "psql" in (case.get("name") or "")]
    assert failed[0].get("message") == "without x 2"


def test_a_host_writes_no_xml() -> None:
    name = '"><failure/>]]>&\x00\ufffe\x1b'
    text = junit_of(document_of(RUN, {"h1": host({name: RIGHT})}))
    whole = ElementTree.fromstring(text)
    assert [case.get("name") for case in whole.iter("testcase")] == ["host", '"><failure/>]]>&\\x00\\ufffe\\x1b']
    assert list(whole.iter("failure")) == []
