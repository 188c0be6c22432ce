# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTML page of a document, as a browser shows it to who looks for what is wrong."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import changes_between
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.page import html_of
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_forms import page_parts
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import group
from ansible_collections.netops.keepalive.tests.unit.support.hostile_report import ATTACKS, attacked
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    audited,
    host,
    socket,
)
from ansible_collections.netops.keepalive.tests.unit.support.reported_fleet import realistic

A, B, C = "a.service", "b.service", "c.service"
HOSTS = {
    "h1": host({A: RIGHT, B: RIGHT, C: ACCEPTED}),
    "h2": host({A: STALE, B: RIGHT, C: STOPPED}, [socket(A)] * 3),
    "h10": host({A: RIGHT, C: RIGHT}, audit=audited(9, 8, without=1)),
    "h3": HostSeen(why=["could not be reached"]),
}
PARTS = page_parts()
SHOWN = ".row:not(.head) .host"


def page_of(*, since: t.Any = None, **of_run: t.Any) -> str:
    document = document_of(RUN._replace(**of_run), HOSTS)
    return html_of(document, PARTS, changes_between(since, document) if since else None)


def test_totals_come_first_and_then_what_is_wrong(browser: t.Any) -> None:
    browser.open(page_of())
    (verdict,) = browser.texts(".verdict")
    assert verdict == "✗ 1 unit wrong, 1 connection at risk, 1 host without data"
    assert browser.texts("#totals > p")[1] == "5 of 8 unit × host right (62.5 %)"
    assert browser.texts("#wrong .label") == ["WRONG", "NO DATA", "ACCEPTED"]
    tops = browser.run("return ['totals', 'wrong', 'hosts', 'times'].map(e => document.getElementById(e).offsetTop)")
    assert tops == sorted(tops)


def test_the_matrix_shows_each_state_by_a_sign_and_by_a_word_and_the_reasons(browser: t.Any) -> None:
    browser.open(page_of())
    assert browser.texts(SHOWN) == ["h2", "h10", "h3", "h1"]
    assert browser.texts(".head .unit") == [A, C, B]
    rows = browser.run(
        "return [...document.querySelectorAll('.row:not(.head)')].map(r => [...r.children].map(c => c.textContent))"
    )
    assert rows == [
        ["h2", "✗3", "–", "✓", "a.service: stale_environment × 3"],
        ["h10", "✓", "✓", "connections without × 1"],
        ["h3", "NO DATAcould not be reached "],
        ["h1", "✓", "≈2", "✓", "c.service: accepted overridden_by_application × 2"],
    ]
    columns = browser.run(
        "return [...document.querySelectorAll('.row:not(.head) .cell')].map(c => getComputedStyle(c).gridColumnStart)"
    )
    assert columns == ["2", "3", "4", "2", "3", "2", "3", "4"], "C is the second, and h10 has no B"


def test_filters_search_and_order(browser: t.Any) -> None:
    browser.open(page_of())
    for show, hosts in (("wrong", ["h2"]), ("no_data", ["h3"]), ("not_right", ["h2", "h10", "h3", "h1"]),
                        ("all", ["h2", "h10", "h3", "h1"])):  # fmt: skip
        browser.say("show", show)
        assert browser.texts(SHOWN) == hosts, show
    for words, hosts in (("h1", ["h10", "h1"]), ("STALE_env", ["h2"]), ("b.serv h2", ["h2"]), ("reached", ["h3"]),
                         ("nowhere", []), ("", ["h2", "h10", "h3", "h1"])):  # fmt: skip
        browser.say("search", words)
        assert browser.texts(SHOWN) == hosts, words
        assert browser.texts("#shown") == [f"{len(hosts)} of 4 hosts shown"]
    browser.say("sort", "name")
    assert browser.texts(SHOWN) == ["h1", "h2", "h3", "h10"]
    browser.say("reason", "overridden_by_application")
    assert browser.texts(SHOWN) == ["h1"]


def test_a_finding_leads_to_its_hosts(browser: t.Any) -> None:
    browser.open(page_of())
    browser.run("document.querySelector('#wrong .finding button').click()")
    assert browser.texts(SHOWN) == ["h2"]
    browser.run("document.querySelector('button.tile.s-wrong').click()")
    assert browser.run("return document.querySelector('button.tile.s-wrong').getAttribute('aria-pressed')") == "true"


