# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is expected of a unit's sockets: which of them concern it, and that no mistake in it is passed over."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import (
    ACTING,
    EXPECTED,
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
    assert {direction: expectation.concerns(direction) for direction in ACTING} == {
        direction: direction in directions for direction in ACTING
    }


SECONDS = "an integer of seconds from 1 to 32767, 0 (the system's default)"
MILLISECONDS = (
    "an integer of milliseconds from 1 to 2147483647, "
    "0 (the system's default) or -1 (derived: keepidle + keepintvl x keepcnt)"
)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"libraries": ["connect"], "tcp": {"user_timeout": "30s"}},
         f"'a.service': tcp.user_timeout: '30s' is not {MILLISECONDS}"),
        ({"libraries": ["connect"], "tcp": {"keepidle": 40000}},
         f"'a.service': tcp.keepidle: 40000 is out of range: expected {SECONDS}"),
        ({"libraries": ["connect"], "tcp": {"keepidel": 1}},
         "'a.service': tcp.keepidel: unknown option; known: keepidle, keepcnt, keepintvl, user_timeout, syncnt, "
         "defer_accept, maxseg, window_clamp"),
        ({"libraries": ["listen", "zzz", "conect"]},
         "'a.service': libraries: 'conect' is none of connect, listen, socket"),
        ({}, "'a.service': libraries: name at least one of connect, listen, socket"),
        ({"libraries": None}, "'a.service': libraries: name at least one of connect, listen, socket"),
        ({"name": "a.socket", "libraries": ["listen"]},
         "'a.socket': libraries: a .socket unit takes none, systemd itself sets its options"),
        ({"libraries": ["listen"], "accept": ["unreadable", "zzz", "luck"]},
         "'a.service': accept: 'luck' is none of library_not_loaded, static_executable, secure_exec, "
         "start_wrapper, system_call_filter, stale_environment, overridden_by_configuration, "
         "overridden_by_application, opened_before_preload, program_not_attached, program_replaced, "
         "opened_before_attach, inherited_listener, due_at_restart, not_supported_by_protocol, unreadable"),
        ({"libraries": ["listen"], "min_sockets": -1},
         "'a.service': min_sockets: -1 is negative: expected 0 or more sockets"),
        ({"libraries": ["listen"], "respect": True, "overwrite": True},
         "'a.service': overwrite: contradicts respect: leave one of them out"),
        ({"libraries": ["listen"], "backend": "ebpf"}, "'a.service': backend: 'ebpf' is none of preload, bpf, auto"),
        ({"libraries": ["listen"], "enforce": True},
         "'a.service': enforce: takes backend bpf: a library can force nothing"),
        ({"libraries": ["listen"], "enforce": True, "backend": "auto"},
         "'a.service': enforce: takes backend bpf: a library can force nothing"),
        ({"libraries": ["listen"], "enforce": True, "backend": "bpf", "respect": True},
         "'a.service': enforce: contradicts respect: leave one of them out"),
        ({"name": "first.service", "libraries": ["listen"]},
         "'first.service': this unit is listed twice: list each unit once"),
    ],
)  # fmt: skip
def test_bad_expectations_are_named_with_place_and_value(entry: t.Any, message: str) -> None:
    good = {"name": "first.service", "libraries": ["connect"]}
    with pytest.raises(ValueError) as error:
        parse_expected([good, {"name": "a.service", **entry}])
    assert str(error.value) == f"expected[1] {message}"


