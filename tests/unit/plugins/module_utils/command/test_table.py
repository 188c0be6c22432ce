# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of keepalive-sockets: exact text."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.command.table import table
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record


def record(unit: str, direction: str, **settings: t.Any) -> Record:
    values: t.Dict[str, t.Any] = {
        "inode": 1, "family": "ipv4", "protocol": "tcp", "state": "ESTABLISHED", "local": ("192.0.2.1", 40000),
        "remote": ("192.0.2.9", 5432), "keepalive": True, "options": dict.fromkeys(OPTIONS, 0), "readable": True,
        "idle": 12.7, "namespace": None, "holders": (Holder(812, 5),), "program": "/usr/bin/worker",
    }  # fmt: skip
    return Record(unit=unit, direction=direction, **{**values, **settings})


RECORDS = [
    record("b.service", "outgoing", options={**dict.fromkeys(OPTIONS, 0), "keepidle": 60, "user_timeout": 120000}),
    record("", "outgoing", keepalive=None, readable=False, options=dict.fromkeys(OPTIONS), idle=None, program=""),
    record("a.service", "accepted", local=("::1", 443), remote=("::1", 40001),
           holders=[Holder(7, 3), Holder(8, 3), Holder(8, 4)]),
    record("a.service", "listening", state="LISTEN", local=("::", 443), remote=None, keepalive=False, idle=None,
           holders=[Holder(1, 30), Holder(7, 3)]),
    record("a.service", "outgoing", protocol="mptcp", options={**dict.fromkeys(OPTIONS, 1), "user_timeout": None},
           holders=[Holder(9, 1)]),
]  # fmt: skip


def text_of(records: t.Iterable[Record], wide: bool = False) -> str:
    return "\n".join(table(records, wide)) + "\n"


def test_the_table() -> None:
    assert text_of(RECORDS) == textwrap.dedent(
        """\
        STATE   WAY     LOCAL            REMOTE          KEEPALIVE  IDLE(s)  INTVL(s)  CNT  USER-TIMEOUT(ms)  SILENT(s)  UNIT       PID/PROGRAM
        ESTAB   out     192.0.2.1:40000  192.0.2.9:5432  ?                ?         ?    ?                 ?          -  -          812/?
        LISTEN  listen  [::]:443         -               off              0         0    0                 0          -  a.service  7+1/worker
        ESTAB   in      [::1]:443        [::1]:40001     on               0         0    0                 0         12  a.service  7+1/worker
        ESTAB   out     192.0.2.1:40000  192.0.2.9:5432  on               1         1    1                 -         12  a.service  9/worker
        ESTAB   out     192.0.2.1:40000  192.0.2.9:5432  on              60         0    0            120000         12  b.service  812/worker
        """  # noqa: E501
    )


def test_the_wide_table_has_every_option() -> None:
    header, line = table(RECORDS[:1], wide=True)
    assert header.split() == [
        "STATE", "WAY", "LOCAL", "REMOTE", "KEEPALIVE", "IDLE(s)", "INTVL(s)", "CNT", "USER-TIMEOUT(ms)",
        "SYNCNT", "DEFER(s)", "MAXSEG(B)", "CLAMP(B)", "SILENT(s)", "UNIT", "PID/PROGRAM",
    ]  # fmt: skip
    assert line.split()[5:13] == ["60", "0", "0", "120000", "0", "0", "0", "0"]


def test_no_sockets_are_a_header() -> None:
    (header,) = table([])
    assert header.split() == [
        "STATE", "WAY", "LOCAL", "REMOTE", "KEEPALIVE", "IDLE(s)", "INTVL(s)", "CNT", "USER-TIMEOUT(ms)", "SILENT(s)",
        "UNIT", "PID/PROGRAM",
    ]  # fmt: skip


def test_the_lines_are_in_the_order_of_units_processes_and_addresses() -> None:
    def line(unit: str, pid: int, port: int, remote: t.Optional[t.Tuple[str, int]]) -> Record:
        state = "ESTABLISHED" if remote else "LISTEN"
        return record(unit, "outgoing", holders=[Holder(pid, 3)], local=("192.0.2.9", port), remote=remote, state=state)

    ordered = [
        line("a.service", 9, 99, ("192.0.2.1", 9)),
        line("a.service", 10, 443, None),
        line("a.service", 10, 22, ("192.0.2.1", 9)),
        line("a.service", 10, 80, ("192.0.2.1", 10)),
        line("a.service", 10, 80, ("192.0.2.2", 9)),
        line("b.service", 1, 1, ("192.0.2.1", 9)),
    ]
    for records in (ordered, ordered[::-1], ordered[3:] + ordered[:3]):
        assert table(records) == table(ordered)
    keys = [(text.split()[-1], text.split()[2], text.split()[3]) for text in table(ordered)[1:]]
    assert keys == [
        ("9/worker", "192.0.2.9:99", "192.0.2.1:9"), ("10/worker", "192.0.2.9:443", "-"),
        ("10/worker", "192.0.2.9:22", "192.0.2.1:9"), ("10/worker", "192.0.2.9:80", "192.0.2.1:10"),
        ("10/worker", "192.0.2.9:80", "192.0.2.2:9"), ("1/worker", "192.0.2.9:1", "192.0.2.1:9"),
    ]  # fmt: skip


def test_what_a_table_does_not_know_is_shown_as_it_is() -> None:
    odd = record("", "other", state="TIME_WAIT", idle=0.9, program="/opt/\x1b[2J", remote=None)
    assert table([odd])[1].split() == [
        "TIME_WAIT", "other", "192.0.2.1:40000", "-", "on", "0", "0", "0", "0", "0", "-", "812/'\\x1b[2J'",
    ]  # fmt: skip


def test_what_nobody_has_accepted_yet_is_in_the_queue_of_who_listens() -> None:
    assert table([record("a.service", "accepted", inode=-5)])[1].split()[1] == "queue"
