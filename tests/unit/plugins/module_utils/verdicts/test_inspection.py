# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is selected, summed up and returned first."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit, unit_from
from ansible_collections.netops.keepalive.tests.unit.support.audited import (
    TUNE,
    Refusing,
    audit,
    compile_hold,
    connecting,
    expecting,
    holding,
    only,
    open_to_all,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import (
    Child,
    ShadowProc,
)


def test_a_right_socket_is_compliant_whoever_set_it(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        answer = audit(proc, expecting())
        verdict, (record,) = only(answer), answer.records
        assert (verdict.compliant, verdict.wrong, verdict.reason) == (True, (), None)
        assert record.unit == "a.service"
        assert answer.units["a.service"] == {
            "load_state": None,
            "running": True,
            "state": "running",
            "elsewhere": [],
            "pids": [child.pid],
            "sockets": 1,
            "not_read": 0,
            "relevant": 1,
            "compliant": 1,
            "noncompliant": 0,
            "unknown": 0,
            "unreadable_pids": [],
            "reasons": {},
            "programs": [],
            "programs_wrong": [],
            "accepted": False,
            "ok": True,
        }


def socket_unit(name: str, service: str, port: int, **directives: t.Optional[int]) -> AskedUnit:
    return AskedUnit(name, (service,), "loaded", True, (("127.0.0.1", port),), {"keepalive": 1, **directives})


@pytest.mark.parametrize("idle", [60, 7200])
def test_a_socket_unit_answers_for_its_listener_and_what_came_through_it(proc: ShadowProc, idle: int) -> None:
    with Child() as systemd:
        port, own = systemd.run(
            f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); tune(l, {idle})\n"
            "own = socket.create_server(('127.0.0.1', 0))\n"
            "answer = [l.getsockname()[1], own.getsockname()[1]]"
        )
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", own)):
            service = systemd.run(
                "ready, go = os.pipe(); up, tell = os.pipe()\nanswer = os.fork()\n"
                "if answer == 0:\n"
                "    a = l.accept()[0]; b = own.accept()[0]; c = socket.create_connection(own.getsockname())\n"
                "    os.close(go); os.write(tell, b'+'); os.read(ready, 1); os._exit(0)\n"
                "own.close(); os.read(up, 1)"
            )
            try:
                proc.add(service, "echo.service")
                proc.add(systemd.pid, "init.scope", shown_as=1)
                unit = socket_unit("echo.socket", "echo.service", port, keepidle=60)
                expected = expecting("echo.socket", "")
                answer = audit(proc, expected, units=[unit])
                assert {(record.unit, record.direction, record.local[1]) for record in answer.records} == {
                    ("echo.socket", "listening", port),
                    ("echo.socket", "accepted", port),
                }
                assert [verdict.compliant for verdict in answer.verdicts.values()] == [idle == 60] * 2
                reasons = {verdict.reason for verdict in answer.verdicts.values()}
                assert reasons == {None if idle == 60 else "undetermined"}
                assert answer.units["echo.socket"]["ok"] is (idle == 60)
                stale = audit(proc, expected, units=[socket_unit("echo.socket", "echo.service", port, keepidle=7)])
                reasons = {verdict.reason for verdict in stale.verdicts.values()}
                assert reasons == {None if idle == 60 else "stale_environment"}
                # Asked for besides, the service keeps the rest of its sockets.
                both = audit(proc, expected, units=[unit, unit_from("echo.service", None)])
                assert both.units["echo.socket"]["sockets"] == 2
                assert both.units["echo.service"]["sockets"] == 3
            finally:
                systemd.run("os.close(go); os.wait()")


def test_a_socket_unit_whose_service_has_not_run_yet_answers_for_its_listener(proc: ShadowProc) -> None:
    with Child() as systemd:
        port = systemd.run(f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); tune(l)\nanswer = l.getsockname()[1]")
        proc.add(systemd.pid, "init.scope", shown_as=1)
        unit = socket_unit("echo.socket", "echo.service", port, keepidle=60)
        answer = audit(proc, expecting("echo.socket", ""), units=[unit])
        assert [(record.unit, record.direction) for record in answer.records] == [("echo.socket", "listening")]
        assert answer.units["echo.socket"]["pids"] == [1]


def test_units_that_are_stopped_or_missing(proc: ShadowProc) -> None:
    stopped, missing = (
        AskedUnit(name, (name,), state, False, (), {})
        for name, state in (("stopped.service", "loaded"), ("missing.service", "not-found"))
    )
    expected = [expecting("stopped.service", min_sockets=1), expecting("missing.service")]
    answer = audit(proc, *expected, units=[stopped, missing])
    assert (answer.units["stopped.service"]["running"], answer.units["stopped.service"]["ok"]) == (False, True)
    assert answer.units["missing.service"]["ok"] is False
    assert answer.compliant(expected) is False
    allowed = [expecting("missing.service", if_present=True, min_sockets=1)]
    answer = audit(proc, *allowed, units=[missing])
    assert (answer.units["missing.service"]["ok"], answer.compliant(allowed)) == (True, True)


def test_active_and_without_a_process_is_no_running_unit(proc: ShadowProc) -> None:
    """Who has the processes is named where systemd says that they go with it, and it is not right then."""
    whole, done, loop = (
        AskedUnit(name, (name,), "loaded", True, (), {}, (), name == "loop.service", parts=parts)
        for name, parts in (
            ("whole.service", ("whole@one.service", "whole@two.service")),
            ("done.service", ("whole@two.service",)),
            ("loop.service", ("whole@one.service",)),
        )
    )
    with Child() as child:
        proc.add(child.pid, "whole@one.service")
        answer = audit(proc, expecting("whole.service"), units=[whole, done, loop])
    shown = {name: (unit["state"], unit["elsewhere"], unit["ok"]) for name, unit in answer.units.items()}
    assert shown == {
        "whole.service": ("without_process", ["whole@one.service"], False),
        "done.service": ("without_process", [], True),
        "loop.service": ("crashing", [], False),
    }


def test_min_sockets_counts_relevant_sockets_of_a_running_unit(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0))") as child:
        proc.add(child.pid, "a.service")
        assert audit(proc, expecting(min_sockets=1)).units["a.service"]["ok"] is True
        assert audit(proc, expecting(min_sockets=2)).units["a.service"]["ok"] is False


