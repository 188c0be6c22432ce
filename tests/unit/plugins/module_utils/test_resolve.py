# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's lists to one checked entry for each unit: who wins, and how each mistake is named."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils._mistakes import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils._resolve import resolution, resolve

Services = t.List[t.Dict[str, t.Any]]
SECONDS = "an integer of seconds from 1 to 32767, 0 (the system's default)"
PROBES = "an integer of probes from 1 to 127, 0 (the system's default)"
MILLISECONDS = (
    "an integer of milliseconds from 1 to 2147483647, "
    "0 (the system's default) or -1 (derived: keepidle + keepintvl x keepcnt)"
)
SETTINGS = "accept, after, debug, libraries, live, min_sockets, name, overwrite, profile, respect, restart, state, tcp"
OPTIONS = "keepidle, keepcnt, keepintvl, user_timeout, syncnt, defer_accept, maxseg, window_clamp"


def only(services: t.Any, **others: t.Any) -> t.Dict[str, t.Any]:
    """Resolve lists that give one unit."""
    (service,) = resolve(services, **others)
    return service


def mistakes(services: t.Any, **others: t.Any) -> t.List[str]:
    with pytest.raises(ResolveError) as error:
        resolve(services, **others)
    assert str(error.value) == "\n".join(error.value.problems)
    return error.value.problems


def a(**settings: t.Any) -> t.Dict[str, t.Any]:
    return {"name": "a.service", **settings}


def test_what_a_unit_gets_that_says_nothing() -> None:
    assert only([{"name": "a.service"}]) == {
        "name": "a.service",
        "type": "service",
        "profile": None,
        "libraries": ["connect"],
        "restart": "if_running",
        "live": False,
        "overwrite": False,
        "accept": [],
        "min_sockets": 0,
        "debug": False,
        "respect": False,
        "tcp": {
            "keepidle": 15,
            "keepcnt": 9,
            "keepintvl": 15,
            "user_timeout": -1,
            "syncnt": 0,
            "defer_accept": 0,
            "maxseg": 0,
            "window_clamp": 0,
        },
        "expected": {
            "name": "a.service",
            "libraries": ["connect"],
            "tcp": {
                "keepidle": 15,
                "keepcnt": 9,
                "keepintvl": 15,
                "user_timeout": -1,
            },
            "accept": [],
            "min_sockets": 0,
            "live": False,
            "respect": False,
            "overwrite": False,
        },
        "warnings": [],
    }


def test_later_lists_win_option_by_option() -> None:
    service = only(
        [a(tcp={"keepcnt": 5})],
        defaults={"profile": "p", "restart": "never", "tcp": dict.fromkeys(("keepidle", "syncnt", "maxseg"), 100)},
        profiles=[{"name": "p", "tcp": {"syncnt": 2, "user_timeout": 2, "keepintvl": 2, "keepcnt": 2}}],
        layers={"keepalive_services__x": [a(tcp={"user_timeout": 3, "keepintvl": 3, "keepcnt": 3})],
                "keepalive_services__y": [a(tcp={"keepintvl": 4, "keepcnt": 4}, min_sockets=7)]},
    )  # fmt: skip
    assert (service["profile"], service["restart"], service["min_sockets"]) == ("p", "never", 7)
    assert {name: service["tcp"][name] for name in ("keepidle", "maxseg", "syncnt")} == {
        "keepidle": 100,  # only the defaults say it
        "maxseg": 100,
        "syncnt": 2,  # the profile, over the defaults
    }
    assert service["tcp"]["user_timeout"] == 3  # a layer, over the profile
    assert service["tcp"]["keepintvl"] == 4  # the layer with the later name
    assert service["tcp"]["keepcnt"] == 5  # keepalive_services, over all


def test_layers_apply_in_the_order_of_their_names_not_of_the_dictionary() -> None:
    layers = {f"keepalive_services__{name}": [a(tcp={"keepidle": value})] for name, value in (("b", 2), ("a", 1))}
    assert only([], layers=layers)["tcp"]["keepidle"] == 2


@pytest.mark.parametrize("key", ["libraries", "accept"])
def test_lists_replace_each_other(key: str) -> None:
    early, late = {"libraries": ("listen", "connect"), "accept": ("unreadable", "secure_exec")}[key]
    assert only([a(**{key: [late]})], defaults={key: [early, late]})[key] == [late]


