# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process may end at any moment of a listing: then nothing is said of it, and all is said of the others."""

from __future__ import annotations

import errno
import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering, procfs
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
HOST = state.HostWide(preload=f"{CONNECT}\n")


def listed(monkeypatch: pytest.MonkeyPatch, *pids: int) -> None:
    monkeypatch.setattr(answering, "answering", lambda _proc: list(pids))


def test_of_those_that_would_load_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Tuple[str, str]] = []

    def why(_host: state.HostWide, unit_name: str, program: str, *_rest: t.Any) -> t.List[str]:
        asked.append((unit_name, program))
        return ["was started before"]

    monkeypatch.setattr(state, "host_stale_reasons", why)
    with Child() as child:
        program = os.readlink(f"/proc/{child.pid}/exe")
        listed(monkeypatch, NO_PID, child.pid, NO_PID + 1)
        (found,) = users.without_libraries(HOST)
    assert (found["pid"], found["program"], found["why"]) == (child.pid, program, "was started before")
    assert [name for _unit, name in asked] == [program]
    assert users.without_libraries(state.HostWide(preload="# nothing\n")) == [], "nothing is to be loaded"


def test_of_those_that_have_ended_and_are_not_collected_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """They still have a start, and no program any more: only a name, as the kernel's own threads."""
    monkeypatch.setattr(state, "host_stale_reasons", lambda *_all: ["was started before"])
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        listed(monkeypatch, pid)
        assert users.without_libraries(HOST) == []
        assert users.library_users() == []
    finally:
        os.waitpid(pid, 0)


def test_of_those_that_map_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def mapping(_wanted: t.Any, _proc: t.Any) -> t.Iterator[t.Tuple[int, t.Dict[str, bool]]]:
        yield from ((pid, {CONNECT: False, CONNECT + "x": pid == NO_PID}) for pid in answering.answering(_proc))

    monkeypatch.setattr(answering, "mapping", mapping)
    with Child(env={"LD_PRELOAD": ""}) as child:
        listed(monkeypatch, NO_PID, child.pid)
        gone, there = users.library_users()
    assert (gone["pid"], gone["unit"], gone["program"], gone["replaced"]) == (NO_PID, "", "", True)
    assert gone["loaded_by"] == "host", "nothing of it is seen: what the other one shows is true of it too"
    assert (there["pid"], there["loaded_by"], there["replaced"]) == (child.pid, "host", False)
    assert there["libraries"] == [CONNECT, CONNECT + "x"]


def test_of_those_whose_number_another_has_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """There was none yet when its start was read, and there is one when its program is: nobody knows since when."""
    monkeypatch.setattr(state, "host_stale_reasons", lambda *_all: ["was started before"])
    with Child() as child:
        listed(monkeypatch, child.pid)
        assert len(users.without_libraries(HOST)) == 1

        def open_but_for_stat(path: t.Any, *rest: t.Any, **named: t.Any) -> t.Any:
            if str(path) == f"/proc/{child.pid}/stat":
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            return open(path, *rest, **named)

        with monkeypatch.context() as patched:
            patched.setattr(procfs, "open", open_but_for_stat, raising=False)
            assert users.without_libraries(HOST) == []
