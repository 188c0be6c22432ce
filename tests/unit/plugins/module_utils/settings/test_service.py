# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry becomes with its defaults: what is expected of the unit, what it cannot have, what surprises people."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, mistakes, only


def test_a_socket_unit_has_what_systemd_has_directives_for() -> None:
    service = only(
        [{"name": "a.socket", "tcp": {"defer_accept": 5}}],
        defaults={"libraries": ["listen"], "debug": True, "tcp": {"keepidle": 60, "user_timeout": 9, "maxseg": 500}},
    )
    assert (service["type"], service["libraries"]) == ("socket", [])
    assert service["tcp"] == {
        "keepidle": 60,
        "keepcnt": 9,
        "keepintvl": 15,
        "defer_accept": 5,
        "user_timeout": 0,
        "syncnt": 0,
        "maxseg": 0,
        "window_clamp": 0,
    }
    assert service["expected"]["tcp"] == {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "defer_accept": 5}
    assert service["expected"]["libraries"] == []


def test_the_systems_default_is_expected_only_where_somebody_asked_for_it() -> None:
    """nginx's own deferred listener is no mistake because nobody said anything of defer_accept."""
    service = only([a(tcp={"user_timeout": 0})], defaults={"tcp": {"maxseg": 0}})
    assert service["expected"]["tcp"] == {"keepidle": 15, "keepcnt": 9, "keepintvl": 15, "user_timeout": 0, "maxseg": 0}


def test_what_a_socket_unit_cannot_have_is_refused_where_it_asks_for_it_itself() -> None:
    entry = {"name": "a.socket", "libraries": ["listen"], "respect": True, "tcp": {"user_timeout": 9, "maxseg": 0}}
    left_out = (
        "a .socket unit loads no library, systemd sets the options itself; leave it out, or name the .service unit"
    )
    assert mistakes([entry]) == [
        f"keepalive_services[0] 'a.socket': libraries: {left_out}",
        f"keepalive_services[0] 'a.socket': respect: {left_out}",
        "keepalive_services[0] 'a.socket': tcp.user_timeout: systemd.socket(5) has no directive for it; "
        "it has keepidle, keepcnt, keepintvl, defer_accept",
    ]


def test_what_a_socket_unit_may_say_of_it() -> None:
    """What is the same as nothing is no mistake, and what it inherits is left out."""
    entry = {"name": "a.socket", "respect": False, "debug": False, "tcp": {"maxseg": 0, "user_timeout": 0}}
    inherited = {"libraries": ["listen"], "respect": True, "debug": True, "restart": "reload_then_verify"}
    service = only([entry], defaults=inherited)
    assert (service["libraries"], service["restart"], service["tcp"]["maxseg"]) == ([], "if_running", 0)
    assert only([a()], defaults=inherited)["restart"] == "reload_then_verify"
    debugged = mistakes([{"name": "a.socket", "debug": True}])
    assert debugged == [
        "keepalive_services[0] 'a.socket': debug: a .socket unit loads no library, systemd sets the options itself; "
        "leave it out, or name the .service unit"
    ]


def test_what_is_wrong_with_a_misspelt_library_is_said_of_a_socket_unit_all_the_same() -> None:
    services = [a(libraries=["lisen"], tcp={"defer_accept": 3}), {"name": "b.socket", "tcp": {"maxseg": 500}}]
    assert mistakes(services) == [
        "keepalive_services[0] 'a.service': libraries: 'lisen' is not one of connect, listen, socket",
        "keepalive_services[1] 'b.socket': tcp.maxseg: systemd.socket(5) has no directive for it; "
        "it has keepidle, keepcnt, keepintvl, defer_accept",
    ]


