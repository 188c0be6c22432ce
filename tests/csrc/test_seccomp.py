# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes whose system calls are filtered go on living, and do what they did."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from csrc_support import LIBRARIES, Probe, Run, clean_environment
from debian import libraries, program, unpack

pytestmark = pytest.mark.fetches

DEBUG = {"LIBKEEPALIVE_DEBUG": "1"}
KINDS = ["tcp", "tcp6", "udp", "unix-stream", "netlink"]


@pytest.mark.parametrize("env", [{}, DEBUG], ids=["quiet", "debug"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filtered", ["setsockopt", "both"])
def test_a_filter_that_answers_eperm(
    preloaded: Run, probe: Probe, filtered: str, kind: str, env: dict[str, str]
) -> None:
    """As with SystemCallErrorNumber=EPERM: the calls are made as without the libraries, with the same results."""
    real = preloaded(probe("gate"), kind, filtered, with_=())
    assert real.status == 0 and real.out.startswith("connect "), real
    found = preloaded(probe("gate"), kind, filtered, with_=LIBRARIES, env=env)
    assert (found.status, found.out) == (real.status, real.out)


@pytest.mark.parametrize("kind", ["udp", "unix-stream", "netlink"])
def test_a_filter_that_kills(preloaded: Run, probe: Probe, kind: str) -> None:
    """As with SystemCallFilter= alone: only TCP sockets are configured, so nobody else is killed for it."""
    assert preloaded(probe("gate"), kind, with_=LIBRARIES)[:2] == (0, "alive\n")
    assert preloaded(probe("gate"), "tcp", with_=LIBRARIES).status == -signal.SIGSYS, "the filter does kill"


@pytest.mark.parametrize("env", [{}, DEBUG], ids=["quiet", "debug"])
@pytest.mark.parametrize("kind", KINDS)
def test_disabled_libraries_make_no_system_call(preloaded: Run, probe: Probe, kind: str, env: dict[str, str]) -> None:
    """Whatever a program allows itself: they have looked who they are before its main()."""
    disabled = env | {"LIBKEEPALIVE_DISABLE": "1"}
    assert preloaded(probe("gate"), kind, "only", with_=LIBRARIES, env=disabled)[:2] == (0, "alive\n")
    assert preloaded(probe("gate"), "udp", "only", with_=LIBRARIES).status == -signal.SIGSYS, "the filter does kill"


def start_chronyd(folder: Path, daemon: Path, env: dict[str, str], name: str, level: str) -> subprocess.Popen[str]:
    """chronyd for two seconds, with two servers that do not answer and without touching the clock (-x)."""
    base = folder / f"{name}{level}"
    config = base.with_suffix(".conf")
    config.write_text(
        f"server 127.0.0.1 port 11123 iburst\nserver 127.0.0.2 port 11123 iburst\nport 0\ncmdport 0\n"
        f"bindcmdaddress {base}.sock\npidfile {base}.pid\n"
    )
    command = [str(daemon), "-d", "-x", "-u", "root", "-t", "2", "-F", level, "-f", str(config)]
    return subprocess.Popen(
        command, env=clean_environment() | env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.slow
def test_chronyd_with_its_own_filters(built: Path, probe: Probe, tmp_path: Path) -> None:
    root = unpack(tmp_path, "chrony")
    daemon = program(root, "usr/sbin/chronyd")
    ours = " ".join(str(built / library) for library in LIBRARIES)
    base = {"LD_LIBRARY_PATH": libraries(root)}
    environments = {
        "none": base,
        "ours": base | {"LD_PRELOAD": ours},
        "debug": base | {"LD_PRELOAD": ours} | DEBUG,
        "naive": base | {"LD_PRELOAD": str(probe("naive.so"))},
    }
    processes = {
        (name, level): start_chronyd(tmp_path, daemon, env, name, level)
        for name, env in environments.items()
        for level in ("1", "2")
    }
    outputs = {key: process.communicate(timeout=30)[0] for key, process in processes.items()}
    status = {key: process.returncode for key, process in processes.items()}
    for level in ("1", "2"):
        assert f"Loaded seccomp filter (level {level})" in outputs["none", level]
        for name in ("none", "ours", "debug"):
            assert "chronyd exiting" in outputs[name, level], (name, level, status[name, level])
            assert status[name, level] == status["none", level]
    assert status["naive", "1"] == -signal.SIGSYS, "a library that sets options on every socket is killed"
