# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is known of a unit, whole: its drop-in, what systemd has read of it, and why a restart is due."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering, boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin, program
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.module_utils.units.staleness import Live
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import (
    Unit,
    UnitsOfHost,
    live_process,
    own_libraries,
)
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID, FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, noted

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
OTHER = "/opt/other.so"
TEXT = f"{dropin.MARKER}\n[Service]\nEnvironment=LD_PRELOAD={CONNECT}\nEnvironment=TCP_KEEPIDLE=60\n"
SHOWN = f"LD_PRELOAD={CONNECT} TCP_KEEPIDLE=60"
ENVIRON = f"PATH=/bin\0LD_PRELOAD={CONNECT}\0TCP_KEEPIDLE=60\0"
OLD = "was started before its drop-in was last changed"


@pytest.fixture(name="child", scope="module")
def child_fixture() -> t.Iterator[Child]:
    with Child() as child:
        yield child


class Host:
    """A host with one process, the drop-ins that a test writes, and nothing for every process."""

    def __init__(self, proc: ShadowProc, folder: pathlib.Path, child: Child) -> None:
        self.systemd = FakeSystemd()
        self.proc = proc
        self.folder = folder
        self.child = child

    def run_process(self, environ: str = ENVIRON, mapped: t.Sequence[str] = (CONNECT,), program: str = "") -> None:
        maps = "".join(f"1-2 r-xp 00000000 08:01 5 {path}\n" for path in mapped)
        self.proc.add(self.child.pid, "a.service", environ=environ, maps=maps, program=program)

    def write(self, unit: str = "a.service", text: str = TEXT) -> str:
        path = self.folder / f"{unit}.d" / "zz-keepalive.conf"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def add(self, name: str = "a.service", **properties: str) -> None:
        self.systemd.add(name, MainPID=str(self.child.pid), **properties)

    def unit(self, name: str = "a.service", unfinished: t.Container[str] = ()) -> Unit:
        return UnitsOfHost(self.systemd.run, unfinished, str(self.folder), self.proc).units([name])[name]

    def stale(self, name: str = "a.service", unfinished: t.Container[str] = ()) -> t.List[str]:
        return self.unit(name, unfinished).stale


