# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry may ask for, and gets, where a program of the kernel sets the options."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, mistakes, only

PLACE = "keepalive_services[0] 'a.service'"


def a_socket(**settings: t.Any) -> t.Dict[str, t.Any]:
    return {"name": "a.socket", **settings}


def test_later_lists_win() -> None:
    profiles = [{"name": "p", "backend": "auto"}]
    assert only([a()], defaults={"backend": "bpf"})["backend"] == "bpf"
    assert only([a(profile="p")], defaults={"backend": "bpf"}, profiles=profiles)["backend"] == "auto"
    assert only([a(profile="p", backend="preload")], profiles=profiles)["backend"] == "preload"


def test_the_expectation_knows_it() -> None:
    expected = only([a(backend="bpf", enforce=True)])["expected"]
    assert (expected["backend"], expected["enforce"], expected["libraries"]) == ("bpf", True, ["connect"])


def test_a_socket_unit_has_what_listeners_can_have() -> None:
    """Systemd has no directives for most of it."""
    service = only([a_socket(backend="bpf", respect=True, tcp={"keepidle": 60, "user_timeout": 90000, "maxseg": 500})])
    assert (service["libraries"], service["respect"]) == ([], True)
    assert service["expected"]["tcp"] == {
        "keepidle": 60, "keepcnt": 9, "keepintvl": 15, "user_timeout": 90000, "maxseg": 500
    }  # fmt: skip


def test_nothing_more_may_be_asked_for_where_the_host_decides() -> None:
    """Either backend must be able to do it."""
    no_directive = "systemd.socket(5) has no directive for it; it has keepidle, keepcnt, keepintvl, defer_accept"
    assert mistakes([a_socket(backend="auto", tcp={"maxseg": 500})]) == [
        f"keepalive_services[0] 'a.socket': tcp.maxseg: {no_directive}"
    ]
    assert only([a(backend="auto", libraries=["listen"], tcp={"defer_accept": 5})])["tcp"]["defer_accept"] == 5


@pytest.mark.parametrize(
    ("entry", "problems"),
    [
        (a(backend="bpf", libraries=["listen"], tcp={"defer_accept": 5}),
         [f"{PLACE}: tcp.defer_accept: with 'backend: bpf' nothing sets it; take 'backend: preload' with the library "
          "listen, or name the .socket unit"]),
        (a_socket(backend="bpf", tcp={"defer_accept": 5}),
         ["keepalive_services[0] 'a.socket': tcp.defer_accept: with 'backend: bpf' nothing sets it; take "
          "'backend: preload' with the library listen, or leave the backend out: systemd sets it"]),
        (a_socket(backend="bpf", libraries=["listen"], tcp={"syncnt": 5}),
         ["keepalive_services[0] 'a.socket': libraries: a .socket unit loads no library, the program acts as the "
          "library listen does; leave it out, or name the .service unit",
          "keepalive_services[0] 'a.socket': tcp.syncnt: has no effect with a .socket unit, which connects nowhere; it "
          "needs connect or socket"]),
        (a(backend="bpf", libraries=["listen"], tcp={"syncnt": 5}),
         [f"{PLACE}: tcp.syncnt: has no effect with libraries [listen]; it needs connect or socket"]),
        (a(enforce=True),
         [f"{PLACE}: enforce: takes 'backend: bpf', and this unit has preload; add that, or leave it out"]),
        (a(enforce=True, backend="auto"),
         [f"{PLACE}: enforce: takes 'backend: bpf', and this unit has auto; add that, or leave it out"]),
        (a(enforce=True, backend="bpf", respect=True),
         [f"{PLACE}: enforce: contradicts 'respect: true'; leave one of them out"]),
        (a(debug=True, backend="bpf"),
         [f"{PLACE}: debug: with 'backend: bpf' no library is in the process that could say it; leave it out"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_asks_for_it_itself(
    entry: t.Dict[str, t.Any], problems: t.List[str]
) -> None:
    assert mistakes([entry]) == problems


def test_what_is_inherited_and_cannot_be_is_left_out() -> None:
    defaults = {"debug": True, "enforce": True, "tcp": {"defer_accept": 5}}
    by_program, by_library = (
        only([a(backend=backend, libraries=["listen"])], defaults=defaults) for backend in ("bpf", "preload")
    )
    assert (by_program["debug"], by_program["enforce"], by_program["tcp"]["defer_accept"]) == (False, True, 0)
    assert (by_library["debug"], by_library["enforce"], by_library["tcp"]["defer_accept"]) == (True, False, 5)
    assert only([a(respect=True)], defaults=defaults)["enforce"] is False


def test_the_variables_are_the_same() -> None:
    """So what an EnvironmentFile= says counts alike."""
    by_program, by_library = (
        only([a(backend=backend, respect=True, tcp={"keepidle": 60})]) for backend in ("bpf", "preload")
    )
    assert by_program["tcp"] == by_library["tcp"]


def test_a_slice_takes_a_program_and_nothing_else() -> None:
    entry = {"name": "machine.slice", "backend": "bpf", "libraries": ["connect", "listen"], "tcp": {"keepidle": 60}}
    service = only([entry])
    assert (service["type"], service["expected"]["backend"]) == ("slice", "bpf")
    assert only([{"name": "machine.slice"}], defaults={"backend": "bpf"})["type"] == "slice"
    place = "keepalive_services[0] 'machine.slice'"
    for backend in ({}, {"backend": "preload"}, {"backend": "auto"}):
        said = backend.get("backend", "preload")
        assert mistakes([{"name": "machine.slice", **backend}]) == [
            f"{place}: backend: {said}: a slice has no process to load a library; say 'backend: bpf'"
        ]


def test_the_topmost_slice_is_none() -> None:
    assert mistakes([{"name": "-.slice", "backend": "bpf"}]) == [
        "keepalive_services[0] '-.slice': name: the topmost slice is the whole host; name system.slice, or another one "
        "below it"
    ]