def test_a_template_gathers_its_instances_but_those_with_an_entry_of_their_own(
    proc: ShadowProc, server: socket.socket
) -> None:
    with Child(connecting(server)) as one, Child(connecting(server)) as two, Child(connecting(server, "")) as three:
        for child, name in ((one, "w@1.service"), (two, "w@2.service"), (three, "w@3.service")):
            proc.add(child.pid, name)
        answer = audit(proc, expecting("w@.service"), expecting("w@3.service"))
        assert answer.units["w@.service"]["sockets"] == 2
        assert answer.units["w@.service"]["ok"] is True
        assert answer.units["w@3.service"]["noncompliant"] == 1
        assert {record.unit for record in answer.records} == {"w@1.service", "w@2.service", "w@3.service"}


def test_the_selection_by_ports_processes_and_the_whole_host(proc: ShadowProc, server: socket.socket) -> None:
    port = server.getsockname()[1]
    with Child(connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0))") as child, Child(
        connecting(server)
    ) as other:
        proc.add(child.pid, "a.service")
        proc.add(other.pid, "b.service")
        listening = child.run("answer = l.getsockname()[1]")

        def found(**selection: t.Any) -> t.List[t.Tuple[str, str]]:
            return sorted((record.unit, record.direction) for record in audit(proc, **selection).records)

        everything = [("a.service", "listening"), ("a.service", "outgoing"), ("b.service", "outgoing")]
        assert found() == everything
        assert set(audit(proc).units) == {"a.service", "b.service"}
        assert found(pids=[child.pid]) == everything[:2]
        assert found(units=[unit_from("b.service", None)]) == everything[2:]
        assert found(units=[unit_from("b.service", None)], pids=[child.pid]) == everything
        assert found(ports=[port]) == everything[1:]
        assert found(ports=[listening]) == everything[:1]
        assert found(pids=[child.pid], ports=[port]) == everything[1:2]


