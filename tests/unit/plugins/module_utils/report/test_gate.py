# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of CI fails for what the operator has chosen, and never because nothing was found out."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of
from ansible_collections.netops.keepalive.plugins.module_utils.report.gate import reasons_to_fail
from ansible_collections.netops.keepalive.plugins.module_utils.settings.variables import FAIL_ON
from ansible_collections.netops.keepalive.tests.unit.support.reported import (
    EXPECTED,
    RIGHT,
    RUN,
    STALE,
    audited,
    host,
)

HOSTS = {
    "h1": host({"a.service": STALE}, audit=audited(9, 6, without=2, slow=1, listeners=1)),
    "h2": host({}, expected={"a.service": EXPECTED}),
    "h3": HostSeen(),
}


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ([], []),
        (["tight", "unknown"], []),
        (["slow", "without"], ["slow: 1 connection", "without: 2 connections"]),
        (["listeners"], ["listeners: 1 listener"]),
        (["drift"], ["drift: 1 unit"]),
        (["no_data"], ["no_data: 1 host", "no_data: 1 unit"]),
    ],
)
def test_only_what_was_chosen_counts(chosen: t.List[str], found: t.List[str]) -> None:
    assert reasons_to_fail(document_of(RUN, HOSTS), chosen) == found


def test_where_all_is_right_nothing_is_a_reason() -> None:
    assert reasons_to_fail(document_of(RUN, {"h1": host({"a.service": RIGHT}, audit=audited())}), FAIL_ON) == []


def test_what_nobody_has_looked_at_is_not_right() -> None:
    assert reasons_to_fail(document_of(RUN, {"h1": HostSeen()}), ["slow"]) == ["no host was read"]
    assert reasons_to_fail(document_of(RUN, {"h1": host({})}), ["slow"]) == ["slow: nobody has looked at connections"]
