# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units whose options a program sets: this kernel's programs, real sockets, and what is said of them."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attach import attach
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import find_root
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import program_for
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit, unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Answer
from ansible_collections.netops.keepalive.tests.unit.support.audited import audit, drop_in, expecting, only
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    foreign_at,
    member,
    needs_programs,
    own_cgroup,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

pytestmark = needs_programs

TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 120000}
PROGRAM = program_for(["connect", "listen"], TCP)
OTHER = program_for(["connect", "listen"], {**TCP, "keepidle": 30})
WANTED = expecting(libraries="connect listen", tcp=TCP, backend="bpf")


@pytest.fixture
def folder() -> t.Iterator[pathlib.Path]:
    with own_cgroup() as made:
        yield made


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


class Bench:
    """A process in a cgroup of its own, which is the unit a.service to the audit."""

    def __init__(self, proc: ShadowProc, folder: pathlib.Path, server: socket.socket, child: Child) -> None:
        self.folder, self.child, self.drop_ins = str(folder), child, pathlib.Path("/nowhere")
        self._proc, self._server = proc, server
        proc.add(child.pid, "a.service")

    def connect(self, then: str = "") -> None:
        address = ("127.0.0.1", self._server.getsockname()[1])
        self.child.run(f"globals().setdefault('kept', []).append(s := socket.create_connection({address}))\n{then}")

    def asked(self, **changes: t.Any) -> Answer:
        name = f"/{pathlib.Path(self.folder).relative_to(find_root())}"
        unit: AskedUnit = unit_from("a.service", None)._replace(control_group=name)
        return audit(self._proc, WANTED._replace(**changes), units=[unit], drop_ins=self.drop_ins)


@pytest.fixture(name="bench")
def bench_fixture(proc: ShadowProc, folder: pathlib.Path, server: socket.socket) -> t.Iterator[Bench]:
    with member(folder) as child:
        yield Bench(proc, folder, server, child)


def summary(answer: Answer) -> t.Tuple[t.Any, ...]:
    unit = answer.units["a.service"]
    return unit["compliant"], unit["reasons"], unit["ok"]


def test_a_unit_that_has_its_program_is_right(bench: Bench) -> None:
    attach(bench.folder, PROGRAM)
    bench.connect()
    answer = bench.asked()
    assert summary(answer) == (1, {}, True)
    (line, *_others) = answer.units["a.service"]["programs"]
    assert line.startswith("ours: keepalive_1 (id ")
    assert line.endswith(
        f"attached to {bench.folder}: connect, accept, listen; keepidle 60, keepcnt 4, keepintvl 15, "
        "user_timeout 120000"
    )


def test_a_right_socket_does_not_make_up_for_a_program_that_is_missing(bench: Bench) -> None:
    attach(bench.folder, PROGRAM)
    bench.connect()
    attach(bench.folder, OTHER)
    assert summary(bench.asked()) == (1, {"program_replaced": 1}, False)
    answer = bench.asked(accept=frozenset(("program_replaced",)))
    assert summary(answer) == (1, {"program_replaced": 1}, True)
    (wrong,) = answer.units["a.service"]["programs_wrong"]
    assert (wrong["unit"], wrong["reason"]) == ("a.service", "program_replaced")
    assert "keepidle 30 where 60 is expected" in wrong["detail"]


def test_without_a_program_and_sockets(bench: Bench) -> None:
    assert summary(bench.asked()) == (0, {"program_not_attached": 1}, False)


def test_what_was_open_before_is_told_from_what_the_application_has_set(bench: Bench) -> None:
    bench.connect()
    attach(bench.folder, PROGRAM)
    assert only(bench.asked()).reason == "opened_before_attach"
    bench.connect()
    bench.connect("s.setsockopt(6, 4, 300)")
    answer = bench.asked()
    assert summary(answer) == (1, {"opened_before_attach": 1, "overridden_by_application": 1}, False)
    accepting = frozenset(("opened_before_attach", "overridden_by_application"))
    assert summary(bench.asked(accept=accepting))[2]


def test_what_has_the_values_of_before_is_not_taken_for_the_applications(
    bench: Bench, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_force, "FOLDER", str(tmp_path / "noted"))
    path = drop_in(tmp_path, tmp_path, LD_PRELOAD="", TCP_KEEPINTVL="15", TCP_KEEPCNT="4", TCP_USER_TIMEOUT="120000")
    bench.drop_ins = tmp_path
    text = path.read_text()
    in_force.note(str(path), text.replace("TCP_KEEPIDLE=60", "TCP_KEEPIDLE=30"))
    attach(bench.folder, OTHER)
    bench.connect()
    in_force.note(str(path), text)
    attach(bench.folder, PROGRAM)
    verdict = only(bench.asked())
    assert (verdict.reason, "keepidle is 30 instead of 60." in verdict.detail) == ("opened_before_attach", True)


