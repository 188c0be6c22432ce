# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is advised where no library gets in: a program of the kernel, on hosts that can have one."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Advice, Program, advise
from ansible_collections.netops.keepalive.plugins.module_utils.audit.entry import AsFound, found_in_drop_in
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.audit.paste import Entries

VALUES = KeepaliveTimes(120, 30, 4)
STATIC = Program("/x", unit="a.service", static=True)
LOST = "not even INVOCATION_ID, which systemd gives to every service, came through"
TCP = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}
ENTRY = {"name": "a.service", "libraries": ["connect"], "tcp": TCP, "backend": "bpf"}


def advised(program: Program, side: str = "outgoing", able: bool = True, **more: t.Any) -> Advice:
    return advise(program, side, VALUES, can_attach=lambda entry: able, **more)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (STATIC, "the program is statically linked"),
        (STATIC._replace(go=True, path="/x"), "a Go program makes its system calls itself"),
        (STATIC._replace(static=False, musl=True), "the program uses musl, the libraries glibc"),
        (STATIC._replace(static=False, secure=True),
         "the program is setuid or has file capabilities: the loader drops LD_PRELOAD"),
        (STATIC._replace(static=False, lost=LOST),
         f"what starts it gives it an environment of its own ({LOST}), so a drop-in does not reach it"),
    ],
)  # fmt: skip
def test_where_no_library_gets_in_the_kernel_can(program: Program, why: str) -> None:
    advice = advised(program)
    assert (advice.entry, advice.obstacle, advice.way) == (ENTRY, why, "")
    assert advice.kind == ("native" if program.go else "program"), "Go has a setting of its own"
    assert not any("socket_options sets" in note or "keepalive_build" in note for note in advice.notes)


@pytest.mark.parametrize("program", [STATIC, STATIC._replace(static=False, lost=LOST)])
def test_a_host_whose_kernel_cannot_is_advised_as_ever(program: Program) -> None:
    assert advised(program, able=False) == advise(program, "outgoing", VALUES)
    assert advised(program, able=False).entry is None


@pytest.mark.parametrize("unit", ["session-*.scope", "user@.service", "docker-1.scope", ""])
def test_only_services_get_an_entry(unit: str) -> None:
    assert advised(STATIC._replace(unit=unit)).entry is None


def test_where_a_library_does_the_kernel_is_not_asked() -> None:
    def ask(entry: t.Any) -> bool:
        raise AssertionError(entry)

    assert advise(STATIC._replace(static=False), "outgoing", VALUES, can_attach=ask).kind == "preload"
    ended = {"ended_by": [5000], "all_ended": True}
    assert advise(STATIC, "outgoing", VALUES, can_attach=ask, **ended).entry is None  # type: ignore[arg-type]


def test_what_the_program_sets_itself_needs_more() -> None:
    notes = advised(STATIC, "accepted", own=KeepaliveTimes(300, 100, 3)).notes
    assert "what the program sets after accept() wins, unless the entry says 'enforce: true' as well" in notes


def test_a_unit_that_has_a_program_keeps_it() -> None:
    """Whatever a library could do there: an entry takes nothing away."""
    has = found_in_drop_in({"TCP_KEEPIDLE": "600", "TCP_SYNCNT": "3"}, ("enforce", "listen"))
    assert has == AsFound(frozenset({"listen"}), said={"syncnt": 3}, asked=frozenset({"listen"}), all_off=True,
                          ours=True, by_program=True)  # fmt: skip
    advice = advised(STATIC._replace(static=False), able=False, found=has)
    assert advice.entry == {**ENTRY, "libraries": ["connect", "listen"], "tcp": {**TCP, "syncnt": 3}}
    assert (advice.kind, advice.obstacle) == ("program", "")
    assert any("has a program attached already" in note for note in advice.notes)


def test_one_program_that_no_library_reaches_decides_for_the_whole_unit() -> None:
    entries = Entries(["h"])
    entries.add("h", {key: value for key, value in ENTRY.items() if key != "backend"})
    entries.add("h", {**ENTRY, "libraries": ["listen"]})
    assert entries.lines(", ".join) == [
        "keepalive_services:",
        "  - name: 'a.service'",
        "    libraries: [connect, listen]",
        "    backend: bpf",
        "    tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}",
    ]
