# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of units: their files and processes are real, systemd is not."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import shutil
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import probe
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import packages
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.look import units as look_units
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import places, undo
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.modules import service_units_info
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, dated, noted
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    systemd = FakeSystemd()

    def ask(command: t.List[str], limit: float = linux_systemd.ANSWER) -> t.Tuple[int, str, str]:
        assert limit <= linux_systemd.ANSWER
        shows.append(command)
        return systemd.run(command)

    shows: t.List[t.List[str]] = []
    systemd.questions = shows  # type: ignore[attr-defined]
    monkeypatch.setattr(linux_systemd, "ask_systemd", ask)
    monkeypatch.setattr(look_units, "UnitsOfHost", functools.partial(units_unit.UnitsOfHost, directory=str(tmp_path)))
    return systemd


@pytest.fixture(name="run")
def run_fixture(systemd: FakeSystemd, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(**arguments: t.Any) -> Result:
        with patch_module_args(arguments), pytest.raises(SystemExit):
            service_units_info.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return run


def service_file(systemd: FakeSystemd, folder: pathlib.Path, name: str, *lines: str, **properties: str) -> pathlib.Path:
    """Write a unit's file and make systemd know it."""
    path = folder / name
    path.write_text("\n".join(["[Service]", *lines, ""]))
    named = [line.partition("=")[2] for line in lines if line.startswith("EnvironmentFile=")]
    shown = [f"{file.lstrip('-')} (ignore_errors={'yes' if file[0] == '-' else 'no'})" for file in named]
    systemd.add(name, **{"FragmentPath": str(path), "EnvironmentFiles": "\n".join(shown), **properties})
    return path


def executes(program: str) -> t.Dict[str, str]:
    return {"ExecStart": f"{{ path={program} ; argv[]={program} ; ignore_errors=no }}"}


def wanted(*names: str, **settings: t.Any) -> t.List[t.Dict[str, t.Any]]:
    return [{"name": name, **settings} for name in names]


def test_a_plain_service(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    path = service_file(
        systemd, tmp_path, "a.service", 'Environment="LD_PRELOAD=/x.so libj.so" B=1', **executes("/bin/sh")
    )
    result = run(services=wanted("a.service"))
    assert (result["changed"], result["problems"]) == (False, [])
    unit = result["units"]["a.service"]
    assert unit["executable"]["kind"] == "dynamic"
    del unit["executable"]
    assert unit == {
        "id": "a.service",
        "type": "service",
        "load_state": "loaded",
        "active_state": "active",
        "instances": [],
        "fragment_path": str(path),
        "drop_in": None,
        "drop_in_sha256": None,
        "overruled": [],
        "ld_preload": ["/x.so", "libj.so"],
        "need_daemon_reload": False,
        "main_pid": 0,
        "stale": {},
        "by_program": False,
        "unattached": {},
    }


def test_our_own_drop_in_is_not_taken_for_what_was_there_before(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    """Else what it once carried along would stay for ever, though the vendor names it no more."""
    service_file(systemd, tmp_path, "a.service", "Environment=LD_PRELOAD=/unit.so", **executes("/bin/sh"))
    folder = tmp_path / "a.service.d"
    folder.mkdir()
    ours = "/usr/lib/libkeepalive/libkeepalive_listen.so"
    (folder / "50-vendor.conf").write_text("[Service]\nEnvironment=LD_PRELOAD=/vendor.so\n")
    (folder / "zz-keepalive.conf").write_text(f"{dropin.MARKER}\n[Service]\nEnvironment=LD_PRELOAD={ours}:/gone.so\n")
    systemd.units["a.service"]["DropInPaths"] = f"{folder}/50-vendor.conf {folder}/zz-keepalive.conf"
    unit = run(units=["a.service"])["units"]["a.service"]
    assert (unit["ld_preload"], unit["drop_in"]) == (["/vendor.so"], f"{folder}/zz-keepalive.conf")
    assert unit["drop_in_sha256"] == hashlib.sha256((folder / "zz-keepalive.conf").read_bytes()).hexdigest()
    (lost,) = unit["overruled"]
    assert f"systemd says LD_PRELOAD=; the unit's drop-ins in order: {folder}/50-vendor.conf" in lost
    systemd.units["a.service"]["NeedDaemonReload"] = "yes"
    unit = run(units=["a.service"])["units"]["a.service"]
    assert (unit["overruled"], unit["need_daemon_reload"]) == ([], True), "not overruled: systemd has yet to read it"


def test_only_a_units_own_drop_in_of_ours_has_a_checksum(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    """An instance is written beside its template, and what is not ours is nobody's to compare."""
    for unit, text in {"w@.service": f"{dropin.MARKER}\n", "b.service": "# mine\n"}.items():
        path = pathlib.Path(dropin.path_of(unit, str(tmp_path)))
        path.parent.mkdir()
        path.write_text(text)
    systemd.add("w@1.service")
    systemd.add("b.service")
    found = run(units=["w@.service", "w@1.service", "b.service"])["units"]
    with_one = [name for name, unit in found.items() if unit["drop_in_sha256"] is not None]
    assert (with_one, bool(found["w@1.service"]["drop_in"])) == (["w@.service"], True)


def test_a_running_process_is_compared_with_the_drop_in(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(dropin.path_of("a.service", str(tmp_path)))
    path.parent.mkdir()
    path.write_text(f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n")
    with Child(env={"TCP_KEEPIDLE": "61"}) as child:
        systemd.add("a.service", MainPID=str(child.pid), DropInPaths=str(path))
        cases = [(1.0, {}), (NEVER, {"a.service": ["TCP_KEEPIDLE is 61, the drop-in says 60"]})]
        for moment, stale in cases:
            noted(path, (0.0, None), (moment, path.read_text()))
            for hours in (-3, 3):
                dated(path, hours)
                assert run(units=["a.service"])["units"]["a.service"]["stale"] == stale
        noted(path, (0.0, None), (1.0, path.read_text()), read=False)
        unit = run(units=["a.service"])["units"]["a.service"]
        assert (unit["need_daemon_reload"], unit["main_pid"]) == (True, child.pid)
        assert unit["stale"] == cases[1][1], "whatever its date: systemd has not read it"


def test_a_template_stands_for_its_instances(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    systemd.add("w@two.service", ActiveState="inactive", **executes("/bin/sh"))
    systemd.add("w@one.service", NeedDaemonReload="yes", **executes("/bin/sh"))
    unit = run(units=["w@.service", "w@one.service"])["units"]["w@.service"]
    assert (unit["type"], unit["instances"]) == ("template", ["w@one.service", "w@two.service"])
    assert (unit["active_state"], unit["main_pid"], unit["need_daemon_reload"]) == ("active", 0, True)


def test_everything_that_stands_in_the_way_is_told_at_once(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "env").write_text("LD_PRELOAD=/x.so\n")
    service_file(systemd, tmp_path, "a.service", f"EnvironmentFile={tmp_path}/env", "UnsetEnvironment=TCP_KEEPCNT",
                 **executes("/none"))  # fmt: skip
    systemd.add("masked.service", LoadState="masked", ActiveState="inactive")
    systemd.add("s.socket")
    problems = run(services=wanted("gone.service", "a.service", "masked.service", "s.socket", "t@.service"))["problems"]
    assert [problem.split(":")[0] for problem in problems] == [
        "gone.service", "a.service", "a.service", "a.service", "masked.service", "t@.service",
    ]  # fmt: skip
    assert "there is no such unit on this host" in problems[0]
    assert "/none: No such file or directory" in problems[1]
    assert f"EnvironmentFile={tmp_path}/env sets LD_PRELOAD" in problems[2]
    assert "UnsetEnvironment=TCP_KEEPCNT" in problems[3]
    assert "there is no such unit on this host" in problems[5]
    assert run(units=["gone.service"])["problems"] == [], "what is only looked at is not judged"


def test_a_unit_that_need_not_be_there_is_left_out_and_named(
    run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.add("masked.service", LoadState="masked", ActiveState="inactive")
    systemd.add("broken.service", LoadState="bad-setting", ActiveState="inactive")
    systemd.add("there.service", CanReload="no", **executes("/bin/sh"))
    files = {
        "there@.service": "# /lib/systemd/system/there@.service\n[Service]\n",
        "masked@.service": "# /dev/null\n",
        "hidden@.service": "# Unit hidden@.service is masked.\n",
        "alias@.service": "# /lib/systemd/system/there@.service\n[Service]\n",
        "left@.service": "# /etc/systemd/system/left@.service.d/zz-keepalive.conf\n[Service]\n",
    }
    answer_before = systemd.run
    monkeypatch.setattr(
        systemd,
        "run",
        lambda command: (0, files[command[-1]], "") if command[-1] in files and "cat" in command
        else answer_before(command),
    )  # fmt: skip
    names = [
        "gone.service", "masked.service", "gone.socket", "broken.service", "there.service", "w@one.service",
        "gone@.service", *files,
    ]  # fmt: skip
    answer = run(services=wanted(*names, if_present=True, restart="reload_then_verify"))
    assert answer["absent_here"] == ["gone.service", "gone.socket", "w@one.service", "gone@.service", "left@.service"]
    assert [problem.split(":")[0] for problem in answer["problems"]] == [
        "masked.service", "broken.service", "masked@.service", "hidden@.service", "alias@.service", "there.service",
    ]  # fmt: skip
    assert "the unit is masked" in answer["problems"][2] and "the unit is masked" in answer["problems"][3]
    assert "another name of a template" in answer["problems"][4]
    answer = run(services=wanted("gone.service", "gone@.service", if_present=False), units=["gone.socket"])
    assert (answer["absent_here"], len(answer["problems"])) == ([], 2), "nobody said that they may be missing"


def test_no_library_is_built_for_what_is_not_there(
    run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: t.List[bool] = []
    monkeypatch.setattr(places, "unwritable", lambda libraries: asked.append(libraries) or {})
    run(services=wanted("gone.service", libraries=["connect"], if_present=True), writable=True)
    assert asked == [False]


def test_what_an_entry_accepts_is_no_problem(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    program = tmp_path / "setuid"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o4755)
    systemd.add("a.service", **executes(str(program)))
    assert len(run(services=wanted("a.service"))["problems"]) == 1
    assert len(run(services=wanted("a.service", accept=["static_executable"]))["problems"]) == 1
    assert run(services=wanted("a.service", accept=["secure_exec"]))["problems"] == []


CURE = "; or say 'backend: bpf', which takes no library: this host's kernel can set what the entry asks for"


@pytest.mark.parametrize("able", [True, False])
def test_where_no_library_gets_in_a_program_of_the_kernel_is_named_if_there_can_be_one(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    monkeypatch.setattr(probe, "probe", lambda: probe.Reach("" if able else "no programs here"))
    program = tmp_path / "setuid"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o4755)
    systemd.add("a.service", **executes(str(program)))
    systemd.add("filtered.service", SystemCallFilter="~setsockopt", **executes("/bin/sh"))
    systemd.add("rooted.service", RootDirectory="/srv/jail", Slice="web.slice", **executes("/bin/sh"))
    systemd.add("fine.service", LoadState="masked", **executes("/bin/sh"))
    services = resolve([{"name": f"{name}.service"} for name in ("a", "filtered", "rooted", "fine")])
    secure, filtered, rooted, fine = run(services=services)["problems"]
    assert [text.endswith(CURE) for text in (secure, filtered, fine)] == [able, able, False]
    assert (
        rooted.endswith("; or give its slice, web.slice, an entry with 'backend: bpf', which takes no library") is able
    )


def test_what_is_accepted_asks_no_kernel(run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "probe", lambda: pytest.fail("it was asked"))
    systemd.add("a.service", SystemCallFilter="~setsockopt", **executes("/bin/sh"))
    assert run(services=resolve([{"name": "a.service", "accept": ["system_call_filter"]}]))["problems"] == []


@pytest.mark.parametrize("mode", ["services", "host"])
def test_a_unit_that_would_be_killed_for_a_system_call_is_a_problem_that_can_be_accepted(
    run: Run, systemd: FakeSystemd, mode: str
) -> None:
    for name in ("a.service", "w@one.service", "w@two.service"):
        systemd.add(name, SystemCallFilter="~setsockopt", **executes("/bin/sh"))

    def problems(*services: t.Dict[str, t.Any]) -> t.List[str]:
        found = [
            problem for problem in run(services=list(services), mode=mode)["problems"] if "no such unit" not in problem
        ]
        assert all("SystemCallFilter= of the unit does not allow setsockopt" in problem for problem in found)
        return [problem.split(":")[0] for problem in found]

    assert problems({"name": "a.service"}) == ["a.service"]
    assert problems({"name": "a.service", "accept": ["secure_exec"]}) == ["a.service"]
    assert problems({"name": "a.service", "accept": ["system_call_filter"]}) == []
    assert problems({"name": "w@.service"}) == ["w@one.service", "w@two.service"]
    own_entry = {"name": "w@one.service", "accept": ["system_call_filter"]}
    assert problems({"name": "w@.service"}, own_entry) == ["w@two.service"]


def test_in_the_host_wide_mode_other_things_stand_in_the_way(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    program = tmp_path / "setuid"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o4755)
    (tmp_path / "env").write_text("LD_PRELOAD=/x.so\nTCP_SYNCNT=3\n")
    path = service_file(systemd, tmp_path, "a.service", f"EnvironmentFile={tmp_path}/env",
                        "Environment=TCP_KEEPIDLE=7 LD_PRELOAD=/y.so", **executes(str(program)))  # fmt: skip
    systemd.add("rooted.service", RootDirectory="/srv", **executes("/bin/sh"))
    systemd.add("missing.service", **executes("/none"))
    result = run(services=wanted("a.service", "rooted.service", "missing.service"), mode="host")
    assert result["problems"] == [
        f"a.service: {path} sets TCP_KEEPIDLE, which beats /etc/libkeepalive.conf; take TCP_KEEPIDLE out of there",
        f"a.service: {tmp_path}/env sets TCP_SYNCNT, which beats /etc/libkeepalive.conf; take TCP_SYNCNT out of there",
        "rooted.service: RootDirectory=/srv gives the service a root of its own, in which another /etc/ld.so.preload "
        "counts; take the entry out",
        "missing.service: /none: No such file or directory; the library of this host cannot be loaded into it",
    ]


def test_what_the_host_tells_every_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is one that does not map what the file names, and was there before it was written."""
    entry = "/usr/lib/libkeepalive/libkeepalive.so"
    line = f"{entry}\n"
    came = in_force.History((in_force.Version(0.0, None), in_force.Version(NEVER, line)))
    host = state.HostWide(line, "# Managed by netops.keepalive\n[program *]\nTCP_KEEPIDLE=1\n", came)
    monkeypatch.setattr(state, "look_at_host_wide", lambda: host)
    monkeypatch.setattr(state, "can_load", lambda pid, _host, _proc: pid == os.getpid())
    found = run()["host_wide"]
    assert (found["entries"], found["settings"]) == ([entry], True)
    (due,) = found["restart_due"]
    assert (due["pid"], due["why"]) == (os.getpid(), "does not map libkeepalive.so, which /etc/ld.so.preload names")
    left_alone = host._replace(settings="# Managed\n[program *]\nLIBKEEPALIVE_DISABLE=1\n")
    monkeypatch.setattr(state, "look_at_host_wide", lambda: left_alone)
    assert run()["host_wide"] == {
        "entries": [entry],
        "settings": False,
        "restart_due": [],
        "filtered": [],
        "left": False,
    }


def test_one_unit_under_two_names(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("ssh.service", Names="ssh.service sshd.service", **executes("/bin/sh"))
    result = run(services=wanted("ssh.service", "sshd.service"))
    assert result["units"]["sshd.service"]["id"] == "ssh.service"
    assert result["problems"] == ["sshd.service: is the same unit as ssh.service (ssh.service); keep one entry for it"]


def test_one_question_for_any_number_of_units(run: Run, systemd: FakeSystemd) -> None:
    names = [f"{number}.service" for number in range(20)]
    for name in names:
        systemd.add(name, **executes("/bin/sh"))
    assert len(run(services=wanted(*names))["units"]) == 20
    assert len(systemd.questions) == 2, "the units, and what every service gets"  # type: ignore[attr-defined]


def test_a_systemd_that_does_not_answer(run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "run", lambda command: (1, "", "Failed to connect to bus"))
    result = run(units=["a.service"])
    assert (result["failed"], result["msg"]) == (True, "systemctl show failed (1): Failed to connect to bus")


def test_every_key_that_is_returned_is_documented(run: Run, systemd: FakeSystemd) -> None:
    yaml = pytest.importorskip("yaml")
    documented = yaml.safe_load(service_units_info.RETURN)
    systemd.add("a.service", **executes("/bin/sh"))
    result = run(units=["a.service"])
    assert set(result) - {"changed", "invocation"} == set(documented)
    assert set(result["host_wide"]) == set(documented["host_wide"]["contains"])
    contains = documented["units"]["contains"]
    assert set(result["units"]["a.service"]) == set(contains)
    assert set(result["units"]["a.service"]["executable"]) == set(contains["executable"]["sample"])


@pytest.mark.parametrize(
    "name",
    ["--help", "", "a/b.service", "x.service\n", "x" * 300, "@.service", "x.foo", "größe.service", "*.service"],
)
def test_what_is_no_name_of_a_unit_is_an_error_that_says_so(run: Run, systemd: FakeSystemd, name: str) -> None:
    answer = run(units=["a.service", name], services=[{"name": name}])
    assert answer["failed"] is True and "exception" not in answer
    assert answer["msg"] == (
        f"nothing was done: units[1]: {name_problem(name)}; services[0].name: {name_problem(name)}"
    )
    assert systemd.questions == []  # type: ignore[attr-defined]


def test_a_service_without_a_name_is_an_error_that_says_so(run: Run) -> None:
    assert run(services=[{"accept": []}])["msg"] == f"nothing was done: services[0].name: {name_problem(None)}"


def obstruct(path: pathlib.Path, kind: str) -> None:
    """Put something in the place of a file."""
    path.parent.mkdir(exist_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_cannot_be_read_of_one_unit_is_said_of_that_unit_and_the_others_are_described(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, kind: str
) -> None:
    for name in ("fragment.service", "environment.service", "ours.service"):
        service_file(systemd, tmp_path, name, f"EnvironmentFile={tmp_path}/{name}.env", **executes("/bin/sh"))
    service_file(systemd, tmp_path, "right.service", "Environment=LD_PRELOAD=/x.so", **executes("/bin/sh"))
    (tmp_path / "fragment.service").unlink()
    obstruct(tmp_path / "fragment.service", kind)
    obstruct(tmp_path / "environment.service.env", kind)
    obstruct(pathlib.Path(dropin.path_of("ours.service", str(tmp_path))), kind)
    names = ["ours.service", "fragment.service", "environment.service", "right.service"]
    for mode in ("services", "host"):
        result = run(services=wanted(*names), mode=mode)
        ours, fragment, environment = result["problems"]
        assert ours.startswith(f"ours.service: {dropin.path_of('ours.service', str(tmp_path))} cannot be read: not a")
        assert fragment.startswith(f"fragment.service: {tmp_path}/fragment.service cannot be read (not a regular file)")
        assert environment.startswith("environment.service: EnvironmentFile=")
        assert "service.env cannot be read (not a regular file), so nobody knows what it sets" in environment
        assert result["units"]["right.service"]["ld_preload"] == ["/x.so"]
        assert list(result["units"]) == names


def test_a_unit_of_which_systemd_says_nothing_is_a_finding(
    run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = systemd.run
    monkeypatch.setattr(systemd, "run", lambda command, limit=60: (0, answer(command)[1].replace("=a.", "=b."), ""))
    systemd.add("a.service")
    systemd.add("c.service", **executes("/bin/sh"), MainPID="²", ActiveEnterTimestampMonotonic="soon")
    result = run(services=wanted("a.service", "c.service"))
    assert result["problems"] == [
        "a.service: systemd could not load the unit (unknown); see 'systemctl status a.service'"
    ]
    assert (result["units"]["a.service"]["load_state"], result["units"]["c.service"]["main_pid"]) == ("unknown", 0)


@pytest.mark.parametrize("line", [b"#!/bin/s\0h\n", b"#!/bin/\xff", b"#!" + b"/" * 300, b"#!\0", b"#! \t\n"])
def test_a_program_whose_first_line_is_odd_is_a_finding(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, line: bytes
) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(line)
    odd.chmod(0o755)
    service_file(systemd, tmp_path, "odd.service", **executes(str(odd)))
    service_file(systemd, tmp_path, "right.service", **executes("/bin/sh"))
    (problem,) = run(services=wanted("odd.service", "right.service"))["problems"]
    assert problem.startswith("odd.service: ")


def test_a_drop_in_of_any_unit_that_cannot_be_read_is_told_and_those_that_can_are_listed(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(service_units_info.Module, "warn", lambda self, text: warnings.append(text))
    monkeypatch.setattr(dropin, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(undo, "FOLDER", str(tmp_path / "none"))
    for name in ("a.service", "c.service"):
        path = pathlib.Path(dropin.path_of(name, str(tmp_path)))
        path.parent.mkdir()
        path.write_text(f"{dropin.MARKER}\n")
    obstacle = pathlib.Path(dropin.path_of("b.service", str(tmp_path)))
    obstacle.mkdir(parents=True)
    assert run()["dropins"] == ["a.service", "c.service"]
    (warning,) = warnings
    assert warning.startswith(f"{obstacle} cannot be read: not a regular file")


@pytest.fixture(name="folders")
def folders_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where a rollout would write; the library folder in it is not there yet."""
    folder = tmp_path / "host"
    folder.mkdir()
    monkeypatch.setattr(places, "LIBRARY_DIR", str(folder / "lib"))
    monkeypatch.setattr(dropin, "DIRECTORY", str(folder / "units"))
    return folder


def test_whether_a_host_can_be_written_to_is_said_only_where_it_is_asked(
    run: Run, systemd: FakeSystemd, folders: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "place_problem", lambda place: f"no room for {place.purpose}")
    result = run(services=wanted("a.service", libraries=["connect"]))
    assert (result["build"], result["unwritable"]) == ({}, {})
    systemd.add("a.service")
    changes = [f"no room for {what}" for what in ("the drop-ins", "what has to be put back if it fails",
                                                  "the lock of the rollout")]  # fmt: skip
    for libraries, of_libraries in (([], []), (["connect"], ["no room for the libraries"])):
        result = run(services=wanted("a.service", "a.socket", libraries=libraries), writable=True)
        assert result["unwritable"] == {"changes": changes, "libraries": of_libraries}
        assert not [problem for problem in result["problems"] if "no room" in problem], "whether it matters is open"


def test_where_no_program_could_load_a_library_is_a_problem_for_who_needs_one(
    run: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "load_problem", lambda: ["it is mounted noexec"])
    systemd.add("a.service")
    for libraries, expected in (([], []), (["connect"], ["it is mounted noexec"])):
        result = run(services=wanted("a.service", libraries=libraries), writable=True)
        assert [problem for problem in result["problems"] if "noexec" in problem] == expected


def test_what_a_build_lacks_is_said_where_libraries_are_wanted_and_not_there(
    run: Run, systemd: FakeSystemd, folders: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.add("a.service")
    families = packages.distribution()
    cc = "no-such-compiler -m64"
    monkeypatch.setattr(places, "obstacle_to_build", lambda: "no place to compile")
    result = run(services=wanted("a.service", libraries=["connect"]), writable=True, cc=cc)
    obstacle = "no place to compile"
    assert result["build"] == {"missing": ["no-such-compiler"], "families": families, "obstacle": obstacle}
    assert [problem for problem in result["problems"] if "compile" in problem] == [], "who compiles is not known here"
    result = run(services=wanted("a.service", libraries=[]), writable=True, cc=cc)
    assert result["build"] == {"missing": [], "families": families, "obstacle": ""}
    assert run(services=wanted("a.service", libraries=["connect"]), writable=True)["build"]["missing"] == [
        program for program in ("cc", "make") if shutil.which(program) is None
    ], "the compiler of the host's name, where no other is asked for"


def test_a_host_that_can_be_written_to_has_no_problem(
    run: Run, systemd: FakeSystemd, folders: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    service_file(systemd, tmp_path, "a.service", **executes("/bin/sh"))
    result = run(services=wanted("a.service", libraries=["connect"]), writable=True)
    assert [problem for problem in result["problems"] if "become" not in problem] == []
    assert list(folders.iterdir()) == [], "asked, and nothing written"


def test_who_has_the_processes_of_a_unit_that_has_none(run: Run, systemd: FakeSystemd) -> None:
    """As Debian's postgresql.service; one that has done its work and stands for nobody is right as it is."""
    parts = "db@1.service db@2.service db@3.service"
    systemd.add("db.service", SubState="exited", ControlGroup="", ConsistsOf=parts)
    systemd.add("db@1.service", ControlGroup="/system.slice/db@1.service")
    systemd.add("db@2.service", ControlGroup="", ActiveState="inactive")
    systemd.add("db@3.service", ControlGroup="/system.slice/db@3.service")
    systemd.add("done.service", SubState="exited", ControlGroup="", ConsistsOf="")
    systemd.add("stopped.service", ActiveState="inactive", ControlGroup="", ConsistsOf=parts)
    systemd.add("runs.service", ControlGroup="/system.slice/runs.service", ConsistsOf=parts)
    names = ("db.service", "done.service", "stopped.service", "runs.service")
    assert run(services=wanted(*names))["problems"] == [
        "db.service: it is active and has no process, so its settings would reach nobody; name db@1.service and "
        "db@3.service instead, or db@.service for all of them"
    ]


def test_who_has_no_process_is_left_out_where_those_that_have_them_are_listed(run: Run, systemd: FakeSystemd) -> None:
    """As Debian 12's postfix.service, in a fleet whose other hosts have their processes in it."""
    systemd.add("mail.service", SubState="exited", ControlGroup="", ConsistsOf="mail@-.service other.service")
    systemd.add("mail@-.service", ControlGroup="/system.slice/mail@-.service")
    systemd.add("other.service", ControlGroup="/system.slice/other.service")
    systemd.add("busy.service", ControlGroup="/system.slice/busy.service", ConsistsOf="other.service")
    (one,) = wanted("mail.service")
    one["if_present"] = True
    others = wanted("mail@-.service", "other.service", "busy.service")
    left_out = run(services=[one, *others])
    assert left_out["stood_in"] == {"mail.service": ["mail@-.service", "other.service"]}
    assert (left_out["absent_here"], left_out["problems"]) == (["mail.service"], [])
    partly = run(services=[one, others[0]])
    assert (partly["absent_here"], partly["stood_in"]) == ([], {})
    assert [problem.partition(",")[0] for problem in partly["problems"]] == [
        "mail.service: it is active and has no process"
    ]
    unsaid = run(services=[{**one, "if_present": False}, *others])
    assert (unsaid["absent_here"], len(unsaid["problems"])) == ([], 1)


def test_what_crashes_is_named_before_anything_is_written(run: Run, systemd: FakeSystemd) -> None:
    crashing = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "NRestarts": "3"}
    systemd.add("a.service", **crashing)
    systemd.add("b@1.service", **crashing)
    told = run(services=wanted("a.service"))["problems"]
    assert [text.partition("(")[0] for text in told] == ["a.service: it does not stay up "]


def test_what_systemd_preloads_into_every_service_stays(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    """DefaultEnvironment= of system.conf, or set-environment; a unit's own LD_PRELOAD counts instead of it."""
    systemd.environment = r'LANG=C.UTF-8 "LD_PRELOAD=/opt/50%/je.so:/usr/lib/libkeepalive/libkeepalive.so"'
    service_file(systemd, tmp_path, "a.service")
    service_file(systemd, tmp_path, "own.service", "Environment=LD_PRELOAD=/opt/%p.so")
    units = run(services=wanted("a.service", "own.service"))["units"]
    assert {name: unit["ld_preload"] for name, unit in units.items()} == {
        "a.service": ["/opt/50%%/je.so"],
        "own.service": ["/opt/%p.so"],
    }


def test_environment_files_are_those_that_systemd_names(run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path) -> None:
    """With their specifiers expanded, each instance's own."""
    for name in ("red", "green"):
        (tmp_path / name).write_text("TCP_KEEPIDLE=5\n")
        shown = f"{tmp_path}/{name} (ignore_errors=yes)\n/etc/with space (ignore_errors=no)"
        systemd.add(f"t@{name}.service", EnvironmentFiles=shown)
    expected = "EnvironmentFile={0} sets TCP_KEEPIDLE, which beats every drop-in; take TCP_KEEPIDLE out of {0}"
    assert run(services=wanted("t@red.service"))["problems"] == [f"t@red.service: {expected.format(tmp_path / 'red')}"]
