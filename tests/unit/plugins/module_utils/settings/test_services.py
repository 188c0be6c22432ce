# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the operator's lists to one checked entry for each unit: who wins, and in which order they stand."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, mistakes, only, resolve

Services = t.List[t.Dict[str, t.Any]]


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
        "if_present": False,
        "debug": False,
        "respect": False,
        "backend": "preload",
        "enforce": False,
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
            "if_present": False,
            "backend": "preload",
            "enforce": False,
        },
        "warnings": [],
    }


def test_later_lists_win_option_by_option() -> None:
    service = only(
        [a(tcp={"keepcnt": 5})],
        defaults={"profile": "p", "restart": "never", "tcp": dict.fromkeys(("keepidle", "syncnt", "maxseg"), 100)},
        profiles=[{"name": "p", "tcp": {"syncnt": 2, "user_timeout": 200000, "keepintvl": 2, "keepcnt": 2}}],
        layers={"keepalive_services__x": [a(tcp={"user_timeout": 300000, "keepintvl": 3, "keepcnt": 3})],
                "keepalive_services__y": [a(tcp={"keepintvl": 4, "keepcnt": 4}, min_sockets=7)]},
    )  # fmt: skip
    assert (service["profile"], service["restart"], service["min_sockets"]) == ("p", "never", 7)
    assert {name: service["tcp"][name] for name in ("keepidle", "maxseg", "syncnt")} == {
        "keepidle": 100,  # only the defaults say it
        "maxseg": 100,
        "syncnt": 2,  # the profile, over the defaults
    }
    assert service["tcp"]["user_timeout"] == 300000  # a layer, over the profile
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


@pytest.mark.parametrize(
    "where",
    [
        {"services": [a(if_present=True)]},
        {"services": [a()], "defaults": {"if_present": True}},
        {"services": [a(profile="p")], "profiles": [{"name": "p", "if_present": True}]},
        {"services": [a()], "layers": {"keepalive_services__x": [a(if_present=True)]}},
    ],
    ids=["entry", "defaults", "profile", "layer"],
)
def test_that_a_unit_may_be_missing_can_be_said_wherever_settings_can(where: t.Dict[str, t.Any]) -> None:
    service = only(**where)
    assert (service["if_present"], service["expected"]["if_present"]) == (True, True)
    assert only([a(if_present=False)], defaults={"if_present": True})["if_present"] is False, "the entry's word counts"


def test_a_unit_that_may_be_missing_can_be_waited_for_and_taken_away() -> None:
    entries = [a(after=["b.service"]), {"name": "b.service", "if_present": True}]
    assert [service["name"] for service in resolve(entries)] == ["b.service", "a.service"]
    found = resolution([a(state="absent", if_present=True)])
    assert (found.services, found.absent, found.problems) == ([], [{"name": "a.service", "restart": "if_running"}], [])


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
    ([a(), {"name": "b.service", "after": ["a.service"]}, a(after=["b.service"])],
     ["keepalive_services[0] 'a.service': after: the units wait for each other: a.service after b.service after "
      "a.service; take one 'after' out"]),
    ([a(after=["a.service"])],
     ["keepalive_services[0] 'a.service': after: the units wait for each other: a.service after a.service; "
      "take one 'after' out"]),
    ([a(after="b.service")],
     ["keepalive_services[0] 'a.service': after: 'b.service' is not a list of the names of other listed units"]),
    ([a(after=["b"])], [f"keepalive_services[0] 'a.service': after: {name_problem('b')}"]),
    ([a(state="gone")], ["keepalive_services[0] 'a.service': state: 'gone' is not one of present, absent"]),
    ([{"name": "a.socket", "restart": "reload_then_verify"}],
     ["keepalive_services[0] 'a.socket': restart: a .socket unit cannot be reloaded; "
      "leave it out, it is restarted if it runs"]),
]  # fmt: skip


@pytest.mark.parametrize(("services", "problems"), AFTER, ids=[row[1][0][30:90] for row in AFTER])
def test_what_can_be_wrong_with_order_and_state(services: Services, problems: t.List[str]) -> None:
    assert mistakes(services) == problems


def test_a_circle_is_named_where_the_unit_says_that_it_waits() -> None:
    layers = {"keepalive_services__x": [a(tcp={"keepidle": 1})], "keepalive_services__y": [a(after=["a.service"])]}
    assert mistakes([a()], layers=layers) == [
        "keepalive_services__y[0] 'a.service': after: the units wait for each other: a.service after a.service; "
        "take one 'after' out"
    ]


def test_absent_units_are_kept_apart() -> None:
    layers = {"keepalive_services__x": [a(tcp={"keepidle": 5}, restart="never"), {"name": "b.service"}]}
    found = resolution([a(state="absent")], layers=layers)
    assert [service.name for service in found.services] == ["b.service"]
    assert found.absent == [{"name": "a.service", "restart": "never"}]
    back = resolution([a(state="present")], layers={"keepalive_services__x": [a(state="absent")]})
    assert (len(back.services), back.absent) == (1, [])