def test_in_a_look_what_would_be_seen_to_is_to_do(browser: t.Any) -> None:
    did = {"would_restart": [A]}
    hosts = {"h1": host({A: STALE}, [socket(A)] * 3, did=did), "h2": host({A: RIGHT})}
    browser.open(html_of(document_of(RUN._replace(check_mode=True), hosts), PARTS))
    assert browser.texts("#title") == ["keepalive: enable (a look that changed nothing)"]
    assert browser.texts("#wrong .label") == ["TO DO"]
    browser.run("document.querySelector('#wrong .finding button').click()")
    assert browser.texts(SHOWN) == ["h1"]


def test_all_of_it_is_done_by_keyboard_too(browser: t.Any) -> None:
    browser.open(page_of())
    browser.run("document.querySelector('.row .host[tabindex=\"0\"]').focus()")
    told = []
    for key in ("\ue014", "\ue015", "\ue015", "\ue011"):  # right, down, down, home
        browser.press(key)
        told.append(browser.run("return document.activeElement.textContent"))
    assert told[0] == "✗3"
    assert told[2:] == ["h3", "h3"]
    browser.press("\ue013")  # up
    browser.press("\ue013")
    browser.press("\ue014")
    assert browser.texts("#tip")[0].split("\n")[:3] == [
        "a.service on h2: wrong", "1 of 4 sockets right, 3 wrong, 0 unknown", "stale_environment × 3",
    ]  # fmt: skip
    browser.press("\ue007")  # enter
    assert "keepidle 7200 instead of 60" in browser.texts("#detail")[0]
    browser.press("\ue00c")  # escape
    assert browser.texts("#detail") == []
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "search"


def test_each_part_is_one_step_away_however_many_hosts_there_are(browser: t.Any) -> None:
    since = document_of(RUN, {**HOSTS, "h2": host({A: RIGHT})})
    browser.open(page_of(since=since), width=390)
    assert browser.texts("nav a") == [
        "What is not right", "What has changed", "Hosts and units", "When a dead connection is noticed",
    ]  # fmt: skip
    browser.run("document.querySelector('nav a[href=\"#times\"]').click()")
    assert browser.run("return Math.round(document.getElementById('times').getBoundingClientRect().top) < innerHeight")
    browser.open(html_of(document_of(RUN, {"h1": HostSeen(why=["x"])}), PARTS))
    assert browser.texts("nav a") == ["What is not right", "Hosts and units"]


def test_what_has_changed_and_a_run_that_died(browser: t.Any) -> None:
    since = document_of(RUN, {**HOSTS, "h2": host({A: RIGHT, B: RIGHT, C: RIGHT}), "h9": host({})})
    browser.open(page_of(since=since, complete=False))
    assert browser.texts("#changes .label") == ["NEWLY WRONG", "HOSTS NOT IN THIS RUN"]
    assert browser.texts(".verdict")[0].endswith("the run has not told how it ended")
    browser.open(page_of())
    assert browser.texts("#changes") == []


def test_timelines_follow_the_idle_timeout(browser: t.Any) -> None:
    browser.open(html_of(realistic(30), PARTS))
    labels = "#timelines .asked .label"
    assert sorted(browser.texts(labels)) == ["ONE PROBE", "SURVIVES", "SURVIVES", "TIGHT"]
    browser.say("timeout", "60")
    assert sorted(browser.texts(labels)) == ["ONE PROBE", "SLOW", "SLOW", "SLOW"]
    told = browser.run("return [...document.querySelectorAll('.asked svg')].map(e => e.getAttribute('aria-label'))")
    assert (
        "dead idle peer: 2 min; unacknowledged data: 2 min; peer that stops reading: 2 min; idle timeout 60 s: the "
        "first probe comes after 60 s: too late"
    ) in told
    bars = "[...document.querySelector('#timelines svg').querySelectorAll('rect')]"
    widths = browser.run(f"return {bars}.map(e => e.getBBox().width)")
    assert max(widths) - min(widths) < 1, "the same time is drawn alike"


TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}


