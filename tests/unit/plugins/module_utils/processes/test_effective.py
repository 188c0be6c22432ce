# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a library takes in a process, and where that is not what is expected of a socket."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.processes.effective import differing, effective
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS

DEFAULTS = {name: option.default for name, option in OPTIONS.items()}


@pytest.mark.parametrize(
    ("libraries", "direction", "differ"),
    [
        ({"connect"}, "outgoing", ["keepidle", "syncnt"]),
        ({"listen"}, "accepted", ["keepidle", "defer_accept"]),
        ({"connect"}, "accepted", []),
    ],
)
def test_an_option_that_no_acting_library_sets_does_not_differ(
    libraries: set[str], direction: str, differ: list[str]
) -> None:
    wanted = {**DEFAULTS, "keepidle": 77, "syncnt": 5, "defer_accept": 9}
    expectation = Expectation("a.service", frozenset(libraries), wanted, frozenset(), 0)
    assert sorted(differing(effective({}), expectation, direction)) == sorted(differ)


@pytest.mark.parametrize(("secure", "keepidle"), [(False, 77), (True, DEFAULTS["keepidle"])])
def test_the_environment_counts_but_for_a_program_with_rights_of_its_own(secure: bool, keepidle: int) -> None:
    assert effective({"TCP_KEEPIDLE": "77"}, None, secure).tcp["keepidle"] == keepidle
    assert effective({"TCP_KEEPIDLE": "77"}).tcp["keepidle"] == 77
