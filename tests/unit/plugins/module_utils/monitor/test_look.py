# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host is looked at with nothing but what stands on it: its drop-ins, its settings file, its live sockets."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import NOWHERE, HostWide
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import SystemdError
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import CRITICAL, OK, UNKNOWN
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.look import asked_there, look_at_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.tests.unit.support.audited import connecting
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

DROP_IN = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
[Service]
Environment="LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so" "TCP_KEEPIDLE=60"
"""


def put(folder: pathlib.Path, unit: str, text: str = DROP_IN) -> str:
    (folder / f"{unit}.d").mkdir()
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.write_text(text)
    return str(path)


def systemd(command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
    names = [word for word in command if word.endswith(".service")]
    blocks = (f"Id={name}\nNames={name}\nLoadState=loaded\nActiveState=active\n" for name in names)
    return 0, "\n".join(blocks), ""


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_what_the_drop_ins_ask_and_which_of_them_ask_nothing(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service")
    put(tmp_path, "others.service", "[Service]\n")
    path = put(tmp_path, "odd.service", DROP_IN.replace("60", "soon"))
    unread = put(tmp_path, "dark.service")
    os.unlink(unread)
    os.mkfifo(unread)
    asked = asked_there(str(tmp_path), NOWHERE)
    assert asked.expected == [Expectation("a.service", frozenset(("connect",)), {"keepidle": 60}, frozenset(), 0)]
    assert asked.unclear == {"odd.service": f"{path}: TCP_KEEPIDLE='soon' is no value of it"}
    assert [state for state, _why in asked.problems] == [UNKNOWN]
    assert unread in asked.problems[0][1]


def test_in_the_host_wide_mode_the_units_of_the_settings_file_count_and_a_drop_in_before_them(
    tmp_path: pathlib.Path,
) -> None:
    put(tmp_path, "a.service")
    settings = (
        "TCP_KEEPIDLE=100\nTCP_KEEPCNT=3\n[unit a.service]\nTCP_KEEPIDLE=7\n[unit w@*.service]\nTCP_KEEPIDLE=8\n"
        "[unit x.service]\nLIBKEEPALIVE_DISABLE=1\n[program /bin/y]\nTCP_KEEPIDLE=9\n"
    )
    host = HostWide("/usr/lib/libkeepalive/libkeepalive.so", settings)
    asked = asked_there(str(tmp_path), host)
    connect = frozenset(("connect",))
    assert asked.expected == [
        Expectation("a.service", connect, {"keepidle": 60}, frozenset(), 0),
        Expectation("w@.service", connect, {"keepidle": 8, "keepcnt": 3}, frozenset(), 0),
    ]
    assert asked.host_wide
    there = os.path.exists("/usr/lib/libkeepalive/libkeepalive.so")
    missing = "/etc/ld.so.preload names /usr/lib/libkeepalive/libkeepalive.so, which is not there"
    assert asked.problems == ([] if there else [(CRITICAL, missing)])
    unusable = asked_there(str(tmp_path), host._replace(unusable="/etc/libkeepalive.conf has mode 0666"))
    assert (CRITICAL, "/etc/libkeepalive.conf has mode 0666") in unusable.problems


@pytest.mark.parametrize(("idle", "state", "sockets"), [(60, OK, "right"), (61, CRITICAL, "wrong")])
def test_live_sockets_are_compared_with_the_drop_in(
    tmp_path: pathlib.Path, server: socket.socket, idle: int, state: int, sockets: str
) -> None:
    put(tmp_path, "a.service")
    (tmp_path / "proc").mkdir()
    proc = ShadowProc(tmp_path / "proc")
    with Child(connecting(server, f"tune(s, {idle})")) as child:
        proc.add(child.pid, "a.service")
        found = look_at_sockets(asked_there(str(tmp_path), NOWHERE), proc, PortableReader(), systemd)
    (unit,) = found.units
    assert (unit.name, unit.state, unit.running) == ("a.service", state, True)
    assert {name: count for name, count in unit.sockets.items() if count} == {sockets: 1}


def test_where_systemd_does_not_answer_nothing_is_right(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service")

    def silent(_command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
        raise SystemdError("systemd does not answer")

    found = look_at_sockets(
        asked_there(str(tmp_path), NOWHERE), ShadowProc(tmp_path / "proc"), PortableReader(), silent
    )
    assert [(unit.name, unit.state) for unit in found.units] == [("a.service", UNKNOWN)]
    assert found.problems == [(UNKNOWN, "systemd does not answer")] and found.state == UNKNOWN


def test_where_nothing_is_asked_nothing_is_looked_at(tmp_path: pathlib.Path) -> None:
    found = look_at_sockets(asked_there(str(tmp_path), NOWHERE))
    assert (list(found.units), found.state) == ([], UNKNOWN)
