# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparison: what the kernel reads back for what was asked, for every option, direction, state and protocol."""

from __future__ import annotations

import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import (
    ANY_KERNEL,
    LINUX_DEFAULTS,
    Kernel,
    Subject,
    WrongOption,
    compare,
    compared,
    rounded_defer_accept,
    unsupported,
)

DEFAULTS = {
    "keepidle": 7200,
    "keepcnt": 9,
    "keepintvl": 75,
    "user_timeout": 0,
    "syncnt": 6,
    "defer_accept": 0,
    "maxseg": 536,
    "window_clamp": 0,
}


def subject(direction: str, state: str = "", protocol: str = "tcp", keepalive: bool = True, **options: t.Any) -> t.Any:
    if not state:
        state = {"listening": "LISTEN", "unconnected": "CLOSE"}.get(direction, "ESTABLISHED")
    return Subject(protocol, state, direction, state != "CLOSE", keepalive, {**DEFAULTS, **options})


def expecting(libraries: str, **tcp: int) -> Expectation:
    name = "a.service" if libraries else "a.socket"
    return Expectation(name, frozenset(libraries.split()), tcp, frozenset(), 0)


ALL_RIGHT: t.List[t.Tuple[str, t.Any, t.Any]] = [
    ("exact values", subject("outgoing", keepidle=60), expecting("connect", keepidle=60)),
    ("system default is not compared", subject("outgoing"), expecting("connect", keepidle=0, keepcnt=0)),
    ("user timeout derived from what is in force", subject("outgoing", keepidle=60, keepintvl=15, user_timeout=195000),
     expecting("connect", keepidle=60, keepintvl=15, keepcnt=9, user_timeout=-1)),
    ("derived although the application set another idle time, as far as the timeout itself goes",
     subject("outgoing", keepidle=10, user_timeout=685000), expecting("connect", user_timeout=-1)),
    ("defer_accept rounded up", subject("listening", defer_accept=7), expecting("listen", defer_accept=5)),
    ("defer_accept not handed on", subject("accepted", defer_accept=0), expecting("listen", defer_accept=5)),
    ("defer_accept is none of connect's", subject("outgoing"), expecting("connect listen", defer_accept=5)),
    ("syncnt is none of listen's", subject("listening"), expecting("connect listen", syncnt=3)),
    ("syncnt of accepted connections says nothing", subject("accepted"), expecting("socket", syncnt=3)),
    ("maxseg of a connection may be smaller", subject("outgoing", maxseg=1388), expecting("connect", maxseg=1400)),
    ("maxseg while connecting", subject("outgoing", "SYN_SENT", maxseg=524), expecting("connect", maxseg=1400)),
    ("window_clamp has a floor", subject("listening", window_clamp=1152), expecting("listen", window_clamp=600)),
    ("window_clamp of a connection is tuned", subject("accepted", window_clamp=9), expecting("listen", window_clamp=7)),
    ("MPTCP loses nothing by a derived timeout", subject("outgoing", protocol="mptcp", user_timeout=None),
     expecting("connect", user_timeout=-1)),
    ("a .socket unit has no user timeout", subject("listening"), expecting("", user_timeout=5000, syncnt=2)),
]  # fmt: skip

