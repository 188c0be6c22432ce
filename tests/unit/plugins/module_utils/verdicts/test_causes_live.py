# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a wrong socket of a service with live only waits for its restart, and when somebody else has set it."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import WrongOption
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts import causes_live
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Cause
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.causes_live import LiveCauses
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting
from ansible_collections.netops.keepalive.tests.unit.support.made_up import made, tuned

LIVE = expecting(live=True)
ON = made(1, **tuned(7200, 75, 9))
IDLE = WrongOption("keepidle", 7200, 60)
MAXSEG = WrongOption("maxseg", 1460, 500)
NOT_LOADED = Cause("library_not_loaded", "It is not loaded.")
DOUBT = Cause("undetermined", "Who knows.", ("overridden_by_application", "opened_before_preload"))
OWN = Cause(
    "overridden_by_application",
    "The application itself set other values: keepidle is 7200 instead of 60; they are left alone unless 'overwrite' "
    "is true.",
)
WAITS = Cause(
    "due_at_restart",
    "maxseg is 1460 instead of 500: this cannot be changed on an open socket, it waits for a restart.",
)
NEXT_RUN = Cause(
    "due_at_restart",
    "Opened after the values were set on the open sockets, by a process that does not have them: the next run sets "
    "them here too, a restart sets them for good.",
)


class Bench:
    """Live causes with a memory and an origin that are made up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left_alone = False
        self.memory: t.Any = types.SimpleNamespace(
            units={"a.service": types.SimpleNamespace(seen={9: None})}, damages=["damaged"]
        )
        self.origins: t.List[t.Any] = []
        self._patch = monkeypatch

    def live(self, memory: t.Any) -> LiveCauses:
        def origin(*arguments: t.Any, **named: t.Any) -> t.Any:
            self.origins.append((arguments, named))
            return types.SimpleNamespace(left_to_the_application=lambda *_given: self.left_alone)

        self._patch.setattr(causes_live, "Origin", origin)
        self._patch.setattr(causes_live, "Memory", lambda: self.memory)
        given: t.Any = ["sweep", "facts", memory, "kernels", "/x"]
        return LiveCauses(*given)

    def refine(self, cause: Cause, case: Case) -> Cause:
        return self.live(self.memory).refine(cause, case)


@pytest.fixture(name="bench")
def bench_fixture(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.mark.parametrize(
    ("cause", "record", "wrong", "refined"),
    [
        (NOT_LOADED, ON, (IDLE,), NEXT_RUN),
        (NOT_LOADED, ON, (IDLE, MAXSEG), NEXT_RUN),
        (NOT_LOADED, ON, (MAXSEG,), WAITS),
        (NOT_LOADED, ON._replace(inode=9), (IDLE,), NOT_LOADED),  # it was set there, and has changed since
        (NOT_LOADED, ON._replace(inode=9), (MAXSEG,), WAITS),
        (Cause("stale_environment", ""), ON, (IDLE,), NEXT_RUN),
        (Cause("opened_before_preload", ""), ON, (IDLE,), NEXT_RUN),
        (Cause("secure_exec", ""), ON, (IDLE,), Cause("secure_exec", "")),
        (Cause("overridden_by_application", ""), ON, (IDLE,), Cause("overridden_by_application", "")),
        # as was just asked, it was not the application: what is left is an old connection
        (DOUBT, ON, (IDLE,), NEXT_RUN),
        (DOUBT, ON, (MAXSEG,), DOUBT),
        (DOUBT, ON._replace(keepalive=False), (IDLE,), DOUBT),
        (DOUBT._replace(candidates=("overridden_by_application",)), ON, (IDLE,),
         DOUBT._replace(candidates=("overridden_by_application",))),
    ],
)  # fmt: skip
def test_what_the_next_run_or_a_restart_sets_is_said_to_be_due(
    bench: Bench, cause: Cause, record: t.Any, wrong: t.Tuple[WrongOption, ...], refined: Cause
) -> None:
    assert bench.refine(cause, Case(record, wrong, LIVE)) == refined


@pytest.mark.parametrize(("wrong", "refined"), [((IDLE,), OWN), ((MAXSEG, IDLE), OWN), ((MAXSEG,), WAITS)])
def test_what_the_application_has_set_is_left_alone(
    bench: Bench, wrong: t.Tuple[WrongOption, ...], refined: Cause
) -> None:
    bench.left_alone = True
    assert bench.refine(NOT_LOADED, Case(ON, wrong, LIVE)) == refined


@pytest.mark.parametrize(
    "case",
    [
        Case(ON, (IDLE,), expecting()),
        Case(ON._replace(readable=False), (IDLE,), LIVE),
        Case(ON, (IDLE,), expecting("other.service", live=True)),  # nothing was ever set on its open sockets
        Case(ON, (MAXSEG,), expecting("other.service", live=True)),
    ],
)
def test_where_nothing_was_set_nothing_is_due(bench: Bench, case: Case) -> None:
    assert bench.refine(NOT_LOADED, case) == NOT_LOADED


def test_the_memory_of_the_host_is_read_only_where_it_is_needed(bench: Bench) -> None:
    live = bench.live(None)
    assert live.refine(NOT_LOADED, Case(ON, (IDLE,), expecting())) == NOT_LOADED
    assert (live.damages, bench.origins) == ((), [])
    assert live.refine(NOT_LOADED, Case(ON, (IDLE,), LIVE)) == NEXT_RUN
    assert live.origin is live.origin
    assert (live.memory, live.damages) == (bench.memory, ("damaged",))
    named = {"facts_of": "facts", "kernels": "kernels", "library_dir": "/x", "memory": bench.memory}
    assert bench.origins == [(("sweep",), named)]


def test_a_memory_that_is_given_is_the_one(bench: Bench) -> None:
    given: t.Any = types.SimpleNamespace(units={}, damages=[])
    live = bench.live(given)
    assert (live.memory, live.damages) == (given, ())
    assert live.refine(NOT_LOADED, Case(made(1), (IDLE,), LIVE)) == NOT_LOADED


def test_a_process_under_a_program_needs_no_restart(bench: Bench) -> None:
    """What it opens has the values; of one that has not, a restart would say nothing."""
    case = Case(ON, (IDLE,), LIVE._replace(backend="bpf"))
    older = Cause("opened_before_attach", "It is older.")
    assert bench.refine(older, case) == older
    assert bench.refine(older, case._replace(wrong=(MAXSEG,))) == WAITS
