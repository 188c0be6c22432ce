# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes with the libraries preloaded: what each variable does to which socket."""

from __future__ import annotations

import itertools
import json
import sys

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, SOCKET, Probe, Run, Stages, stages

TIMING = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 15, "TCP_KEEPCNT": 9, "TCP_KEEPINTVL": 15, "TCP_USER_TIMEOUT": 150000}
# The stages of the probe that each library reaches (the listener hands its options to what it accepts).
REACHES = {
    CONNECT: {"client"},
    LISTEN: {"listener", "accepted"},
    SOCKET: {"socket", "listener", "client", "accepted"},
}
# Variable: a value, what the kernel reads back at the stages where it is exact, and the libraries that set it.
VALUES = {
    "TCP_KEEPIDLE": ("32767", 32767, LIBRARIES),
    "TCP_KEEPCNT": ("127", 127, LIBRARIES),
    "TCP_KEEPINTVL": ("2", 2, LIBRARIES),
    "TCP_USER_TIMEOUT": ("2147483647", 2147483647, LIBRARIES),
    "TCP_SYNCNT": ("3", 3, (CONNECT, SOCKET)),
    "TCP_DEFER_ACCEPT": ("5", 7, (LISTEN, SOCKET)),
    "TCP_MAXSEG": ("1000", 1000, LIBRARIES),
    "TCP_WINDOW_CLAMP": ("9000", 9000, LIBRARIES),
}


def plain(preloaded: Run, probe: Probe, *arguments: str) -> Stages:
    """The probe's options without any library: the system's defaults of this machine."""
    return stages(preloaded(probe("options"), *arguments, with_=()))


