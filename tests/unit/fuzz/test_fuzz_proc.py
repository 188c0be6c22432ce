# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes show of themselves, in which their owners have written what they like."""

from __future__ import annotations

import ipaddress
import os
import struct
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux import cgroup as linux_cgroup
from ansible_collections.netops.keepalive.plugins.module_utils.linux import procfs, procnet, scripts
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import timers
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import (
    ODD,
    bytes_of,
    fuzz,
    lines,
    texts,
)
from hypothesis import strategies as st


def unit_of(cgroup: bytes) -> str:
    """The unit of a process with this /proc/PID/cgroup, as all the rest has it."""
    return linux_cgroup.unit_in(linux_cgroup.place_of(cgroup))


def mapped_in(maps: bytes) -> t.Dict[str, bool]:
    """The files in this /proc/PID/maps, as all the rest has them."""
    return procfs.parse_maps(maps)


def status_in(status: bytes) -> procfs.Status:
    """What this /proc/PID/status says, as all the rest has it."""
    return procfs.parse_status(status)


ROW = ("  0: 0100007F:1F90", " ", "00000000:0000", " 0A ", "00000000:00000000", " 02:000A8C02", " 0 ", " 1234 ", "01 ")
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PORTS = st.integers(0, 65535)


@fuzz(lines(*ROW), st.booleans(), examples=100)
def test_a_line_of_the_table_is_a_socket_or_none(text: str, listening: bool) -> None:
    for row in procnet.parse_table(text.split("\n"), listening):
        assert row.family in ("ipv4", "ipv6") and row.inode >= 0 and row.expires >= 0
        for address, port in (row.local, row.remote):
            assert ipaddress.ip_address(address) and 0 <= port <= 65535
        assert timers.keepalive_of(row, row) in (True, False, None)


@fuzz(st.one_of(ODD, texts("0100007F", ":", "1F90")))
def test_an_address_is_one_or_an_error_that_is_expected(text: str) -> None:
    try:
        address, port = procnet.parse_address(text)
    except ValueError:
        return
    assert ipaddress.ip_address(address) and 0 <= port <= 65535


@fuzz(ADDRESSES, PORTS, ADDRESSES, PORTS, st.integers(1, 12), st.integers(0, 2**64 - 1))
def test_a_line_is_read_as_the_kernel_prints_it(
    local: t.Any, port: int, remote: t.Any, far: int, state: int, inode: int
) -> None:
    remote = type(local)(int(remote) % (1 << local.max_prefixlen))

    def printed(address: t.Any, number: int) -> str:
        words = struct.unpack(f"={len(address.packed) // 4}I", address.packed)
        return "".join(f"{word:08X}" for word in words) + f":{number:04X}"

    line = f"  0: {printed(local, port)} {printed(remote, far)} {state:02X} 0:0 02:000003E8 0  0 0 {inode} 2 0 0"
    (row,) = procnet.parse_table([line])
    assert [ipaddress.ip_address(end[0]) for end in (row.local, row.remote)] == [local, remote]
    assert (row.local[1], row.remote[1], row.state, row.inode, row.timer) == (port, far, state, inode, 2)
    assert row.expires == 1000 / os.sysconf("SC_CLK_TCK")


@fuzz(bytes_of(texts("PATH=/bin", "\0", "INVOCATION_ID=" + "0" * 32, "LISTEN_FDS=", "nginx: master")))
def test_an_environment_is_assignments_that_stand_there(block: bytes) -> None:
    environment = procfs.parse_environ(block)
    for name, value in (environment or {}).items():
        assert os.fsencode(f"{name}={value}") in block and "\0" not in name + value


@fuzz(st.binary(max_size=100), st.sampled_from([32, 64]))
def test_an_auxiliary_vector_is_pairs_of_words(block: bytes, bits: int) -> None:
    found = procfs.parse_auxv(block, bits)
    assert all(0 <= number < 1 << bits for pair in found.items() for number in pair)


@fuzz(bytes_of(lines("7f00-7fff r-xp 00000000 fe:01 1234 ", "/usr/lib/x.so", " (deleted)", "[heap]")))
def test_a_mapped_file_has_a_path_that_stands_there(content: bytes) -> None:
    assert all(path.startswith("/") and os.fsencode(path) in content for path in mapped_in(content))


@fuzz(bytes_of(lines("0::", "1:name=systemd:", "/system.slice", "/a.service", "/user.slice", "/_b.scope")))
def test_a_unit_of_a_process_stands_in_its_cgroup(content: bytes) -> None:
    unit = unit_of(content)
    assert os.fsencode(unit) in content and "/" not in unit and "\n" not in unit


@fuzz(bytes_of(texts("nginx", "\\n", "Uid:\t0")))
def test_a_name_in_the_status_changes_nothing_else(name: bytes) -> None:
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")[:64]  # as the kernel does
    rest = b"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9\nCapEff:\tff\nSeccomp:\t2\n"
    assert status_in(b"Name:\t" + escaped + b"\n" + rest) == procfs.Status(4, frozenset((8, 9)), 0xFF, True)


COMMAND = texts("python3", "\0", "-c", "-m", "-uc", "app.py", "-jar", "--", "/srv/app.py", "-W", "secret")


@fuzz(st.sampled_from(["python3.11", "/usr/bin/perl", "bash", "java", "nginx", "node", "php"]), bytes_of(COMMAND))
def test_what_an_interpreter_runs_is_one_of_its_arguments(program: str, block: bytes) -> None:
    arguments = scripts.arguments_of(block)
    assert all(os.fsencode(argument) in block for argument in arguments)
    script = scripts.script_of(program, arguments)
    assert script == "" or script in arguments
