# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which lists and units an audit's entries have to go around."""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.plugin_utils._set_already import set_already


def test_the_lists_of_all_hosts_and_the_units_of_each() -> None:
    variables = {
        "h1": {"keepalive_services": [{"name": "a.service"}], "keepalive_services_resolved": [{"name": "a.service"}],
               "keepalive_services_absent": [{"name": "b.service"}], "keepalive_services_defaults": {"tcp": {}}},
        "h2": {"keepalive_services": [], "keepalive_services__audit1": [{"name": "c.service"}],
               "keepalive_services_resolved": [{"name": "c.service"}]},
        "unread": {},
    }  # fmt: skip
    already = set_already(variables, variables.__getitem__)
    assert already.variables == {"keepalive_services", "keepalive_services__audit1"}
    assert already.units == {"h1": {"a.service", "b.service"}, "h2": {"c.service"}, "unread": frozenset()}