def test_the_profile_of_the_last_mention_counts_alone() -> None:
    profiles = [{"name": "p", "tcp": {"keepidle": 1}}, {"name": "q", "tcp": {"keepcnt": 2}}]
    service = only([a(profile="q")], layers={"l": [a(profile="p")]}, profiles=profiles)
    assert (service["profile"], service["tcp"]["keepidle"], service["tcp"]["keepcnt"]) == ("q", 15, 2)


def test_units_stand_in_the_order_of_their_first_mention() -> None:
    layers = {"l": [{"name": "c.service"}, {"name": "a.service"}]}
    names = [service["name"] for service in resolve([{"name": "b.service"}, {"name": "c.service"}], layers=layers)]
    assert names == ["c.service", "a.service", "b.service"]


def test_what_comes_in_is_left_as_it_is() -> None:
    defaults, services = {"tcp": {"keepidle": 1}}, [a(tcp={"keepcnt": 2})]
    resolve(services, defaults)
    assert (defaults, services) == ({"tcp": {"keepidle": 1}}, [a(tcp={"keepcnt": 2})])


def test_digits_in_strings_count_as_numbers() -> None:
    """INI inventories and --extra-vars have no others."""
    service = only([a(min_sockets="2", tcp={"keepidle": "60", "user_timeout": "-1", "keepcnt": "0"})])
    assert (service["min_sockets"], service["tcp"]["keepidle"], service["tcp"]["user_timeout"]) == (2, 60, -1)
    assert service["tcp"]["keepcnt"] == 0


def test_nothing_at_all_is_no_service() -> None:
    assert resolve([], {}, [], {}) == []
    assert resolve(None) == []


VALUES: t.List[t.Tuple[str, t.Any, str]] = [
    ("user_timeout", "30s", f"'30s' is not {MILLISECONDS}"),
    ("keepidle", "0x20", f"'0x20' is not {SECONDS}"),
    ("keepidle", "010", f"'010' is not {SECONDS}"),
    ("keepidle", "", f"'' is not {SECONDS}"),
    ("keepidle", None, f"None is not {SECONDS}"),
    ("keepidle", True, f"True is not {SECONDS}"),
    ("keepidle", 60.0, f"60.0 is not {SECONDS}"),
    ("keepidle", [60], f"[60] is not {SECONDS}"),
    ("keepidle", " 60", f"' 60' is not {SECONDS}"),
    ("keepidle", "60\n", f"'60\\n' is not {SECONDS}"),
    ("keepidle", "٦٠", f"'٦٠' is not {SECONDS}"),
    ("keepidle", "-0", f"'-0' is not {SECONDS}"),
    ("keepidle", 32768, f"32768 is out of range: expected {SECONDS}"),
    ("keepidle", -1, f"-1 is out of range: expected {SECONDS}"),
    ("keepcnt", 500, f"500 is out of range: expected {PROBES}"),
    ("user_timeout", -2, f"-2 is out of range: expected {MILLISECONDS}"),
    ("user_timeout", 2**31, f"2147483648 is out of range: expected {MILLISECONDS}"),
]


@pytest.mark.parametrize(("option", "value", "problem"), VALUES, ids=[f"{row[0]}={row[1]!r}" for row in VALUES])
def test_a_wrong_value_is_named_where_it_stands(option: str, value: t.Any, problem: str) -> None:
    tcp = {"tcp": {option: value}}
    assert mistakes([{"name": "b.service"}, a(**tcp)]) == [
        f"keepalive_services[1] 'a.service': tcp.{option}: {problem}"
    ]
    assert mistakes([], layers={"keepalive_services__x": [a(**tcp)]}) == [
        f"keepalive_services__x[0] 'a.service': tcp.{option}: {problem}"
    ]
    assert mistakes([], defaults=tcp) == [f"keepalive_services_defaults: tcp.{option}: {problem}"]
    assert mistakes([], profiles=[{"name": "p", **tcp}]) == [
        f"keepalive_services_profiles[0] 'p': tcp.{option}: {problem}"
    ]


@pytest.mark.parametrize(
    ("option", "least", "most"),
    [
        ("keepidle", 1, 32767),
        ("keepintvl", 1, 32767),
        ("keepcnt", 1, 127),
        ("user_timeout", -1, 2**31 - 1),
        ("syncnt", 1, 127),
        ("maxseg", 88, 32767),
        ("window_clamp", 1, 2**31 - 1),
        ("defer_accept", 1, 2**31 - 1),
    ],
)
def test_the_ranges_are_the_kernels(option: str, least: int, most: int) -> None:
    for value in (0, least, most):
        assert only([a(libraries=["socket"], tcp={option: value})])["tcp"][option] == value
    for value in {least - 1, most + 1} - {0}:
        assert "is out of range" in mistakes([a(libraries=["socket"], tcp={option: value})])[0]


