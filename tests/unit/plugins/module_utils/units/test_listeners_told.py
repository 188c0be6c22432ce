# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sockets of systemd and of a triggered service are compared with a .socket unit, and by which of its words."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import SocketValues
from ansible_collections.netops.keepalive.plugins.module_utils.units import listeners
from ansible_collections.netops.keepalive.tests.unit.support import thread_children
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

ESTABLISHED, LISTEN = 1, 10
OPTIONS = {
    "keepidle": 7200, "keepcnt": 9, "keepintvl": 75, "user_timeout": 0, "syncnt": 6, "defer_accept": 0, "maxseg": 536,
    "window_clamp": 0,
}  # fmt: skip
UNIT = {
    "Id": "a.socket",
    "KeepAlive": "yes",
    "KeepAliveTimeUSec": "1min",
    "Listen": "[::1]:80 (Stream)\n192.0.2.1:81 (Stream)",
}
RIGHT = {"keepidle": 60}


def values(
    address: str, port: int, state: int = LISTEN, keepalive: bool = True, protocol: str = "tcp", **options: t.Any
) -> SocketValues:
    family = "ipv6" if ":" in address else "ipv4"
    all_options = {**OPTIONS, **options}
    return SocketValues(1, family, protocol, state, (address, port), None, keepalive, all_options, None, None)


def have(monkeypatch: pytest.MonkeyPatch, found: t.Dict[int, t.Any]) -> None:
    def sockets(pid: int) -> t.List[SocketValues]:
        if isinstance(found[pid], Exception):
            raise found[pid]
        return t.cast("t.List[SocketValues]", found[pid])

    monkeypatch.setattr(listeners, "_sockets", sockets)
    monkeypatch.setattr(answering, "answering", lambda: list(found))
    monkeypatch.setattr(Proc, "unit_of", lambda _proc, pid: "a.service" if pid < 50 else "b.service")


def test_the_listeners_of_the_unit_are_compared_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    have(
        monkeypatch,
        {
            1: [
                values("::1", 80, keepidle=30, keepcnt=4),
                values("::ffff:192.0.2.1", 81),
                values("192.0.2.1", 81, **RIGHT),
                values("192.0.2.1", 81, keepalive=False, **RIGHT),
                values("::1", 81),
                values("192.0.2.1", 80),
                values("::1", 80, ESTABLISHED),
            ]
        },
    )
    assert listeners.listener_differences(UNIT) == [
        "the listener on ::1 port 80 has keepidle 30, the unit says 60",
        "the listener on ::ffff:192.0.2.1 port 81 has keepidle 7200, the unit says 60",
        "the listener on 192.0.2.1 port 81 has keepalive False, the unit says True",
    ]
    off = {**UNIT, "KeepAlive": "no"}
    assert listeners.listener_differences(off) == [
        f"the listener on {address} has keepalive on, the unit says off"
        for address in ("::1 port 80", "::ffff:192.0.2.1 port 81", "192.0.2.1 port 81")
    ]
    del off["KeepAlive"]
    assert len(listeners.listener_differences(off) or ()) == 3


def test_directives_of_which_the_library_knows_nothing_and_system_defaults_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    have(monkeypatch, {1: [values("::1", 80, keepidle=5, keepcnt=5, keepintvl=5, defer_accept=3, syncnt=1)]})
    unit = {**UNIT, "KeepAliveTimeUSec": "0", "KeepAliveProbes": "0", "KeepAliveIntervalUSec": "infinity"}
    assert listeners.listener_differences(unit) == []
    assert listeners.listener_differences({**unit, "DeferAcceptUSec": "5s"}) == [
        "the listener on ::1 port 80 has defer_accept 3, the unit says 7"
    ]


def test_connections_of_the_triggered_service_that_came_too_early_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early = values("203.0.113.5", 81, ESTABLISHED)
    have(
        monkeypatch,
        {
            20: [
                early,
                values("::1", 80, ESTABLISHED, keepidle=61),
                values("::1", 80, ESTABLISHED, **RIGHT),
                values("::1", 80, 8),
                values("::1", 82, ESTABLISHED),
                values("::1", 80),
                values("::1", 80, ESTABLISHED, defer_accept=0, **RIGHT),
            ],
            30: [early],
            60: [early],
        },
    )
    unit = {**UNIT, "DeferAcceptUSec": "5s"}
    assert listeners.slipped_through(unit, "a.service") == 3, "accept() hands on no defer_accept"
    assert listeners.slipped_through(unit, "b.service") == 1
    assert listeners.slipped_through(unit, "c.service") == 0


@pytest.mark.parametrize("error", [Unreadable(38, "pidfd_getfd"), PermissionError(1, "no")])
def test_where_a_service_cannot_be_read_nothing_is_counted(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    have(monkeypatch, {20: [values("::1", 80, ESTABLISHED)], 30: error})
    assert listeners.slipped_through(UNIT, "a.service") == 0
    have(monkeypatch, {1: error})
    assert listeners.listener_differences(UNIT) is None


def test_the_sockets_of_a_process_and_of_its_threads() -> None:
    if not thread_children.can_be_opened():
        pytest.skip("needs Linux 6.9")
    with Child(thread_children.APART + "s = socket.socket(); u = socket.socketpair(); own = Apart()") as child:
        child.run('own.run(\'t = socket.create_server(("127.0.0.1", 0)); kept = globals(); kept["t"] = t\')')
        found = listeners._sockets(child.pid)
    assert sorted(one.state for one in found) == [7, 7, LISTEN], "the thread has taken a copy of what was there"
