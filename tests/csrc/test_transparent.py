# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program must not be able to tell that the libraries are there, except by the options of its TCP sockets."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from csrc_support import CALL, CONNECT, LIBRARIES, LISTEN, SOCKET, Probe, Run, run

DONE = "done well, errno was 0\n"
DEBUG = {"LIBKEEPALIVE_DEBUG": "1"}
TCP = ("tcp", "tcp6", "mapped", "mptcp")
OTHERS = (
    "udp", "udp6", "udplite", "raw-icmp", "raw-tcp", "raw6-tcp", "raw-262", "packet", "unix-stream", "unix-seqpacket",
    "unix-dgram", "netlink", "vsock",
)  # fmt: skip
PRIVILEGED = ("raw", "packet")


@pytest.mark.parametrize("env", [{}, DEBUG, {"LIBKEEPALIVE_RESPECT": "1"}, {"LIBKEEPALIVE_DISABLE": "1"}], ids=str)
@pytest.mark.parametrize("libraries", [[name] for name in LIBRARIES] + [list(LIBRARIES)], ids="+".join)
def test_results_errnos_and_descriptors_are_those_of_the_real_calls(
    preloaded: Run, probe: Probe, libraries: list[str], env: dict[str, str]
) -> None:
    real = preloaded(probe("errors"), with_=())
    assert real.status == 0 and len(real.out.splitlines()) > 60, real
    assert "ECONNREFUSED -1 errno 111\n" in real.out and "socket EMFILE -1 errno 24\n" in real.out
    found = preloaded(probe("errors"), with_=libraries, env=env)
    assert found.status == 0
    assert found.out == real.out


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", OTHERS)
def test_only_tcp_sockets_see_setsockopt(preloaded: Run, probe: Probe, library: str, kind: str) -> None:
    if kind.startswith(PRIVILEGED) and os.geteuid() != 0:
        pytest.skip("raw and packet sockets are for root")
    found = preloaded(probe("gate"), kind, with_=[library])
    if found.out.startswith("unavailable"):
        assert kind in ("vsock", "udplite"), found.out
        pytest.skip(f"{kind}: {found.out.strip()}")
    assert (found.status, found.out) == (0, "alive\n")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", TCP)
def test_the_filter_of_the_test_above_does_kill(preloaded: Run, probe: Probe, library: str, kind: str) -> None:
    found = preloaded(probe("gate"), kind, with_=[library])
    if found.out.startswith("unavailable"):
        assert kind == "mptcp"
        pytest.skip(f"{kind}: {found.out.strip()}")
    assert found.status == -signal.SIGSYS


