# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls before the libraries' own constructors, and processes that trust nobody."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, PROBES, SOCKET, Probe, Run, compile_c, run, stages

DEBUG = {"LIBKEEPALIVE_DEBUG": "1"}


@pytest.mark.parametrize("order", list(itertools.permutations([*LIBRARIES, "early.so"])), ids="+".join)
def test_another_librarys_constructor(preloaded: Run, probe: Probe, order: tuple[str, ...]) -> None:
    with_ = [probe(name) if name == "early.so" else name for name in order]
    found = preloaded("/bin/true", with_=with_, env={"TCP_KEEPIDLE": "60"})
    assert found == (0, "socket 60 listen 0: 60 connect 0: 60 errno 0\n", "early done\n")


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_was_early(preloaded: Run, probe: Probe, library: str) -> None:
    """The libraries' constructors report wrong variables: so what comes before those reports was earlier."""
    env = {**DEBUG, "TCP_KEEPIDLE": "60", "TCP_SYNCNT": "wrong"}
    found = preloaded("/bin/true", with_=[library, probe("early.so")], env=env)
    order = [
        "early" if line == "early done" else "own" if "ignored" in line else "call" for line in found.err.splitlines()
    ]
    assert order[-2:] == ["early", "own"], found.err
    assert set(order[:-2]) == {"call"} and order[:-2], found.err


@pytest.mark.parametrize("libraries", [[name] for name in LIBRARIES] + [list(LIBRARIES)], ids="+".join)
def test_before_libc_itself(preloaded: Run, probe: Probe, libraries: list[str]) -> None:
    """In .preinit_array there is no environment yet: those calls go through untouched, and the later ones do not."""
    found = preloaded(probe("preinit"), with_=libraries, env={"TCP_KEEPIDLE": "60"})
    hooked = " SO_KEEPALIVE=1 60" if {CONNECT, SOCKET} & set(libraries) else " SO_KEEPALIVE=0"
    assert found == (0, f"preinit: listen 0 connect 0 SO_KEEPALIVE=0\nmain: listen 0 connect 0{hooked}\n", "")


UNTRUSTED = {**DEBUG, "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "wrong", "LIBKEEPALIVE_DISABLE": "1"}


def test_a_secure_process_ignores_the_environment(preloaded: Run, probe: Probe) -> None:
    found = preloaded(probe("options"), with_=[*LIBRARIES, probe("secure.so")], env=UNTRUSTED)
    assert {options["TCP_KEEPIDLE"] for options in stages(found).values()} == {15}
    assert found.err == ""
    trusted = preloaded(probe("options"), with_=[*LIBRARIES], env=UNTRUSTED | {"LIBKEEPALIVE_DISABLE": "0"})
    assert {options["TCP_KEEPIDLE"] for options in stages(trusted).values()} == {60}
    assert trusted.err != ""


def test_a_setuid_program_ignores_the_environment(built: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a program setuid for another user")
    program = compile_c(PROBES / "setuid.c", tmp_path / "setuid", str(built / CONNECT), f"-Wl,-rpath,{built}")
    assert run(program, env=UNTRUSTED | {"LIBKEEPALIVE_DISABLE": "0"}).out == "secure 0 TCP_KEEPIDLE=60\n"
    for folder in (built, tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)  # pytest's folders are for their owner alone
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    found = run(program, env=UNTRUSTED)
    if found.out.startswith("secure 0"):
        pytest.skip("setuid has no effect here (nosuid or no_new_privs)")
    assert found == (0, "secure 1 TCP_KEEPIDLE=15\n", "")
