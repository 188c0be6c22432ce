# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report gets the whole of what a look has left in brief."""

from __future__ import annotations

import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.look.brief import in_brief
from ansible_collections.netops.keepalive.plugins.plugin_utils._gathered import gathered

UNIT: t.Dict[str, t.Any] = {
    "ok": True, "state": "running", "elsewhere": [], "relevant": 3, "compliant": 3, "noncompliant": 0, "unknown": 0,
    "reasons": {},
}  # fmt: skip
WHOLE = {"sockets": [], "units": {"a.service": UNIT, "b.service": {**UNIT, "state": "stopped"}}}


def test_of_a_host_on_which_nothing_was_due() -> None:
    looked = {"keepalive_rollout": {"outcome": {"state": "done"}, "sockets": in_brief(WHOLE)}}
    assert gathered("end", ["h1"], ["h1"], lambda _host: looked).answers == {"h1": WHOLE}


def test_of_a_host_whose_sockets_nobody_has_looked_at() -> None:
    looked = {"keepalive_rollout": {"outcome": {"state": "done"}, "sockets": {}}}
    assert gathered("end", ["h1"], ["h1"], lambda _host: looked).answers == {"h1": {}}