# Library, kind → getsockopt and setsockopt calls that are added to one call of the hooked function.
COUNTS = [
    (CONNECT, "tcp", 1, 5), (CONNECT, "udp", 1, 0), (CONNECT, "unix", 1, 0),
    (LISTEN, "tcp", 1, 5), (LISTEN, "udp", 1, 0), (LISTEN, "unix", 1, 0),
    (SOCKET, "tcp", 0, 5), (SOCKET, "tcp-emfile", 0, 0), (SOCKET, "udp", 0, 0), (SOCKET, "unix", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize("library, kind, gets, sets", COUNTS)
def test_calls_added(preloaded: Run, probe: Probe, library: str, kind: str, gets: int, sets: int) -> None:
    found = preloaded(probe("trace"), "--all", probe("once"), CALL[library], kind, with_=[library])
    assert found.status == 0
    assert (found.out.count(" getsockopt"), found.out.count(" setsockopt")) == (gets, sets)


def test_the_options_are_there_before_the_real_call(preloaded: Run, probe: Probe) -> None:
    found = preloaded(probe("stderr"), with_=[CONNECT, probe("order.so")])
    assert found.out == f"connect SO_KEEPALIVE=1\nlisten SO_KEEPALIVE=1\n{DONE}"
    found = preloaded(probe("stderr"), with_=[LISTEN, probe("order.so")])
    assert found.out == f"connect SO_KEEPALIVE=0\nlisten SO_KEEPALIVE=1\n{DONE}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_disable_adds_no_call(preloaded: Run, probe: Probe, library: str) -> None:
    env = {"LIBKEEPALIVE_DISABLE": "1"}
    found = preloaded(probe("trace"), "--all", probe("once"), CALL[library], "tcp", with_=[library], env=env)
    assert found.out.startswith("calls: ")
    assert "sockopt" not in found.out


@pytest.mark.parametrize("env", [{}, DEBUG], ids=["quiet", "debug"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_cancellation_points_stay_what_they_were(
    preloaded: Run, probe: Probe, library: str, env: dict[str, str]
) -> None:
    call = CALL[library]
    real = preloaded(probe("cancel"), call, with_=())
    assert real.out == ("cancelled\n" if call == "connect" else "returned\n")
    assert preloaded(probe("cancel"), call, with_=[library], env=env).out == real.out


def test_nothing_is_printed_without_debug(preloaded: Run, probe: Probe) -> None:
    found = preloaded(probe("stderr"), with_=LIBRARIES, env={"TCP_KEEPIDLE": "wrong", "LIBKEEPALIVE_DEBUG": "0"})
    assert found == (0, DONE, "")


def test_debug_prints_a_line_for_each_socket(preloaded: Run, probe: Probe) -> None:
    env = {**DEBUG, "TCP_KEEPIDLE": "60", "TCP_USER_TIMEOUT": "0"}
    found = preloaded(probe("stderr"), with_=LIBRARIES, env=env)
    lines = [line.partition("] ")[2] for line in found.err.splitlines()]
    options = "fd 3: SO_KEEPALIVE=1 TCP_KEEPIDLE=60 TCP_KEEPCNT=9 TCP_KEEPINTVL=15"
    assert lines == [f"{call}: {options}" for call in ("socket", "connect", "listen")]


def test_debug_names_the_process(preloaded: Run, probe: Probe) -> None:
    """Each line, those of the constructors among them: the shell says its PID, which is the probe's then."""
    command = ("/bin/sh", "-c", 'echo $$ && exec "$0"', probe("stderr"))
    found = preloaded(*command, with_=LIBRARIES, env={**DEBUG, "TCP_SYNCNT": "wrong"})
    pid = found.out.splitlines()[0]
    assert len(found.err.splitlines()) == 9, "three of the shell's constructors, and six of the probe's"
    assert {line.partition(" ")[0] for line in found.err.splitlines()} == {f"libkeepalive[{pid}]"}


def test_debug_is_one_write_a_line_whatever_is_set(preloaded: Run, probe: Probe, tmp_path: Path) -> None:
    """Each line is one record of a datagram socket, which keeps the borders of writes."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reader, writer:
        env = {**DEBUG, "TCP_KEEPIDLE": "wrong", "TCP_SYNCNT": "x" * 5000}
        found = preloaded(probe("stderr"), with_=[CONNECT], env=env, stderr=writer)
        reader.setblocking(False)
        records = []
        while True:
            try:
                records.append(reader.recv(65536))
            except BlockingIOError:
                break
    assert found.out == DONE
    assert len(records) == 3
    assert all(
        record.startswith(b"libkeepalive[") and record.count(b"\n") == 1 and record.endswith(b"\n")
        for record in records
    )


def test_debug_writes_nothing_into_a_file_that_took_the_place_of_stderr(
    preloaded: Run, probe: Probe, tmp_path: Path
) -> None:
    data = tmp_path / "database"
    found = preloaded(probe("stderr"), data, with_=LIBRARIES, env=DEBUG)
    assert found.out == DONE
    assert data.read_bytes() == b""


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-"])
def test_debug_with_stderr_closed_from_the_start(built: Path, probe: Probe, tmp_path: Path, closed: str) -> None:
    data = tmp_path / "database"
    preload = " ".join(str(built / name) for name in LIBRARIES)
    script = f'LD_PRELOAD="$2" exec "$0" "$1" {closed}'
    found = run("/bin/sh", "-c", script, probe("stderr"), data, preload, env={**DEBUG, "TCP_KEEPIDLE": "wrong"})
    assert (found.status, found.out) == (0, DONE)
    assert data.read_bytes() == b""


def test_debug_survives_a_stderr_that_nobody_reads(preloaded: Run, probe: Probe) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as broken:
        found = preloaded(probe("stderr"), with_=LIBRARIES, env=DEBUG, stderr=broken)
    assert (found.status, found.out) == (0, DONE), "SIGPIPE would show as -13"


def test_debug_does_not_wait_for_a_full_stderr(preloaded: Run, probe: Probe) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb"), os.fdopen(write, "wb") as full:
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(write, True)
        found = preloaded(probe("stderr"), with_=LIBRARIES, env=DEBUG, stderr=full)
    assert (found.status, found.out) == (0, DONE)


def test_descriptors_of_a_process_are_those_without_the_libraries(preloaded: Run) -> None:
    listing = ("/bin/sh", "-c", "ls -l /proc/self/fd | wc -l")
    assert preloaded(*listing, with_=LIBRARIES, env=DEBUG).out == preloaded(*listing, with_=()).out


def test_a_program_that_uses_no_socket_runs_as_ever(preloaded: Run) -> None:
    assert preloaded("/bin/true", with_=LIBRARIES, env=DEBUG) == (0, "", "")
