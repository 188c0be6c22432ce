# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python code on other processors: by Debian's Python for these, under qemu's user mode.

The numbers of system calls, and how structures lie in memory, are held to the kernel's headers for that processor.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import system_call
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import defaults, portable
from csrc_support import HERE, PROBES, tool
from machine_support import PACKAGES, Machine

pytestmark = [pytest.mark.slow, pytest.mark.fetches]

TOP = HERE.parents[1]
CALLS = """\
load type 13 as 3 count 2 first 00000001000000b7 licence GPL name a_name log 0 0 flags 0 about 0
load type 26 as 28 count 2 first 00000001000000b7 licence Dual MIT/GPL name another log 0 0 flags 0 about 70000
attach to 3 program 4 as 3 flags 2 instead of 0
attach to 3 program 4 as 22 flags 6 instead of 5
detach to 3 program 4 as 3 flags 0 instead of 0
query of 3 as 3 flags 1 room 64
2 [7, 70000]
info of 3 room 84 for code 32768
13 70000 0102030405060708 a_name 33 b'instructions....' 5.0
open 70000
link program 3 to 0 as 28 flags 0
iterate flags 0
map of type 1 keys 4 values 2 entries 2 flags 0
fill keys key1key2 values v1v2 count 2 flags 0
own socket has 77
pidfd_open flags 0
pidfd_getfd flags 0
its duplicate has 77
pidfd_open flags 0
kcmp type 2
tables of two threads differ by 0
page size True
"""


@pytest.fixture(params=PACKAGES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    tool("clang", "clang")
    return Machine(request.param, tmp_path)


def test_every_number_that_is_written_down_is_that_of_the_kernels_headers(machine: Machine) -> None:
    said = machine.run(machine.probe("kernel_numbers"))
    found = {name: int(value) for name, _space, value in (line.rpartition(" ") for line in said.out.splitlines())}
    written = {
        "SYS_bpf": system_call._NUMBERS[machine.name],
        "SYS_pidfd_open": portable._NR_PIDFD_OPEN,
        "SYS_pidfd_getfd": portable._NR_PIDFD_GETFD,
        "SYS_kcmp": portable._NR_KCMP[machine.name],
        "KCMP_FILES": portable._KCMP_FILES,
        "O_EXCL": portable._PIDFD_THREAD,
        "SIOCGSKNS": portable._SIOCGSKNS,
        "SO_NETNS_COOKIE": portable._SO_NETNS_COOKIE,
        "CLONE_NEWNET": defaults._CLONE_NEWNET,
        "TCP_INFO": portable._TCP_INFO,
        "offsetof(struct tcp_info, tcpi_last_data_sent)": portable._LAST_DATA_SENT,
        "offsetof(struct tcp_info, tcpi_last_data_recv)": portable._LAST_DATA_SENT + 8,
        "sizeof(struct linger)": portable._LINGER.size,
        "SOL_SOCKET": 1,
        "SO_KEEPALIVE": 9,
        **{option.variable: option.sockopt for option in OPTIONS.values()},
    }
    assert found == written


def test_system_calls_and_structures_are_those_of_that_processor(machine: Machine) -> None:
    """bpf(2) is not in qemu's user mode: what is asked of it is shown as that processor's C compiler reads it."""
    arch = PACKAGES[machine.name]
    done = subprocess.run([TOP / "tests/hosts/foreign-python", arch], capture_output=True, text=True, check=False)
    root = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    machine.probe("system_calls.so")
    said = machine.run(
        f"{root}/usr/bin/python3", PROBES / "system_calls.py", preload=["system_calls.so"], root=root,
        PYTHONPATH=os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(TOP / ".ansible/collections")),
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [f"{machine.name} 64 bits", *CALLS.splitlines()]