def test_every_option_that_does_not_apply_is_named() -> None:
    place = "keepalive_services[0] 'a.service': tcp"
    assert mistakes([a(libraries=["connect"], tcp={"defer_accept": 3, "syncnt": 0, "keepidle": 1}),
                     {"name": "b.service", "libraries": ["listen"], "tcp": {"defer_accept": 0, "syncnt": 1}}]) == [
        f"{place}.defer_accept: has no effect with libraries [connect]; it needs listen or socket",
        "keepalive_services[1] 'b.service': tcp.syncnt: has no effect with libraries [listen]; "
        "it needs connect or socket",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("libraries", "option", "needs"),
    [(["connect"], "defer_accept", "listen or socket"), (["listen"], "syncnt", "connect or socket")],
)
def test_an_option_that_no_library_of_the_unit_sets(libraries: t.List[str], option: str, needs: str) -> None:
    """Inherited it is left out; asked for by the unit itself it is a mistake."""
    inherited = only([a(libraries=libraries)], defaults={"tcp": {option: 3}})
    assert inherited["tcp"][option] == 0
    assert option not in inherited["expected"]["tcp"]
    why = f"has no effect with libraries [{libraries[0]}]; it needs {needs}"
    assert mistakes([a(libraries=libraries, tcp={option: 3})]) == [
        f"keepalive_services[0] 'a.service': tcp.{option}: {why}"
    ]
    assert only([a(libraries=libraries, tcp={option: 0})])["tcp"][option] == 0
    assert only([a(libraries=["socket", *libraries], tcp={option: 3})])["expected"]["tcp"][option] == 3


@pytest.mark.parametrize(
    ("settings", "accept"),
    [
        ({"accept": ["unreadable", "secure_exec"]}, ["secure_exec", "unreadable"]),
        ({"respect": True, "accept": ["unreadable"]},
         ["opened_before_preload", "overridden_by_application", "unreadable"]),
        ({"restart": "never"}, ["library_not_loaded", "opened_before_preload", "stale_environment"]),
        ({"restart": "never", "live": True}, ["due_at_restart"]),
        ({"live": True}, []),
        ({"backend": "bpf"}, ["opened_before_attach"]),
        ({"backend": "bpf", "restart": "never"}, ["opened_before_attach"]),
        ({"backend": "bpf", "live": True}, ["due_at_restart"]),
        ({"backend": "bpf", "live": True, "respect": True},
         ["due_at_restart", "opened_before_attach", "opened_before_preload", "overridden_by_application"]),
        ({"backend": "auto"}, []),
    ],
)  # fmt: skip
def test_what_the_verification_lets_pass(settings: t.Dict[str, t.Any], accept: t.List[str]) -> None:
    service = only([a(**settings)])
    assert service["expected"]["accept"] == accept
    assert service["accept"] == settings.get("accept", [])


def test_what_live_needs_to_know_goes_with_the_expectation() -> None:
    expected = only([a(live=True, overwrite=True)], defaults={"restart": "never"})["expected"]
    assert (expected["live"], expected["overwrite"], expected["respect"]) == (True, True, False)
    expected = only([{"name": "a.socket"}], defaults={"live": True})["expected"]
    assert (expected["live"], expected["overwrite"]) == (True, False)


def test_what_is_expected_is_nothing_but_sets() -> None:
    expected = ResolvedService("a.service", ["connect"], TCP, ["keepidle"], accept=["unreadable"]).expected
    assert expected == Expectation("a.service", frozenset(("connect",)), {"keepidle": 0}, frozenset(("unreadable",)), 0)


def test_overwrite_that_cannot_be_meant() -> None:
    place = "keepalive_services[0] 'a.service'"
    assert only([a(overwrite=False)])["overwrite"] is False
    assert only([a(live=True, overwrite=True, respect=False)])["overwrite"] is True
    assert only([a(respect=True)], defaults={"overwrite": False})["respect"] is True
    assert mistakes([a(overwrite=True)]) == [
        f"{place}: overwrite: has no effect without 'live: true'; add that, or leave it out"
    ]
    contradiction = f"{place}: overwrite: contradicts 'respect: true'; leave one of them out"
    assert mistakes([a(live=True, overwrite=True, respect=True)]) == [contradiction]
    assert mistakes([a(respect=True)], defaults={"live": True, "overwrite": True}) == [contradiction]
    assert mistakes([a(live="now")]) == [f"{place}: live: 'now' is not true or false"]
    only([a(libraries=["listen"])], defaults={"overwrite": True})  # for the services that are live