ALL_WRONG: t.List[t.Tuple[t.Any, t.Any, t.List[t.Tuple[str, t.Any, t.Any]]]] = [
    (subject("outgoing", keepalive=False), expecting("connect"), [("keepalive", False, True)]),
    (subject("listening", keepalive=False), expecting(""), [("keepalive", False, True)]),
    (subject("outgoing", keepidle=300), expecting("connect", keepidle=60), [("keepidle", 300, 60)]),
    (subject("accepted"), expecting("listen", keepcnt=4), [("keepcnt", 9, 4)]),
    (subject("accepted"), expecting("", keepintvl=4), [("keepintvl", 75, 4)]),
    (subject("outgoing"), expecting("connect", user_timeout=-1), [("user_timeout", 0, (7200 + 75 * 9) * 1000)]),
    # what is expected is what was asked for, and not what comes of parts that the application has changed
    (subject("outgoing", keepidle=201, keepintvl=11, keepcnt=4, user_timeout=99000),
     expecting("connect", keepidle=95, keepintvl=11, keepcnt=4, user_timeout=-1),
     [("keepidle", 201, 95), ("user_timeout", 99000, 139000)]),
    (subject("outgoing"), expecting("connect", user_timeout=25000), [("user_timeout", 0, 25000)]),
    # The application changed keepidle after the library had derived the timeout from its own: only that is wrong.
    (subject("accepted", keepidle=300, keepintvl=15, user_timeout=195000),
     expecting("listen", keepidle=60, keepintvl=15, keepcnt=9, user_timeout=-1), [("keepidle", 300, 60)]),
    # The parts that nobody lists are the system's, then as now.
    (subject("accepted", keepidle=300, user_timeout=735000),
     expecting("listen", keepidle=60, keepcnt=0, user_timeout=-1), [("keepidle", 300, 60)]),
    (subject("listening", defer_accept=5), expecting("listen", defer_accept=5), [("defer_accept", 5, 7)]),
    (subject("listening"), expecting("", defer_accept=1), [("defer_accept", 0, 1)]),
    (subject("unconnected"), expecting("socket", syncnt=3), [("syncnt", 6, 3)]),
    (subject("outgoing"), expecting("socket", syncnt=3, defer_accept=1), [("syncnt", 6, 3), ("defer_accept", 0, 1)]),
    (subject("outgoing", maxseg=1448), expecting("connect", maxseg=1400), [("maxseg", 1448, 1400)]),
    (subject("listening", maxseg=1388), expecting("listen", maxseg=1400), [("maxseg", 1388, 1400)]),
    (subject("listening", window_clamp=1152), expecting("listen", window_clamp=2000), [("window_clamp", 1152, 2000)]),
    (subject("listening", window_clamp=0), expecting("listen", window_clamp=600), [("window_clamp", 0, 1152)]),
    (subject("outgoing", protocol="mptcp", user_timeout=None), expecting("connect", user_timeout=9),
     [("user_timeout", None, 9)]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "expectation"), [row[1:] for row in ALL_RIGHT], ids=[row[0] for row in ALL_RIGHT])
def test_what_the_kernel_makes_of_right_values_is_right(case: t.Any, expectation: t.Any) -> None:
    assert compare(case, expectation) == []


@pytest.mark.parametrize(("case", "expectation", "wrong"), ALL_WRONG)
def test_every_option_can_be_wrong(case: t.Any, expectation: t.Any, wrong: t.Any) -> None:
    assert [tuple(item) for item in compare(case, expectation)] == wrong


def test_every_option_is_found_wrong_somewhere() -> None:
    assert {item[0] for row in ALL_WRONG for item in row[2]} == {"keepalive", *OPTIONS}


FRESH = {**DEFAULTS, "keepidle": 1800}  # as where net.ipv4.tcp_keepalive_time was changed


@pytest.mark.parametrize(
    ("case", "expectation", "wrong"),
    [
        (subject("outgoing", keepidle=1800), expecting("connect", keepidle=0, keepcnt=0, user_timeout=0, syncnt=0), []),
        (subject("outgoing"), expecting("connect", keepidle=0), [("keepidle", 7200, 1800)]),
        # who turned the user timeout off because its peers may pause wants to know
        (subject("accepted", user_timeout=5000), expecting("listen", user_timeout=0), [("user_timeout", 5000, 0)]),
        (subject("accepted", protocol="mptcp", user_timeout=None), expecting("listen", user_timeout=0), []),
        (subject("listening", defer_accept=1), expecting("listen", defer_accept=0), [("defer_accept", 1, 0)]),
        (subject("listening", maxseg=1400), expecting("listen", maxseg=0), [("maxseg", 1400, 536)]),
        # nothing can be said of these
        (subject("outgoing", maxseg=1388, window_clamp=65536), expecting("connect", maxseg=0, window_clamp=0), []),
        (subject("unconnected", maxseg=524), expecting("socket", maxseg=0), []),  # a connection that was refused
        (subject("listening", window_clamp=9000), expecting("listen", window_clamp=0), [("window_clamp", 9000, 0)]),
    ],
)
def test_the_systems_default_is_what_a_fresh_socket_has(case: t.Any, expectation: t.Any, wrong: t.Any) -> None:
    assert [tuple(item) for item in compare(case, expectation, Kernel(defaults=FRESH))] == wrong
    assert compare(case, expectation) == []  # where that is not known


