# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the mistakes and warnings of the host-wide variables are worded, at their limits."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution

BASE = {"respect": True, "restart": "never"}


def mistakes(**others: t.Any) -> t.List[str]:
    try:
        resolve_host_settings([], **others)
    except ResolveError as error:
        return error.problems
    return []


def section(**entry: t.Any) -> t.Tuple[str, str, t.Dict[str, str]]:
    """The one of a program."""
    found = resolve_host_settings([], programs=[{"path": "/a", **entry}])["sections"][1]
    return found["heading"], found["comment"], found["variables"]


def test_the_sections_whole_with_what_people_read_above_them() -> None:
    services = resolution(
        [{"name": "a.service", "debug": True, "profile": "slow", "respect": True, "tcp": {"user_timeout": 0}},
         {"name": "b@.service", "respect": False}],
        profiles=[{"name": "slow", "tcp": {"keepidle": 100}}], base=BASE,
    ).services  # fmt: skip
    answer = resolve_host_settings(services, defaults={"respect": False})
    every, template, one = answer["sections"]
    assert every["comment"] == "Every process of this host."
    assert (template["heading"], template["comment"]) == ("[unit b@*.service]", "b@.service")
    assert (one["heading"], one["comment"]) == ("[unit a.service]", "a.service, profile slow")
    assert one["variables"] == {
        "TCP_KEEPIDLE": "100", "TCP_KEEPCNT": "9", "TCP_KEEPINTVL": "15", "TCP_USER_TIMEOUT": "0",
        "LIBKEEPALIVE_RESPECT": "1", "LIBKEEPALIVE_DISABLE": "0", "LIBKEEPALIVE_DEBUG": "1",
    }  # fmt: skip
    assert (template["variables"]["LIBKEEPALIVE_RESPECT"], "LIBKEEPALIVE_DEBUG" in template["variables"]) == (
        "0",
        False,
    )
    assert answer["warnings"] == []


def test_a_unit_that_systemd_does_not_know_keeps_its_name() -> None:
    services = resolution([{"name": "a.service"}], base=BASE).services
    for units in (None, {}, {"a.service": None}, {"a.service": {}}, {"a.service": {"id": ""}}):
        assert resolve_host_settings(services, units=units)["sections"][1]["heading"] == "[unit a.service]"


@pytest.mark.parametrize(
    ("entry", "comment", "variables"),
    [
        ({"respect": False}, "/a", {"LIBKEEPALIVE_RESPECT": "0"}),
        ({"debug": True, "why": "Because."}, "Because.", {"LIBKEEPALIVE_DEBUG": "1"}),
        ({"disable": False}, "/a", {"LIBKEEPALIVE_DISABLE": "0"}),
        ({"tcp": {}, "why": ""}, "/a", {}),
        ({"disable": True, "tcp": {}}, "/a", {"LIBKEEPALIVE_DISABLE": "1"}),
        ({"disable": False, "tcp": {"keepidle": 7}}, "/a", {"TCP_KEEPIDLE": "7", "LIBKEEPALIVE_DISABLE": "0"}),
        ({"tcp": {"keepidle": 7, "user_timeout": 0}}, "/a", {"TCP_KEEPIDLE": "7", "TCP_USER_TIMEOUT": "0"}),
    ],
)  # fmt: skip
def test_what_an_entry_becomes(entry: t.Dict[str, t.Any], comment: str, variables: t.Dict[str, str]) -> None:
    assert section(**entry) == ("[program /a]", comment, variables)


def test_opt_outs_are_told_why_as_well() -> None:
    (_every, one) = resolve_host_settings([], opt_outs=[{"path": "*/sshd", "why": "The way in."}])["sections"]
    assert one == {
        "heading": "[program */sshd]", "comment": "The way in.", "also": "",
        "variables": {"LIBKEEPALIVE_DISABLE": "1"},
    }  # fmt: skip


LONG = "/" + "a" * 899
SPACES = "has blanks at an end, characters that cannot be printed, or more than 900 bytes"
UNKNOWN = "has ' #', '[:' or '[^' in it, which patterns do not know; use ? or [!…]"
NO_PATH = "is not an absolute path or a pattern such as /usr/sbin/sshd or */sshd"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (LONG, ""), (f"{LONG}a", SPACES), ("/" + "é" * 450, SPACES), ("/" + "é" * 449, ""), ("/a ", SPACES),
        ("/a\tb", SPACES), ("/a b", ""), ("/a #b", UNKNOWN), ("/a#b", ""), ("/[[:alpha:]]", UNKNOWN),
        ("/[^a]", UNKNOWN), ("/[!a]", ""), ("*", ""), ("?", NO_PATH), ("", NO_PATH), (None, NO_PATH), (["/"], NO_PATH),
    ],
)  # fmt: skip
def test_which_patterns_the_libraries_know(path: t.Any, problem: str) -> None:
    said = [f"keepalive_host_opt_outs[0]: path: {path!r} {problem}"] if problem else []
    assert mistakes(opt_outs=[{"path": path}]) == said


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"why": 7}, "why: 7 is not one line of text"),
        ({"debug": 1, "tcp": {}}, "debug: 1 is not true or false"),
        ({"disable": "yes"}, "disable: 'yes' is not true or false"),
        ({"respect": None}, "respect: None is not true or false"),
    ],
)
def test_values_that_are_none(entry: t.Dict[str, t.Any], said: str) -> None:
    assert mistakes(programs=[{"path": "/a", **entry}])[0] == f"keepalive_host_programs[0] '/a': {said}"