MISTAKES: t.List[t.Tuple[t.Dict[str, t.Any], t.List[str]]] = [
    ({"services": [a(keepidle=60)]}, [f"keepalive_services[0] 'a.service': keepidle: unknown key; known: {SETTINGS}"]),
    ({"services": [a(tcp={"keepidel": 60})]},
     [f"keepalive_services[0] 'a.service': tcp.keepidel: unknown option; known: {OPTIONS}"]),
    ({"services": [a(tcp=60)]},
     ["keepalive_services[0] 'a.service': tcp: 60 is not a dictionary such as {keepidle: 60}"]),
    ({"services": [a(libraries=["lisen"])]},
     ["keepalive_services[0] 'a.service': libraries: 'lisen' is not one of connect, listen, socket"]),
    ({"services": [a(libraries=[])]},
     ["keepalive_services[0] 'a.service': libraries: the list is empty; it takes connect, listen, socket"]),
    ({"services": [a(libraries="listen")]},
     ["keepalive_services[0] 'a.service': libraries: 'listen' is not a list of connect, listen, socket"]),
    ({"services": [a(restart="always")]},
     ["keepalive_services[0] 'a.service': restart: 'always' is not one of if_running, never, reload_then_verify"]),
    ({"services": [a(accept=["luck"])]},
     ["keepalive_services[0] 'a.service': accept: 'luck' is not one of library_not_loaded, static_executable, "
      "secure_exec, stale_environment, overridden_by_configuration, overridden_by_application, opened_before_preload, "
      "inherited_listener, due_at_restart, "
      "not_supported_by_protocol, unreadable"]),
    ({"services": [a(min_sockets=-1)]},
     ["keepalive_services[0] 'a.service': min_sockets: -1 is not a number of sockets from 0 on"]),
    ({"services": [a(debug="yes")]}, ["keepalive_services[0] 'a.service': debug: 'yes' is not true or false"]),
    ({"services": [a(respect=1)]}, ["keepalive_services[0] 'a.service': respect: 1 is not true or false"]),
    ({"services": [a(profile="aws")]},
     ["keepalive_services[0] 'a.service': profile: 'aws' is not known; "
      "known: none is defined in keepalive_services_profiles"]),
    ({"services": [a()], "defaults": {"profile": "aws"}, "profiles": [{"name": "q"}, {"name": "p"}]},
     ["keepalive_services_defaults: profile: 'aws' is not known; known: p, q"]),
    ({"services": [a()], "profiles": [{"name": "p"}, {"name": "p"}]},
     ["keepalive_services_profiles[1] 'p': this name stands already at keepalive_services_profiles[0] 'p'"]),
    ({"services": [a()], "profiles": [{"name": "p", "profile": "q"}]},
     ["keepalive_services_profiles[0] 'p': profile: unknown key; known: "
      "accept, debug, libraries, live, min_sockets, name, overwrite, respect, restart, tcp"]),
    ({"services": [{"name": "nginx"}]},
     ["keepalive_services[0] 'nginx': name: not the name of a .service or .socket unit; "
      "write 'nginx.service' or 'nginx.socket'"]),
    ({"services": [{"name": "a/b.service"}]},
     ["keepalive_services[0] 'a/b.service': name: not the name of a .service or .socket unit"]),
    ({"services": [{"name": "a.service\n"}]},
     ["keepalive_services[0] 'a.service\n': name: not the name of a .service or .socket unit"]),
    ({"services": [{"tcp": {}}]}, ["keepalive_services[0]: name: None is not a name"]),
    ({"services": [{"name": 5}]}, ["keepalive_services[0]: name: 5 is not a name"]),
    ({"services": ["a.service"]}, ["keepalive_services[0]: 'a.service' is not a dictionary with a 'name'"]),
    ({"services": "a.service"}, ["keepalive_services: 'a.service' is not a list of dictionaries with a 'name'"]),
    ({"services": {"a.service": {}}},
     ["keepalive_services: {'a.service': {}} is not a list of dictionaries with a 'name'"]),
    ({"services": [], "layers": ["x"]}, ["keepalive_services__*: ['x'] is not a dictionary of lists"]),
    ({"services": [], "layers": {"keepalive_services__x": 5}},
     ["keepalive_services__x: 5 is not a list of dictionaries with a 'name'"]),
    ({"services": [], "defaults": "connect"}, ["keepalive_services_defaults: 'connect' is not a dictionary"]),
    ({"services": [], "defaults": []}, ["keepalive_services_defaults: [] is not a dictionary"]),
]  # fmt: skip


