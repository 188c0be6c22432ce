# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the libraries have set is right, however the kernel reads it back: rounded, cut, lowered, or not handed on."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES, OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.defaults import window_clamp_floor
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record, Verdict
from ansible_collections.netops.keepalive.tests.unit.support.audited import (
    audit,
    expecting,
    needs_compiler,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

ALL = {
    "keepidle": 60,
    "keepcnt": 0,  # the system's
    "keepintvl": 20,
    "user_timeout": -1,
    "syncnt": 3,
    "defer_accept": 5,
    "maxseg": 1400,
    "window_clamp": 600,
}


def preloading(folder: pathlib.Path, library: str, **tcp: int) -> t.Dict[str, str]:
    variables = {OPTIONS[name].variable: str(value) for name, value in {**ALL, **tcp}.items()}
    return {"LD_PRELOAD": str(folder / LIBRARIES[library]), "PATH": "/bin", **variables}


def seen(proc: ShadowProc, folder: pathlib.Path, library: str, **tcp: int) -> t.Dict[str, t.Tuple[Record, Verdict]]:
    """Return direction → record and verdict of a process in which the library has set everything."""
    code = (
        "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname()); s.send(b'x')\n"
        "a = l.accept()[0]; n = socket.socket()"
    )
    with Child(code, env=preloading(folder, library)) as child:
        proc.add(child.pid, "a.service")
        answer = audit(proc, expecting(libraries=library, tcp={**ALL, **tcp}), library_dir=folder)
        judged = [(record, answer.verdicts[record.inode]) for record in answer.records]
        return {record.direction: (record, verdict) for record, verdict in judged if verdict.relevant}


@needs_compiler
def test_a_listener_and_what_it_accepted(proc: ShadowProc, libraries: pathlib.Path) -> None:
    found = seen(proc, libraries, "listen")
    assert set(found) == {"listening", "accepted"}
    assert [(verdict.compliant, verdict.wrong) for _record, verdict in found.values()] == [(True, ())] * 2
    listening, accepted = found["listening"][0].options, found["accepted"][0].options
    assert (listening["defer_accept"], accepted["defer_accept"]) == (7, 0)
    assert listening["maxseg"] == 1400 > accepted["maxseg"]
    assert listening["window_clamp"] == window_clamp_floor() > 600
    assert listening["user_timeout"] == (60 + 20 * listening["keepcnt"]) * 1000


@needs_compiler
def test_a_connection(proc: ShadowProc, libraries: pathlib.Path) -> None:
    found = seen(proc, libraries, "connect")
    assert set(found) == {"outgoing"}
    record, verdict = found["outgoing"]
    assert (verdict.compliant, verdict.wrong) == (True, ())
    assert (record.options["syncnt"], record.options["defer_accept"]) == (3, 0)
    assert record.options["maxseg"] < 1400


@needs_compiler
def test_all_sockets(proc: ShadowProc, libraries: pathlib.Path) -> None:
    found = seen(proc, libraries, "socket")
    assert set(found) == {"listening", "accepted", "outgoing", "unconnected"}
    assert [verdict.wrong for _record, verdict in found.values()] == [()] * 4


@needs_compiler
@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        ({"defer_accept": 3}, {"listening"}),
        ({"maxseg": 1300}, {"listening", "accepted"}),
        ({"window_clamp": 9000}, {"listening"}),
        ({"user_timeout": 0}, {"listening", "accepted"}),
        ({"keepcnt": 4}, {"listening", "accepted"}),
        ({"defer_accept": 7}, set()),  # as much as 5, for the kernel
        ({"window_clamp": 1}, set()),
        ({"syncnt": 9}, set()),  # no matter of listeners
    ],
)
def test_what_is_not_so_is_seen(
    proc: ShadowProc, libraries: pathlib.Path, other: t.Dict[str, int], wrong: t.Set[str]
) -> None:
    found = seen(proc, libraries, "listen", **other)
    assert {direction for direction, (_record, verdict) in found.items() if verdict.wrong} == wrong
    options = {item.option for _record, verdict in found.values() for item in verdict.wrong}
    assert options == (set(other) if wrong else set())
