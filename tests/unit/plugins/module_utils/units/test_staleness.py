# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who needs a restart: only a process that would be different after it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units.staleness import Live, stale_reasons

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
LISTEN = "/usr/lib/libkeepalive/libkeepalive_listen.so"
DROP_IN = {"LD_PRELOAD": f"{CONNECT}:libjemalloc.so.2", "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "9"}
START = 100.0
OLDER, NEWER, NO_DROP_IN = True, False, None
OVERWRITTEN = None

Case = t.Tuple[str, t.Dict[str, str], Live, t.Optional[bool], t.List[str]]
CASES: t.List[Case] = [
    ("as it should be", DROP_IN, Live(DROP_IN, {CONNECT: True}, START), NEWER, []),
    ("older than the drop-in, and yet as it should be", DROP_IN, Live(DROP_IN, {CONNECT: True}, START), OLDER, []),
    ("never had it", DROP_IN, Live({"PATH": "/"}, {}, START), OLDER,
     [f"LD_PRELOAD is not set, the drop-in says {CONNECT}:libjemalloc.so.2",
      "TCP_KEEPIDLE is not set, the drop-in says 60", "TCP_KEEPCNT is not set, the drop-in says 9"]),
    ("another value", DROP_IN, Live({**DROP_IN, "TCP_KEEPIDLE": "61"}, {CONNECT: True}, START), OLDER,
     ["TCP_KEEPIDLE is 61, the drop-in says 60"]),
    ("a value that the drop-in no longer has", DROP_IN, Live({**DROP_IN, "TCP_MAXSEG": "500"}, {CONNECT: True}, START),
     OLDER, ["TCP_MAXSEG is 500, the drop-in says not set"]),
    ("a switch that the drop-in no longer has", DROP_IN,
     Live({**DROP_IN, "LIBKEEPALIVE_DEBUG": "1"}, {CONNECT: True}, START),
     OLDER, ["LIBKEEPALIVE_DEBUG is 1, the drop-in says not set"]),
    ("variables of others do not count", DROP_IN, Live({**DROP_IN, "X": "1"}, {CONNECT: True}, START), OLDER, []),
    ("started after the drop-in and different: a restart would not mend it", DROP_IN,
     Live({**DROP_IN, "TCP_KEEPIDLE": "61"}, {}, START), NEWER, []),
    ("a library of which the file was replaced", DROP_IN, Live(DROP_IN, {CONNECT: False}, START), NEWER,
     [f"maps a {CONNECT} that has been replaced"]),
    ("a library that the drop-in no longer names", DROP_IN, Live(DROP_IN, {CONNECT: True, LISTEN: True}, START), NEWER,
     [f"still maps {LISTEN}"]),
    ("environment overwritten, older", DROP_IN, Live(OVERWRITTEN, {CONNECT: True}, START), OLDER,
     ["was started before its drop-in was last changed"]),
    ("environment overwritten, newer", DROP_IN, Live(OVERWRITTEN, {CONNECT: True}, START), NEWER, []),
    ("environment overwritten, replaced library", DROP_IN, Live(OVERWRITTEN, {CONNECT: False}, START), NEWER,
     [f"maps a {CONNECT} that has been replaced"]),
    ("no drop-in, nothing left of one", {}, Live({"LD_PRELOAD": "libjemalloc.so.2"}, {}, START), NO_DROP_IN, []),
    ("no drop-in, someone else's TCP_KEEPIDLE", {}, Live({"TCP_KEEPIDLE": "1"}, {}, START), NO_DROP_IN, []),
    ("no drop-in any more", {}, Live(DROP_IN, {CONNECT: True}, START), NO_DROP_IN,
     [f"still maps {CONNECT}", f"LD_PRELOAD still names {CONNECT}"]),
    ("no drop-in any more, the loader had refused", {}, Live(DROP_IN, {}, START), NO_DROP_IN,
     [f"LD_PRELOAD still names {CONNECT}"]),
    ("no drop-in any more, environment overwritten", {}, Live(OVERWRITTEN, {LISTEN: True}, START), NO_DROP_IN,
     [f"still maps {LISTEN}"]),
    ("no drop-in any more, the library gone too", {}, Live(OVERWRITTEN, {LISTEN: False}, START), NO_DROP_IN,
     [f"maps a {LISTEN} that has been replaced"]),
    ("no drop-in and nothing to see", {}, Live(OVERWRITTEN, {}, START), NO_DROP_IN, []),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "live", "older", "reasons"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_is_stale_and_why(
    wanted: t.Dict[str, str], live: Live, older: t.Optional[bool], reasons: t.List[str]
) -> None:
    assert stale_reasons(wanted, live, older) == reasons
