# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is taken to have set the values on a socket, and what is left of its options where there are none."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.live.changes import (
    Decision,
    changeable,
    decide,
    set_by_application,
    times_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import Kernel, Subject

DEFAULTS = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "user_timeout": 0, "syncnt": 6, "window_clamp": 0}
HERE, ANYWHERE = Kernel(defaults=DEFAULTS), Kernel()


def expecting(tcp: t.Optional[t.Dict[str, int]] = None, libraries: str = "connect", **keys: t.Any) -> Expectation:
    tcp = {"keepidle": 60} if tcp is None else tcp
    return Expectation("a.service", frozenset(libraries.split()), tcp, frozenset(), 0, live=True, **keys)


def socket_with(keepalive: bool = False, state: str = "ESTABLISHED", **options: t.Any) -> Subject:
    direction = "listening" if state == "LISTEN" else "outgoing"
    return Subject("tcp", state, direction, True, keepalive, {**DEFAULTS, **options})


def test_what_tells_who_has_set_a_sockets_keepalive() -> None:
    options = {"user_timeout": 4, "keepcnt": 3, "keepintvl": 2, "keepidle": 1, "syncnt": 5}
    assert times_of(options) == (1, 2, 3, 4)
    assert times_of({}) == (None, None, None, None)


@pytest.mark.parametrize(
    ("subject", "keys", "kernel", "ours", "expected"),
    [
        (socket_with(), {}, HERE, False, False),
        (socket_with(user_timeout=5), {}, HERE, False, True),
        (socket_with(user_timeout=5), {}, ANYWHERE, False, True),
        (socket_with(user_timeout=5), {}, HERE, True, False),
        (socket_with(user_timeout=5), {"overwrite": True}, HERE, False, False),
        (socket_with(True), {}, HERE, False, False),
        (socket_with(True, user_timeout=5), {}, HERE, False, True),  # its keepalive alone would not count
        (socket_with(True, user_timeout=None), {}, HERE, False, False),
        (socket_with(True, keepcnt=8), {}, HERE, False, True),
        (socket_with(True, keepcnt=8), {}, HERE, True, False),
        (socket_with(True, syncnt=8), {}, HERE, False, False),
        (socket_with(True), {"respect": True}, HERE, False, True),
        (socket_with(), {"respect": True}, ANYWHERE, False, False),
        (socket_with(True), {}, ANYWHERE, False, True),
        (socket_with(keepcnt=8), {}, HERE, False, False),
    ],
)
def test_what_the_application_has_set(
    subject: Subject, keys: t.Dict[str, bool], kernel: Kernel, ours: bool, expected: bool
) -> None:
    assert set_by_application(subject, expecting(**keys), kernel, lambda: ours) is expected


@pytest.mark.parametrize(
    ("subject", "tcp", "decision"),
    [
        # nothing is expected of the window of a listener, and it has no options to be compared
        (socket_with(True, "LISTEN", keepidle=60), {"keepidle": 60}, Decision("right", {})),
        (socket_with(True, "LISTEN"), {"window_clamp": 5000}, Decision("change", {"window_clamp": 5000})),
        (socket_with(True, "LISTEN", window_clamp=9000), {"window_clamp": 0}, Decision("change", {"window_clamp": 0})),
        # MPTCP has none: what is left to the system is nothing that it lacks
        (socket_with(True, user_timeout=None), {"user_timeout": 0}, Decision("right", {})),
        (socket_with(user_timeout=None), {"user_timeout": 5}, Decision("change", {"keepalive": 1}, ("user_timeout",))),
        (socket_with(True, user_timeout=None), {"user_timeout": 5}, Decision("refused", {}, ("user_timeout",))),
        # without keepintvl nothing can be derived, and what it lacks is not taken for set
        (socket_with(keepintvl=None), {"keepintvl": 5, "user_timeout": -1},
         Decision("change", {"keepalive": 1}, ("keepintvl",))),
    ],
)  # fmt: skip
def test_options_that_are_not_there_or_not_expected(
    subject: Subject, tcp: t.Dict[str, int], decision: Decision
) -> None:
    assert decide(subject, expecting(tcp, "connect listen"), HERE, lambda: False) == decision


def test_what_can_be_changed_on_an_open_socket() -> None:
    names = ("keepalive", "keepidle", "keepintvl", "keepcnt", "user_timeout", "window_clamp", "syncnt", "maxseg", "")
    assert [name for name in names if changeable(name)] == list(names[:6])
