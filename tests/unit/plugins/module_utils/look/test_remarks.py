# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator is told before anything is written, to the word."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look.decision import Aim
from ansible_collections.netops.keepalive.plugins.module_utils.look.remarks import (
    Compiler,
    nothing_listed,
    obstacles,
    told_once,
    what_to_know,
)

OBSTACLE = "the libraries cannot be compiled: no place for temporary files"
AIM = Aim([{"name": "web.service", "restart": "if_running", "warnings": ["web.service: is odd"]}])
NOBODY = Aim([])
HERE = Compiler()
NO_CC = {"missing": ["cc", "make"], "families": ["debian"], "obstacle": ""}


def found(**more: t.Any) -> t.Dict[str, t.Any]:
    told: t.Dict[str, t.Any] = {"problems": [], "absent_here": [], "dropins": ["web.service"], "units": {}, "build": {}}
    return {**told, **more}


def said(told: t.Dict[str, t.Any], aim: Aim = NOBODY, compiler: Compiler = HERE, **more: t.Any) -> t.List[str]:
    return what_to_know(aim, {**told, "dropins": told["dropins"] if aim.services else []}, compiler, **more)


def test_where_there_is_nothing_to_know_nothing_is_said() -> None:
    assert said(found()) == []
    assert said(found(), AIM._replace(services=[{"name": "web.service"}])) == []


@pytest.mark.parametrize(
    "other",
    [{"services": [{}]}, {"absent": [{}]}, {"purge": True}, {"use": ["connect"]}],
    ids=["listed", "absent", "purge", "host-wide"],
)
def test_that_no_service_is_listed_is_said(other: t.Dict[str, t.Any]) -> None:
    assert nothing_listed(NOBODY, found()) == [
        "no service is listed for it (keepalive_services, keepalive_services__*): there is nothing to do"
    ]
    assert nothing_listed(NOBODY._replace(**other), found()) == []
    assert nothing_listed(NOBODY, found(absent_here=["a.service"])) == []


def test_who_is_not_here_and_may_miss() -> None:
    assert said(found(absent_here=["a.service", "b@.service"])) == [
        "a.service, b@.service: left out, because this host has no such unit (if_present)"
    ]
    assert said(
        found(absent_here=["a.service", "c.service"], stood_in={"c.service": ["c@1.service", "d.service"]})
    ) == [
        "a.service: left out, because this host has no such unit (if_present)",
        "c.service: left out, because it has no process here; c@1.service and d.service have an entry (if_present)",
    ]


def test_what_surprises_people_in_an_entry() -> None:
    assert said(found(), AIM) == ["web.service: is odd"]


@pytest.mark.parametrize(
    ("purge", "what"),
    [
        (
            False,
            "list it with 'state: absent' to take it away, or set keepalive_services_purge to take all of these away",
        ),
        (True, "it is taken away, because of keepalive_services_purge"),
    ],
)
def test_drop_ins_that_nobody_lists(purge: bool, what: str) -> None:
    aim = Aim([], [{"name": "listed.service"}], purge=purge)
    told = found(dropins=["a.service", "listed.service", "b.service"])
    assert what_to_know(aim, told, HERE) == [
        f"a.service, b.service: no entry on this host any more, and still with a drop-in from an earlier run; {what}"
    ]


def test_the_host_wide_mode_takes_the_drop_ins_of_services_away() -> None:
    aim = Aim([], use=["connect"])
    assert what_to_know(aim, found(dropins=["a.service"]), HERE) == [
        "a.service: no entry on this host any more, and still with a drop-in from an earlier run; it is taken away, "
        "for in the host-wide mode no service has one"
    ]


@pytest.mark.parametrize(
    ("packages", "named"), [(None, "the packages of its distribution"), (["gcc", "make"], "gcc, make")]
)
def test_a_compiler_that_is_going_to_be_installed(packages: t.Optional[t.List[str]], named: str) -> None:
    assert said(found(build=NO_CC), compiler=Compiler(packages=packages)) == [
        f"cc and make: not there; to compile the libraries a compiler is going to be installed ({named})"
    ]
    assert obstacles(found(build=NO_CC), Compiler(packages=packages)) == []


@pytest.mark.parametrize(
    ("build", "packages", "why"),
    [
        (NO_CC, [], "keepalive_build_packages is empty, so none is installed"),
        (
            {**NO_CC, "families": ["plan9", "unix"]},
            None,
            "its packages on this distribution (plan9 unix) are not known",
        ),
    ],
)
def test_a_compiler_that_cannot_be_installed_stands_in_the_way(
    build: t.Dict[str, t.Any], packages: t.Optional[t.List[str]], why: str
) -> None:
    told, compiler = found(build=build), Compiler(packages=packages)
    assert said(told, compiler=compiler) == []
    assert obstacles(told, compiler) == [
        f"cc and make: not there, the libraries cannot be compiled, and {why}; "
        "set keepalive_build_packages, or keepalive_build_prebuilt"
    ]
    assert obstacles(told, compiler._replace(elsewhere=True)) == []


def test_on_another_distribution_the_packages_that_are_named_will_do() -> None:
    assert obstacles(found(build={**NO_CC, "families": ["plan9"]}), Compiler(packages=["gcc"])) == []


def test_a_host_without_a_place_to_compile_is_not_begun_where_it_compiles() -> None:
    told = found(problems=["one"], build={"missing": [], "obstacle": OBSTACLE})
    assert obstacles(told, HERE) == ["one", OBSTACLE]
    assert obstacles(told, Compiler(elsewhere=True)) == ["one"]
    assert obstacles(found(problems=["one"], build={"missing": [], "obstacle": ""}), HERE) == ["one"]
    assert obstacles(found(problems=["one"]), HERE) == ["one"]


def test_restarts_that_are_due_and_left_to_the_operator() -> None:
    aim = Aim([{"name": "web.service", "restart": "never"}])
    told = found(units={"web.service": {"stale": {"web.service": ["one", "two"]}}})
    assert said(told, aim) == ["web.service: one, two"]
    assert said(told, Aim([{"name": "web.service", "restart": "if_running"}])) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [({}, False), ({"check_mode": True}, True), ({"must_be_right": False}, True),
     ({"check_mode": True, "verify": False}, False)],
)  # fmt: skip
def test_sockets_that_are_wrong_are_told_where_the_run_does_nothing_about_them(
    change: t.Dict[str, t.Any], told: bool
) -> None:
    sockets = {"units": {"web.service": {"ok": False, "reasons": {"stale_environment": 2}}}}
    aim = Aim([{"name": "web.service"}])._replace(**change)
    text = ["live sockets are wrong now: web.service (stale_environment)"]
    assert said(found(), aim, sockets=sockets) == (text if told else [])


def test_what_is_said_of_many_hosts_is_said_once() -> None:
    said = {"h1": ["a", "b", "a"], "h2": ["b"], "h3": [], "h4": ["b"], "h5": ["b\x1b[31m"], "h6": ["b"]}
    assert told_once(said) == ["h1: a", "h1, h2, h4 and 1 more: b", "h5: b\\x1b[31m"]
    assert told_once({}) == []