@pytest.fixture(name="host")
def host_fixture(proc: ShadowProc, tmp_path: pathlib.Path, child: Child, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(state, "look_at_host_wide", state.HostWide)
    folder = tmp_path / "units"
    folder.mkdir()
    return Host(proc, folder, child)


def test_a_unit_is_told_with_all_that_is_found_out(host: Host) -> None:
    host.run_process()
    path = host.write()
    host.add(DropInPaths=path, Environment=SHOWN)
    expected = dict(host.systemd.units["a.service"])
    judged = Unit("a.service", expected, path, [], pids=(host.child.pid,), libraries=(CONNECT,))
    assert host.unit() == judged
    os.unlink(path)
    host.systemd.units["a.service"]["DropInPaths"] = ""
    expected["DropInPaths"] = ""
    gone = [f"still maps {CONNECT}", f"LD_PRELOAD still names {CONNECT}"]
    assert host.unit() == judged._replace(properties=expected, drop_in=None, stale=gone)
    os.mkfifo(path)
    why = f"{path} cannot be read: not a regular file"
    assert host.unit() == Unit("a.service", expected, None, [], frozenset(), why)


def test_a_drop_in_that_vanishes_while_it_is_looked_at_says_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = dropin.path_of("a.service", str(host.folder))
    monkeypatch.setattr(UnitsOfHost, "drop_in_of", lambda _units, _name: gone)
    host.run_process()
    host.add(DropInPaths=gone, NeedDaemonReload="yes", Environment=SHOWN)
    unit = host.unit()
    assert (unit.damage, unit.unread, unit.drop_in) == ("", {gone}, gone)
    assert isinstance(unit.unread, frozenset)
    assert unit.stale == [
        f"still maps {CONNECT}",
        f"LD_PRELOAD is {CONNECT}, the drop-in says not set",
        "TCP_KEEPIDLE is 60, the drop-in says not set",
    ]


def test_an_error_without_a_file_is_told_by_its_words(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_all: t.Any) -> t.NoReturn:
        raise OSError(5, "Input/output error")

    host.add()
    monkeypatch.setattr(UnitsOfHost, "drop_in_of", fail)
    assert host.unit().damage == "Input/output error"


def test_which_units_are_told_of(host: Host) -> None:
    for name in ("w@one.service", "w@two.service", "b.service", "real.service"):
        host.systemd.add(name, MainPID="0", Names=f"{name} alias.service" if name == "real.service" else name)
    units = UnitsOfHost(host.systemd.run, (), str(host.folder), host.proc).units
    assert list(units(["w@.service", "b.service"])) == ["w@one.service", "w@two.service", "b.service"]
    assert sorted(units(["alias.service"])) == ["alias.service", "real.service"]
    assert units([]) == {}


def test_the_main_processes_are_asked_whether_they_let_themselves_be_read(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: t.List[t.Any] = []
    monkeypatch.setattr(answering, "find_silent", lambda pids, proc: asked.append((pids, proc)))
    host.systemd.add("a.service", MainPID="5")
    host.systemd.add("b.service", MainPID="0")
    host.systemd.add("c.service", MainPID="7")
    del host.systemd.add("d.service")["MainPID"]
    names = ["a.service", "b.service", "c.service", "d.service"]
    UnitsOfHost(host.systemd.run, (), str(host.folder), host.proc).units(names)
    assert asked == [({5, 7}, host.proc)]


def test_a_process_that_does_not_let_itself_be_read_is_not_looked_at(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.run_process(environ="PATH=/bin\0", mapped=[f"{CONNECT} (deleted)"])
    host.add(DropInPaths=host.write())
    assert host.stale() == [f"maps a {CONNECT} that has been replaced"]
    monkeypatch.setattr(answering, "find_silent", lambda *_all: None)
    monkeypatch.setitem(answering.SILENT, host.child.pid, "silent")
    assert host.stale() == []


@pytest.mark.parametrize("state_of_unit", ["inactive", "failed", "deactivating"])
def test_a_unit_that_does_not_run_is_not_stale(host: Host, state_of_unit: str) -> None:
    host.run_process(mapped=[f"{CONNECT} (deleted)"])
    host.add(ActiveState=state_of_unit)
    assert host.stale() == []


def test_a_units_own_drop_in_counts_before_that_of_the_unit_that_it_is_an_alias_of(host: Host) -> None:
    host.run_process()
    real = host.write("real.service")
    host.systemd.add("real.service", Names="real.service a.service", MainPID=str(host.child.pid), DropInPaths=real)
    assert host.unit().drop_in == real
    own = host.write()
    assert host.unit().drop_in == own
    host.write(text="[Service]\n")
    assert host.unit().drop_in == real


def test_a_template_has_its_own_and_hides_nothing_of_its_instances(host: Host) -> None:
    units = UnitsOfHost(host.systemd.run, (), str(host.folder), host.proc)
    assert units.drop_in_of("w@one.service") is None
    template = host.write("w@.service")
    assert (units.drop_in_of("w@one.service"), units.drop_in_of("w@.service")) == (template, template)
    host.write("w@one.service", "# others\n")
    assert units.drop_in_of("w@one.service") is None
    own = host.write("w@one.service")
    assert units.drop_in_of("w@one.service") == own
    assert units.path_of("w@two.service") == own.replace("one", "two")


def test_what_the_environment_shows_is_due_only_where_the_process_is_older(host: Host) -> None:
    path = host.write()
    host.run_process(environ=f"PATH=/bin\0LD_PRELOAD={CONNECT}\0TCP_KEEPIDLE=61\0")
    host.add(DropInPaths=path, Environment=SHOWN)
    why = ["TCP_KEEPIDLE is 61, the drop-in says 60"]
    assert host.stale() == [], "nothing is noted"
    assert host.stale(unfinished=["a.service"]) == why
    assert host.stale(unfinished=["b.service"]) == []
    noted(path, (0.0, None), (1.0, TEXT))
    assert host.stale(unfinished=["a.service"]) == [], "it was started with it"
    noted(path, (0.0, None), (NEVER, TEXT))
    assert host.stale() == why
    noted(path, (0.0, None), (1.0, TEXT), read=False)
    unit = host.unit()
    assert (unit.stale, unit.unread, unit.properties["NeedDaemonReload"]) == (why, {path}, "yes")


def test_of_an_overwritten_environment_only_what_is_noted_is_due(host: Host) -> None:
    path = host.write()
    host.run_process(environ="nginx: master process")
    host.add(DropInPaths=path, Environment=SHOWN)
    assert host.stale(unfinished=["a.service"]) == []
    noted(path, (0.0, None), (NEVER, TEXT))
    assert host.stale() == [OLD]


def test_what_the_host_wide_mode_asks_for_is_due_as_well(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = state.HostWide(preload=f"{CONNECT}\n")
    monkeypatch.setattr(state, "look_at_host_wide", lambda: wide)
    asked: t.List[t.Any] = []

    def why(given: t.Any, unit: str, program: str, libraries: t.Any, started: float, can_load: t.Any) -> t.List[str]:
        asked.append((given, unit, program, libraries, started, can_load()))
        return ["because of the host"]

    monkeypatch.setattr(state, "host_stale_reasons", why)
    monkeypatch.setattr(state, "can_load", lambda *given: given)
    host.run_process(environ="PATH=/bin\0", mapped=[CONNECT, OTHER, f"{CONNECT}.2 (deleted)"])
    host.systemd.add("real.service", Names="real.service a.service", MainPID=str(host.child.pid))
    assert host.stale() == [f"maps a {CONNECT}.2 that has been replaced", "because of the host"]
    program = os.readlink(f"/proc/{host.child.pid}/exe")
    can_load = (host.child.pid, wide, host.proc)
    libraries = {CONNECT: True, f"{CONNECT}.2": False}
    of_process = (wide, "real.service", program, libraries, host.proc.started_at(host.child.pid), can_load)
    assert asked == [of_process] * 2, "by its own name, and by the one that was asked for"


@pytest.mark.parametrize(
    ("shown", "paths", "says", "unread"),
    [
        (SHOWN, True, "no", False),
        (SHOWN, False, "no", True),
        (SHOWN, True, "yes", False),  # another of its files has changed: systemd shows what ours says
        ("TCP_KEEPIDLE=60", True, "yes", True),
        (f"LD_PRELOAD={CONNECT}", True, "yes", True),
        (f"{SHOWN} TCP_SYNCNT=3", True, "yes", True),
        (f"{SHOWN} OTHER=3", True, "yes", False),
        ("", True, "no", False),
    ],
)
def test_where_nothing_is_noted_systemd_shows_what_it_has_read(
    host: Host, shown: str, paths: bool, says: str, unread: bool
) -> None:
    path = host.write()
    shown_paths = f"/usr/lib/x.conf {path}" if paths else "/usr/lib/x.conf"
    host.systemd.add("a.service", DropInPaths=shown_paths, NeedDaemonReload=says, Environment=shown)
    unit = host.unit()
    assert unit.unread == ({path} if unread else set())
    assert unit.properties["NeedDaemonReload"] == ("yes" if unread else says)
    noted(path, (1.0, TEXT))
    assert host.unit().unread == set(), "what is noted counts more"
    host.systemd.units["a.service"]["LoadState"] = "masked"
    noted(path, (1.0, "other"))
    assert host.unit().unread == {path}


def test_a_drop_in_without_variables_shows_nothing(host: Host) -> None:
    path = host.write(text=f"{dropin.MARKER}\n[Socket]\nKeepAlive=yes\n")
    host.systemd.add("a.service", DropInPaths=path, NeedDaemonReload="yes")
    assert host.unit().unread == {path}
    host.systemd.units["a.service"]["LoadState"] = "error"
    assert host.unit().unread == set()


def test_what_a_run_has_changed_since_systemd_read_it_whether_units_run_or_not(host: Host) -> None:
    units = UnitsOfHost(host.systemd.run, (), str(host.folder), host.proc)
    own, template = (dropin.path_of(name, str(host.folder)) for name in ("w@one.service", "w@.service"))
    assert units.unread(["w@one.service"]) == set()
    host.write("w@.service")
    noted(template, (1.0, TEXT), read=False)
    assert units.unread(["w@one.service", "w@.service"]) == {template}
    noted(own, (1.0, TEXT))
    assert units.unread(["w@one.service"]) == {own, template}, "it is gone, and systemd does not know"
    os.mkdir(os.path.dirname(own))
    os.mkfifo(own)
    assert units.unread(["w@one.service"]) == {template}, "what cannot be read is told as damage"
    assert units.unread(["a.service"]) == set()


def test_a_socket_is_judged_by_its_listener_and_by_its_age_where_that_cannot_be_read(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: t.List[t.Any] = [["has keepidle 5"], []]
    asked: t.List[str] = []

    def differences(properties: t.Dict[str, str]) -> t.Any:
        asked.append(properties["Id"])
        return answers.pop(0) if answers else None

    monkeypatch.setattr(units_unit, "listener_differences", differences)
    monkeypatch.setattr(boot_clock, "of_monotonic", lambda microseconds: microseconds / 1e6)
    path = host.write("a.socket")
    host.systemd.add("a.socket", DropInPaths=path, ActiveEnterTimestampMonotonic="5000000", MainPID="0")
    assert [host.stale("a.socket"), host.stale("a.socket")] == [["has keepidle 5"], []]
    noted(path, (0.0, None), (5.0, TEXT))
    assert host.stale("a.socket") == []
    noted(path, (0.0, None), (5.1, TEXT))
    assert host.stale("a.socket") == [OLD]
    del host.systemd.units["a.socket"]["ActiveEnterTimestampMonotonic"]
    noted(path, (0.0, None), (0.5, TEXT))
    assert host.stale("a.socket") == [OLD]
    noted(path, (0.0, None), (0.0, TEXT))
    assert host.stale("a.socket") == []
    noted(path, (0.0, TEXT), read=False)
    assert host.stale("a.socket") == [OLD]
    os.unlink(path)
    assert host.stale("a.socket") == [], "without a drop-in it stays as it is"
    assert set(asked) == {"a.socket"}


BY_PROGRAM = (
    f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n"
    "ExecStartPre=-+/usr/lib/libkeepalive/keepalive-bpf attach connect -\n"
)


@pytest.mark.parametrize(
    ("noted_texts", "due"),
    [
        ([BY_PROGRAM, None], False),
        ([TEXT, BY_PROGRAM, None], False),
        ([BY_PROGRAM, TEXT, None], True),
        ([TEXT, None], True),
        ([None], True),
        ([], True),
    ],
)
def test_a_listener_keeps_what_a_program_has_left_on_it(
    host: Host, monkeypatch: pytest.MonkeyPatch, noted_texts: t.List[t.Optional[str]], due: bool
) -> None:
    """It is the same for all that listen: nobody is restarted because a program is taken away."""
    monkeypatch.setattr(units_unit, "listener_differences", lambda _properties: ["the listener differs"])
    host.add("a.socket")
    if noted_texts:
        path = dropin.path_of("a.socket", str(host.folder))
        noted(path, *((float(at), text) for at, text in enumerate(noted_texts)))
    assert host.stale("a.socket") == (["the listener differs"] if due else [])


def test_what_is_seen_of_one_process(host: Host, child: Child) -> None:
    host.run_process("PATH=/bin\0A=b\0", [CONNECT, OTHER, f"{CONNECT}.2 (deleted)"])
    libraries = {CONNECT: True, f"{CONNECT}.2": False}
    started = host.proc.started_at(child.pid)
    assert started is not None
    assert own_libraries(child.pid, host.proc) == libraries
    assert live_process(child.pid, host.proc) == Live({"PATH": "/bin", "A": "b"}, libraries, started)
    assert live_process(NO_PID) is None
    assert own_libraries(NO_PID) == {}
    here = live_process(os.getpid())
    assert here is not None and here.libraries == {}


@pytest.mark.parametrize("name", ["a.service", "a.socket"])
def test_a_unit_with_a_program_is_never_stale(host: Host, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever its processes were started with: the program counts for what they open from now on."""
    asked: t.List[t.Any] = []
    monkeypatch.setattr(program, "unattached", lambda *told: asked.append(told) or ["no program is attached"])
    host.run_process()
    path = host.write(name, BY_PROGRAM)
    host.add(name, DropInPaths=path, ControlGroup=f"/system.slice/{name}")
    unit = host.unit(name)
    assert (unit.stale, unit.by_program, unit.unattached) == ([], True, ["no program is attached"])
    assert [(told[0]["ControlGroup"], told[1]) for told in asked] == [(f"/system.slice/{name}", BY_PROGRAM)]
    host.systemd.units[name]["ActiveState"] = "inactive"
    assert (host.unit(name).by_program, host.unit(name).unattached) == (True, ())
    assert len(asked) == 1