LATE = (
    "a.service: tcp.defer_accept with the socket library also delays this service's own connections: a server that "
    "speaks first is heard about 200 ms late"
)
SHORT = (
    "a.service: tcp.user_timeout {} ms is shorter than keepidle 30 s: an idle dead peer is noticed after keepidle + "
    "keepintvl, a peer that stops reading after user_timeout"
)


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        ({"libraries": ["socket"], "tcp": {"defer_accept": 1}}, [LATE]),
        ({"short_user_timeout": True, "tcp": {"keepidle": 30, "user_timeout": 29999}}, [SHORT.format(29999)]),
        ({"short_user_timeout": True, "tcp": {"keepidle": 30, "user_timeout": 1}}, [SHORT.format(1)]),
        ({"libraries": ["listen", "socket"], "short_user_timeout": True,
          "tcp": {"defer_accept": 1, "keepidle": 30, "user_timeout": 1}},
         [LATE, SHORT.format(1)]),
        ({"libraries": ["listen"], "tcp": {"defer_accept": 1}}, []),
        ({"libraries": ["socket"]}, []),
        ({"tcp": {"keepidle": 30, "user_timeout": 30000}}, []),
        ({"tcp": {"keepidle": 30, "user_timeout": 0}}, []),
        ({"tcp": {"keepidle": 30, "user_timeout": -1}}, []),
    ],
)  # fmt: skip
def test_what_surprises_people_is_a_warning(settings: t.Dict[str, t.Any], warnings: t.List[str]) -> None:
    assert only([a(**settings)])["warnings"] == warnings


TCP = dict.fromkeys(OPTIONS, 0)


@pytest.mark.parametrize(
    ("service", "variables"),
    [
        (ResolvedService("a.service", ["connect"], TCP),
         {"TCP_KEEPIDLE": "0", "TCP_KEEPCNT": "0", "TCP_KEEPINTVL": "0", "TCP_USER_TIMEOUT": "0"}),
        (ResolvedService("a.service", ["connect"], {**TCP, "maxseg": 500, "user_timeout": -1}, debug=True),
         {"TCP_KEEPIDLE": "0", "TCP_KEEPCNT": "0", "TCP_KEEPINTVL": "0", "TCP_USER_TIMEOUT": "-1",
          "TCP_MAXSEG": "500", "LIBKEEPALIVE_DEBUG": "1"}),
        (ResolvedService("a.service", ["connect"], {**TCP, "keepidle": 60, "syncnt": 1}, respect=True),
         {"TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "0", "TCP_KEEPINTVL": "0", "TCP_USER_TIMEOUT": "0",
          "TCP_SYNCNT": "1", "LIBKEEPALIVE_RESPECT": "1"}),
    ],
)  # fmt: skip
def test_what_is_said_to_the_process(service: ResolvedService, variables: t.Dict[str, str]) -> None:
    """The times always, be they the system's: it may have inherited others. The rest only where it is set."""
    assert list(service.variables.items()) == list(variables.items())


def test_a_dictionary_of_before_has_what_it_does_not_say_by_default() -> None:
    assert ResolvedService.from_dict({"name": "a.service", "libraries": ["connect"], "tcp": TCP}) == ResolvedService(
        "a.service", ["connect"], TCP, (), None, "if_running", False, False, (), 0, False, False
    )
    more = {"name": "a.service", "libraries": [], "tcp": TCP, "type": "socket", "asked": ["keepidle"], "expected": {}}
    assert ResolvedService.from_dict(more) == ResolvedService("a.service", [], TCP), (
        "of what it is, and of nothing else"
    )
    with pytest.raises(KeyError):
        ResolvedService.from_dict({"name": "a.service", "libraries": ["connect"]})


