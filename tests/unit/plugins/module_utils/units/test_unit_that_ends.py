# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process may end at any moment of a listing: then nothing is said of it, and all is said of the others."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering, procfs
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID, FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
HOST = state.HostWide(preload=f"{CONNECT}\n")


def listed(monkeypatch: pytest.MonkeyPatch, *pids: int) -> None:
    monkeypatch.setattr(answering, "answering", lambda: list(pids))


def test_of_those_that_would_load_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Tuple[str, str]] = []

    def why(_host: state.HostWide, unit_name: str, program: str, *_rest: t.Any) -> t.List[str]:
        asked.append((unit_name, program))
        return ["was started before"]

    monkeypatch.setattr(state, "host_stale_reasons", why)
    with Child() as child:
        program = os.readlink(f"/proc/{child.pid}/exe")
        listed(monkeypatch, NO_PID, child.pid, NO_PID + 1)
        (found,) = unit.without_libraries(HOST)
    assert (found["pid"], found["program"], found["why"]) == (child.pid, program, "was started before")
    assert [name for _unit, name in asked] == [program]
    assert unit.without_libraries(state.HostWide(preload="# nothing\n")) == [], "nothing is to be loaded"


def test_of_those_that_have_ended_and_are_not_collected_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """They still have a start, and no program any more: only a name, as the kernel's own threads."""
    monkeypatch.setattr(state, "host_stale_reasons", lambda *_all: ["was started before"])
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        listed(monkeypatch, pid)
        assert unit.without_libraries(HOST) == []
        assert unit.library_users() == []
    finally:
        os.waitpid(pid, 0)


def test_of_those_that_map_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "own_libraries", lambda pid: {CONNECT: True, CONNECT + "x": pid != NO_PID})
    with Child(env={"LD_PRELOAD": ""}) as child:
        listed(monkeypatch, NO_PID, child.pid)
        gone, there = unit.library_users()
    assert (gone["pid"], gone["unit"], gone["program"], gone["replaced"]) == (NO_PID, "", "", True)
    assert gone["loaded_by"] == "host", "nothing of it is seen: what the other one shows is true of it too"
    assert (there["pid"], there["loaded_by"], there["replaced"]) == (child.pid, "host", False)
    assert there["libraries"] == [CONNECT, CONNECT + "x"]


@pytest.mark.parametrize("left", [("stat",), ("environ", "maps"), ()])
def test_of_a_unit(tmp_path: pathlib.Path, proc: ShadowProc, left: t.Tuple[str, ...]) -> None:
    """Its process ends between two of the files that are read of it."""
    systemd = FakeSystemd()
    drop_in = tmp_path / "a.service.d" / "zz-keepalive.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"{unit.dropin.MARKER}\n[Service]\nEnvironment=LD_PRELOAD={CONNECT}\n")
    with Child(env={"PATH": "/bin"}) as child:
        folder = pathlib.Path(proc.root) / str(child.pid)
        folder.mkdir()
        for name in left:
            (folder / name).symlink_to(f"/proc/{child.pid}/{name}")
        assert unit.live_process(child.pid, proc.root) is None
        systemd.add("a.service", MainPID=str(child.pid), DropInPaths=str(drop_in))
        host = unit.UnitsOfHost(systemd.run, (), str(tmp_path), proc.root)
        (found,) = host.units(["a.service"]).values()
        assert (found.stale, found.damage, found.drop_in) == ([], "", str(drop_in))
        for name in ("stat", "environ", "maps"):
            if name not in left:
                (folder / name).symlink_to(f"/proc/{child.pid}/{name}")
        live = unit.live_process(child.pid, proc.root)
        assert live is not None and live.libraries == {}


def test_of_those_whose_number_another_has_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """There was none yet when its start was read, and there is one when its program is: nobody knows since when."""
    monkeypatch.setattr(state, "host_stale_reasons", lambda *_all: ["was started before"])
    with Child() as child:
        listed(monkeypatch, child.pid)
        assert len(unit.without_libraries(HOST)) == 1

        def open_but_for_stat(path: t.Any, *rest: t.Any, **named: t.Any) -> t.Any:
            if str(path) == f"/proc/{child.pid}/stat":
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            return open(path, *rest, **named)

        with monkeypatch.context() as patched:
            patched.setattr(procfs, "open", open_but_for_stat, raising=False)
            assert unit.without_libraries(HOST) == []
