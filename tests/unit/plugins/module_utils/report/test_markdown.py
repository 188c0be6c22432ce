# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ticket has the totals and the findings; nothing that a host says is a link, a mention or a picture in it."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.markdown import (
    MARK_OF_MARKDOWN,
    code,
    markdown_of,
)
from ansible_collections.netops.keepalive.tests.unit.support.reported import RIGHT, RUN, STALE, host, made_up, socket


def test_the_whole_of_it() -> None:
    hosts = {"h1": host({"a.service": STALE, "b.service": RIGHT}, [socket("a.service")]), "h2": HostSeen(why=["gone"])}
    assert markdown_of(document_of(RUN, hosts)) == (
        "# keepalive: enable, 2026-11-27T08:02:30Z\n"
        "\n"
        "| unit x host | right | accepted | wrong | idle | no data |\n"
        "|---:|---:|---:|---:|---:|---:|\n"
        "| 2 | 1 | 0 | 1 | 0 | 0 |\n"
        "\n"
        "| hosts | done | refused | failed | no data | not begun |\n"
        "|---:|---:|---:|---:|---:|---:|\n"
        "| 2 | 1 | 0 | 0 | 1 | 0 |\n"
        "\n"
        "## Findings\n"
        "\n"
        "- **WRONG** `a.service` on 1 host, `stale_environment` x 3: `h1`\n"
        "  - `keepidle was 7200 when it was started`\n"
        "  - `keepidle 7200 instead of 60`\n"
        "- **NO DATA** 1 host: `h2`\n"
        "  - `gone`\n"
        "\n"
        "Written by netops.keepalive `0.1.0`, ansible-core `2.19.1`.\n"
    )


def test_of_a_fleet_it_stays_short() -> None:
    text = markdown_of(made_up(2000, "audit"))
    assert text.startswith(MARK_OF_MARKDOWN)
    assert len(text.splitlines()) < 150
    assert "| connections | right | without | slow | tight | unknown | overdue | listeners |" in text
    assert "- **AT RISK** `reporter.service, psql connects`, `without x 2`: `web0006.example.com`" in text


def test_where_nothing_is_wrong_it_says_so() -> None:
    assert "\n\nNothing is wrong.\n" in markdown_of(document_of(RUN, {"h1": host({"a.service": RIGHT})}))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("[x](http://evil) @all", "`[x](http://evil) @all`"),
        ("a`b", "``a`b``"),
        ("``a`b`", "``` ``a`b` ```"),
        ("", "`  `"),
    ],
)
def test_what_a_host_says_ends_no_code_span(text: str, span: str) -> None:
    assert code(text) == span