def with_found(*values: t.Tuple[str, t.Any, t.Any], tcp: t.Optional[t.Dict[str, int]] = None) -> t.Any:
    wrong = [{"option": option, "value": value, "expected": asked} for option, value, asked in values]
    expected = {name: {"libraries": ["connect"], "tcp": tcp or TCP} for name in (A, B)}
    hosts = {
        "h1": host({A: STALE, B: RIGHT}, [socket(A, wrong=wrong)] * 3, expected=expected),
        "h2": host({A: STALE, B: RIGHT}, [socket(A, wrong=wrong)] * 3, expected=expected),
        "h3": host({B: RIGHT}, expected={B: {"libraries": ["connect"], "tcp": {"keepidle": 9}}}),
    }
    return document_of(RUN, hosts)


_DRAWN = """
return [...document.querySelectorAll('#timelines .with-found > div')].map((e) => [
  e.querySelector('.label').textContent, e.querySelector('svg').getAttribute('aria-label').split('; idle')[0],
  e.querySelectorAll('.probe').length, e.querySelectorAll('path').length,
  [...e.querySelectorAll('rect')].map((r) => r.getAttribute('class')).join(' '),
  e.querySelector('.limit').getAttribute('x1')])
"""


def test_what_was_found_stands_beside_what_is_asked_on_the_same_scale(browser: t.Any) -> None:
    browser.open(html_of(with_found(("keepidle", 7200, 60), ("user_timeout", 0, 120000)), PARTS))
    asked, found = browser.run(_DRAWN)
    assert asked[:5] == [
        "SURVIVES", "dead idle peer: 2 min; unacknowledged data: 2 min; peer that stops reading: 2 min", 4, 0,
        "span span span",
    ]  # fmt: skip
    assert found[:5] == [
        "SLOW",
        "dead idle peer: 2 h; unacknowledged data: about 15 min (tcp_retries2); peer that stops reading: never",
        0, 1, "span never never",
    ]  # fmt: skip
    assert asked[5] == found[5]
    assert browser.texts(".instead p")[:2] == [
        "Found on 6 sockets of a.service on 2 hosts: stale_environment",
        "keepidle 7200 instead of 60, user_timeout off instead of 120000 ms",
    ]
    assert len(browser.texts("#timelines figure")) == 2, "those of h3 are as asked"


def test_a_socket_without_keepalive_never_notices(browser: t.Any) -> None:
    off = (("keepalive", False, True), ("keepidle", 7200, 60), ("keepcnt", 9, 4), ("user_timeout", 0, 120000))
    browser.open(html_of(with_found(*off), PARTS))
    found = browser.run(_DRAWN)[1]
    assert found[:5] == [
        "OFF",
        "dead idle peer: never; unacknowledged data: about 15 min (tcp_retries2); peer that stops reading: never",
        0, 0, "never never never",
    ]  # fmt: skip
    assert browser.texts(".instead p")[1:3] == [
        "keepalive off instead of on, user_timeout off instead of 120000 ms",
        "OFF no probe is sent: forgotten after 350 s of silence, and nobody notices",
    ]


def test_found_values_near_those_that_are_asked_are_drawn_whole(browser: t.Any) -> None:
    browser.open(html_of(with_found(("keepidle", 300, 60), ("keepintvl", 100, 15), ("keepcnt", 3, 4)), PARTS))
    found = browser.run(_DRAWN)[1]
    assert found[:4] == [
        "TIGHT",
        "dead idle peer: 10 min; unacknowledged data: 2 min or 10 min; peer that stops reading: 2 min or 10 min",
        3, 0,
    ]  # fmt: skip


def test_what_could_not_be_read_is_counted_and_not_drawn(browser: t.Any) -> None:
    browser.open(html_of(with_found(("keepidle", None, 60)), PARTS))
    assert browser.texts("#timelines .instead") == []
    assert browser.texts("#timelines .soft") == [
        "And 6 sockets more with other values, or with some that could not be read."
    ]


def test_an_audit_shows_what_it_advises_beside_what_it_found(browser: t.Any) -> None:
    slow = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "connections": 3}
    found = group(Program("/usr/bin/psql", unit=A), "outgoing", connections=5, without=2, slow=3, found_values=[slow])
    audit = {**audited(5, 0, without=2, slow=3), "groups": [found], "groups_total": 1}
    browser.open(html_of(document_of(RUN._replace(kind="audit"), {"h1": host({}, audit=audit)}), PARTS))
    assert browser.texts("#timelines p:first-child") == [
        "Advised where a program has no setting of its own",
        "Found on 3 connections of a.service on 1 host",
        "Found on 2 connections of a.service on 1 host: without keepalive",
    ]
    assert [each[:2] for each in browser.run(_DRAWN)] == [
        ["SURVIVES", "dead idle peer: 4 min; unacknowledged data: 4 min; peer that stops reading: 4 min"],
        ["SLOW", "dead idle peer: 2.2 h"],
        ["OFF", "dead idle peer: never"],
    ]
    assert browser.texts(".instead .name") == [A, "keepidle 7200, keepintvl 75, keepcnt 9", A, "keepalive off"]
    tops = browser.run("return [...document.querySelector('.row[data-row]').children].map(e => e.offsetTop)")
    assert len(set(tops)) == 1, "where no unit is listed, a host's reasons stand beside its name all the same"