ORDERED: t.List[t.Tuple[t.Dict[str, t.List[str]], t.List[str]]] = [
    ({}, ["a", "b", "c", "d"]),
    ({"a": ["c"]}, ["c", "a", "b", "d"]),
    ({"a": ["d", "b"], "b": ["c"]}, ["d", "c", "b", "a"]),
    ({"d": ["a"]}, ["a", "b", "c", "d"]),
]


@pytest.mark.parametrize(("after", "order"), ORDERED)
def test_the_order_is_that_of_the_list_but_for_after(after: t.Dict[str, t.List[str]], order: t.List[str]) -> None:
    services = [
        {
            "name": f"{name}.service",
            **({"after": [f"{other}.service" for other in after[name]]} if name in after else {}),
        }
        for name in "abcd"
    ]
    assert [service["name"][0] for service in resolve(services)] == order


AFTER: t.List[t.Tuple[Services, t.List[str]]] = [
    ([a(after=["c.service"]), {"name": "b.service"}],
     ["keepalive_services[0] 'a.service': after: 'c.service' is not listed on this host; "
      "listed: a.service, b.service"]),
    ([a(after=["c.service"]), {"name": "c.service", "state": "absent"}],
     ["keepalive_services[0] 'a.service': after: 'c.service' is not listed on this host; listed: a.service"]),
    ([{"name": "x.service"}, a(after=["b.service"]), {"name": "b.service", "after": ["c.service"]},
      {"name": "c.service", "after": ["a.service"]}],
     ["keepalive_services[1] 'a.service': after: the units wait for each other: "
      "a.service after b.service after c.service after a.service; take one 'after' out"]),
    ([a(after=["a.service"])],
     ["keepalive_services[0] 'a.service': after: the units wait for each other: a.service after a.service; "
      "take one 'after' out"]),
    ([a(after="b.service")],
     ["keepalive_services[0] 'a.service': after: 'b.service' is not a list of the names of other listed units"]),
    ([a(after=["b"])], ["keepalive_services[0] 'a.service': after: 'b' is not the name of a .service or .socket unit"]),
    ([a(state="gone")], ["keepalive_services[0] 'a.service': state: 'gone' is not one of present, absent"]),
    ([{"name": "a.socket", "restart": "reload_then_verify"}],
     ["keepalive_services[0] 'a.socket': restart: a .socket unit cannot be reloaded; "
      "leave it out, it is restarted if it runs"]),
]  # fmt: skip


@pytest.mark.parametrize(("services", "problems"), AFTER, ids=[row[1][0][30:90] for row in AFTER])
def test_what_can_be_wrong_with_order_and_state(services: Services, problems: t.List[str]) -> None:
    assert mistakes(services) == problems


def test_absent_units_are_kept_apart() -> None:
    layers = {"keepalive_services__x": [a(tcp={"keepidle": 5}, restart="never"), {"name": "b.service"}]}
    found = resolution([a(state="absent")], layers=layers)
    assert [service["name"] for service in found.services] == ["b.service"]
    assert found.absent == [{"name": "a.service", "restart": "never"}]
    back = resolution([a(state="present")], layers={"keepalive_services__x": [a(state="absent")]})
    assert (len(back.services), back.absent) == (1, [])


def test_one_policy_for_all() -> None:
    services: Services = [a(restart="if_running"), {"name": "b.socket"}, {"name": "c.service", "state": "absent"}]
    found = resolution(services, defaults={"restart": "if_running"}, restart="never")
    assert [service["restart"] for service in found.services + found.absent] == ["never"] * 3
    assert "stale_environment" in found.services[0]["expected"]["accept"], "a socket may wait for the window too"
    reloaded = resolution(services, restart="reload_then_verify")
    assert [service["restart"] for service in reloaded.services] == ["reload_then_verify", "if_running"]
    assert mistakes([a()], restart="no") == [
        "keepalive_services_restart: restart: 'no' is not one of if_running, never, reload_then_verify"
    ]


