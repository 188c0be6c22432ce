# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of the host-wide mode to sections: what each process gets, and how each mistake is named."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.variables import resolve_host_settings
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution

SECONDS = "an integer of seconds from 1 to 32767, 0 (the system's default)"
BASE = {"respect": True, "restart": "never"}


def sections(
    services: t.Optional[t.List[t.Dict[str, t.Any]]] = None, **others: t.Any
) -> t.List[t.Tuple[str, t.Dict[str, str]]]:
    answer = resolve_host_settings(resolution(services or [], base=BASE).services, **others)
    return [(section["heading"], section["variables"]) for section in answer["sections"]]


def mistakes(services: t.Optional[t.List[t.Dict[str, t.Any]]] = None, **others: t.Any) -> t.List[str]:
    with pytest.raises(ResolveError) as error:
        sections(services, **others)
    return error.value.problems


def test_a_process_that_nobody_has_thought_of_keeps_what_it_set_and_its_slow_peers() -> None:
    assert sections() == [
        (
            "",
            {
                "TCP_KEEPIDLE": "15",
                "TCP_KEEPCNT": "9",
                "TCP_KEEPINTVL": "15",
                "TCP_USER_TIMEOUT": "0",
                "LIBKEEPALIVE_RESPECT": "1",
            },
        )
    ]


def test_every_process_then_programs_then_units_and_an_instance_behind_its_template() -> None:
    found = sections(
        [
            {"name": "worker@one.service", "tcp": {"keepidle": 31}},
            {"name": "relay.socket", "tcp": {"keepidle": 90}},
            {"name": "worker@.service", "tcp": {"keepidle": 30, "user_timeout": 25000}, "respect": False},
        ],
        defaults={"tcp": {"keepidle": 60, "syncnt": 3}, "respect": False},
        programs=[{"path": "/usr/bin/rsync", "tcp": {"keepidle": 0}, "respect": True, "debug": True}],
        opt_outs=[{"path": "*/sshd", "why": "The way in."}],
    )
    assert [heading for heading, _variables in found] == [
        "", "[program */sshd]", "[program /usr/bin/rsync]", "[unit worker@*.service]", "[unit worker@one.service]",
    ]  # fmt: skip
    assert found[0][1] == {
        "TCP_KEEPIDLE": "60",
        "TCP_KEEPCNT": "9",
        "TCP_KEEPINTVL": "15",
        "TCP_USER_TIMEOUT": "0",
        "TCP_SYNCNT": "3",
        "LIBKEEPALIVE_RESPECT": "0",
    }
    assert found[1][1] == {"LIBKEEPALIVE_DISABLE": "1"}
    assert found[2][1] == {"TCP_KEEPIDLE": "0", "LIBKEEPALIVE_DEBUG": "1", "LIBKEEPALIVE_RESPECT": "1"}
    assert found[3][1] == {
        "TCP_KEEPIDLE": "30",
        "TCP_KEEPCNT": "9",
        "TCP_KEEPINTVL": "15",
        "TCP_USER_TIMEOUT": "25000",
        "TCP_SYNCNT": "0",  # every other process has another value
        "LIBKEEPALIVE_RESPECT": "0",
        "LIBKEEPALIVE_DISABLE": "0",
    }
    assert found[4][1]["TCP_USER_TIMEOUT"] == "-1", "a listed unit has the defaults of the services, not of the host"


def test_an_alias_becomes_the_name_by_which_the_library_knows_the_unit() -> None:
    units = {"redis.service": {"id": "redis-server.service"}, "worker@.service": {"id": "worker@.service"}}
    found = sections([{"name": "redis.service"}, {"name": "worker@.service"}], units=units)
    assert [heading for heading, _variables in found[1:]] == ["[unit worker@*.service]", "[unit redis-server.service]"]


