# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets with their options as a table for people on a host, each value with its unit in the header."""

from __future__ import annotations

import os
import typing as t

from ..linux.columns import WIDEST, aligned
from ..linux.printable import named
from ..linux.procnet import endpoint
from ..sockets.record import Record

_OPTIONS = (
    ("IDLE(s)", "keepidle"), ("INTVL(s)", "keepintvl"), ("CNT", "keepcnt"), ("USER-TIMEOUT(ms)", "user_timeout"),
)  # fmt: skip
_MORE_OPTIONS = (
    ("SYNCNT", "syncnt"), ("DEFER(s)", "defer_accept"), ("MAXSEG(B)", "maxseg"), ("CLAMP(B)", "window_clamp"),
)  # fmt: skip
_BEFORE, _BEHIND = ("STATE", "WAY", "LOCAL", "REMOTE", "KEEPALIVE"), ("SILENT(s)", "UNIT", "PID/PROGRAM")
"""The titles of what stands beside the options."""
_WAYS = {"outgoing": "out", "accepted": "in", "listening": "listen", "unconnected": "-"}
_STATES = {"ESTABLISHED": "ESTAB"}
"""As ss(8) shortens it."""

UNKNOWN = "?"
"""Could not be read."""
NONE = "-"
"""There is none: MPTCP has no such option, the process has no unit."""


def table(records: t.Iterable[Record], wide: bool = False) -> t.List[str]:
    """Lay out one line for each socket, by unit, process and address."""
    options = (*_OPTIONS, *_MORE_OPTIONS) if wide else _OPTIONS
    header = (*_BEFORE, *(title for title, _name in options), *_BEHIND)
    numbers = {title for title, _name in options} | {"SILENT(s)"}
    return aligned(header, (_cells(record, options) for record in sorted(records, key=_order)), numbers)


def table_cells(records: t.Iterable[Record]) -> t.List[t.Dict[str, str]]:
    """Return the cells of each line by their titles, in the order of the table."""
    titles = (*_BEFORE, *(title for title, _name in _OPTIONS), *_BEHIND)
    return [dict(zip(titles, _cells(record, _OPTIONS))) for record in sorted(records, key=_order)]


def _order(record: Record) -> t.Tuple[t.Any, ...]:
    return record.unit, record.owner[0], record.state != "LISTEN", record.local[1], record.remote or ("", 0)


def _cells(record: Record, options: t.Iterable[t.Tuple[str, str]]) -> t.Tuple[str, ...]:
    pid = record.owner[0]
    program = os.path.basename(record.program)
    others = len(record.pids) - 1
    return (
        _STATES.get(record.state, record.state),
        "queue" if record.waits else _WAYS.get(record.direction, record.direction),
        endpoint(*record.local),
        endpoint(*record.remote) if record.remote else NONE,
        UNKNOWN if record.keepalive is None else "on" if record.keepalive else "off",
        *(_value(record, name) for _title, name in options),
        NONE if record.idle is None else str(int(record.idle)),
        named(record.unit, WIDEST) if record.unit else NONE,
        f"{pid}{f'+{others}' if others else ''}/{named(program) if program else UNKNOWN}",
    )


def _value(record: Record, name: str) -> str:
    value = record.options.get(name)
    if value is not None:
        return str(value)
    return NONE if record.readable else UNKNOWN
