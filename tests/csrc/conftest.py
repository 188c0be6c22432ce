# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the libraries and the probes, built once a session into a temporary folder."""

from __future__ import annotations

import ctypes
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from csrc_support import PROBES, Probe, Result, Run, compile_c, make, run

_CLONE_NEWNET = 0x40000000
"""unshare(2)"""

# A network of the tests' own has the kernel's defaults, which many of them know by number, whatever tcp_keepalive_time
# and its like are here, and a way to anywhere, on which nothing comes back. Only root may have one.
if os.geteuid() == 0 and ctypes.CDLL(None).unshare(_CLONE_NEWNET) == 0:
    subprocess.run("ip link set lo up && ip route add default dev lo", shell=True, check=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the three libraries, built by csrc/Makefile as a user would."""
    build = tmp_path_factory.mktemp("libraries")
    make(build)
    return build


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """probe("gate") and probe("early.so") compile probes/gate.c and probes/early.c, each once."""
    folder = tmp_path_factory.mktemp("probes")

    def build(name: str) -> Path:
        target = folder / name
        if not target.exists():
            shared = ("-shared", "-fPIC") if target.suffix == ".so" else ()
            compile_c(PROBES / f"{target.stem}.c", target, *shared, "-pthread", "-ldl")
        return target

    return build


@pytest.fixture
def preloaded(built: Path) -> Run:
    """preloaded(program, …, with_=(CONNECT, …)) runs a program with some of the libraries."""

    def go(*command: str | Path, with_: t.Sequence[str | Path], **more: t.Any) -> Result:
        return run(*command, preload=[built / name for name in with_], **more)

    return go
