# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is answered of units and of their host, whole; systemd and what the host tells every process are played."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.look import found as look_found
from ansible_collections.netops.keepalive.plugins.module_utils.look import units as look_units
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin, system_calls
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.module_utils.units.preflight import Obstacle
from ansible_collections.netops.keepalive.plugins.modules import service_units_info
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

SHELL = {"ExecStart": "{ path=/bin/sh ; argv[]=/bin/sh ; ignore_errors=no }"}
FOREIGN = state.HostWide("", "TCP_KEEPIDLE=1\n")
NO_REASON = "'restart: reload_then_verify', and the unit cannot be reloaded (no ExecReload=); use 'if_running'"


class Played:
    """What the host says of itself, and what was said beside the result."""

    def __init__(self) -> None:
        self.host = state.HostWide("", None)
        self.warnings: t.List[str] = []
        self.restart_due: t.List[t.Any] = []


@pytest.fixture(name="played")
def played_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(undo, "FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr(dropin, "DIRECTORY", str(tmp_path / "units"))
    monkeypatch.setattr(state, "look_at_host_wide", lambda: played.host)
    monkeypatch.setattr(look_found, "without_libraries", lambda host: [host is played.host])
    monkeypatch.setattr(look_found, "library_users", lambda: [{"pid": 7}])
    monkeypatch.setattr(service_units_info.Module, "warn", lambda _self, text: played.warnings.append(text))
    return played


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    systemd = FakeSystemd()
    monkeypatch.setattr(linux_systemd, "ask_systemd", systemd.run)
    directory = str(tmp_path / "units")
    units = functools.partial(units_unit.UnitsOfHost, directory=directory)
    monkeypatch.setattr(look_units, "UnitsOfHost", units)
    return systemd


@pytest.fixture(name="run")
def run_fixture(systemd: FakeSystemd, played: Played, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(**arguments: t.Any) -> Result:
        with patch_module_args(arguments), pytest.raises(SystemExit):
            service_units_info.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def wanted(*names: str, **settings: t.Any) -> t.List[Result]:
    return [{"name": name, **settings} for name in names]


def test_the_whole_answer_where_no_unit_is_named(run: Run, played: Played, tmp_path: pathlib.Path) -> None:
    noted = {"content": None, "base64": None, "mtime_ns": None, "ran": True}
    names = ("b.service", "a.service")
    undo.write_previous(undo.FOLDER, {name: {**noted, "unit": name} for name in names})
    entry = "/usr/lib/libkeepalive/libkeepalive.so"
    played.host = state.HostWide(f"{entry}\n", f"{dropin.MARKER}\n")
    nothing = {
        "changed": False, "units": {}, "problems": [], "build": {}, "unwritable": {},
        "unfinished": ["a.service", "b.service"], "dropins": [], "library_users": [{"pid": 7}],
        "absent_here": [], "stood_in": {}, "backends": {"chosen": {}, "by_flags": False, "root": ""},
    }  # fmt: skip
    of_host = {"entries": [entry], "settings": True, "restart_due": [True], "filtered": [], "left": False}
    assert run() == {**nothing, "host_wide": of_host}
    played.host = FOREIGN
    assert run()["host_wide"] == {**of_host, "entries": [], "settings": False}, "which is not ours"
    played.host = state.HostWide("", None)
    assert run()["host_wide"] == {**of_host, "entries": [], "settings": False}, "which is not there"
    assert played.warnings == []


def test_the_whole_answer_of_a_service_of_a_socket_and_of_what_is_not_there(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service", MainPID="7", NeedDaemonReload="yes", FragmentPath="/nowhere/a.service", **SHELL)
    systemd.add("b.socket", ActiveState="inactive")
    units = run(units=["a.service", "b.socket", "gone.service", "dbus-org.x.service"])["units"]
    assert units.pop("dbus-org.x.service")["type"] == "service"
    executable = units["a.service"].pop("executable")
    assert executable == {
        "path": "/bin/sh", "kind": "dynamic", "libc": "glibc", "go": False, "setuid": False,
        "capabilities": False,
    }  # fmt: skip
    common = {
        "instances": [], "drop_in": None, "drop_in_sha256": None, "overruled": [], "ld_preload": [], "main_pid": 0,
        "need_daemon_reload": False, "by_program": False, "unattached": {},
        "stale": {}, "fragment_path": "", "executable": None, "load_state": "loaded",
    }  # fmt: skip
    del common["executable"]
    assert units["a.service"] == {
        **common, "id": "a.service", "type": "service", "active_state": "active", "main_pid": 7,
        "need_daemon_reload": True, "fragment_path": "/nowhere/a.service",
    }  # fmt: skip
    assert units["b.socket"] == {
        **common, "id": "b.socket", "type": "socket", "active_state": "inactive", "executable": None,
    }  # fmt: skip
    assert units["gone.service"] == {
        **common, "id": "gone.service", "type": "service", "load_state": "not-found", "active_state": "inactive",
        "executable": None,
    }  # fmt: skip


@pytest.mark.parametrize(("states", "shown"), [(["inactive", "active"], "active"), (["inactive"] * 2, "inactive")])
def test_a_template_is_active_where_an_instance_is(
    run: Run, systemd: FakeSystemd, states: t.List[str], shown: str
) -> None:
    for name, active in zip(("w@b.service", "w@a.service"), states):
        systemd.add(name, ActiveState=active, MainPID="7", **SHELL)
    unit = run(units=["w@.service"])["units"]["w@.service"]
    assert (unit["id"], unit["type"], unit["load_state"]) == ("w@.service", "template", "not-found")
    assert (unit["instances"], unit["active_state"]) == (["w@a.service", "w@b.service"], shown)
    assert (unit["main_pid"], unit["executable"]["kind"]) == (0, "dynamic")


def test_a_template_without_instances_is_read_from_its_file(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragment = tmp_path / "w@.service"
    fragment.write_text("[Service]\nExecStart=/bin/sh -c true\nEnvironment=LD_PRELOAD=/x.so\n")
    files: t.List[t.Any] = [(str(fragment), [])]
    monkeypatch.setattr(linux_systemd, "template_files", lambda _run, _name: files[0])
    unit = run(units=["w@.service"])["units"]["w@.service"]
    assert unit.pop("executable")["kind"] == "dynamic"
    assert unit == {
        "id": "w@.service", "type": "template", "load_state": "loaded", "active_state": "inactive", "instances": [],
        "fragment_path": str(fragment), "drop_in": None, "drop_in_sha256": None, "overruled": [],
        "ld_preload": ["/x.so"], "need_daemon_reload": False, "main_pid": 0, "stale": {},
        "by_program": False, "unattached": {},
    }  # fmt: skip
    for unreadable in (str(tmp_path), str(tmp_path / "none"), ""):
        files[0] = (unreadable, [])
        unit = run(units=["w@.service"])["units"]["w@.service"]
        assert (unit["fragment_path"], unit["executable"]) == (unreadable, None)
    assert unit["load_state"] == "not-found"


def test_who_is_stale_or_has_not_been_read_is_named_alone(
    run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: t.List[t.List[str]] = []
    for name in ("w@1.service", "w@2.service"):
        systemd.add(name, NeedDaemonReload="yes" if "1" in name else "no", **SHELL)
    real = units_unit.UnitsOfHost.units

    def units(self: units_unit.UnitsOfHost, names: t.Sequence[str]) -> t.Dict[str, units_unit.Unit]:
        stale = {"w@2.service": ["why"]}
        return {name: unit._replace(stale=stale.get(name, [])) for name, unit in real(self, names).items()}

    monkeypatch.setattr(units_unit.UnitsOfHost, "units", units)
    monkeypatch.setattr(
        look_units, "overruled", lambda found: (looked.append([unit.name for unit in found]), ["lost"])[1]
    )
    unit = run(units=["w@.service"])["units"]["w@.service"]
    assert (unit["stale"], unit["need_daemon_reload"]) == ({"w@2.service": ["why"]}, True)
    assert (unit["overruled"], looked) == (["lost"], [["w@2.service"]])


def test_a_damaged_unit_is_said_to_be_so_with_the_way_out(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.add("a.service", **SHELL)
    real = units_unit.UnitsOfHost.units
    monkeypatch.setattr(
        units_unit.UnitsOfHost,
        "units",
        lambda self, names: {name: unit._replace(damage="bad") for name, unit in real(self, names).items()},
    )
    path = pathlib.Path(dropin.path_of("a.service", str(tmp_path / "units")))
    path.parent.mkdir(parents=True)
    path.write_text(f"{dropin.MARKER}\n")
    result = run(services=wanted("a.service", accept=[]))
    assert result["problems"] == ["a.service: bad; what it runs with is not known: put that right, or remove it"]
    unit = result["units"]["a.service"]
    assert (unit["drop_in"], unit["drop_in_sha256"]) == (None, None)


# ------------------------------------------------------------------ what stands in the way


@pytest.mark.parametrize(
    ("name", "policy", "problems"),
    [
        ("no.service", "reload_then_verify", [f"no.service: {NO_REASON}"]),
        ("no.service", "if_running", []),
        ("no.service", None, []),
        ("yes.service", "reload_then_verify", []),
        ("w@.service", "reload_then_verify", [f"w@1.service: {NO_REASON}"]),
    ],
)
def test_who_is_to_be_reloaded_must_be_able_to(
    run: Run, systemd: FakeSystemd, name: str, policy: t.Optional[str], problems: t.List[str]
) -> None:
    for unit, can in (("no.service", "no"), ("yes.service", "yes"), ("w@1.service", "no"), ("w@2.service", "yes")):
        systemd.add(unit, CanReload=can, **SHELL)
    systemd.add("w@gone.service", LoadState="not-found", CanReload="no", **SHELL)
    entry = {"name": name, **({"restart": policy} if policy else {})}
    found = [text for text in run(services=[entry])["problems"] if "reload_then_verify" in text]
    assert found == problems


class Calls:
    """The lists of system calls of units, played."""

    def __init__(self, _run: t.Any) -> None:
        pass

    def problems(self, name: str, _properties: t.Any) -> t.List[Obstacle]:
        return [Obstacle(system_calls.REASON, f"{name}: a problem")]

    def doubts(self, name: str, _properties: t.Any, executable: str) -> t.List[str]:
        return [f"{name}: a doubt of {os.path.basename(executable)!r}"]

    def elsewhere(self, here: t.Collection[str]) -> t.List[t.Any]:
        return sorted(here)


def test_system_calls_are_judged_where_units_are_listed_and_elsewhere_in_the_mode_of_the_host(
    run: Run, systemd: FakeSystemd, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_calls, "SystemCalls", Calls)
    systemd.add("a.service", Names="a.service alias.service", **SHELL)
    systemd.add("none.service")
    systemd.add("b.socket")
    systemd.add("gone.service", LoadState="not-found")
    listed = run(services=wanted("a.service", "none.service", "b.socket", "gone.service"))
    assert [text for text in listed["problems"] if "a problem" in text] == [
        "a.service: a problem", "none.service: a problem",
    ]  # fmt: skip
    assert played.warnings == ["a.service: a doubt of 'sh'", "none.service: a doubt of ''"]
    assert listed["host_wide"]["filtered"] == []
    del played.warnings[:]
    accepted = run(services=wanted("a.service", accept=[system_calls.REASON]), mode="host")
    assert (accepted["problems"], played.warnings) == ([], [])
    assert accepted["host_wide"]["filtered"] == ["a.service"]
    assert run(units=["a.service"])["problems"] == []
    assert played.warnings == [], "what is only looked at is not judged"


def test_one_unit_under_three_names_is_told_of_each_with_the_first(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("ssh.service", Names="ssh.service sshd.service openssh.service", **SHELL)
    names = ["sshd.service", "ssh.service", "openssh.service"]
    same = "is the same unit as sshd.service (ssh.service); keep one entry for it"
    assert run(services=wanted(*names))["problems"] == [f"ssh.service: {same}", f"openssh.service: {same}"]
    assert run(services=wanted("ssh.service"), units=["sshd.service"])["problems"] == []


def test_who_is_not_root_is_told_first(run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd.add("a.service", **SHELL)
    root = "Ansible is not root on this host, so nothing of it can be done; set 'become: true'"
    monkeypatch.setattr(look_found.os, "geteuid", lambda: 1000)
    problems = run(services=wanted("gone.service", "a.service"))["problems"]
    assert (problems[0], len(problems)) == (root, 2)
    assert run(units=["a.service"])["problems"] == [], "looking needs no rights"
    monkeypatch.setattr(look_found.os, "geteuid", lambda: 0)
    assert run(services=wanted("a.service"))["problems"] == []


def test_settings_of_others_with_which_the_libraries_would_do_nothing_are_told_first(
    run: Run, systemd: FakeSystemd, played: Played
) -> None:
    systemd.add("a.service", **SHELL)
    played.host = FOREIGN._replace(unusable="/etc/libkeepalive.conf has mode 0666")
    text = "the libraries would leave every socket alone: /etc/libkeepalive.conf has mode 0666; correct or remove it"
    problems = run(services=wanted("gone.service", "a.service"))["problems"]
    assert (problems[0], len(problems)) == (text, 2)
    assert run(units=["a.service"])["problems"] == []
    played.host = played.host._replace(settings=None)
    assert run(services=wanted("a.service"))["problems"] == [text]
    played.host = played.host._replace(settings=f"{dropin.MARKER}\n")
    assert run(services=wanted("a.service"))["problems"] == [], "our own is put right"


def test_what_cannot_be_believed_or_read_is_said(run: Run, played: Played, tmp_path: pathlib.Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "previous.json").write_text("[]")
    obstacle = pathlib.Path(dropin.path_of("b.service", str(tmp_path / "units")))
    obstacle.mkdir(parents=True)
    result = run()
    damage, unreadable = played.warnings
    assert damage.startswith(f"{tmp_path}/state/previous.json is not an object with one entry for each unit; it was")
    assert unreadable == (
        f"{obstacle} cannot be read: not a regular file; if it is of this collection, that does not show"
    )
    assert (result["unfinished"], result["dropins"]) == ([], [])
