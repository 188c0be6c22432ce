# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody does by hand to the files of the host-wide mode is told, though no open socket shows it."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import HostWide
from ansible_collections.netops.keepalive.plugins.module_utils.linux.in_force import History, Version
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import CRITICAL, UNKNOWN
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.installed import wrong_with_host_wide

LIBRARY = "/usr/lib/$LIB/x"
OURS = "/usr/lib/libkeepalive/$LIB/libkeepalive.so"
NOT_KNOWN = "with what the programs that run were started is not known, so neither is whether they have it"


def noted(*texts: t.Optional[str]) -> History:
    return History(tuple(Version(float(number), text) for number, text in enumerate(texts)))


@pytest.mark.parametrize(
    ("host", "wrong"),
    [
        (HostWide(), []),
        (HostWide(OURS, "a", noted(None, OURS), noted(None, "a")), []),
        # After a boot nothing is noted.
        (HostWide(OURS, "b"), []),
        (HostWide(OURS, "b", noted(OURS), noted("b", "a")),
         [(UNKNOWN, f"/etc/libkeepalive.conf was changed by something else: {NOT_KNOWN}")]),
        (HostWide(OURS, None, noted(OURS), noted("a")),
         [(UNKNOWN, f"/etc/libkeepalive.conf was removed by something else: {NOT_KNOWN}")]),
        (HostWide(None, "a", noted(OURS), noted("a")),
         [(CRITICAL, f"/etc/ld.so.preload names {OURS} no more: what starts from now on goes without it")]),
        # Taken back by us, that is noted as well; what others have there is theirs.
        (HostWide(None, None, noted(OURS, None), noted("a", None)), []),
        (HostWide(OURS, "a", noted(f"{LIBRARY}\n{OURS}"), noted("a")), []),
        (HostWide(OURS, "a", noted(OURS), noted("a"), "it has mode 0666"), [(CRITICAL, "it has mode 0666")]),
        # Where the mode is off, its file concerns nobody.
        (HostWide(None, "a", noted(None), noted("b"), "it has mode 0666"), []),
    ],
)  # fmt: skip
def test_files_of_the_host_wide_mode(host: HostWide, wrong: t.List[t.Tuple[int, str]]) -> None:
    assert wrong_with_host_wide(host) == wrong


def test_a_library_that_is_named_and_not_there() -> None:
    gone = "/usr/lib/libkeepalive/libkeepalive-gone.so"
    assert not os.path.exists(gone)
    assert wrong_with_host_wide(HostWide(gone)) == [(CRITICAL, f"/etc/ld.so.preload names {gone}, which is not there")]
