# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries on other processors, under qemu's user mode."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import assembled, program_for
from csrc_support import (
    CONNECT,
    CSRC,
    LIBRARIES,
    LISTEN,
    compile_c,
    make,
    stages,
    tool,
)
from machine_support import PACKAGES, STRICT, Machine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=PACKAGES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    one = Machine(request.param, tmp_path_factory.mktemp(request.param))
    tool("clang", "clang")
    assert Path(one.root).exists(), f"{one.root} not found: install libc6-dev-{PACKAGES[one.name]}-cross"
    settings = f"CPPFLAGS=-DKEEPALIVE_SETTINGS='\"{one.settings}\"'"
    make(one.folder, f"CFLAGS={STRICT}", f"LDFLAGS={one.ldflags}", settings, cc=one.cc)
    return one


def test_the_libraries_are_for_that_processor(machine: Machine) -> None:
    for name in LIBRARIES:
        header = (machine.folder / name).read_bytes()[:20]
        assert int.from_bytes(header[18:20], "little") == {"aarch64": 183, "riscv64": 243}[machine.name]


@pytest.mark.parametrize("libraries", [LIBRARIES, (CONNECT, LISTEN)], ids="+".join)
@pytest.mark.parametrize("family", ["4", "6", "mapped"])
def test_all_options(machine: Machine, family: str, libraries: tuple[str, ...]) -> None:
    """Without the socket library too, which does what the others do, and never asks whether a socket is TCP."""
    env = {"TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "4", "TCP_SYNCNT": "3"}
    found = stages(machine.run(machine.probe("options"), family, preload=libraries, **env))
    for stage in ("listener", "client", "accepted", *(["socket"] if libraries == LIBRARIES else [])):
        assert found[stage]["SO_KEEPALIVE"] == 1, stage
        assert found[stage]["TCP_KEEPIDLE"] == 60, stage
        assert found[stage]["TCP_USER_TIMEOUT"] == (60 + 15 * 4) * 1000, stage
    assert found["client"]["TCP_SYNCNT"] == 3
    plain = stages(machine.run(machine.probe("options"), family))
    assert plain["client"]["SO_KEEPALIVE"] == 0, "without the libraries"


@pytest.mark.parametrize("env", [{}, {"LIBKEEPALIVE_DEBUG": "1"}], ids=["plain", "debug"])
def test_every_call_answers_as_libc_itself(machine: Machine, env: dict[str, str]) -> None:
    found = machine.run(machine.probe("native"), preload=LIBRARIES, **env)
    assert found.out.startswith("hooked: connect listen socket\n")
    assert found.status == 0, [line for line in found.out.splitlines() if "differs" in line]


@pytest.mark.parametrize("order", [[*LIBRARIES, "early.so"], ["early.so", *LIBRARIES]], ids=["before", "after"])
def test_calls_from_another_librarys_constructor(machine: Machine, order: list[str]) -> None:
    machine.probe("early.so")
    found = machine.run(machine.probe("once"), "socket", "tcp", preload=order, TCP_KEEPIDLE="60")
    assert found == (0, "socket 60 listen 0: 60 connect 0: 60 errno 0\n", "early done\n")


def test_without_dlsym(machine: Machine) -> None:
    """The libraries need none."""
    machine.probe("nodlsym.so")
    found = machine.run(machine.probe("options"), preload=[*LIBRARIES, "nodlsym.so"], TCP_KEEPIDLE="60")
    assert {options["TCP_KEEPIDLE"] for options in stages(found).values()} == {60}


def test_without_the_loaders_list(machine: Machine) -> None:
    """Who the process is cannot be asked then, so the defaults hold."""
    machine.probe("noloader.so")
    found = machine.run(machine.probe("options"), preload=[*LIBRARIES, "noloader.so"], TCP_KEEPIDLE="60")
    assert {options["TCP_KEEPIDLE"] for options in stages(found).values()} == {15}


def test_a_wrong_value_is_reported(machine: Machine) -> None:
    env = {"TCP_KEEPIDLE": "5s", "LIBKEEPALIVE_DEBUG": "1"}
    found = machine.run(machine.probe("options"), preload=[CONNECT], **env)
    assert found.err.count("ignored: TCP_KEEPIDLE=5s: expected an integer from 1 to 32767") == 1
    assert stages(found)["client"]["TCP_KEEPIDLE"] == 15


@pytest.mark.skipif(os.geteuid() != 0, reason="the file must be root's")
def test_the_settings_file(machine: Machine) -> None:
    """Opened, read and closed again, and the program known: four system calls that nothing else here makes."""
    program, debug = machine.probe("options"), {"LIBKEEPALIVE_DEBUG": "1"}
    without = machine.run(program, preload=LIBRARIES, **debug)
    machine.settings.write_text(
        f"TCP_KEEPIDLE=60\n[program {program}]\nTCP_KEEPCNT=4\n[program /other]\nTCP_KEEPCNT=5\n"
    )
    machine.settings.chmod(0o644)
    try:
        found = machine.run(program, preload=LIBRARIES, **debug)
    finally:
        machine.settings.unlink()
    client = stages(found)["client"]
    assert (client["TCP_KEEPIDLE"], client["TCP_KEEPCNT"]) == (60, 4)
    descriptors = [re.findall(r" fd (\d+):", result.err) for result in (found, without)]
    assert descriptors[0] == descriptors[1] and len(descriptors[0]) >= 3, "the file's descriptor is closed"


def test_the_bpf_instructions_are_the_same_there(machine: Machine) -> None:
    """They are written byte by byte for the kernel, whatever the processor."""
    parts = re.findall(r"^BPF(?:SHARED)? += (.*)", (CSRC / "Makefile").read_text(), re.MULTILINE)
    first, *sources = [CSRC / f"{name}.c" for name in " ".join(parts).split()]
    start = [f"{machine.root}/lib/{part}.o" for part in ("crt1", "crti", "crtn")]
    flags = [*map(str, sources), *start, *machine.ldflags.split()]
    program = compile_c(first, machine.folder / "dump", *flags, cc=machine.cc)
    done = machine.run(program, "dump", "connect", TCP_KEEPIDLE="60", TCP_SYNCNT="3", LIBKEEPALIVE_RESPECT="1")
    expected = assembled(program_for(["connect"], {"keepidle": 60, "syncnt": 3}, True))
    assert (done.status, done.out.split()) == (0, [one.packed().hex() for one in expected])