def test_what_goes_out_is_nobodys_to_change() -> None:
    service = ResolvedService("a.service", ["connect"], TCP, accept=["unreadable"])
    shown = service.as_dict()
    assert all(shown[key] is not getattr(service, key) for key in ("libraries", "accept", "tcp"))
    tuples = service._replace(libraries=("connect",), accept=("unreadable",)).as_dict()
    assert (tuples["libraries"], tuples["accept"]) == (["connect"], ["unreadable"]), "as YAML and JSON have them"


def test_it_travels_as_a_dictionary_with_every_key_in_one_order() -> None:
    service = only([a(libraries=["listen"], live=True, restart="never", tcp={"keepidle": 60, "syncnt": 0})])
    assert list(service.items()) == [
        ("name", "a.service"),
        ("type", "service"),
        ("profile", None),
        ("libraries", ["listen"]),
        ("restart", "never"),
        ("live", True),
        ("overwrite", False),
        ("accept", []),
        ("min_sockets", 0),
        ("if_present", False),
        ("debug", False),
        ("respect", False),
        ("backend", "preload"),
        ("enforce", False),
        ("tcp", {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": -1, "syncnt": 0, "defer_accept": 0,
                 "maxseg": 0, "window_clamp": 0}),
        ("expected", {"name": "a.service", "libraries": ["listen"],
                      "tcp": {"keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": -1},
                      "accept": ["due_at_restart"], "min_sockets": 0, "live": True, "respect": False,
                      "overwrite": False, "if_present": False, "backend": "preload", "enforce": False}),
        ("warnings", []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        a(),
        a(libraries=["socket", "connect"], accept=["unreadable"], min_sockets=3, debug=True, respect=True),
        a(if_present=True),
        a(backend="bpf", enforce=True),
        a(backend="auto"),
        a(live=True, overwrite=True, restart="reload_then_verify", tcp={"user_timeout": 9, "maxseg": 0}),
        {"name": "a.socket", "restart": "never", "tcp": {"defer_accept": 5, "keepcnt": 0}},
    ],
)
def test_nothing_is_lost_on_the_way_as_a_dictionary(entry: t.Dict[str, t.Any]) -> None:
    (service,) = resolution(
        [entry], defaults={"profile": "p"}, profiles=[{"name": "p", "tcp": {"keepidle": 7}}]
    ).services
    again = ResolvedService.from_dict(service.as_dict())
    assert again.as_dict() == service.as_dict()
    assert (again.expected, again.variables, again.warnings) == (service.expected, service.variables, service.warnings)


TOO_SHORT = (
    "tcp.user_timeout: 120 is in milliseconds, and below the first probe (keepidle 60 s); 120 s would be 120000; where "
    "it is meant so, say 'short_user_timeout: true' beside tcp"
)


@pytest.mark.parametrize(
    ("place", "settings"),
    [
        ("keepalive_services_defaults", {"defaults": {"tcp": {"user_timeout": 120}}}),
        ("keepalive_services_profiles[0] 'p'",
         {"defaults": {"profile": "p"}, "profiles": [{"name": "p", "tcp": {"user_timeout": 120}}]}),
        ("keepalive_services[0] 'a.service'", {"tcp": {"user_timeout": 120}}),
    ],
)  # fmt: skip
def test_a_user_timeout_below_the_first_probe_is_said_twice(place: str, settings: t.Dict[str, t.Any]) -> None:
    """120 is most likely meant in seconds; it is named where it stands, for all units that inherit it once."""
    tcp = {"keepidle": 60, **settings.get("tcp", {})}
    lists = {key: value for key, value in settings.items() if key != "tcp"}
    assert resolution([a(tcp=tcp), {**a(tcp=tcp), "name": "b.service"}], **lists).problems[0] == f"{place}: {TOO_SHORT}"
    assert len(resolution([a(tcp={"keepidle": 60}), {**a(), "name": "b.service"}], **lists).problems) <= 2
    assert resolution([a(tcp=tcp, short_user_timeout=True)], **lists).problems == []
    assert resolution([{"name": "a.socket", "tcp": {"keepidle": 60}}], **lists).problems == []