def test_the_selection_by_executables_and_states(
    proc: ShadowProc, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    program = compile_hold(tmp_path)
    code = connecting(server) + "\nl = socket.create_server(('127.0.0.1', 0)); n = socket.socket()"
    with Child(code) as child, holding(program, server) as pid:
        proc.add(child.pid, "a.service")
        proc.add(pid, "b.service")
        python = os.path.basename(os.path.realpath(sys.executable))

        def found(**selection: t.Any) -> t.List[t.Tuple[str, str]]:
            return sorted((record.unit, record.state) for record in audit(proc, **selection).records)

        everything = [
            ("a.service", "CLOSE"),
            ("a.service", "ESTABLISHED"),
            ("a.service", "LISTEN"),
            ("b.service", "ESTABLISHED"),
        ]
        assert found(processes=("hold", python)) == everything
        assert found(processes=("hol?",)) == everything[3:]
        assert found(processes=(str(program),)) == everything[3:]
        assert found(processes=(f"{tmp_path.parent}/*/hold",)) == everything[3:]
        assert found(processes=("/usr/bin/hold",)) == []
        assert found(processes=("hold",), units=[unit_from("a.service", None)]) == everything
        assert found(processes=("hold",), pids=[child.pid]) == everything
        assert found(processes=("nothing",)) == []  # and not the whole host
        assert found(states=frozenset(("ESTABLISHED", "CLOSE"))) == [everything[0], everything[1], everything[3]]
        listening = frozenset(("LISTEN",))
        assert found(states=listening, processes=("hold",)) == []
        assert found(states=listening, ports=[server.getsockname()[1]]) == []


def test_a_sample_counts_exactly_what_it_leaves_out(proc: ShadowProc, server: socket.socket) -> None:
    port = server.getsockname()[1]
    many = (
        f"{TUNE}\nl = socket.create_server(('127.0.0.1', 0)); tune(l)\n"
        f"c = [socket.create_connection(('127.0.0.1', {port})) for _ in range(10)]\n"
        "d = socket.create_connection(l.getsockname()); a = l.accept()[0]; u = socket.socketpair()\n"
    )
    with Child(many) as child, Child(connecting(server)) as small:
        proc.add(child.pid, "a.service")
        proc.add(small.pid, "b.service")
        expected = [expecting(), expecting("b.service")]
        whole = audit(proc, *expected)
        assert (whole.not_read, whole.units["a.service"]["sockets"]) == (0, 13)
        some = audit(proc, *expected, sample=4)
        assert some.not_read == 8
        assert (some.units["a.service"]["sockets"], some.units["a.service"]["not_read"]) == (5, 8)
        assert (some.units["b.service"]["sockets"], some.units["b.service"]["not_read"]) == (1, 0)
        assert {record.inode for record in some.records} <= {record.inode for record in whole.records}
        assert any(record.state == "LISTEN" for record in some.records)
        again = audit(proc, *expected, sample=4)
        assert {record.inode for record in again.records} == {record.inode for record in some.records}
        # What the filters would leave out anyway is neither read nor counted.
        filtered = audit(proc, *expected, sample=4, ports=[port])
        assert (filtered.units["a.service"]["sockets"], filtered.units["a.service"]["not_read"]) == (4, 6)
        assert audit(proc, sample=4).units["a.service"]["not_read"] == 8


HIDDEN = """
import json, os, sys
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit, Question
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
os.setresgid(2000054321, 2000054321, 2000054321)
os.setresuid(2000054321, 2000054321, 2000054321)  # nobody else's: of nobody (65534) there are processes in other tests
states = (("a.service", True), ("b.service", False))
units = tuple(AskedUnit(name, (name,), "loaded", active, (), {}) for name, active in states)
expected = tuple(Expectation(unit.name, frozenset(("connect",)), {}, frozenset(), 0) for unit in units)
answer = Audit(Question(units, frozenset(), frozenset(), expected), PortableReader(), proc=Proc(sys.argv[1])).run()
print(json.dumps([answer.units, answer.unreadable]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a /proc that hides processes")
def test_a_proc_that_hides_processes_does_not_make_units_stopped(tmp_path: pathlib.Path) -> None:
    open_to_all(tmp_path)
    mounted = 'mount -t proc -o hidepid=2 proc "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted, "-", str(tmp_path), sys.executable, HIDDEN],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    units, unreadable = json.loads(done.stdout)
    assert (units["a.service"]["running"], units["a.service"]["ok"]) == (True, False)
    assert units["a.service"]["reasons"] == {"unreadable": 1}
    assert "hides the processes of other users" in unreadable["1"]
    assert (units["b.service"]["running"], units["b.service"]["ok"]) == (False, True)


def test_the_systems_default_is_that_of_the_sockets_namespace(proc: ShadowProc, server: socket.socket) -> None:
    with socket.socket() as fresh:
        by_default = fresh.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        verdict = only(audit(proc, expecting(tcp={"keepidle": 0})))
    assert verdict.wrong == (("keepidle", 60, by_default),)


def test_what_nobody_expects_anything_of_is_said_to_be_unreadable(proc: ShadowProc, server: socket.socket) -> None:
    with Child(connecting(server)) as child:
        proc.add(child.pid, "a.service")
        answer = audit(proc, pids=[child.pid], reader=Refusing(errno.ENOSYS))
        (record,) = answer.records
        shown = answer.dict_of(record)
    assert [shown[key] for key in ("readable", "relevant", "compliant", "wrong")] == [False, False, None, []]
    assert (shown["reason"], shown["candidates"]) == ("unreadable", ["unreadable"])
    assert shown["detail"] == record.why_unreadable != ""
    assert list(shown)[-7:] == ["readable", "relevant", "compliant", "wrong", "reason", "candidates", "detail"]


def test_what_is_wrong_comes_first(proc: ShadowProc, server: socket.socket) -> None:
    with Child(
        connecting(server) + f"\nw = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
    ) as child:
        proc.add(child.pid, "a.service")
        child.run("l = socket.create_server(('127.0.0.1', 0))")
        answer = audit(proc, expecting())
        assert [answer.verdicts[record.inode].compliant for record in answer.records] == [False, True, None]
