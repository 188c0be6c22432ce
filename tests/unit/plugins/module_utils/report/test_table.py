# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole table: a line for each host and unit, those of which nothing is known too."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.table import whole_table
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    ACCEPTED,
    EXPECTED,
    RIGHT,
    RUN,
    STALE,
    STOPPED,
    host,
)


def test_each_host_and_unit_has_its_line() -> None:
    units = {"a.service": RIGHT, "b.service": STALE, "c.service": ACCEPTED, "d.service": STOPPED}
    hosts = {"h1": host(units), "h2": HostSeen(why=["gone"], expected={"a.service": EXPECTED}), "h3": host({})}
    table = whole_table(document_of(RUN, hosts))
    assert [" ".join(text.split()) for text, _what in table] == [
        "HOST UNIT SOCKETS RIGHT WRONG WHY",
        "h1 a.service 4 4 0",
        "h1 b.service 4 1 3 stale_environment x 3",
        "h1 c.service 4 2 2 accepted: overridden_by_application x 2",
        "h1 d.service - - - not running",
        "h2 - - - - no data: gone",
        "h2 a.service - - - not read",
        "h3 - - - - nothing is listed",
    ]
    assert [what for _text, what in table] == [
        "plain", "right", "wrong", "accepted", "idle", "wrong", "unknown", "idle",
    ]  # fmt: skip


def test_of_no_host_there_is_none() -> None:
    assert whole_table(document_of(RUN, {})) == []
