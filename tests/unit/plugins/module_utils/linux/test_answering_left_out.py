# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process whose files below /proc make everybody wait is left out and told of; FIFOs without a writer stand for it.

What really hangs is in test_answering.py, which runs alone.
"""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.tests.unit.support.audited import audit, connecting, expecting
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

SILENT = 1 << 30
"""The number of a process that there is not."""


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SILENT", {})
    monkeypatch.setattr(answering, "_spent", [0.0])


@pytest.fixture(name="shown")
def shown_fixture(proc: ShadowProc, server: socket.socket) -> t.Iterator[ShadowProc]:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "b.service")
        proc.add(child.pid, "a.service", shown_as=SILENT)
        for name in ("maps", "environ", "stat"):
            path = pathlib.Path(proc.root) / str(SILENT) / name
            path.unlink()
            os.mkfifo(path)
        yield proc


def test_who_does_not_answer_is_left_out_and_who_does_is_not(shown: ShadowProc) -> None:
    others = [pid for pid in map(int, filter(str.isdigit, os.listdir(shown.root))) if pid != SILENT]
    assert answering.answering(shown) == sorted(others)
    assert list(answering.SILENT) == [SILENT]


def test_its_unit_is_not_called_right_and_that_of_others_is(shown: ShadowProc) -> None:
    answer = audit(shown, expecting("a.service"), expecting("b.service"))
    assert answer.units["a.service"]["unreadable_pids"] == [SILENT]
    assert (answer.units["a.service"]["ok"], answer.units["b.service"]["reasons"]) == (False, {})


def test_the_audit_of_a_host_tells_of_it(shown: ShadowProc) -> None:
    terms = Terms(350, include_local=True)
    summary = HostAudit(terms, PortableReader(), dict, proc=shown, library_dir="/nowhere").run()
    assert summary["unreadable"]["processes"] == 1
    assert "does not let itself be read" in summary["unreadable"]["why"]
    assert summary["totals"]["connections"] == 1
