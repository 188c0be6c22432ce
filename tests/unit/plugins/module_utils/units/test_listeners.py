# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A live listener, and what was accepted through it, against the .socket unit: real sockets of a real process."""

from __future__ import annotations

import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.units import listeners
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.sysctls import of_the_machine

UNIT = {
    "Id": "a.socket",
    "KeepAlive": "yes",
    "KeepAliveTimeUSec": "1min 30s",
    "KeepAliveIntervalUSec": "9s",
    "KeepAliveProbes": "3",
    "DeferAcceptUSec": "0",
}


LISTENER = """
s = socket.create_server(("127.0.0.1", 0))
for option, value in {options}: s.setsockopt(*option, value)
answer = s.getsockname()[1]
"""
KEEPALIVE = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
IDLE, INTERVAL, PROBES = (((socket.IPPROTO_TCP, number), value) for number, value in ((4, 90), (5, 9), (6, 3)))


@pytest.mark.parametrize(
    ("options", "unit", "differences"),
    [
        ([KEEPALIVE, IDLE, INTERVAL, PROBES], {}, []),
        ([KEEPALIVE, IDLE, INTERVAL], {}, [f"has keepcnt {of_the_machine('keepalive_probes')}, the unit says 3"]),
        ([KEEPALIVE, IDLE, INTERVAL], {"KeepAliveProbes": "0"}, []),
        ([IDLE, INTERVAL, PROBES], {}, ["has keepalive False, the unit says True"]),
        ([KEEPALIVE], {"KeepAlive": "no"}, ["has keepalive on, the unit says off"]),
        ([], {"KeepAlive": "no"}, []),
    ],
)
def test_a_live_listener_against_its_unit(
    monkeypatch: pytest.MonkeyPatch, options: t.List[t.Any], unit: t.Dict[str, str], differences: t.List[str]
) -> None:
    """A child stands for systemd; the kernel's answers are real."""
    real = listeners._sockets
    with Child() as child:
        port = child.run(LISTENER.format(options=options))
        monkeypatch.setattr(listeners, "_sockets", lambda pid: real(child.pid) if pid == 1 else [])
        properties = {**UNIT, **unit, "Listen": f"127.0.0.1:{port} (Stream)"}
        expected = [f"the listener on 127.0.0.1 port {port} {difference}" for difference in differences]
        assert listeners.listener_differences(properties) == expected
        assert listeners.listener_differences({**properties, "Listen": f"127.0.0.1:{port ^ 1} (Stream)"}) == []


@pytest.mark.parametrize("error", [Unreadable(38, "pidfd_getfd"), PermissionError(1, "no")])
def test_what_cannot_be_read_is_not_called_right(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_pid: int) -> t.NoReturn:
        raise error

    monkeypatch.setattr(listeners, "_sockets", fail)
    assert listeners.listener_differences({**UNIT, "Listen": "[::]:22 (Stream)"}) is None


def test_connections_that_were_accepted_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two connections to the listener, one of which has what the unit says."""
    code = """
s = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(s.getsockname()) for _ in range(2)]
accepted = [s.accept()[0] for _ in range(2)]
for option, value in {options}: accepted[0].setsockopt(*option, value)
answer = s.getsockname()[1]
"""
    with Child() as child:
        port = child.run(code.format(options=[KEEPALIVE, IDLE, INTERVAL, PROBES]))
        monkeypatch.setattr(Proc, "pids", lambda _proc: [child.pid])
        monkeypatch.setattr(Proc, "unit_of", lambda _proc, pid: "a.service")
        properties = {**UNIT, "Listen": f"127.0.0.1:{port} (Stream)"}
        assert listeners.slipped_through(properties, "a.service") == 1
        assert listeners.slipped_through(properties, "b.service") == 0
