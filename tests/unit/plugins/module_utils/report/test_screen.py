# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last screen of a run: totals and coverage, what is wrong, the worst first, and one line for what is right."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import width
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import KINDS, HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.screen import screen
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    audited,
    host,
    made_up,
    socket,
)


@pytest.mark.parametrize("number", [1, 3, 200, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_a_screen_of_80_columns(kind: str, number: int) -> None:
    lines = [text for text, _what in screen(made_up(number, kind))]
    assert max(map(width, lines)) <= 80
    assert len(lines) <= 40


def text_of(*hosts: HostSeen, hosts_too: bool = True, **of_run: object) -> str:
    named = {f"h{number}": seen for number, seen in enumerate(hosts, 1)}
    document = document_of(RUN._replace(**of_run), named)  # type: ignore[arg-type]
    return "\n".join(text for text, _what in screen(document, hosts_too))


def test_the_whole_of_it() -> None:
    units = {"a.service": STALE, "b.service": RIGHT, "c.service": ACCEPTED, "d.service": STOPPED}
    hosts = [host(units, [socket("a.service")] * 3, did={"changed": ["a.service"], "restarted": ["a.service"]})] * 3
    gone = HostSeen(why=["could not be reached"])
    failed = HostSeen("failed", ["x: did not stay up"], undone={"changed": ["a.service"]})
    assert text_of(*hosts, gone, failed) == (
        "enable, 2026-11-27 08:02:30 UTC\n"
        "3 of 12 unit x host right: 3 wrong, 3 accepted, 3 not running\n"
        "3 of 5 hosts done: 1 failed, 1 without data\n"
        "\n"
        "FAILED    1 host\n"
        "          h5\n"
        "          x: did not stay up\n"
        "\n"
        "WRONG     a.service on 3 hosts: stale_environment x 9\n"
        "          h[1-3]\n"
        "          keepidle was 7200 when it was started\n"
        "          keepidle 7200 instead of 60\n"
        "\n"
        "NO DATA   1 host\n"
        "          h4\n"
        "          could not be reached\n"
        "\n"
        "ACCEPTED  c.service on 3 hosts: overridden_by_application x 6\n"
        "          h[1-3]\n"
        "\n"
        "What each word means, and what helps: docs/reasons.md of this collection\n"
        "\n"
        "NOT RUN   3: d.service 3\n"
        "\n"
        "RIGHT     3: b.service 3\n"
        "\n"
        "3 hosts: h[1-3]\n"
        "    changed: a.service\n"
        "    restarted: a.service\n"
        "\n"
        "Changed: 3 of 3 hosts, with 3 restarts.\n"
        "Taken back: 1 host."
    )


def test_where_all_is_right_that_is_one_line() -> None:
    assert text_of(host({"a.service": RIGHT}), host({"a.service": RIGHT})) == (
        "enable, 2026-11-27 08:02:30 UTC\n"
        "2 of 2 unit x host right\n"
        "2 of 2 hosts done\n"
        "\n"
        "RIGHT     2: a.service 2\n"
        "\n"
        "Nothing was to be done: nothing was changed, and nothing was restarted."
    )


def test_what_became_of_hosts_is_left_to_who_tells_it_elsewhere() -> None:
    seen = text_of(host({"a.service": STALE}), HostSeen("failed", ["x"]), hosts_too=False)
    assert "FAILED" not in seen
    assert "WRONG" in seen and "1 failed" in seen


def test_a_look_ends_in_what_would_be_changed_and_restarted() -> None:
    would = host({}, did={"would_change": ["a.service"], "would_restart": ["a.service", "b.service"]})
    idle = host({}, did={"would_change": [], "would_restart": []})
    assert text_of(would, would, idle, check_mode=True).endswith(
        "\n\n2 hosts: h1, h2\n    would be changed: a.service\n    would be restarted: a.service, b.service\n\n"
        "Nothing to do on h3\n\nNothing was changed: this was a look. 2 of 3 hosts, 4 restarts."
    )
    assert text_of(would, check_mode=True).startswith("enable, a look that changed nothing, ")


def test_what_a_look_would_see_to_is_one_line_and_what_it_would_not_is_told() -> None:
    units = {"a.service": STALE, "b.service": STALE, "w@.service": STALE}
    would = {"would_change": ["a.service"], "would_restart": ["w@1.service"]}
    text = text_of(host(units, did=would), host(units, did=would), check_mode=True)
    assert "\n\nTO DO     4: a.service 2, w@.service 2\n\n" in text
    assert "WRONG     b.service on all 2 hosts: stale_environment x 6\n" in text
    assert text.count("WRONG") == 1


def test_what_is_wrong_where_a_run_has_not_begun_is_yet_to_do() -> None:
    text = text_of(host({"a.service": STALE}, state="not_begun"), HostSeen("failed", ["x"]))
    assert "\n\nTO DO     1: a.service 1" in text
    assert "WRONG" not in text


def test_the_more_is_wrong_the_less_of_each_is_told() -> None:
    long = "word " * 100

    def lines_with(number: int) -> int:
        names = [f"u{each}.service" for each in range(number)]
        seen = host(dict.fromkeys(names, STALE), [socket(name, detail=long.strip()) for name in names])
        return text_of(seen).count("word word") // number

    assert [lines_with(number) > lines for number, lines in ((3, 20), (6, 10))] == [True, True]
    names = [f"u{each}.service" for each in range(7)]
    text = text_of(host(dict.fromkeys(names, STALE), [socket(name, detail=long.strip()) for name in names]))
    assert text.count(" word ...\n") == 7


def test_an_audit_ends_in_what_the_entries_to_paste_would_change() -> None:
    lines = [text for text, _what in screen(made_up(200, "audit"))]
    assert lines[-3:] == [
        "With the entries to paste 1,773 of 1,773 connections would be right instead of",
        "1,753",
        "    restarted: reporter.service 10",
    ]


def test_a_removal_ends_in_what_went_and_what_stays() -> None:
    done = {"changed": ["a.service", "the libraries"], "restarted": ["a.service"], "stays": ["b.service"]}
    assert text_of(host({}, did=done), kind="disable").endswith(
        "\n\nh1\n    taken away: a.service, the libraries\n    restarted: a.service\n    stays: b.service"
    )


def test_an_audit_tells_connections_a_finding_of_many_hosts_once() -> None:
    lines = [text for text, _what in screen(made_up(200, "audit"))]
    assert "1,753 of 1,773 connections right: 20 without keepalive" in lines
    index = lines.index("AT RISK   reporter.service, psql connects: 20 without keepalive")
    assert lines[index + 1] == "          web[0006,0026,0046,0066,0086,0106,0126,0146,0166,0186].example.com"


def test_a_run_that_has_not_come_to_its_end_says_so() -> None:
    assert "the run has not told how it ended" in text_of(HostSeen(), complete=False)


def test_what_is_left_out_is_counted() -> None:
    units = {f"u{number:02}.service": STALE for number in range(20)}
    text = text_of(host(units))
    assert "WRONG     and 8 more such findings, on 1 host: keepalive_report_table shows all\n" in text
    assert text.count("WRONG     u") == 12
    text = text_of(HostSeen("failed", [f"line {number}" for number in range(11)]))
    assert text.count("          line ") == 8
    assert "          line 7\n          ... and 3 more lines" in text


def test_each_line_has_what_it_is() -> None:
    units = {"a.service": STALE, "b.service": RIGHT, "c.service": ACCEPTED, "d.service": STOPPED}
    document = document_of(RUN, {"h1": host(units), "h2": HostSeen(why=["x"])})
    whats = {text.split()[0]: what for text, what in screen(document) if text and text[:2].isupper()}
    assert whats == {
        "WRONG": "wrong", "NO": "unknown", "ACCEPTED": "accepted", "NOT": "idle", "RIGHT": "right",
    }  # fmt: skip


def test_a_host_cannot_make_a_line_too_long() -> None:
    hostile = "x" * 200 + ".service"
    document = document_of(RUN, {"h" * 100: host({hostile: STALE, "宽" * 90: STALE}, remarks=["y" * 300])})
    assert max(width(text) for text, _what in screen(document)) <= 80
    assert audited()["totals"]["right"] == 9


def test_where_nobody_is_connected_no_share_of_nothing_is_told() -> None:
    lines = text_of(host({}, audit=audited(0, 0, listeners=1)), kind="audit").split("\n")
    assert lines[1:4] == [
        "no connections to judge; those between processes of one host are left out",
        "1 listener hands on to what is accepted what is not right",
        "1 of 1 hosts done",
    ]
