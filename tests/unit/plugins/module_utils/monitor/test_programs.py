# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that the settings file names are judged by their live sockets, in whichever units they run."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import (
    CRITICAL,
    OK,
    UNKNOWN,
    HostFound,
    UnitFound,
)
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.look import AskedThere, look_at_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.programs import find_programs
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.sections import ProgramSections
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.tests.unit.support.audited import Refusing, connecting
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

SETTINGS = "[program */java]\nTCP_KEEPIDLE=60\n[program /opt/*]\nTCP_KEEPIDLE=7\n[unit low.*]\nTCP_KEEPIDLE=61\n"
ASKED = ProgramSections(["[program */java]", "[program /opt/*]"], SETTINGS, ["connect"])
NONE = {"right": 0, "accepted": 0, "wrong": 0, "unknown": 0}
IDLE = UnitFound("program /opt/*", OK, "", False, NONE)


class Programs:
    """Processes with one connection each, that are shown as other programs."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.root = folder / "root"
        (self.root / "etc").mkdir(parents=True)
        self.file = self.root / "etc/libkeepalive.conf"
        self.file.write_text(SETTINGS)
        (folder / "proc").mkdir()
        self.proc = ShadowProc(folder / "proc")

    def find(self, reader: t.Any = None) -> t.Dict[str, UnitFound]:
        found, _answer = find_programs(ASKED, "asked.service".__eq__, self.proc, reader or PortableReader(), str(self))
        return {unit.name: unit for unit in found}

    def __str__(self) -> str:
        return str(self.file)


@pytest.fixture(name="server")
def server_fixture() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(name="programs")
def programs_fixture(tmp_path: pathlib.Path) -> Programs:
    return Programs(tmp_path)


def test_a_program_is_judged_in_each_unit_that_has_none_of_its_own_to_say(
    programs: Programs, server: socket.socket
) -> None:
    shown = (
        (60, "a.service", "/usr/bin/java"),
        (75, "user.slice", "/home/x/java"),
        (75, "b.service", "/usr/bin/python3"),
        (75, "asked.service", "/usr/bin/java"),
    )
    with contextlib.ExitStack() as stack:
        for idle, unit, program in shown:
            child = stack.enter_context(Child(connecting(server, f"tune(s, {idle})")))
            programs.proc.add(child.pid, unit, root_folder=programs.root, program=program)
        found = programs.find()
    java = found["program */java"]
    assert found == {"program */java": java, "program /opt/*": IDLE}
    assert (java.state, java.running) == (CRITICAL, True)
    assert java.sockets == {**NONE, "right": 1, "wrong": 1}
    assert java.why.startswith("1 of 2 sockets wrong; ")
    assert sum(java.reasons.values()) == 1


def test_what_two_processes_of_a_section_are_told_can_differ(programs: Programs, server: socket.socket) -> None:
    with Child(connecting(server, "tune(s, 60)")) as one, Child(connecting(server, "tune(s, 61)")) as two:
        programs.proc.add(one.pid, "a.service", root_folder=programs.root, program="/usr/bin/java")
        programs.proc.add(two.pid, "low.service", root_folder=programs.root, program="/usr/bin/java")
        java = programs.find()["program */java"]
    assert java == UnitFound("program */java", OK, "", True, {**NONE, "right": 2})


@pytest.mark.parametrize(("first", "second"), [(75, 61), (60, 75)])
def test_of_two_groups_of_processes_the_worse_one_counts(
    programs: Programs, server: socket.socket, first: int, second: int
) -> None:
    with Child(connecting(server, f"tune(s, {first})")) as one, Child(connecting(server, f"tune(s, {second})")) as two:
        programs.proc.add(one.pid, "a.service", root_folder=programs.root, program="/usr/bin/java")
        programs.proc.add(two.pid, "low.service", root_folder=programs.root, program="/usr/bin/java")
        java = programs.find()["program */java"]
    assert (java.state, java.sockets) == (CRITICAL, {**NONE, "right": 1, "wrong": 1})
    assert java.why.count("1 of 1 sockets wrong") == 1


def test_a_socket_that_a_child_holds_too_counts_once(programs: Programs, server: socket.socket) -> None:
    with Child(connecting(server, "tune(s, 60)")) as child:
        forked = child.run(
            "r, w = os.pipe()\nanswer = os.fork()\nif not answer: os.close(w), os.read(r, 1), os._exit(0)"
        )
        programs.proc.add(child.pid, "a.service", root_folder=programs.root, program="/usr/bin/java")
        programs.proc.add(forked, "a.service", root_folder=programs.root, program="/usr/bin/java")
        assert programs.find()["program */java"].sockets == {**NONE, "right": 1}


def test_a_container_that_sees_another_file_or_none_is_none_of_the_hosts(
    programs: Programs, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    with Child(connecting(server, "tune(s, 75)")) as one, Child(connecting(server, "tune(s, 75)")) as two:
        for child, name in ((one, "empty"), (two, "other")):
            (tmp_path / name / "etc").mkdir(parents=True)
            programs.proc.add(child.pid, "c.service", root_folder=tmp_path / name, program="/usr/bin/java")
        (tmp_path / "other/etc/libkeepalive.conf").write_text(SETTINGS)
        assert programs.find()["program */java"] == IDLE._replace(name="program */java")


def test_what_cannot_be_read_is_unknown(programs: Programs, server: socket.socket) -> None:
    with Child(connecting(server, "tune(s, 60)")) as child:
        programs.proc.add(child.pid, "a.service", root_folder=programs.root, program="/usr/bin/java")
        java = programs.find(Refusing(1))["program */java"]
    assert (java.state, java.compliant, java.sockets) == (UNKNOWN, None, {**NONE, "unknown": 1})


def test_where_nobody_sees_what_a_process_runs_each_program_is_unknown(
    programs: Programs, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without CAP_SYS_PTRACE; of a thread of the kernel, which runs no program, it is known that it has none."""
    real = os.readlink

    def readlink(path: t.Any, **how: t.Any) -> str:
        if str(path).endswith((f"/{hidden.pid}/exe", f"/{asked.pid}/exe")):
            raise PermissionError(13, "Permission denied", path)
        if str(path).endswith(f"/{thread.pid}/exe"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path, **how)

    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(connecting(server, "tune(s, 60)"))) for _each in range(4)]
        hidden, asked, thread, seen = children
        units = ("a.service", "asked.service", "b.service", "c.service")
        for child, unit in zip(children[:3], units):
            programs.proc.add(child.pid, unit, root_folder=programs.root, program="/usr/bin/java")
        monkeypatch.setattr(os, "readlink", readlink)
        why = "of 1 process it cannot be seen which program runs there"
        unknown = UnitFound("program */java", UNKNOWN, why)
        assert programs.find() == {"program */java": unknown, "program /opt/*": unknown._replace(name="program /opt/*")}
        programs.proc.add(seen.pid, units[3], root_folder=programs.root, program="/usr/bin/java")
        java = programs.find()["program */java"]
    assert java == UnitFound("program */java", UNKNOWN, why, True, {**NONE, "right": 1})