@pytest.mark.parametrize("seconds", [1, 2, 3, 4, 5, 8, 30, 32, 64, 200, 300, 5000, 40000])
def test_defer_accept_is_rounded_as_this_kernel_does(seconds: int) -> None:
    with socket.socket() as own:
        own.setsockopt(socket.IPPROTO_TCP, OPTIONS["defer_accept"].sockopt, seconds)
        read_back = own.getsockopt(socket.IPPROTO_TCP, OPTIONS["defer_accept"].sockopt)
    assert rounded_defer_accept(seconds) == read_back


def test_a_kernel_of_which_nothing_is_known_has_the_least_window_of_all_and_no_defaults() -> None:
    assert ANY_KERNEL == (1152, None)
    assert LINUX_DEFAULTS == DEFAULTS


@pytest.mark.parametrize(
    ("name", "case", "expectation", "expected"),
    [
        ("keepidle", subject("outgoing"), expecting("connect"), True),
        ("keepidle", subject("accepted"), expecting("connect"), False),
        ("keepidle", subject("listening"), expecting(""), True),
        ("user_timeout", subject("listening"), expecting(""), False),
        ("defer_accept", subject("listening"), expecting(""), True),
        ("defer_accept", subject("accepted"), expecting(""), False),
        ("syncnt", subject("unconnected"), expecting("socket"), True),
        ("syncnt", subject("listening"), expecting("socket"), False),
        ("window_clamp", subject("listening"), expecting("listen"), True),
        ("window_clamp", subject("accepted"), expecting("listen"), False),
    ],
)
def test_which_options_of_which_sockets_are_compared(
    name: str, case: t.Any, expectation: t.Any, expected: bool
) -> None:
    assert compared(name, case, expectation) is expected


@pytest.mark.parametrize(
    ("value", "protocol", "expected"), [(None, "mptcp", True), (0, "mptcp", False), (None, "tcp", False)]
)
def test_what_only_mptcp_does_not_have_is_not_supported(value: t.Optional[int], protocol: str, expected: bool) -> None:
    subject_of = subject("outgoing", protocol=protocol)
    assert unsupported(WrongOption("user_timeout", value, 5), subject_of) is expected


@pytest.mark.parametrize(
    ("state", "bound", "wrong"), [("CLOSE", False, True), ("CLOSE", True, False), ("LISTEN", True, True)]
)
def test_the_window_of_a_socket_that_may_have_been_connected_says_nothing(state: str, bound: bool, wrong: bool) -> None:
    case = subject("unconnected", state, window_clamp=9)._replace(bound=bound)
    found = compare(case, expecting("socket", window_clamp=5000))
    assert found == ([WrongOption("window_clamp", 9, 5000)] if wrong else [])


@pytest.mark.parametrize(
    ("state", "value", "right"),
    [("ESTABLISHED", 1400, True), ("ESTABLISHED", 1401, False), ("CLOSE", 1400, True), ("CLOSE", 1399, False),
     ("LISTEN", 1399, False), ("SYN_SENT", 1, True)],
)  # fmt: skip
def test_the_segment_size_of_a_connection_is_at_most_what_was_set(state: str, value: int, right: bool) -> None:
    found = compare(subject("outgoing", state, maxseg=value), expecting("connect", maxseg=1400))
    assert found == ([] if right else [WrongOption("maxseg", value, 1400)])