@pytest.mark.parametrize(
    ("entry", "expectation"),
    [
        ({"name": "a.service", "libraries": ["connect"]},
         Expectation("a.service", frozenset(("connect",)), {}, frozenset(), 0, False, False, False)),
        ({"name": "a.socket"}, Expectation("a.socket", frozenset(), {}, frozenset(), 0, False, False, False)),
        ({"name": "a.socket", "libraries": [], "tcp": None, "accept": None, "min_sockets": None},
         Expectation("a.socket", frozenset(), {}, frozenset(), 0, False, False, False)),
        ({"name": "a.service", "libraries": ["socket", "listen"], "min_sockets": 1, "live": True, "overwrite": True,
          "tcp": {"keepidle": "60", "keepcnt": None, "user_timeout": -1}, "accept": ["unreadable", "secure_exec"]},
         Expectation("a.service", frozenset(("socket", "listen")), {"keepidle": 60, "user_timeout": -1},
                     frozenset(("unreadable", "secure_exec")), 1, True, False, True, False)),
        ({"name": "a.socket", "if_present": True},
         Expectation("a.socket", frozenset(), {}, frozenset(), 0, False, False, False, True)),
        ({"name": "a.service", "libraries": ["connect"], "backend": "bpf", "enforce": True},
         Expectation("a.service", frozenset(("connect",)), {}, frozenset(), 0, backend="bpf", enforce=True)),
        ({"name": "a.socket", "backend": "auto"},
         Expectation("a.socket", frozenset(), {}, frozenset(), 0, backend="auto")),
        ({"name": "a.service", "libraries": ["connect"], "respect": True, "overwrite": False},
         Expectation("a.service", frozenset(("connect",)), {}, frozenset(), 0, False, True, False)),
    ],
)  # fmt: skip
def test_what_a_module_is_given_becomes_the_expectation(entry: t.Any, expectation: Expectation) -> None:
    other = {"name": "z.service", "libraries": ["connect"]}
    assert parse_expected([other, entry])[1:] == [expectation]
    assert parse_expected([expectation.as_dict()]) == [expectation]


def test_it_travels_in_the_order_in_which_people_read_it() -> None:
    expectation = Expectation(
        "a.service", frozenset(("socket", "listen", "connect")), {"keepidle": 60},
        frozenset(("unreadable", "secure_exec")), 2, True,
    )  # fmt: skip
    assert expectation.as_dict() == {
        "name": "a.service",
        "libraries": ["connect", "listen", "socket"],
        "tcp": {"keepidle": 60},
        "accept": ["secure_exec", "unreadable"],
        "min_sockets": 2,
        "live": True,
        "respect": False,
        "overwrite": False,
        "if_present": False,
        "backend": "preload",
        "enforce": False,
    }
    assert expectation.as_dict()["tcp"] is not expectation.tcp, "a module may change what it was given"
    assert expectation.acting("outgoing") == {"connect", "socket"}


def test_nothing_is_expected_where_nothing_is_given() -> None:
    assert parse_expected([]) == []
    assert set(EXPECTED["options"]) == set(Expectation._fields), "what a module takes is what there is"
    bare = {name: option["default"] for name, option in EXPECTED["options"].items() if "default" in option}
    assert parse_expected([{**bare, "name": "a.socket"}]) == [
        Expectation("a.socket", frozenset(), {}, frozenset(), 0, False, False, False)
    ]


@pytest.mark.parametrize(
    ("name", "backend", "by_systemd", "by_program"),
    [
        ("a.service", "preload", False, False),
        ("a.service", "bpf", False, True),
        ("a.service", "auto", False, False),
        ("a.socket", "preload", True, False),
        ("a.socket", "bpf", False, True),
        ("a.socket", "auto", True, False),
    ],
)
def test_who_sets_the_options(name: str, backend: str, by_systemd: bool, by_program: bool) -> None:
    expectation = Expectation(name, frozenset(), {}, frozenset(), 0, backend=backend)
    assert (expectation.by_systemd, expectation.by_program) == (by_systemd, by_program)
    assert [expectation.concerns(one) for one in ("listening", "outgoing")] == [name == "a.socket", False]
    listens = frozenset(("listen",)) if name == "a.socket" and by_program else frozenset()
    assert [expectation.acting(one) for one in ("listening", "accepted", "outgoing")] == [listens, listens, frozenset()]
