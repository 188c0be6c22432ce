# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From names to units: what systemctl answers, and whose processes count."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.units import asked as units

OUTPUT = """\
Id=mariadb.service
LoadState=loaded
ActiveState=active

Id=echo.socket
LoadState=loaded
ActiveState=active
Triggers=echo.service
Accept=no
KeepAlive=yes
KeepAliveTimeUSec=1min 30s
KeepAliveIntervalUSec=15s
KeepAliveProbes=9
DeferAcceptUSec=0
Listen=[::]:7777 (Stream)
Listen=127.0.0.1:7778 (Stream)
Listen=[fe80::1%eth0]:7779 (Stream)
Listen=0.0.0.0:53 (Datagram)
Listen=/run/echo.sock (Stream)

Id=late@.socket
LoadState=loaded
ActiveState=inactive
Triggers=
Accept=yes

Id=missing.service
LoadState=not-found
ActiveState=inactive
"""


def asked(*names: str) -> t.List[units.AskedUnit]:
    return [units.unit_from(name, block) for name, block in zip(names, systemd.parse_show(OUTPUT))]


def test_an_alias_stands_for_the_unit_that_it_names() -> None:
    mysql, _socket, _late, missing = asked("mysql.service", "echo.socket", "late.socket", "missing.service")
    assert mysql.holds("mariadb.service")
    assert not mysql.holds("mysql.service")
    assert not mysql.holds("")
    assert (mysql.load_state, mysql.may_have_processes) == ("loaded", True)
    assert (missing.load_state, missing.may_have_processes) == ("not-found", False)


def test_a_socket_unit_has_its_tcp_addresses_its_service_and_its_directives() -> None:
    unit = asked("mysql.service", "echo.socket")[1]
    assert unit.listens == (("::", 7777), ("127.0.0.1", 7778), ("fe80::1", 7779))
    assert unit.holds("echo.service")
    assert unit.directives == {"keepalive": 1, "keepidle": 90, "keepintvl": 15, "keepcnt": 9, "defer_accept": 0}


def test_a_socket_unit_that_accepts_has_one_service_a_connection() -> None:
    block = {"Id": "late.socket", "Triggers": "", "Accept": "yes"}
    unit = units.unit_from("late.socket", block)
    assert unit.holds("late@0-127.0.0.1:22-127.0.0.1:999.service")
    assert not unit.holds("late.service")


@pytest.mark.parametrize(
    ("name", "unit", "holds"),
    [
        ("worker@.service", "worker@one.service", True),
        ("worker@.service", "worker.service", False),
        ("worker@.service", "worker@one.scope", False),
        ("web-*.service", "web-7.service", True),
        ("web.service", "web.service", True),
        ("web.service", "web2.service", False),
    ],
)
def test_templates_and_patterns(name: str, unit: str, holds: bool) -> None:
    assert units.unit_from(name, None).holds(unit) is holds


def test_templates_and_patterns_are_not_asked_for() -> None:
    assert units.askable(["a.service", "w@.service", "w@one.service", "b*.service", "c.socket"]) == [
        "a.service",
        "w@one.service",
        "c.socket",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("15s", 15),
        ("1min 30s", 90),
        ("2h", 7200),
        ("500ms", 1),
        ("1000000", 1),
        ("infinity", None),
        ("", None),
    ],
)
def test_time_spans(text: str, seconds: t.Optional[int]) -> None:
    assert systemd.seconds(text) == seconds