def test_a_file_that_went_away_meanwhile_asks_nothing(programs: Programs, server: socket.socket) -> None:
    programs.file.unlink()
    with Child(connecting(server, "tune(s, 75)")) as child:
        programs.proc.add(child.pid, "a.service", root_folder=programs.root, program="/usr/bin/java")
        assert programs.find() == {"program */java": IDLE._replace(name="program */java"), "program /opt/*": IDLE}


def test_a_unit_that_has_something_of_its_own_to_say_is_judged_by_that_alone(
    programs: Programs, server: socket.socket
) -> None:
    expected = Expectation("own.service", frozenset(("connect",)), {"keepidle": 75}, frozenset(), 0)
    asked = AskedThere([expected], {"odd@.service": "why"}, [], True, ASKED)

    def run(_command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
        return 0, "Id=own.service\nNames=own.service\nLoadState=loaded\nActiveState=active\n", ""

    with contextlib.ExitStack() as stack:
        for idle, unit in ((75, "own.service"), (75, "odd@1.service"), (60, "a.service")):
            child = stack.enter_context(Child(connecting(server, f"tune(s, {idle})")))
            programs.proc.add(child.pid, unit, root_folder=programs.root, program="/usr/bin/java")
        found = look_at_sockets(asked, programs.proc, PortableReader(), run, str(programs))
    seen = [(unit.name, unit.state, {key: many for key, many in unit.sockets.items() if many}) for unit in found.units]
    assert seen == [
        ("odd@.service", UNKNOWN, {}), ("own.service", OK, {"right": 1}), ("program */java", OK, {"right": 1}),
        ("program /opt/*", OK, {}),
    ]  # fmt: skip


def test_the_look_at_a_host_has_them_beside_its_units(programs: Programs) -> None:
    asked = AskedThere([], {"odd.service": "why"}, [], True, ASKED)
    found = look_at_sockets(asked, programs.proc, PortableReader())
    assert found == HostFound(
        [UnitFound("odd.service", UNKNOWN, "why"), IDLE._replace(name="program */java"), IDLE], [], True
    )