def is_exact(stage: str, variable: str) -> bool:
    """Whether the kernel reads back what was set (kernel: an accepted socket has no DEFER_ACCEPT, MAXSEG shrinks)."""
    return not (
        (variable == "TCP_DEFER_ACCEPT" and stage == "accepted")
        or (variable == "TCP_MAXSEG" and stage in ("client", "accepted"))
        or (variable == "TCP_WINDOW_CLAMP" and stage == "accepted")
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("family", ["4", "6", "mapped"])
def test_defaults_of_each_library(preloaded: Run, probe: Probe, library: str, family: str) -> None:
    before = plain(preloaded, probe, family)
    found = stages(preloaded(probe("options"), family, with_=[library]))
    for stage, options in found.items():
        expected = before[stage] | (TIMING if stage in REACHES[library] else {})
        assert options == expected, stage


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("variable", VALUES)
def test_each_variable(preloaded: Run, probe: Probe, library: str, variable: str) -> None:
    text, expected, setters = VALUES[variable]
    before = plain(preloaded, probe)
    timing = {"TCP_USER_TIMEOUT": text if variable == "TCP_USER_TIMEOUT" else "0"}
    found = stages(preloaded(probe("options"), with_=[library], env=timing | {variable: text}))
    for stage, options in found.items():
        if not is_exact(stage, variable):
            continue
        reached = stage in REACHES[library] and library in setters
        assert options[variable] == (expected if reached else before[stage][variable]), stage


@pytest.mark.parametrize("library", [CONNECT, SOCKET])
def test_maxseg_is_in_the_first_syn(preloaded: Run, probe: Probe, library: str) -> None:
    """Both ends use it, so the client has announced it."""
    found = stages(preloaded(probe("options"), with_=[library], env={"TCP_MAXSEG": "1000"}))
    assert 900 <= found["client"]["TCP_MAXSEG"] <= 1000
    assert 900 <= found["accepted"]["TCP_MAXSEG"] <= 1000


@pytest.mark.parametrize("library", LIBRARIES)
def test_zero_leaves_the_systems_defaults(preloaded: Run, probe: Probe, library: str) -> None:
    zeros = dict.fromkeys(VALUES, "0")
    before = plain(preloaded, probe)
    found = stages(preloaded(probe("options"), with_=[library], env=zeros))
    for stage, options in found.items():
        assert options == before[stage] | {"SO_KEEPALIVE": int(stage in REACHES[library])}


def test_the_timeout_is_derived_from_what_the_system_has(preloaded: Run, probe: Probe) -> None:
    system = plain(preloaded, probe)["client"]
    env = {"TCP_KEEPIDLE": "0", "TCP_KEEPCNT": "4"}
    client = stages(preloaded(probe("options"), with_=[CONNECT], env=env))["client"]
    assert client["TCP_KEEPIDLE"] == system["TCP_KEEPIDLE"]
    assert client["TCP_USER_TIMEOUT"] == (system["TCP_KEEPIDLE"] + 15 * 4) * 1000


def test_the_derived_timeout_saturates(preloaded: Run, probe: Probe) -> None:
    largest = {"TCP_KEEPIDLE": "32767", "TCP_KEEPINTVL": "32767", "TCP_KEEPCNT": "127"}
    client = stages(preloaded(probe("options"), with_=[CONNECT], env=largest))["client"]
    assert client["TCP_USER_TIMEOUT"] == 2**31 - 1


@pytest.mark.parametrize(
    "text", ["", "5s", " 5", "5 ", "+5", "0x20", "010", "-1", "32768", "4294967311", "18446744073709551631"]
)
def test_a_wrong_value_is_ignored_and_reported(preloaded: Run, probe: Probe, text: str) -> None:
    found = preloaded(probe("options"), with_=[CONNECT], env={"TCP_KEEPIDLE": text, "LIBKEEPALIVE_DEBUG": "1"})
    assert stages(found)["client"]["TCP_KEEPIDLE"] == 15
    reports = [line for line in found.err.splitlines() if "ignored" in line]
    assert len(reports) == 1
    assert reports[0].endswith(
        f"] connect: ignored: TCP_KEEPIDLE={text}: expected an integer from 1 to 32767, or 0 for the system's default"
    )


@pytest.mark.parametrize("debug", ["yes", "off", "2", "00", " ", "-1"])
def test_debug_is_on_with_any_value_but_0_and_says_each_value_that_is_refused(
    preloaded: Run, probe: Probe, debug: str
) -> None:
    env = {
        "TCP_KEEPIDLE": "abc", "TCP_KEEPCNT": "128", "TCP_SYNCNT": "3\x1b[2J\n\xe9", "TCP_MAXSEG": "9" * 100,
        "TCP_USER_TIMEOUT": "-2", "LIBKEEPALIVE_RESPECT": "true", "LIBKEEPALIVE_DISABLE": "yes", "TCP_KEEPINTVL": "20",
        "LIBKEEPALIVE_DEBUG": debug,
    }  # fmt: skip
    found = preloaded(probe("options"), "4", "own", with_=[CONNECT], env=env)
    client = stages(found)["client"]
    assert (client["TCP_KEEPIDLE"], client["TCP_KEEPCNT"], client["TCP_KEEPINTVL"]) == (15, 9, 20)
    lines = found.err.splitlines()
    assert sorted(line.partition(" ignored: ")[2] for line in lines if " ignored: " in line) == [
        "LIBKEEPALIVE_DISABLE=yes: expected 0 or 1",
        "LIBKEEPALIVE_RESPECT=true: expected 0 or 1",
        "TCP_KEEPCNT=128: expected an integer from 1 to 127, or 0 for the system's default",
        "TCP_KEEPIDLE=abc: expected an integer from 1 to 32767, or 0 for the system's default",
        f"TCP_MAXSEG={'9' * 53}...: expected an integer from 88 to 32767, or 0 for the system's default",
        "TCP_SYNCNT=3\\x1b[2J\\x0a\\xc3\\xa9: expected an integer from 1 to 127, or 0 for the system's default",
        "TCP_USER_TIMEOUT=-2: expected an integer from 1 to 2147483647, or 0 for the system's default,"
        " or -1 to derive it",
    ]
    assert len([line for line in lines if " fd " in line]) == 1 and len(lines) == 8


@pytest.mark.parametrize("debug", [{}, {"LIBKEEPALIVE_DEBUG": ""}, {"LIBKEEPALIVE_DEBUG": "0"}], ids=str)
def test_without_debug_nothing_is_said_of_a_refused_value(preloaded: Run, probe: Probe, debug: dict[str, str]) -> None:
    found = preloaded(probe("options"), with_=LIBRARIES, env={"TCP_KEEPIDLE": "abc", **debug})
    assert (found.status, found.err) == (0, "")


@pytest.mark.parametrize("order", [order for size in (2, 3) for order in itertools.permutations(LIBRARIES, size)])
def test_together_in_every_order(preloaded: Run, probe: Probe, order: tuple[str, ...]) -> None:
    env = {"TCP_KEEPIDLE": "60", "TCP_SYNCNT": "3", "TCP_DEFER_ACCEPT": "1"}
    found = stages(preloaded(probe("options"), with_=order, env=env))
    reached = set().union(*(REACHES[library] for library in order))
    for stage, options in found.items():
        assert (options["TCP_KEEPIDLE"] == 60) == (stage in reached), stage
        assert options["SO_KEEPALIVE"] == int(stage in reached), stage
    assert (found["client"]["TCP_SYNCNT"] == 3) == bool({CONNECT, SOCKET} & set(order))
    assert (found["listener"]["TCP_DEFER_ACCEPT"] == 1) == bool({LISTEN, SOCKET} & set(order))


@pytest.mark.parametrize("libraries", [[CONNECT, LISTEN], [SOCKET, CONNECT, LISTEN]])
def test_disable(preloaded: Run, probe: Probe, libraries: list[str]) -> None:
    found = preloaded(probe("options"), with_=libraries, env={"LIBKEEPALIVE_DISABLE": "1", "LIBKEEPALIVE_DEBUG": "1"})
    assert stages(found) == plain(preloaded, probe)
    assert found.err == ""


@pytest.mark.parametrize("respect", ["0", "1"])
def test_respect(preloaded: Run, probe: Probe, respect: str) -> None:
    env = {"LIBKEEPALIVE_RESPECT": respect, "TCP_KEEPIDLE": "60"}
    owned = stages(preloaded(probe("options"), "4", "own", with_=[CONNECT, LISTEN], env=env))
    for stage in ("client", "listener", "accepted"):
        assert owned[stage]["TCP_KEEPIDLE"] == (77 if respect == "1" else 60), stage
        assert owned[stage]["TCP_USER_TIMEOUT"] == (0 if respect == "1" else 195000), stage
    others = stages(preloaded(probe("options"), "4", with_=[CONNECT, LISTEN], env=env))
    for stage in ("client", "listener", "accepted"):
        assert others[stage]["TCP_KEEPIDLE"] == 60, "a socket that the program left alone is not spared"


def test_what_the_program_sets_after_socket_wins(preloaded: Run, probe: Probe) -> None:
    found = stages(preloaded(probe("options"), "4", "own", with_=[SOCKET], env={"TCP_KEEPIDLE": "60"}))
    assert found["socket"]["TCP_KEEPIDLE"] == 60
    assert found["client"]["TCP_KEEPIDLE"] == 77


@pytest.mark.parametrize("library", LIBRARIES)
def test_mptcp_gets_what_mptcp_supports(preloaded: Run, probe: Probe, library: str) -> None:
    before = preloaded(probe("options"), "mptcp", with_=())
    if before.status != 0:
        pytest.skip(f"no MPTCP here: {before.err.strip()}")
    found = stages(preloaded(probe("options"), "mptcp", with_=[library], env={"TCP_SYNCNT": "3"}))
    for stage, options in stages(before).items():
        assert found[stage].keys() == options.keys()
        if stage in REACHES[library]:
            supported = {name: value for name, value in TIMING.items() if name in options}
            supported.pop("TCP_USER_TIMEOUT", None)
            assert found[stage]["SO_KEEPALIVE"] == 1
            assert {name: found[stage][name] for name in supported} == supported, stage
        else:
            assert found[stage] == options, stage


def test_a_python_program(preloaded: Run) -> None:
    program = (
        "import json, socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "names = 'TCP_KEEPIDLE TCP_KEEPCNT TCP_KEEPINTVL TCP_USER_TIMEOUT'.split()\n"
        "print(json.dumps({n: client.getsockopt(socket.IPPROTO_TCP, getattr(socket, n)) for n in names}))\n"
    )
    env = {"TCP_KEEPIDLE": "60", "TCP_KEEPINTVL": "10", "TCP_KEEPCNT": "3", "TCP_USER_TIMEOUT": "-1"}
    found = preloaded(sys.executable, "-c", program, with_=[CONNECT], env=env)
    expected = {"TCP_KEEPIDLE": 60, "TCP_KEEPCNT": 3, "TCP_KEEPINTVL": 10, "TCP_USER_TIMEOUT": 90000}
    assert json.loads(found.out) == expected, found
    assert found.err == ""


def test_the_environment_counts_as_it_was_at_the_start(preloaded: Run) -> None:
    program = (
        "import os, socket\n"
        "os.environ['TCP_KEEPIDLE'] = '99'\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "print(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))\n"
    )
    assert preloaded(sys.executable, "-c", program, with_=[CONNECT], env={"TCP_KEEPIDLE": "60"}).out == "60\n"
