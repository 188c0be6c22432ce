# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who told the loader to load a library: a drop-in's LD_PRELOAD, or the host. Disable restarts only the former."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

OVERWRITE = """
import ctypes
start, end = map(int, open("/proc/self/stat").read().rsplit(")")[1].split()[47:49])
ctypes.memset(start, 32, end - start)
"""
"""What nginx and others do with the memory behind /proc/PID/environ (proc(5): env_start, env_end)."""

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"


@pytest.fixture(name="loaded_by")
def loaded_by_fixture(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.List[str]]:
    """loaded_by(PID…): the answers for these processes, as if each mapped the library and were all there is."""

    def loaded_by(*pids: int) -> t.List[str]:
        monkeypatch.setattr(answering, "mapping", lambda _wanted, _proc: [(pid, {CONNECT: False}) for pid in pids])
        return [str(user["loaded_by"]) for user in users.library_users()]

    return loaded_by


def test_who_was_given_it_by_what(loaded_by: t.Callable[..., t.List[str]]) -> None:
    with Child(env={"LD_PRELOAD": ""}) as host, Child(env={"LD_PRELOAD": ""}) as hidden:
        hidden.run(OVERWRITE)
        # The library need not be there: the loader says so, and the environment names it all the same.
        with Child(env={"LD_PRELOAD": CONNECT}) as service:
            assert loaded_by(service.pid, host.pid) == ["environment", "host"]
            assert loaded_by(service.pid, hidden.pid) == ["environment", "unknown"]
            assert loaded_by(hidden.pid, host.pid) == ["host", "host"], "what others show is true of it too"