def test_a_program_of_others_is_named(bench: Bench) -> None:
    with foreign_at(pathlib.Path(bench.folder), name="cilium") as number:
        answer = bench.asked()
    lines = [line for line in answer.units["a.service"]["programs"] if "cilium" in line]
    assert lines == [f"foreign: cilium (id {number}), attached to {bench.folder}"]
    (wrong,) = answer.units["a.service"]["programs_wrong"]
    assert wrong["reason"] == "program_not_attached"
    assert f"Programs of others run for it, too: cilium (id {number})" in wrong["detail"]


def test_one_that_leaves_no_room_has_taken_the_place(bench: Bench) -> None:
    with foreign_at(pathlib.Path(bench.folder), 0, "alone"):
        assert summary(bench.asked()) == (0, {"program_replaced": 1}, False)


@pytest.mark.parametrize(("has", "backend"), [("program", "bpf"), ("nothing", "preload"), ("drop-in", "bpf"),
                                              ("library", "preload")])  # fmt: skip
def test_what_sets_the_options_is_told_from_what_is_set_up(
    bench: Bench, tmp_path: pathlib.Path, has: str, backend: str
) -> None:
    """Where the entry leaves it to the host."""
    if has == "program":
        attach(bench.folder, PROGRAM)
    if has in ("drop-in", "library"):
        library = "/usr/lib/libkeepalive/libkeepalive.so" if has == "library" else ""
        path = drop_in(tmp_path, tmp_path, LD_PRELOAD=library)
        if has == "drop-in":
            path.write_text(path.read_text() + "ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach connect -\n")
        bench.drop_ins = tmp_path
    bench.connect()
    expectation = next(iter(bench.asked(backend="auto").verdicts.values())).expectation
    assert expectation is not None
    assert expectation.backend == backend


def test_a_slice_stands_for_all_that_runs_in_it(proc: ShadowProc, folder: pathlib.Path, server: socket.socket) -> None:
    """What has an entry of its own counts for that; what is in another slice, or in none, for nobody."""
    name = f"/{folder.relative_to(find_root())}"
    connecting = f"s = socket.create_connection({server.getsockname()})"
    web = unit_from("web.slice", None)._replace(control_group=name, may_have_processes=True)
    inner = unit_from("web-inner.slice", None)._replace(control_group="/gone", may_have_processes=True)
    own = unit_from("own.service", None)
    wanted = [WANTED._replace(name=unit.name) for unit in (web, inner)]
    places = {"one.service": "/web.slice", "scope.scope": "/web.slice/web-inner.slice", "own.service": "/web.slice",
              "other.service": "/web2.slice"}  # fmt: skip
    attach(str(folder), PROGRAM)
    with contextlib.ExitStack() as ends:
        for unit, slices in places.items():
            child = ends.enter_context(member(folder, connecting))
            proc.add(child.pid, unit, slices=slices)
        answer = audit(proc, *wanted, units=[web, inner, own])
    counts = {name: (unit["compliant"], unit["reasons"]) for name, unit in answer.units.items()}
    assert counts == {
        "web.slice": (1, {}),
        "web-inner.slice": (1, {"program_not_attached": 1}),
        "own.service": (0, {}),
    }
    (line,) = answer.units["web.slice"]["programs"]
    assert f"attached to {folder}: connect" in line
    assert answer.units["web.slice"]["programs_wrong"] == []


def test_in_a_slice_what_was_open_before_and_what_systemd_holds_is_judged_by_the_slices_program(
    proc: ShadowProc, folder: pathlib.Path, server: socket.socket
) -> None:
    web = unit_from("web.slice", None)._replace(
        control_group=f"/{folder.relative_to(find_root())}", may_have_processes=True
    )
    with member(folder, f"s = socket.create_connection({server.getsockname()})") as child:
        proc.add(child.pid, "one.service", slices="/web.slice", environ=f"LISTEN_PID={child.pid}\0LISTEN_FDS=9\0")
        attach(str(folder), PROGRAM)
        verdict = only(audit(proc, WANTED._replace(name="web.slice"), units=[web]))
    assert verdict.reason == "opened_before_attach"


@pytest.mark.parametrize(
    ("since", "reason"), [(1.0, "opened_before_attach"), (None, "undetermined"), (1e9, "undetermined")]
)
def test_a_listener_of_systemds_is_as_old_as_its_socket_unit(
    bench: Bench, since: t.Optional[float], reason: str
) -> None:
    """It is in no process of the unit, so nothing else tells how old it is."""
    port = bench.child.run("kept = socket.create_server(('127.0.0.1', 0))\nanswer = kept.getsockname()[1]")
    attach(bench.folder, program_for(["listen"], TCP))
    bench._proc.add(bench.child.pid, "init.scope", shown_as=1)
    name = f"/{pathlib.Path(bench.folder).relative_to(find_root())}"
    unit: AskedUnit = unit_from("a.socket", None)._replace(
        patterns=("a.service",),
        load_state="loaded",
        may_have_processes=True,
        control_group=name,
        listens=(("127.0.0.1", port),),
        listening_since=since,
    )
    wanted = WANTED._replace(name="a.socket", libraries=frozenset())
    found = audit(bench._proc, wanted, units=[unit], drop_ins=bench.drop_ins)
    assert only(found).reason == reason