def test_an_entry_that_says_nothing_right_is_not_told_that_it_says_nothing() -> None:
    assert len(mistakes(programs=[{"path": "/a", "debug": 1}])) == 1
    assert mistakes(programs=[{"path": "/a", "why": "x"}]) == [
        "keepalive_host_programs[0] '/a': says nothing: give it tcp, respect or disable"
    ]


def test_behind_an_entry_that_is_wrong_the_others_are_checked() -> None:
    opt_outs = [7, {}, {"path": "/a"}, {"path": "/a"}, {"path": "/b", "x": 1}]
    assert mistakes(opt_outs=opt_outs) == [
        "keepalive_host_opt_outs[0]: 7 is not a dictionary with a 'path'",
        f"keepalive_host_opt_outs[1]: path: None {NO_PATH}",
        "keepalive_host_opt_outs[3] '/a': this path stands already at keepalive_host_opt_outs[2] '/a'",
        "keepalive_host_opt_outs[4] '/b': x: unknown key; known: path, why",
    ]


def test_the_system_default_of_an_option_needs_no_library() -> None:
    one = {"path": "/a", "tcp": {"syncnt": 0, "defer_accept": 0}}
    assert mistakes(programs=[one], libraries=["listen"]) == []
    one = {"path": "/a", "tcp": {"syncnt": 3}}
    assert mistakes(programs=[one], libraries=("listen",)) == [
        "keepalive_host_programs[0] '/a': tcp.syncnt: has no effect with keepalive_host_libraries [listen]; it needs "
        "connect or socket"
    ]


def test_with_libraries_that_are_none_nothing_is_said_to_have_no_effect() -> None:
    defaults = {"tcp": {"syncnt": 3, "defer_accept": 3}}
    assert mistakes(libraries=5, defaults=defaults) == [
        "keepalive_host_libraries: 5 is not a list of connect, listen, socket"
    ]
    assert mistakes(libraries=["x"], defaults=defaults) == [
        "keepalive_host_libraries: 'x' is not one of connect, listen, socket"
    ]


def warnings(**others: t.Any) -> t.List[str]:
    return t.cast(t.List[str], resolve_host_settings([], **others)["warnings"])


SOCKET = (
    "keepalive_host_libraries: the library socket sets its values before a program can say that it has its own: "
    "'respect' has no effect on what the program does not set itself"
)
DEFER = (
    "keepalive_host_defaults: tcp.defer_accept delays every server of this host that speaks first (SSH, SMTP, "
    "databases); set it for the units that need it"
)
TIMEOUT = (
    "keepalive_host_defaults: tcp.user_timeout ends, in every process of this host, also connections to peers that "
    "live and do not read for so long"
)


def test_each_warning_has_its_cause() -> None:
    assert warnings(libraries=["socket"]) == [SOCKET]
    assert warnings(libraries=["socket"], defaults={"respect": False}) == []
    assert warnings(defaults={"tcp": {"defer_accept": 3}}) == [DEFER]
    assert warnings(defaults={"tcp": {"user_timeout": 50000}}) == [TIMEOUT]
    assert warnings(defaults={"tcp": {"user_timeout": 0, "defer_accept": 0}}) == []


def test_a_program_with_a_list_of_system_calls_is_left_alone_by_its_unit_as_well() -> None:
    process = {"pid": 7, "unit": "a.service", "program": "/a"}
    services = resolution([{"name": "a.service"}], base=BASE).services
    (warning,) = resolve_host_settings(services, opt_outs=[{"path": "/a"}], filtered=[process])["warnings"]
    assert warning == (
        "a.service: /a (process 7) has a list of system calls of its own: where setsockopt is not on it, the library "
        "gets the program killed at a TCP connection, from its next start on; leave it alone with an entry of "
        "keepalive_host_programs that says 'disable: true'"
    ), "its unit is listed, and so not left alone"
    assert warnings(opt_outs=[{"path": "/a"}], filtered=[process]) == []
