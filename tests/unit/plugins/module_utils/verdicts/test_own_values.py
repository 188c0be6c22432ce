# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application's own values that are better than an entry's are named; real sockets of real processes."""

from __future__ import annotations

import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.own_values import better_values_of
from ansible_collections.netops.keepalive.tests.unit.support.audited import connecting
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

ENTRY = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}
"""The derived user timeout is (60 + 15 x 4) x 1000 ms."""


def told(proc: ShadowProc, name: str = "a.service", libraries: str = "connect", **tcp: int) -> t.List[str]:
    service = ResolvedService(name, libraries.split(), {**ENTRY, **tcp})
    return better_values_of({name: service}, [unit_from(name, None)], PortableReader(), proc)


def said(option: str, value: int, would: int, measure: str) -> str:
    return (
        f"a.service: the application has set {option} to {value} {measure} on open sockets, and its entry would make "
        f"that {would} {measure}: write 'tcp: {{{option}: {value}}}'"
        f"{' and short_user_timeout: true' if option == 'user_timeout' and value < 60_000 else ''} to keep it"
    )


USER_TIMEOUT = said("user_timeout", 6000, 120_000, "ms")  # as sssd has it
KEEPALIVE = "s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)\n"


@pytest.mark.parametrize(
    ("has", "tcp", "texts"),
    [
        ("", {}, []),
        ("s.setsockopt(6, 18, 6000)", {}, [USER_TIMEOUT]),
        ("s.setsockopt(6, 18, 6000)", {"user_timeout": 6000}, []),
        ("s.setsockopt(6, 18, 6000)", {"user_timeout": 6001}, [said("user_timeout", 6000, 6001, "ms")]),
        ("s.setsockopt(6, 18, 6000)", {"user_timeout": 0}, []),
        ("s.setsockopt(6, 18, 130000)", {}, []),
        (f"{KEEPALIVE}s.setsockopt(6, 4, 30)", {}, [said("keepidle", 30, 60, "s")]),
        (f"{KEEPALIVE}s.setsockopt(6, 4, 60)", {}, []),
        ("s.setsockopt(6, 4, 30)", {}, []),  # keepalive is off: that is no better
        (KEEPALIVE, {"keepidle": 100_00}, []),  # the system's own is nobody's choice
        (
            f"{KEEPALIVE}s.setsockopt(6, 4, 30); s.setsockopt(6, 18, 6000)",
            {},
            [said("keepidle", 30, 60, "s"), USER_TIMEOUT],
        ),
    ],
)
def test_what_is_smaller_on_an_open_socket(
    proc: ShadowProc, server: socket.socket, has: str, tcp: t.Dict[str, int], texts: t.List[str]
) -> None:
    with Child(connecting(server, has)) as child:
        proc.add(child.pid, "a.service")
        assert told(proc, **tcp) == texts


def test_only_sockets_of_the_services_direction_and_unit_count(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, "s.setsockopt(6, 18, 6000)")) as child:
        proc.add(child.pid, "a.service")
        assert told(proc, libraries="connect") == [USER_TIMEOUT]
        assert told(proc, libraries="listen") == []
        assert told(proc, name="b.service") == []


def test_the_smallest_of_many_is_named_once(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server, "s.setsockopt(6, 18, 9000)")) as one, Child(
        connecting(server, "s.setsockopt(6, 18, 6000)")
    ) as two:
        proc.add(one.pid, "w@1.service")
        proc.add(two.pid, "w@2.service")
        (text,) = told(proc, name="w@.service")
        assert text.startswith("w@.service: the application has set user_timeout to 6000 ms")


def test_without_units_nobody_is_looked_at(proc: ShadowProc) -> None:
    assert better_values_of({}, [], PortableReader(), proc) == []
