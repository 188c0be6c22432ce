# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls in every phase of a process, from the constructor of what the program needs to the last destructor."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, PROBES, SOCKET, Probe, Run, compile_c, tool

IDLE = {"TCP_KEEPIDLE": "60"}
# In the order in which they come.
PHASES = (
    "dependency's constructor", "static initialiser", "constructor", "local static initialiser", "main", "atexit",
    "local static object's destructor", "static object's destructor", "destructor", "dependency's destructor",
)  # fmt: skip


@pytest.fixture(scope="module")
def program(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ program and the library that it needs."""
    tool("g++", "g++")
    library = probe("phases_dependency.so")
    target = tmp_path_factory.mktemp("phases") / "phases"
    flags = (str(library), f"-Wl,-rpath,{library.parent}")
    return compile_c(PROBES / "phases.cpp", target, *flags, cc="g++")


ORDERS = [*([name] for name in LIBRARIES), *(list(order) for order in itertools.permutations(LIBRARIES))]


@pytest.mark.parametrize("libraries", ORDERS, ids="+".join)
def test_every_phase_of_a_process(preloaded: Run, program: Path, libraries: list[str]) -> None:
    """A phase that is missing, or a connect() that failed, shows as well as an option that is not there."""
    system = preloaded(program, with_=()).out.splitlines()[0].rpartition(" ")[2]
    opened, listens, connected = (
        "60" if any(name in libraries for name in names) else system
        for names in ((SOCKET,), (SOCKET, LISTEN), (SOCKET, CONNECT))
    )
    expected = [f"{phase}: socket {opened} listen {listens} connect 0: {connected}" for phase in PHASES]
    found = preloaded(program, with_=libraries, env=IDLE)
    assert (found.status, sorted(found.out.splitlines()), found.err) == (0, sorted(expected), "")
    assert found.out.splitlines()[0] == expected[0], "the dependency's constructor is the first of all"


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_dependency_is_earlier_than_the_library(preloaded: Run, program: Path, library: str) -> None:
    """The library's own constructor is what reports a wrong variable."""
    env = IDLE | {"LIBKEEPALIVE_DEBUG": "1", "TCP_KEEPCNT": "wrong"}
    lines = preloaded(program, with_=[library], env=env).err.splitlines()
    reports = [number for number, line in enumerate(lines) if "ignored" in line]
    assert len(reports) == 1 and reports[0] >= 1, lines[:5]


@pytest.mark.parametrize("env", [IDLE, IDLE | {"LIBKEEPALIVE_DEBUG": "1"}], ids=["quiet", "debug"])
@pytest.mark.parametrize("libraries", ORDERS, ids="+".join)
def test_32_threads_race_for_the_first_call(
    preloaded: Run, probe: Probe, libraries: list[str], env: dict[str, str]
) -> None:
    counts = (
        32 if any(name in libraries for name in names) else 0
        for names in ((SOCKET,), (SOCKET, LISTEN), (SOCKET, CONNECT))
    )
    expected = "socket {} listen {} connect {}\n".format(*counts)
    for _attempt in range(3):
        found = preloaded("/bin/true", with_=[*libraries, probe("race.so")], env=env)
        assert found[:2] == (0, expected)


def test_32_threads_race_without_the_loaders_list(preloaded: Run, probe: Probe) -> None:
    """Calls before the constructor then go through untouched, because the environment cannot be found."""
    with_ = [*LIBRARIES, probe("noloader.so"), probe("race.so")]
    assert preloaded("/bin/true", with_=with_, env=IDLE) == (0, "socket 0 listen 0 connect 0\n", "")
