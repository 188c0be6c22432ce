# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that nobody can read is left out and told of, and everything else is read."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.command.main import main
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering as linux_answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux import module as linux_module
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import Memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.origin import Look
from ansible_collections.netops.keepalive.plugins.module_utils.live.run import LiveRun
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader, PortableSetter
from ansible_collections.netops.keepalive.plugins.module_utils.units import system_calls
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Question
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.tests.unit.support.audited import audit, connecting, expecting
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.hanging import (
    EXECVE,
    MMAP,
    USER,
    file_system,
    hang,
)
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.module_end import ended

# Whoever looks at a process that hangs (ps, another test) hangs with it: these run alone, in `make test-slow`.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="reads as root what others have put there"),
]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_answering, "SILENT", {})
    monkeypatch.setattr(linux_answering, "_spent", [0.0])


@pytest.mark.parametrize("way", [EXECVE, MMAP], ids=["execve", "mmap"])
def test_who_hangs_is_told_of_and_the_others_answer(tmp_path: pathlib.Path, way: str) -> None:
    with file_system(tmp_path) as child:
        (pid,) = hang(child, way=way)
        answering = linux_answering.answering()
        assert child.pid in answering
        assert os.getpid() in answering
        assert pid not in answering
        assert linux_answering.SILENT[pid].startswith(f"process {pid} of user {USER} does not let itself be read")


@pytest.mark.parametrize("own", [True, False])
def test_hundreds_that_hang_are_all_found_and_nobody_else(tmp_path: pathlib.Path, own: bool) -> None:
    with file_system(tmp_path, own) as child:
        users: t.List[t.Optional[int]] = [None] * 300 if own else list(range(200000, 200300))
        pids = hang(child, users)
        assert sorted(linux_answering.find_silent([*pids, child.pid, os.getpid(), 1])) == pids


def test_who_answers_again_is_read_again(tmp_path: pathlib.Path) -> None:
    with file_system(tmp_path) as child:
        (pid,) = hang(child)
        assert list(linux_answering.find_silent([pid])) == [pid]
        assert list(linux_answering.find_silent([pid])) == [pid]
    assert linux_answering.find_silent([pid, 1]) == {}
    assert linux_answering.SILENT == {}


@pytest.fixture(name="hanging")
def hanging_fixture(tmp_path: pathlib.Path) -> t.Iterator[int]:
    """The PID of a process of a user that hangs."""
    with file_system(tmp_path) as child:
        yield hang(child)[0]


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path, server: socket.socket, hanging: int) -> t.Iterator[ShadowProc]:
    """A host with that process, in a.service, and one of root's with a connection in b.service."""
    (tmp_path / "proc").mkdir()
    proc = ShadowProc(tmp_path / "proc")
    with Child(connecting(server)) as child:
        proc.add(child.pid, "b.service")
        proc.add(hanging, "a.service", program="/bin/sleep")
        yield proc


def test_an_audit_tells_of_it_and_reads_the_others(proc: ShadowProc, hanging: int) -> None:
    answer = audit(proc)
    assert list(answer.unreadable) == [hanging]
    assert [record.unit for record in answer.records] == ["b.service"]


def test_the_unit_of_one_is_not_called_right_and_that_of_others_is(proc: ShadowProc, hanging: int) -> None:
    answer = audit(proc, expecting("a.service"), expecting("b.service"))
    assert answer.units["a.service"]["unreadable_pids"] == [hanging]
    assert (answer.units["a.service"]["ok"], answer.units["b.service"]["reasons"]) == (False, {})


def test_an_audit_by_programs_reads_the_others(proc: ShadowProc, hanging: int) -> None:
    folder = pathlib.Path(proc.root) / str(hanging)
    shutil.rmtree(folder)
    folder.symlink_to(f"/proc/{hanging}")
    assert [record.unit for record in audit(proc, processes=("python*",)).records] == ["b.service"]


def test_the_audit_of_a_host_tells_of_it(proc: ShadowProc) -> None:
    terms = Terms(350, include_local=True)
    summary = HostAudit(terms, PortableReader(), dict, proc=proc, library_dir="/nowhere").run()
    assert summary["unreadable"]["processes"] == 1
    assert "does not let itself be read" in summary["unreadable"]["why"]
    assert summary["totals"]["connections"] == 1


def test_open_sockets_of_others_are_set(
    proc: ShadowProc, hanging: int, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    units = (unit_from("a.service", None), unit_from("c.service", None))
    question = Question(units, frozenset(), frozenset(), (expecting("a.service"), expecting("c.service")))
    memory = Memory(str(tmp_path / "live.json"))
    run = LiveRun(PortableSetter(), memory)

    def look() -> Look:
        return Audit(question, PortableReader(), proc=proc, library_dir="/nowhere", memory=memory).look()

    with Child(connecting(server, "")) as child:
        proc.add(child.pid, "c.service")
        run.set(look, question.expected)
    assert [result.outcome for result in run.results.by_inode.values()] == ["changed"]
    assert list(run.unreadable) == [hanging]


def test_the_command_tells_of_it_and_shows_the_others(
    proc: ShadowProc, hanging: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json"], proc) == 1
    said = capsys.readouterr()
    assert f"1 process not shown: process {hanging} of user {USER} does not let itself be read" in said.err
    assert len(json.loads(said.out)["sockets"]) == 1


def test_the_sweeps_over_libraries_leave_it_out(hanging: int) -> None:
    users.library_users()
    users.without_libraries(state.HostWide(preload="/usr/lib/libkeepalive/x.so"))
    users.remains(["*"])
    users.mapped_by("/usr/lib/libkeepalive")
    install.processes_mapping("/usr/lib/libkeepalive", ["x.so"])
    system_calls.filtered_processes()
    assert hanging in linux_answering.SILENT


def test_a_unit_whose_main_process_hangs_is_looked_at(hanging: int) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service", MainPID=str(hanging), ExecStart="{ path=/bin/sh ; argv[]=/bin/sh }")
    unit = units_unit.UnitsOfHost(systemd.run, ()).units(["a.service"])["a.service"]
    assert (unit.stale, unit.damage) == ([], "")
    executable = units_unit.executable_of(unit.properties)
    assert executable is not None and executable.path == "/bin/sh"


def test_a_module_warns_of_three_and_counts_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(linux_module, "SILENT", {pid: f"process {pid}" for pid in (7, 5, 3, 2, 1)})
    said: t.List[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))
    ended(capsys, {}, lambda module: module.exit_json())
    assert said == ["process 1", "process 2", "process 3", "2 more processes do not let themselves be read"]


def test_nothing_is_left_behind() -> None:
    def children() -> t.Set[int]:
        line = f"PPid:\t{os.getpid()}\n".encode()
        return {pid for pid in HOST.pids() if line in HOST.bytes_of(pid, "status")}

    others = children()
    with nothing_left_open():
        assert linux_answering.find_silent([1, os.getpid(), 1 << 22]) == {}
    assert children() <= others
