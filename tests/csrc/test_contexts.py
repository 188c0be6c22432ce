# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls from where little is allowed: signal handlers, vfork and fork children, tiny stacks, cancelled threads."""

from __future__ import annotations

from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, SOCKET, Probe, Run, run

IDLE = {"TCP_KEEPIDLE": "60"}
ENVIRONMENTS = [IDLE, IDLE | {"LIBKEEPALIVE_DEBUG": "1"}]
SETS = [(CONNECT, LISTEN), (SOCKET,), LIBRARIES]


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["quiet", "debug"])
@pytest.mark.parametrize("libraries", SETS, ids="+".join)
@pytest.mark.parametrize("context", ["signal", "vfork", "fork", "stack"])
def test_the_calls_work_in_a(
    preloaded: Run, probe: Probe, context: str, libraries: tuple[str, ...], env: dict[str, str]
) -> None:
    found = preloaded(probe("contexts"), context, with_=libraries, env=env)
    assert (found.status, found.out) == (0, "fine\n"), found.err[-500:]


@pytest.mark.parametrize("context", ["signal", "stack"])
def test_the_contexts_need_the_libraries(preloaded: Run, probe: Probe, context: str) -> None:
    """The probe checks the option at every call: without a library it has nothing to be content with."""
    assert preloaded(probe("contexts"), context, with_=()).status == 1


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["quiet", "debug"])
@pytest.mark.parametrize("libraries", [(), *SETS], ids=lambda names: "+".join(names) or "none")
def test_a_thread_that_waits_in_connect_is_cancelled(
    preloaded: Run, probe: Probe, libraries: tuple[str, ...], env: dict[str, str]
) -> None:
    assert preloaded(probe("contexts"), "blocked", with_=libraries, env=env)[:2] == (0, "fine\n")


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["quiet", "debug"])
def test_a_thousand_cancelled_threads_leave_no_descriptor(preloaded: Run, probe: Probe, env: dict[str, str]) -> None:
    found = preloaded(probe("contexts"), "leak", with_=LIBRARIES, env=env)
    assert found[:2] == (0, "connect left 0\nlisten left 0\nsocket left 0\nfine\n")


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["quiet", "debug"])
@pytest.mark.parametrize("libraries", [(), *SETS], ids=lambda names: "+".join(names) or "none")
@pytest.mark.parametrize("closed_by", ["shell", "itself"])
def test_sockets_with_the_numbers_0_1_and_2(
    built: Path, probe: Probe, tmp_path: Path, closed_by: str, libraries: tuple[str, ...], env: dict[str, str]
) -> None:
    """Nothing that debug says may come out at the other end of a socket that has the number of stderr."""
    report = tmp_path / "report"
    words = [str(probe("lowfds")), str(report), *(["itself"] if closed_by == "itself" else [])]
    script = 'LD_PRELOAD="$1"; export LD_PRELOAD; shift; exec "$@"' + " <&- >&- 2>&-" * (closed_by == "shell")
    found = run("/bin/sh", "-c", script, "sh", " ".join(str(built / name) for name in libraries), *words, env=env)
    assert found.status == 0
    assert report.read_text() == "0 1 2: 0 0 0 0, bytes -1 -1\n"
