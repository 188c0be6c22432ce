# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is expected of a unit's sockets: which of them concern it, and that no mistake in it is passed over."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import (
    ACTING,
    Expectation,
    parse_expected,
)


@pytest.mark.parametrize(
    ("libraries", "directions"),
    [
        ("connect", {"outgoing"}),
        ("listen", {"listening", "accepted"}),
        ("socket", {"outgoing", "listening", "accepted", "unconnected"}),
        ("connect listen", {"outgoing", "listening", "accepted"}),
        ("", {"listening", "accepted"}),
    ],
)
def test_the_direction_of_a_service(libraries: str, directions: t.Set[str]) -> None:
    name = "a.service" if libraries else "a.socket"
    expectation = Expectation(name, frozenset(libraries.split()), {}, frozenset(), 0)
    concerned = {direction for direction in ACTING if expectation.concerns(direction)}
    assert concerned == directions


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "a.service", "libraries": ["connect"], "tcp": {"user_timeout": "30s"}},
         "expected[1] 'a.service': tcp.user_timeout: '30s' is not an integer of milliseconds"),
        ({"name": "a.service", "libraries": ["connect"], "tcp": {"keepcnt": 500}},
         "expected[1] 'a.service': tcp.keepcnt: 500 is out of range: expected an integer of probes from 1 to 127"),
        ({"name": "a.service", "libraries": ["connect"], "tcp": {"keepidel": 1}},
         "expected[1] 'a.service': tcp.keepidel: unknown option; known: keepidle, keepcnt,"),
        ({"name": "a.service", "libraries": ["conect"]}, "libraries: 'conect' is none of connect, listen, socket"),
        ({"name": "a.service"}, "libraries: name at least one of connect, listen, socket"),
        ({"name": "a.socket", "libraries": ["listen"]}, "libraries: a .socket unit takes none"),
        ({"name": "a.service", "libraries": ["listen"], "accept": ["luck"]}, "accept: 'luck' is none of"),
        ({"name": "a.service", "libraries": ["listen"], "min_sockets": -1}, "min_sockets: -1 is negative"),
        ({"name": "first.service", "libraries": ["listen"]}, "'first.service': this unit is listed twice"),
    ],
)  # fmt: skip
def test_bad_expectations_are_named_with_place_and_value(entry: t.Any, message: str) -> None:
    good = {"name": "first.service", "libraries": ["connect"], "tcp": {"keepidle": "60", "keepcnt": None}}
    with pytest.raises(ValueError) as error:
        parse_expected([good, entry])
    assert message in str(error.value)
    assert parse_expected([good])[0].tcp == {"keepidle": 60}
