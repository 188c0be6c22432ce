# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Behaviour in time: who notices a dead peer, and when. The connections of all tests live and die at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from csrc_support import CONNECT, LISTEN, PROBES, SOCKET, clean_environment, tool

LIMIT = 10  # s


class Case(t.NamedTuple):
    """A connection, and the second at which it dies; None if it is still alive at LIMIT."""

    scenario: str
    libraries: t.Sequence[str]
    keepidle: int
    keepintvl: int
    keepcnt: int
    user_timeout: int
    dies: float | None
    syncnt: int = 0


# Without a user timeout: keepidle + keepintvl × keepcnt. With one:
# keepidle + keepintvl × max(1, ceil((user timeout - keepidle) / keepintvl)), whatever keepcnt says.
CASES = {
    "a dead idle peer, nothing preloaded": Case("idle", (), 2, 1, 3, 0, None),
    "a dead idle peer, probes alone": Case("idle", (CONNECT,), 2, 1, 3, 0, 5),
    "a dead idle peer, derived timeout": Case("idle", (CONNECT,), 2, 1, 3, -1, 5),
    "a dead idle peer, socket library": Case("idle", (SOCKET,), 2, 1, 3, -1, 5),
    "a dead idle peer, a timeout replaces the number of probes": Case("idle", (CONNECT,), 1, 1, 1, 6000, 6),
    "a dead idle client, of a server": Case("accepted", (LISTEN,), 2, 1, 3, -1, 5),
    "a dead idle client, connect library": Case("accepted", (CONNECT,), 2, 1, 3, -1, None),
    "unacknowledged data, user timeout": Case("data", (CONNECT,), 60, 15, 9, 3000, 3.4),
    "unacknowledged data, derived timeout": Case("data", (CONNECT,), 2, 1, 2, -1, 4.5),
    "unacknowledged data, probes alone": Case("data", (CONNECT,), 1, 1, 1, 0, None),
    "a window that stays shut, user timeout": Case("window", (CONNECT,), 60, 15, 9, 4000, 4.5),
    "a window that stays shut, probes alone": Case("window", (CONNECT,), 1, 1, 1, 0, None),
    "an unanswered connect, user timeout": Case("connect", (CONNECT,), 60, 15, 9, 3000, 3),
    "an unanswered connect, number of attempts": Case("connect", (CONNECT,), 60, 15, 9, 0, 3, syncnt=1),
    "an unanswered connect, socket library": Case("connect", (SOCKET,), 60, 15, 9, 0, 3, syncnt=1),
    "an unanswered connect, nothing set": Case("connect", (CONNECT,), 1, 1, 1, 0, None),
}
EARLY = 0.6  # s, by which a timer may differ; how much later it is seen is the machine's affair: LIMIT is the other end


@pytest.fixture(scope="module")
def running(built: Path) -> t.Iterator[dict[str, subprocess.Popen[str]]]:
    """All cases, each in a network namespace of its own."""
    tool("nft", "nftables"), tool("ip", "iproute2")
    namespace = [tool("unshare", "util-linux"), "--net", *(["--map-root-user"] if os.geteuid() != 0 else [])]
    processes = {}
    for name, case in CASES.items():
        env = {
            **clean_environment(),
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "TCP_KEEPIDLE": str(case.keepidle),
            "TCP_KEEPINTVL": str(case.keepintvl),
            "TCP_KEEPCNT": str(case.keepcnt),
            "TCP_USER_TIMEOUT": str(case.user_timeout),
            "TCP_SYNCNT": str(case.syncnt),
            "LD_PRELOAD": " ".join(str(built / library) for library in case.libraries),
        }
        command = [*namespace, sys.executable, "-I", str(PROBES / "schedule.py"), case.scenario, str(LIMIT)]
        processes[name] = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", CASES)
def test_when_it_dies(running: dict[str, subprocess.Popen[str]], name: str) -> None:
    out, err = running[name].communicate(timeout=LIMIT + 30)
    assert running[name].returncode == 0, err
    dies = CASES[name].dies
    if dies is None:
        assert out == "alive\n"
        return
    assert out != "alive\n", f"at {LIMIT} s, expected to die at {dies} s"
    seconds, error = out.split()
    assert error == "ETIMEDOUT"
    assert float(seconds) >= dies - EARLY