def test_every_mistake_is_named_with_its_place() -> None:
    """One run, all of them."""
    assert mistakes(
        [{"name": "a.service", "libraries": ["socket"]}],
        defaults={"tcp": {"keepidle": "0x20", "keepidel": 1, "defer_accept": 5}, "restart": "never", "respect": "yes"},
        programs=[
            "x",
            {"path": "sshd"},
            {"path": "/a", "tcp": {"keepcnt": 500}},
            {"path": "/a", "disable": True},
            {"path": "/b"},
            {"path": "/c", "disable": True, "tcp": {"keepidle": 1}},
            {"path": "/d #e", "disable": True},
            {"path": "/[^a]", "disable": True},
            {"path": "/f", "disabled": True},
            {"path": "/g", "disable": True, "why": "two\nlines"},
        ],
        opt_outs=[{"path": "/h", "tcp": {}}, {"path": " /i"}],
        libraries=["connect"],
    ) == [
        f"keepalive_host_defaults: tcp.keepidle: '0x20' is not {SECONDS}",
        "keepalive_host_defaults: tcp.keepidel: unknown option; known: keepidle, keepcnt, keepintvl, user_timeout, "
        "syncnt, defer_accept, maxseg, window_clamp",
        "keepalive_host_defaults: tcp.defer_accept: has no effect with keepalive_host_libraries [connect]; "
        "it needs listen or socket",
        "keepalive_host_defaults: restart: unknown key; known: jitter, profile, respect, short_user_timeout, tcp",
        "keepalive_host_defaults: respect: 'yes' is not true or false",
        "keepalive_host_opt_outs[0] '/h': tcp: unknown key; known: path, why",
        "keepalive_host_opt_outs[1]: path: ' /i' is not an absolute path or a pattern such as /usr/sbin/sshd or */sshd",
        "keepalive_host_programs[0]: 'x' is not a dictionary with a 'path'",
        "keepalive_host_programs[1]: path: 'sshd' is not an absolute path or a pattern such as /usr/sbin/sshd "
        "or */sshd",
        "keepalive_host_programs[2] '/a': tcp.keepcnt: 500 is out of range: expected an integer of probes from 1 to "
        "127, 0 (the system's default)",
        "keepalive_host_programs[3] '/a': this path stands already at keepalive_host_programs[2] '/a'",
        "keepalive_host_programs[4] '/b': says nothing: give it tcp, respect or disable",
        "keepalive_host_programs[5] '/c': tcp: has no effect together with 'disable: true'; keep one of the two",
        "keepalive_host_programs[6]: path: '/d #e' has ' #', '[:' or '[^' in it, which patterns do not know; use ? or "
        "[!…]",
        "keepalive_host_programs[7]: path: '/[^a]' has ' #', '[:' or '[^' in it, which patterns do not know; use ? or "
        "[!…]",
        "keepalive_host_programs[8] '/f': disabled: unknown key; known: debug, disable, jitter, path, profile, "
        "respect, short_user_timeout, tcp, why",
        "keepalive_host_programs[9] '/g': why: 'two\\nlines' is not one line of text",
        "'a.service': libraries: socket is not loaded in the host-wide mode; add it to keepalive_host_libraries "
        "[connect]",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"libraries": []}, "keepalive_host_libraries: [] is not a list of connect, listen, socket"),
        ({"libraries": 5}, "keepalive_host_libraries: 5 is not a list of connect, listen, socket"),
        ({"libraries": "connect"}, "keepalive_host_libraries: 'connect' is not a list of connect, listen, socket"),
        ({"libraries": {"connect": 1}}, "keepalive_host_libraries: {'connect': 1} is not a list of connect, listen, "
         "socket"),
        ({"libraries": ["lisen"]}, "keepalive_host_libraries: 'lisen' is not one of connect, listen, socket"),
        ({"libraries": [5, "listen"]}, "keepalive_host_libraries: 5 is not one of connect, listen, socket"),
        ({"libraries": [["connect"]]}, "keepalive_host_libraries: ['connect'] is not one of connect, listen, socket"),
        ({"libraries": [{"connect": 1}]}, "keepalive_host_libraries: {'connect': 1} is not one of connect, listen, "
         "socket"),
        ({"defaults": 60}, "keepalive_host_defaults: 60 is not a dictionary such as {tcp: {keepidle: 60}}"),
        ({"programs": {}}, "keepalive_host_programs: {} is not a list of dictionaries with a 'path'"),
        ({"programs": 5}, "keepalive_host_programs: 5 is not a list of dictionaries with a 'path'"),
        ({"opt_outs": "/a"}, "keepalive_host_opt_outs: '/a' is not a list of dictionaries with a 'path'"),
        ({"opt_outs": [{"path": 5}]}, "keepalive_host_opt_outs[0]: path: 5 is not an absolute path or a pattern such "
         "as /usr/sbin/sshd or */sshd"),
    ],
)  # fmt: skip
def test_what_is_no_list_or_dictionary_is_named(arguments: t.Dict[str, t.Any], problem: str) -> None:
    assert mistakes(**arguments) == [problem]


def test_what_surprises_people_is_said() -> None:
    answer = resolve_host_settings(
        [], {"tcp": {"user_timeout": 50000, "defer_accept": 3}}, libraries=["connect", "listen", "socket"]
    )
    assert [warning.split(":")[0] for warning in answer["warnings"]] == [
        "keepalive_host_libraries",
        "keepalive_host_defaults",
        "keepalive_host_defaults",
    ]
    assert resolve_host_settings([])["warnings"] == []


def test_a_program_with_a_list_of_system_calls_of_its_own_is_named_unless_it_is_left_alone() -> None:
    filtered = [
        {"pid": 7, "unit": "chrony.service", "program": "/usr/sbin/chronyd"},
        {"pid": 8, "unit": "a.service", "program": "/opt/a/\x1b[2J"},
    ]
    opt_outs = [{"path": "*/chronyd"}]
    (warning,) = resolve_host_settings([], opt_outs=opt_outs, filtered=filtered)["warnings"]
    assert warning.startswith("a.service: /opt/a/\\x1b[2J (process 8) has a list of system calls of its own")
    assert warning.endswith("leave it alone with an entry of keepalive_host_programs that says 'disable: true'")
    taken_back = [{"path": "*/chronyd", "disable": False}, {"path": "/opt/*", "disable": True}]
    (warning,) = resolve_host_settings([], programs=taken_back, opt_outs=opt_outs, filtered=filtered)["warnings"]
    assert warning.startswith("chrony.service: /usr/sbin/chronyd (process 7)")


def test_below_the_defaults_of_the_services_the_mode_has_its_own() -> None:
    """Nothing is restarted and nobody is overruled unless an entry, a profile or the defaults ask for it."""

    def policies(**others: t.Any) -> t.Tuple[str, bool]:
        (service,) = resolution([{"name": "a.service"}], base=BASE, **others).services
        return service.restart, service.respect

    assert policies() == ("never", True)
    assert policies(defaults={"restart": "if_running", "respect": False}) == ("if_running", False)
