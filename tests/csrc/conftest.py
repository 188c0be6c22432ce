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


@pytest.fixture(scope="module", autouse=True)
def network_of_their_own(request: pytest.FixtureRequest) -> t.Iterator[None]:
    """Give the tests the kernel's defaults, which many know by number, whatever tcp_keepalive_time and others are here.

    There is a way to anywhere, on which nothing comes back. Only root may have such a network. Files that are marked
    with "fetches" stay in the machine's.
    """
    if request.node.get_closest_marker("fetches"):
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if os.geteuid() != 0 or libc.unshare(_CLONE_NEWNET) != 0:
            yield
            return
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
            yield
        finally:
            assert libc.setns(before, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)


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