@pytest.mark.parametrize("tcp", [dict.fromkeys(TCP, -(1 << 70)), dict.fromkeys(TCP, 1 << 70), dict.fromkeys(TCP, 0)])
def test_values_that_nobody_can_have_draw_nothing_wrong(browser: t.Any, tcp: t.Dict[str, int]) -> None:
    browser.open(html_of(with_found(("keepidle", (1 << 31) - 1, 60), tcp=tcp), PARTS))
    assert len(browser.texts("#timelines figure")) == 2


_RATIOS = """
const part = (c) => c / 255 <= .03928 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const back = (e) => {
  for (; e; e = e.parentElement) {
    const c = numbers(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3]) return c.slice(0, 3);
  }
  return [255, 255, 255];
};
const found = [];
for (const e of document.querySelectorAll('body *')) {
  if (!e.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName)) continue;
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  const style = getComputedStyle(e), text = e.namespaceURI.endsWith('svg') ? style.fill : style.color;
  const [one, two] = [light(numbers(text)), light(back(e))].sort((a, b) => b - a);
  found.push([(one + .05) / (two + .05), e.className.baseVal ?? e.className, e.textContent.slice(0, 30)]);
}
return found.sort((a, b) => a[0] - b[0])
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser: t.Any, scheme: str) -> None:
    document = document_of(
        RUN._replace(kind="audit"), {**HOSTS, "h4": HostSeen("failed", ["x"]), "h5": HostSeen("not_begun")}
    )
    browser.open(html_of(document, PARTS, changes_between(realistic(2), document)), scheme=scheme)
    ratios = browser.run(_RATIOS)
    assert len(ratios) > 60
    assert [each for each in ratios if each[0] < 4.5] == []


def test_dark_and_light_by_the_system_by_choice_and_on_paper(browser: t.Any) -> None:
    back = "return getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(20, 23, 26)"
    for scheme, shown in (("light", light), ("dark", dark)):
        browser.open(page_of(), scheme=scheme)
        assert browser.run(back) == shown
    browser.say("theme", "light")
    assert browser.run(back) == light
    browser.open(page_of(), scheme="dark", media="print", width=794)
    assert browser.run(back) == light
    assert browser.texts(".tools") == []
    assert browser.texts(SHOWN) == ["h2", "h10", "h3", "h1"]
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nobody_scrolls_the_page_sideways(browser: t.Any, width: int) -> None:
    browser.open(html_of(realistic(40), PARTS), width=width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    if width < 600:
        assert browser.run("return document.getElementById('matrix').scrollWidth") <= width


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_host_says_is_run(browser: t.Any, attack: str) -> None:
    plain, hostile = attacked("plain"), attacked(attack)
    browser.open(html_of(hostile, PARTS, changes_between(plain, hostile)))
    assert browser.run("return window.attacked === undefined")
    assert len(browser.texts(SHOWN)) == 1
    assert browser.run("return document.querySelectorAll('script, img, style').length") == 3
    browser.run("const cell = document.querySelector('.cell'); cell.tabIndex = 0; cell.focus()")
    assert len(browser.texts("#tip")) == 1


def test_scripts_that_somebody_brings_in_are_refused(browser: t.Any) -> None:
    browser.open(page_of())
    refused = browser.run(
        "const s = document.createElement('script');"
        "try { s.textContent = 'window.attacked = 1'; document.body.append(s) }"
        "catch (error) { return error.name } return ''"
    )
    assert (refused, browser.run("return window.attacked === undefined")) == ("TypeError", True)
    assert browser.complaints() != []


def test_a_report_without_hosts(browser: t.Any) -> None:
    browser.open(html_of(document_of(RUN, {}), PARTS))
    assert browser.texts(".verdict") == ["✓ Nothing is wrong"]