def test_what_is_right_is_resolved_next_to_what_is_wrong() -> None:
    """So that what stands in the way on the host is told in the same run."""
    found = resolution([a(tcp={"keepidle": "x"}), {"name": "b.service"}, {"name": "c"}])
    assert [service["name"] for service in found.services] == ["a.service", "b.service"]
    assert len(found.problems) == 2


@pytest.mark.parametrize(("lists", "problems"), MISTAKES, ids=[row[1][0][:70] for row in MISTAKES])
def test_each_mistake_is_named_where_it_stands(lists: t.Dict[str, t.Any], problems: t.List[str]) -> None:
    assert mistakes(**lists) == problems


def test_all_mistakes_are_named_at_once() -> None:
    problems = mistakes(
        [a(restart="sometimes", tcp={"keepidle": "1m", "keepcnt": 128}), {"name": "b"}, {"name": "c.service", "x": 1}],
        defaults={"tcp": {"maxseg": 87}},
    )
    assert [problem.split(":")[0] + ":" + problem.split(":")[1] for problem in problems] == [
        "keepalive_services_defaults: tcp.maxseg",
        "keepalive_services[0] 'a.service': restart",
        "keepalive_services[0] 'a.service': tcp.keepidle",
        "keepalive_services[0] 'a.service': tcp.keepcnt",
        "keepalive_services[1] 'b': name",
        "keepalive_services[2] 'c.service': x",
    ]


def test_one_mistake_is_named_once_however_many_units_inherit_it() -> None:
    services = [{"name": f"{name}.service"} for name in "abc"]
    assert len(mistakes(services, defaults={"profile": "p", "tcp": {"keepidle": "x"}})) == 2


def test_a_misspelt_library_brings_no_other_complaint() -> None:
    """What the right spelling would allow must not be called impossible because of the wrong one."""
    problems = mistakes([a(libraries=["lisen"], tcp={"defer_accept": 3})])
    assert problems == ["keepalive_services[0] 'a.service': libraries: 'lisen' is not one of connect, listen, socket"]


def test_a_unit_listed_twice_that_contradicts_itself() -> None:
    problems = mistakes([a(tcp={"keepidle": 60}), {"name": "b.service"}, a(tcp={"keepidle": 30}, restart="never")])
    assert problems == [
        "keepalive_services[2] 'a.service': tcp.keepidle: 30 contradicts 60 at keepalive_services[0] 'a.service'; "
        "keep one entry for the unit"
    ]


def test_a_unit_listed_twice_that_agrees_is_merged() -> None:
    service = only([a(tcp={"keepidle": 60}), a(tcp={"keepidle": "60", "keepcnt": 3}, min_sockets=1)])
    assert (service["tcp"]["keepidle"], service["tcp"]["keepcnt"], service["min_sockets"]) == (60, 3, 1)


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


def test_overwrite_that_cannot_be_meant() -> None:
    place = "keepalive_services[0] 'a.service'"
    assert mistakes([a(overwrite=True)]) == [
        f"{place}: overwrite: has no effect without 'live: true'; add that, or leave it out"
    ]
    contradiction = f"{place}: overwrite: contradicts 'respect: true'; leave one of them out"
    assert mistakes([a(live=True, overwrite=True, respect=True)]) == [contradiction]
    assert mistakes([a(respect=True)], defaults={"live": True, "overwrite": True}) == [contradiction]
    assert mistakes([a(live="now")]) == [f"{place}: live: 'now' is not true or false"]
    only([a(libraries=["listen"])], defaults={"overwrite": True})  # for the services that are live


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"libraries": ["socket"], "tcp": {"defer_accept": 1}}, "about 200 ms late"),
        ({"tcp": {"keepidle": 30, "user_timeout": 29999}}, "is shorter than keepidle 30 s"),
    ],
)
def test_what_surprises_people_is_a_warning(settings: t.Dict[str, t.Any], words: str) -> None:
    (warning,) = only([a(**settings)])["warnings"]
    assert warning.startswith("a.service: tcp.")
    assert words in warning


@pytest.mark.parametrize(
    "settings",
    [{"libraries": ["listen"], "tcp": {"defer_accept": 1}}, {"tcp": {"keepidle": 30, "user_timeout": 30000}}],
)
def test_what_surprises_nobody_is_none(settings: t.Dict[str, t.Any]) -> None:
    assert only([a(**settings)])["warnings"] == []
