# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers with what they count."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.report.lines import number_of


def test_a_number_with_its_noun() -> None:
    assert [number_of(count, "host") for count in (0, 1, 2000)] == ["0 hosts", "1 host", "2,000 hosts"]
