# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has changed is a few lines on the last screen of a run, and a section in a ticket."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import width
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import Changes, changes_between
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes_said import changes_on_screen
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.markdown import markdown_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.screen import screen
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    EXPECTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    host,
    made_up,
)

EARLIER = document_of(
    RUN._replace(kind="audit", ended="2026-11-20T08:00:00Z"),
    {"h1": host({"a.service": RIGHT, "b.service": STALE}), "h2": host({"a.service": RIGHT}), "h9": HostSeen()},
)
OTHER = {**EXPECTED, "tcp": {"keepidle": 120}}
LATER = document_of(
    RUN,
    {
        "h1": host({"a.service": STALE, "b.service": RIGHT}),
        "h2": host({"a.service": STOPPED}, expected={"a.service": OTHER}),
        "h3": host({}),
        "h4": host({}),
    },
)


def lines_of(changes: Changes) -> str:
    return "\n".join(text for text, _what in changes_on_screen(changes))


def test_on_the_screen() -> None:
    changes = changes_between(EARLIER, LATER)
    assert lines_of(changes) == (
        "since audit, 2026-11-20 08:00:00 UTC: 1 newly wrong or unknown, 1 mended, 1\n"
        "          otherwise changed, 1 with other values, 2 hosts new, 1 host not in\n"
        "          this run\n"
        "          a.service on 1 host, wrong (was right): stale_environment: h1"
    )
    whole = [text for text, _what in screen(LATER, changed=changes_on_screen(changes))]
    assert whole[3].startswith("since audit, "), "after the totals, before what is wrong"


def test_where_nothing_has_changed() -> None:
    assert lines_of(changes_between(EARLIER, EARLIER)) == "since audit, 2026-11-20 08:00:00 UTC: nothing has changed"


def test_of_many_changes_the_screen_has_few_lines() -> None:
    units = {f"{name}.service": RIGHT for name in "abcdefgh"}
    wrong = dict.fromkeys(units, STALE)
    before = document_of(RUN, {f"web{number:04}.example.com": host(units) for number in range(0, 4000, 2)})
    after = document_of(RUN, {f"web{number:04}.example.com": host(wrong) for number in range(0, 4000, 2)})
    lines = lines_of(changes_between(before, after)).split("\n")
    assert lines[-1] == "          and 5 more"
    assert max(map(width, lines)) <= 80
    assert len(lines) <= 14


def test_in_a_ticket() -> None:
    text = markdown_of(LATER, changes_between(EARLIER, LATER))
    section = text.partition("## Changes\n\n")[2].partition("\n## ")[0]
    assert section == (
        "Since audit, 2026-11-20 08:00:00 UTC: 1 newly wrong or unknown, 1 mended, 1 otherwise changed, "
        "1 with other values, 2 hosts new, 1 host not in this run.\n"
        "\n"
        "- **WORSE** `a.service on 1 host, wrong (was right): stale_environment`: `h1`\n"
        "- **MENDED** `b.service on 1 host, right (was wrong)`: `h1`\n"
        "- **OTHER** `a.service on 1 host, not running (was right)`: `h2`\n"
        "- **VALUES** `a.service on 1 host: keepidle 60 to 120, user_timeout derived to nothing`: `h2`\n"
        "- **NEW** `hosts`: `h3, h4`\n"
        "- **NOT IN THIS RUN** `hosts`: `h9`\n"
    )


def test_of_a_fleet_a_ticket_stays_short() -> None:
    before, after = made_up(2000, "audit"), made_up(2000)
    assert len(markdown_of(after, changes_between(before, after)).splitlines()) < 300
