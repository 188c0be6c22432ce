# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process whose files below /proc make everybody wait is left out and told of; FIFOs without a writer stand for it.

What really hangs is in test_answering.py, which runs alone.
"""

from __future__ import annotations

import os
import pathlib
import resource
import socket
import threading
import time
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


class Rounds(threading.Event):
    """Tells when it was waited for several times."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = threading.Event()
        self._count = 0

    def wait(self, timeout: t.Optional[float] = None) -> bool:
        self._count += 1
        if self._count == 4:
            self.enough.set()
        return super().wait(timeout)


@pytest.fixture(name="as_it_was")
def as_it_was_fixture() -> t.Iterator[None]:
    """A round is made for a child: it changes its process."""
    limits, stack = resource.getrlimit(resource.RLIMIT_NOFILE), threading.stack_size()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    threading.stack_size(stack)


@pytest.mark.usefixtures("as_it_was")
def test_who_answers_late_is_waited_for(shown: ShadowProc) -> None:
    asked = answering._Round([SILENT], set(), 300.0, shown)
    asked._done = rounds = Rounds()

    def answer() -> None:
        with open(pathlib.Path(shown.root) / str(SILENT) / "environ", "wb") as stream:  # comes back when it is asked
            rounds.enough.wait()
            stream.write(b"PATH=/bin\0")

    late = threading.Thread(target=answer)
    late.start()
    try:
        assert asked.run() == ([], False)
    finally:
        rounds.enough.set()
        late.join()


def test_who_was_silent_before_is_asked_and_not_waited_for(shown: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SILENT", {SILENT: "told before"})
    monkeypatch.setattr(answering, "PATIENCE", 300.0)
    monkeypatch.setattr(answering, "LIMIT", 300.0)
    others = [pid for pid in map(int, filter(str.isdigit, os.listdir(shown.root))) if pid != SILENT]
    begun = time.monotonic()
    assert list(answering.find_silent([SILENT, *others], shown)) == [SILENT]
    assert time.monotonic() - begun < 150
    assert answering._spent == [0.0], "nothing of the patience of the run"


def test_all_patience_of_a_run_is_spent_once(shown: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PATIENCE", 300.0)
    monkeypatch.setattr(answering, "LIMIT", 300.0)
    monkeypatch.setattr(answering, "_spent", [answering.BUDGET])
    begun = time.monotonic()
    assert list(answering.find_silent([SILENT], shown)) == [SILENT]
    assert time.monotonic() - begun < 150
    assert answering._spent[0] > answering.BUDGET
    assert "of an unknown user" not in answering.SILENT[SILENT]
    assert answering.SILENT[SILENT].startswith(f"process {SILENT} of user {os.getuid()} does not let itself be read")


def test_the_processes_of_this_machine_are_asked_where_no_others_are_given() -> None:
    with Child() as child:
        assert answering.find_silent([child.pid, os.getpid()]) == {}
        assert child.pid in answering.answering()
    assert answering.find_silent([]) == {}
