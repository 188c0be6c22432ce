# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of socket with each library: the options that result, and the system calls that it costs."""

from __future__ import annotations

import os

import pytest
from csrc_support import CALL, CONNECT, LIBRARIES, LISTEN, SOCKET, Probe, Run, stages

ENV = {
    "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "4", "TCP_KEEPINTVL": "5", "TCP_SYNCNT": "3", "TCP_DEFER_ACCEPT": "1",
}  # fmt: skip
EVERYWHERE = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 60, "TCP_KEEPCNT": 4, "TCP_KEEPINTVL": 5}
TIMEOUT = {"TCP_USER_TIMEOUT": 80000}
SYNCNT = {"TCP_SYNCNT": 3}
DEFER = {"TCP_DEFER_ACCEPT": 1}
# What is not as on a fresh socket after one call of the hooked function.
TCP = {
    CONNECT: EVERYWHERE | TIMEOUT | SYNCNT,
    LISTEN: EVERYWHERE | TIMEOUT | DEFER,
    SOCKET: EVERYWHERE | TIMEOUT | SYNCNT | DEFER,
}
# Kernels differ in what else MPTCP takes; this much is common to those that have it.
MPTCP = dict.fromkeys(LIBRARIES, EVERYWHERE)
NOTHING: dict[str, dict[str, int]] = {library: {} for library in LIBRARIES}
TABLE = {
    "tcp": TCP, "tcp6": TCP, "mapped": TCP, "mptcp": MPTCP,
    "udp": NOTHING, "udp6": NOTHING, "udplite": NOTHING,
    "raw-icmp": NOTHING, "raw-tcp": NOTHING, "raw6-tcp": NOTHING, "raw-262": NOTHING,
    "unix-stream": NOTHING, "unix-seqpacket": NOTHING, "unix-dgram": NOTHING,
    "netlink": NOTHING, "packet": NOTHING, "vsock": NOTHING,
}  # fmt: skip
OPTIONAL = ("mptcp", "udplite", "vsock")  # kernels without them exist
PRIVILEGED = ("raw", "packet")


def traced(run: Run, probe: Probe, library: str, kind: str, env: dict[str, str]) -> tuple[dict[str, int], list[str]]:
    """The options and the system calls of one call on a socket of this kind."""
    if kind.startswith(PRIVILEGED) and os.geteuid() != 0:
        pytest.skip("raw and packet sockets are for root")
    found = run(probe("trace"), probe("table"), CALL[library], kind, with_=[library], env=env)
    assert found.status == 0, found
    options, calls = found.out.splitlines()
    if options.startswith("unavailable"):
        assert kind in OPTIONAL, options
        pytest.skip(f"{kind}: {options}")
    pairs = (pair.split("=") for pair in options.split()[1:])
    return {name: int(value) for name, value in pairs}, calls.split()[1:]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", TABLE)
def test_options_of_each_kind(preloaded: Run, probe: Probe, kind: str, library: str) -> None:
    options, _calls = traced(preloaded, probe, library, kind, ENV)
    expected = TABLE[kind][library]
    if kind == "mptcp":
        options = {name: value for name, value in options.items() if name in expected}
    assert options == expected


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", TABLE)
def test_system_calls_of_each_kind(preloaded: Run, probe: Probe, kind: str, library: str) -> None:
    _options, calls = traced(preloaded, probe, library, kind, {})
    call = CALL[library]
    if TABLE[kind] is NOTHING:
        assert calls == ([call] if library == SOCKET else ["getsockopt", call])
        return
    others = [name for name in calls if name != call]
    assert calls.count(call) == 1
    assert calls[0 if library == SOCKET else -1] == call, "socket first, connect and listen last"
    assert set(others) <= {"getsockopt", "setsockopt"}
    assert others.count("setsockopt") <= 5
    assert others.count("getsockopt") <= (1 if library == CONNECT else 5)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", ["tcp", "udp", "unix-stream"])
def test_disabled_costs_no_system_call(preloaded: Run, probe: Probe, kind: str, library: str) -> None:
    assert traced(preloaded, probe, library, kind, {"LIBKEEPALIVE_DISABLE": "1"}) == ({}, [CALL[library]])


@pytest.mark.parametrize("kind", ["mptcp-to-tcp", "tcp-to-mptcp"])
def test_mptcp_that_falls_back_to_tcp(preloaded: Run, probe: Probe, kind: str) -> None:
    """An MPTCP socket whose peer speaks only TCP keeps its options, and so does the plain socket that is accepted."""
    before = preloaded(probe("options"), kind, with_=())
    if before.status != 0:
        pytest.skip(f"no MPTCP here: {before.err.strip()}")
    found = stages(preloaded(probe("options"), kind, with_=[CONNECT, LISTEN], env=ENV | {"TCP_DEFER_ACCEPT": "0"}))
    for stage in ("listener", "client", "accepted"):
        assert found[stage] == found[stage] | EVERYWHERE, stage
    assert found["socket"] == stages(before)["socket"]