def test_one_policy_for_all() -> None:
    services: Services = [a(restart="if_running"), {"name": "b.socket"}, {"name": "c.service", "state": "absent"}]
    found = resolution(services, defaults={"restart": "if_running"}, restart="never")
    assert [service.restart for service in found.services] == ["never"] * 2 == [found.absent[0]["restart"]] * 2
    assert "stale_environment" in found.services[0].expected.accept, "a socket may wait for the window too"
    reloaded = resolution(services, restart="reload_then_verify")
    assert [service.restart for service in reloaded.services] == ["reload_then_verify", "if_running"]
    assert mistakes([a()], restart="no") == [
        "keepalive_services_restart: restart: 'no' is not one of if_running, never, reload_then_verify"
    ]


def test_what_is_right_is_resolved_next_to_what_is_wrong() -> None:
    """So that what stands in the way on the host is told in the same run."""
    found = resolution([a(tcp={"keepidle": "x"}), {"name": "b.service"}, {"name": "c"}])
    assert [service.name for service in found.services] == ["a.service", "b.service"]
    assert len(found.problems) == 2


def test_a_unit_listed_twice_that_contradicts_itself() -> None:
    problems = mistakes([a(tcp={"keepidle": 60}), {"name": "b.service"}, a(tcp={"keepidle": 30}, restart="never")])
    assert problems == [
        "keepalive_services[2] 'a.service': tcp.keepidle: 30 contradicts 60 at keepalive_services[0] 'a.service'; "
        "keep one entry for the unit"
    ]


def test_each_contradiction_is_named_with_where_the_first_stands() -> None:
    first, other = "keepalive_services[0] 'a.service'", "keepalive_services[2] 'a.service'"
    one = a(restart="never", min_sockets=1, debug=True, tcp={"keepidle": 60, "keepcnt": 3})
    two = a(restart="if_running", min_sockets=1, libraries=["listen"], tcp={"keepidle": 61, "keepintvl": 3})
    kept = f"at {first}; keep one entry for the unit"
    assert mistakes([one, {"name": "b.service"}, two]) == [
        f"{other}: restart: 'if_running' contradicts 'never' {kept}",
        f"{other}: tcp.keepidle: 61 contradicts 60 {kept}",
    ]


def test_two_lists_may_say_different_things_of_a_unit() -> None:
    assert only([a(restart="never")], layers={"l": [a(restart="if_running")]})["restart"] == "never"


def test_what_a_mode_of_the_collection_has_below_the_defaults() -> None:
    base = {"restart": "never", "tcp": {"keepidle": 1, "keepcnt": 1}}
    service = only([a(tcp={"keepintvl": 3})], defaults={"tcp": {"keepcnt": 2}}, base=base)
    assert (service["restart"], service["tcp"]["keepidle"], service["tcp"]["keepcnt"]) == ("never", 1, 2)
    assert mistakes([a()], base={"restart": "x"}) == [
        "base: restart: 'x' is not one of if_running, never, reload_then_verify"
    ]


def test_what_is_left_out_is_nothing_whichever_way_it_is_left_out() -> None:
    """As variables come that nobody has set."""
    nothing = resolution([a()])
    for empty in (None, {}):
        assert resolution([a()], empty, None, empty, base=empty) == nothing
    assert resolution([a()], profiles=[]) == nothing == resolution([a()], layers={"keepalive_services__x": None})


def test_an_entry_is_not_changed_by_what_is_made_of_it() -> None:
    profiles = [{"name": "p", "tcp": {"keepidle": 1}}]
    resolution([a(profile="p", tcp={"keepcnt": 1})], profiles=profiles, layers={"l": [a(tcp={"keepintvl": 1})]})
    assert profiles == [{"name": "p", "tcp": {"keepidle": 1}}]


def test_a_profile_that_no_entry_takes_changes_nothing() -> None:
    assert only([a()], profiles=[{"name": "p", "tcp": {"keepidle": 1}}])["tcp"]["keepidle"] == 15


def test_the_restart_of_an_absent_unit_is_that_of_all_that_was_said() -> None:
    services = [{"name": "b.service"}, a(state="absent")]
    found = resolution(services, defaults={"restart": "never"})
    assert found.absent == [{"name": "a.service", "restart": "never"}]
    assert resolution(services).absent == [{"name": "a.service", "restart": "if_running"}]
    profiled = resolution([a(state="absent", profile="p")], profiles=[{"name": "p", "restart": "never"}])
    assert profiled.absent == [{"name": "a.service", "restart": "never"}]


def test_a_unit_listed_twice_that_agrees_is_merged() -> None:
    service = only([a(tcp={"keepidle": 60}), a(tcp={"keepidle": "60", "keepcnt": 3}, min_sockets=1)])
    assert (service["tcp"]["keepidle"], service["tcp"]["keepcnt"], service["min_sockets"]) == (60, 3, 1)
