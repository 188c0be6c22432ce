# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are restarted, in which order, and what is reported; the processes are real, systemd is not."""

from __future__ import annotations

import functools
import json
import pathlib
import shutil
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.action.service_restart import NOTHING_TO_DO
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force, polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock, restart, restarts, undo
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import RESTARTS
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.modules import service_restart
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID, Clock, FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.notes import NEVER, dated, noted

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    systemd = FakeSystemd()
    monkeypatch.setattr(linux_systemd, "ask_systemd", systemd.run)
    monkeypatch.setattr(
        restart, "UnitsOfHost", functools.partial(units_unit.UnitsOfHost, directory=str(tmp_path), proc=proc)
    )
    clock = Clock()
    for waiting in (restart, polling):
        monkeypatch.setattr(waiting, "time", clock)
    return systemd


@pytest.fixture(name="run")
def run_fixture(systemd: FakeSystemd, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **arguments: t.Any) -> Result:
        with patch_module_args({"_ansible_check_mode": check, **arguments}), pytest.raises(SystemExit):
            service_restart.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return run


@pytest.fixture(name="process")
def process_fixture(proc: ShadowProc) -> t.Iterator[Child]:
    """A process that was started without any drop-in."""
    with Child() as child:
        proc.add(child.pid, "some.service")
        yield child


def write(directory: pathlib.Path, unit: str, old: bool = False) -> str:
    """Write a drop-in that asks for a value which no process of these tests has, and date it as a wrong clock does.

    :param old: It was there before any of the processes.
    """
    path = pathlib.Path(dropin.path_of(unit, str(directory)))
    path.parent.mkdir()
    path.write_text(f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n")
    noted(path, (0.0, None), (1.0 if old else NEVER, path.read_text()))
    dated(path, +3 if old else -3)
    return str(path)


IN_FORCE = "TCP_KEEPIDLE=60"
WHY = "TCP_KEEPIDLE is not set, the drop-in says 60"


def stale(systemd: FakeSystemd, directory: pathlib.Path, process: Child, unit: str, old: bool = False) -> None:
    path = write(directory, unit, old)
    systemd.add(unit, MainPID=str(process.pid), Environment=IN_FORCE, DropInPaths=path)


def services(*names: str, **settings: str) -> t.List[t.Dict[str, str]]:
    return [{"name": name, **settings} for name in names]


def test_only_what_is_stale_is_restarted_in_the_order_given(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    """The processes that the fake systemd starts are none: their numbers may be those of others on this machine."""
    for name in ("a.service", "c.service"):
        stale(systemd, tmp_path, process, name)
    systemd.add("b.service", MainPID=str(process.pid))
    stale(systemd, tmp_path, process, "new.service", old=True)  # its drop-in is older than its process
    systemd.add("off.service", ActiveState="inactive")
    result = run(services=services("c.service", "b.service", "a.service", "new.service", "off.service"))
    assert result["changed"] is True
    assert systemd.commands == [
        "reset-failed c.service", "restart c.service", "reset-failed a.service", "restart a.service",
    ]  # fmt: skip
    assert result["restarted"] == {
        "c.service": {"before": process.pid, "after": NO_PID + 1},
        "a.service": {"before": process.pid, "after": NO_PID + 2},
    }
    assert result["diff"]["after"] == f"restart c.service: {WHY}\nrestart a.service: {WHY}\n"
    assert (result["reloaded"], result["restart_due"]) == (False, {})
    systemd.commands.clear()
    again = run(services=services("c.service", "b.service", "a.service"))
    del again["invocation"]
    assert (again, systemd.commands) == (NOTHING_TO_DO, []), "what the action says where it does not ask"


OVERWRITE_ENVIRONMENT = """
import ctypes
fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
ctypes.memset(int(fields[47]), 0, int(fields[48]) - int(fields[47]))
ctypes.memmove(int(fields[47]), b'worker: busy', 12)
"""


@pytest.fixture(name="titled")
def titled_fixture(proc: ShadowProc) -> t.Iterator[Child]:
    """A process that has its title where its environment was, as nginx has: only times are left to judge it by."""
    with Child(OVERWRITE_ENVIRONMENT) as child:
        proc.add(child.pid, "titled.service")
        yield child


def rolled_out(systemd: FakeSystemd, directory: pathlib.Path, process: Child, unit: str) -> pathlib.Path:
    """A unit whose process was started with its drop-in."""
    path = pathlib.Path(write(directory, unit, old=True))
    systemd.add(unit, MainPID=str(process.pid), Environment=IN_FORCE, DropInPaths=str(path))
    return path


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_step_of_the_clock_restarts_nothing(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child, titled: Child, hours: float
) -> None:
    """The drop-ins have dates three hours off, as they get from a clock that is turned back or forward then."""
    for unit, child in (("a.service", process), ("titled.service", titled)):
        dated(rolled_out(systemd, tmp_path, child, unit), hours)
    assert run(services=services("a.service", "titled.service"))["changed"] is False
    assert systemd.commands == []


@pytest.mark.parametrize("hours", [-3, 3])
def test_after_a_boot_nothing_is_older(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child, titled: Child, hours: float
) -> None:
    """Nothing is noted any more; what differs does so because something else wins, which a restart would not mend."""
    for unit, child in (("a.service", process), ("titled.service", titled)):
        dated(rolled_out(systemd, tmp_path, child, unit), hours)
    shutil.rmtree(in_force.FOLDER)
    assert run(services=services("a.service", "titled.service"))["changed"] is False
    assert systemd.commands == []


@pytest.mark.parametrize("hours", [-3, 3])
def test_what_a_killed_run_has_written_and_systemd_not_read_is_finished_once(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, titled: Child, hours: float
) -> None:
    """Also where the clock was turned back in between, with which systemd takes the newer file for one it knows."""
    path = rolled_out(systemd, tmp_path, titled, "titled.service")
    before = path.read_text()
    path.write_text(before.replace("60", "61"))
    noted(path, (0.0, before), (1.0, path.read_text()), read=False)
    dated(path, hours)
    systemd.units["titled.service"].update(Environment="TCP_KEEPIDLE=61")
    result = run(services=services("titled.service"))
    assert result["diff"]["after"] == "restart titled.service: was started before its drop-in was last changed\n"
    assert systemd.commands == ["daemon-reload", "reset-failed titled.service", "restart titled.service"]
    systemd.commands.clear()
    assert run(services=services("titled.service"))["changed"] is False
    assert systemd.commands == []


def test_what_release_0_1_0_has_written_and_systemd_not_read_is_finished_too(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, titled: Child
) -> None:
    """It noted nothing. What systemd goes by still says something else."""
    rolled_out(systemd, tmp_path, titled, "titled.service")
    shutil.rmtree(in_force.FOLDER)
    systemd.units["titled.service"].update(NeedDaemonReload="yes", Environment="TCP_KEEPIDLE=59")
    systemd.when["daemon-reload"] = lambda: systemd.units["titled.service"].update(
        NeedDaemonReload="no", Environment=IN_FORCE
    )
    assert list(run(services=services("titled.service"))["restarted"]) == ["titled.service"]
    assert run(services=services("titled.service"))["changed"] is False


@pytest.mark.parametrize("noted_before", [True, False])
def test_a_units_other_files_that_systemd_has_not_read_make_nothing_older(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, titled: Child, noted_before: bool
) -> None:
    """As after an update of its package, be it the first change since the host was booted."""
    rolled_out(systemd, tmp_path, titled, "titled.service")
    if not noted_before:
        shutil.rmtree(in_force.FOLDER)
    systemd.units["titled.service"]["NeedDaemonReload"] = "yes"
    result = run(services=services("titled.service"))
    assert (result["reloaded"], result["restarted"]) == (True, {})


def test_what_release_0_1_0_has_left_unfinished_is_told_by_the_environment(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child, titled: Child
) -> None:
    """It was killed between reload and restart. An environment that is overwritten tells nothing: nothing is due."""
    for unit, child in (("a.service", process), ("titled.service", titled)):
        rolled_out(systemd, tmp_path, child, unit)
    shutil.rmtree(in_force.FOLDER)
    unfinished = {"content": None, "base64": None, "mtime_ns": None, "ran": True}
    undo.write_previous(undo.FOLDER, {name: {**unfinished, "unit": name} for name in ("a.service", "titled.service")})
    assert list(run(services=services("a.service", "titled.service"))["restarted"]) == ["a.service"]


def test_who_still_runs_with_what_was_put_back_needs_no_restart(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, titled: Child
) -> None:
    """A rollout that failed before it came to this unit."""
    path = rolled_out(systemd, tmp_path, titled, "titled.service")
    text = path.read_text()
    noted(path, (0.0, text), (NEVER, text.replace("60", "61")), (NEVER + 1, text))
    assert run(services=services("titled.service"))["changed"] is False
    noted(path, (0.0, text.replace("60", "61")), (NEVER, text))
    assert run(services=services("titled.service"))["changed"] is True


def test_a_socket_whose_listener_cannot_be_read_is_judged_by_its_age(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    path = pathlib.Path(dropin.path_of("a.socket", str(tmp_path)))
    path.parent.mkdir()
    path.write_text(f"{dropin.MARKER}\n[Socket]\nKeepAlive=yes\n")
    dated(path, +3)
    since = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    systemd.add("a.socket", DropInPaths=str(path), ActiveEnterTimestampMonotonic=str(since))
    assert run(services=services("a.socket"))["changed"] is False
    noted(path, (0.0, None), (NEVER, path.read_text()))
    assert list(run(services=services("a.socket"))["restarted"]) == ["a.socket"]


def test_check_mode_foretells_and_does_nothing(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    systemd.units["a.service"]["NeedDaemonReload"] = "yes"
    systemd.add("b.service")
    systemd.add("w@1.service")
    systemd.add("off.service", ActiveState="inactive")
    names = ["b.service", "w@.service", "off.service"]
    result = run(check=True, services=services("a.service", *names), assume_changed=names)
    assert (result["changed"], result["reloaded"], result["restarted"]) == (True, True, {})
    assert result["diff"]["after"] == (
        f"restart a.service: {WHY}\nrestart b.service: its drop-in changes\nrestart w@1.service: its drop-in changes\n"
    )
    assert systemd.commands == []


def test_what_is_assumed_counts_in_check_mode_only(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service")
    assert run(services=services("a.service"), assume_changed=["a.service"])["changed"] is False
    assert systemd.commands == []


def test_a_reload_comes_first_and_is_a_change(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service", NeedDaemonReload="yes")
    systemd.when["daemon-reload"] = lambda: systemd.units["a.service"].update(NeedDaemonReload="no")
    result = run(services=services("a.service"))
    assert (result["changed"], result["reloaded"], systemd.commands) == (True, True, ["daemon-reload"])
    assert run(services=services("a.service"))["changed"] is False
    assert run(services=services("a.service"), reload=True)["reloaded"] is True


def test_who_must_not_be_restarted_is_reported(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    stale(systemd, tmp_path, process, "w@.service")
    systemd.units.pop("w@.service")
    systemd.add("w@1.service", MainPID=str(process.pid), Environment=IN_FORCE,
                DropInPaths=dropin.path_of("w@.service", str(tmp_path)))  # fmt: skip
    result = run(services=services("a.service", "w@.service", restart="never"))
    assert result["restart_due"] == {"a.service": [WHY], "w@1.service": [WHY]}
    assert (result["changed"], systemd.commands) == (False, [])


def test_further_units_are_restarted_after_the_services(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    for name in ("a.service", "b.service", "c.service"):
        stale(systemd, tmp_path, process, name)
    result = run(services=services("c.service"), units=["a.service", "c.service", "gone.service"])
    assert list(result["restarted"]) == ["c.service", "a.service"]


def test_the_first_that_does_not_come_back_ends_the_sequence(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    for name in ("a.service", "b.service", "c.service"):
        stale(systemd, tmp_path, process, name)
    systemd.when["restart b.service"] = lambda: (1, "Job for b.service failed.")
    result = run(services=services("a.service", "b.service", "c.service"))
    assert (result["failed"], result["failed_unit"]) == (True, "b.service")
    assert result["msg"].startswith("b.service: 'systemctl restart' failed: active (running)")
    assert sorted(result["restarted"]) == ["a.service", "b.service"], "what the way back has to restart"
    assert "restart c.service" not in systemd.commands


def test_one_that_does_not_stay_up_fails_after_all_were_restarted(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    for name in ("a.service", "b.service"):
        stale(systemd, tmp_path, process, name)

    def dies() -> None:
        clock = t.cast(Clock, restart.time)
        clock.events[clock.now + 0.5] = functools.partial(systemd.become, "a.service", "failed")

    systemd.when["restart b.service"] = dies
    result = run(services=services("a.service", "b.service"))
    assert (result["failed"], result["failed_unit"]) == (True, "a.service")
    assert sorted(result["restarted"]) == ["a.service", "b.service"]


def test_the_way_back_starts_what_is_down_and_restarts_what_is_not_stale(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service", ActiveState="failed")
    systemd.add("b.service")
    systemd.add("c.service")
    result = run(force=["a.service", "b.service"], services=services("c.service"), reload=True)
    assert sorted(result["restarted"]) == ["a.service", "b.service"]
    assert systemd.commands[0] == "daemon-reload"


def test_the_way_back_goes_on_after_a_unit_that_cannot_be_mended(run: Run, systemd: FakeSystemd) -> None:
    """Else the others would keep settings that the host no longer has."""
    for name in ("a.service", "b.service"):
        systemd.add(name)
    systemd.when["restart a.service"] = lambda: (1, "Job for a.service failed.")
    result = run(force=["a.service", "b.service"])
    assert (result["failed"], result["failed_unit"]) == (True, "a.service")
    assert "restart b.service" in systemd.commands


def test_nothing_is_restarted_while_something_overrules_a_drop_in(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    systemd.units["a.service"]["Environment"] = "TCP_KEEPIDLE=5"
    result = run(services=services("a.service"))
    assert result["failed"] is True
    assert result["msg"].startswith("nothing was restarted: a.service: ")
    assert "systemd says TCP_KEEPIDLE=5" in result["msg"]
    assert systemd.commands == []


def test_one_at_a_time_each_settles_before_the_next_is_touched(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    """The first dies within its own time; the second was never restarted."""
    for name in ("a.service", "b.service"):
        stale(systemd, tmp_path, process, name)

    def dies() -> None:
        clock = t.cast(Clock, restart.time)
        clock.events[clock.now + 0.5] = functools.partial(systemd.become, "a.service", "failed")

    systemd.when["restart a.service"] = dies
    result = run(services=services("a.service", "b.service"), one_at_a_time=True)
    assert (result["failed_unit"], list(result["restarted"])) == ("a.service", ["a.service"])
    assert "restart b.service" not in systemd.commands


def test_one_at_a_time_the_sockets_of_each_are_read_before_the_next(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.service", "b.service"):
        stale(systemd, tmp_path, process, name)
    asked = []

    def wrong(_run: t.Any, expected: t.Dict[str, t.Any], wait: float) -> str:
        asked.append((expected["name"], wait, list(systemd.commands)))
        return "" if expected["name"] == "a.service" else "live sockets are wrong: x"

    monkeypatch.setattr(restarts, "wrong_sockets", wrong)
    listed: t.List[t.Dict[str, t.Any]] = [
        {"name": name, "expected": {"name": name}} for name in ("a.service", "b.service")
    ]
    result = run(services=listed, one_at_a_time=True, wait=7)
    assert (result["msg"], result["failed_unit"]) == ("b.service: live sockets are wrong: x", "b.service")
    assert [row[:2] for row in asked] == [("a.service", 7), ("b.service", 7)]
    assert "restart b.service" not in asked[0][2]


def test_a_reload_that_starts_the_program_anew(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    systemd.units["a.service"]["CanReload"] = "yes"
    systemd.when["reload a.service"] = lambda: systemd.units["a.service"].update(MainPID="0")
    result = run(services=services("a.service", restart="reload_then_verify"))
    assert (systemd.commands, result["changed"]) == (["reload a.service"], True)
    assert result["restarted"] == {"a.service": {"before": process.pid, "after": 0}}
    assert result["diff"]["after"] == f"reload a.service: {WHY}\n"


def test_a_reload_that_keeps_the_process_fails_and_says_so(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    """It is what most programs do, nginx too: a new environment reaches them by a restart only."""
    stale(systemd, tmp_path, process, "a.service")
    systemd.units["a.service"]["CanReload"] = "yes"
    result = run(services=services("a.service", restart="reload_then_verify"))
    assert result["failed_unit"] == "a.service"
    assert result["msg"] == (
        f"a.service: was reloaded, and its process is as before ({WHY}): a reload does not start its program again; "
        "use 'restart: if_running', or 'never'"
    )
    assert (systemd.commands, result["restarted"]) == (["reload a.service"], {})


def test_a_unit_without_a_reload_is_left_alone(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    result = run(services=services("a.service", restart="reload_then_verify"))
    assert result["msg"] == "a.service: cannot be reloaded, it has no ExecReload=; use 'restart: if_running'"
    assert systemd.commands == []


def test_what_ran_before_an_interrupted_run_and_has_failed_since_is_started(run: Run, systemd: FakeSystemd) -> None:
    """A power cycle between writing and restarting: nothing is stale then. What somebody stopped stays stopped."""
    systemd.add("a.service", ActiveState="failed")
    systemd.add("b.service", ActiveState="inactive")
    systemd.add("c.service", ActiveState="failed")
    result = run(services=services("a.service", "b.service", "c.service"), ran=["a.service", "b.service"])
    assert list(result["restarted"]) == ["a.service"]


def test_what_still_has_something_of_ours_is_named(run: Run, systemd: FakeSystemd) -> None:
    entry = "/usr/lib/libkeepalive/libkeepalive.so"
    with Child(env={"LD_PRELOAD": entry}) as child, Child() as other:
        left = {row["pid"]: row["has"] for row in run(without=["*"])["left"]}
        assert (left[child.pid], other.pid in left) == (f"was started with LD_PRELOAD={entry}", False)
        assert run(without=["no-such@.service"])["left"] == []
        assert run()["left"] == []


@pytest.mark.parametrize(
    ("policies", "blocks"),
    [({}, True), ({"w@.service": "never"}, False), ({"w@1.service": "never"}, False), ({"w@2.service": "never"}, True)],
)
def test_what_is_left_blocks_a_removal_unless_its_unit_is_never_restarted(
    run: Run, monkeypatch: pytest.MonkeyPatch, policies: t.Dict[str, str], blocks: bool
) -> None:
    """The policy of a template holds for its instances."""
    row = {"pid": 7, "unit": "w@1.service", "program": "/opt/w", "has": "maps a library", "by": "environment"}
    monkeypatch.setattr(restarts, "remains", lambda _patterns: [row])
    entries = [{"name": name, "restart": policy} for name, policy in policies.items()]
    (left,) = run(services=entries, without=["*"])["left"]
    assert left == {**row, "blocks": blocks}


OTHER = {"id": "other", "owner": "eve on deploy2, process 7", "scope": "s", "pid": 7, "started": "1"}
ME = {"id": "me", "owner": "me on deploy1, process 8"}


def test_nothing_is_touched_while_another_run_has_the_host(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    stale(systemd, tmp_path, process, "a.service")
    other = lock.Lock(OTHER, True)
    other.take()
    other.leave()
    result = run(services=services("a.service"), run=ME, rollout=True)
    assert result["msg"].startswith(
        "nothing was restarted: another run is changing this host: eve on deploy2, process 7"
    )
    assert (result["lock_holder"]["id"], systemd.commands) == ("other", [])
    assert run(services=services("b.service"), run=ME)["changed"] is False, "who changes nothing needs no lock"
    other.end()
    result = run(services=services("a.service"), run=ME, rollout=True)
    assert (result["lock_held"], "restart a.service" in systemd.commands) == (True, True)


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ({"name": "a.service", "restart": "always"},
         "services[0] 'a.service': restart: 'always' is not one of " + ", ".join(RESTARTS)),
        ({"restart": "never"},
         f"nothing was done: services[0].name: {name_problem(None)}"),
    ],
)  # fmt: skip
def test_wrong_services(run: Run, service: t.Dict[str, str], message: str) -> None:
    assert run(services=[service])["msg"] == message


def test_a_unit_that_does_not_come_back_in_time_is_one_that_failed(run: Run, systemd: FakeSystemd) -> None:
    """Which takes the caller to the way back, that then says of it what still hangs."""
    systemd.add("a.service")
    systemd.stuck["restart a.service"] = lambda: systemd.units["a.service"].update(ActiveState="deactivating", Job="7")
    result = run(force=["a.service"], job_timeout=5)
    assert (result["failed"], result["failed_unit"], list(result["restarted"])) == (True, "a.service", ["a.service"])
    assert "'systemctl restart' did not end within 5 s, it is still being stopped by systemd" in result["msg"]


def test_a_time_that_is_none_is_refused(run: Run, systemd: FakeSystemd) -> None:
    assert run(job_timeout=0)["msg"] == "job_timeout: 0 is no time to wait: expected seconds, at least 1"


def test_a_systemd_that_does_not_answer_ends_the_run(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service")
    systemd.stuck["show"] = lambda: None
    result = run(force=["a.service"])
    assert result["msg"] == "systemd (process 1) did not answer 'systemctl show' within 60 s"


def test_where_it_cannot_be_read_what_a_unit_runs_with_nothing_is_restarted_unless_it_was_asked_for(
    run: Run, systemd: FakeSystemd, tmp_path: pathlib.Path, process: Child
) -> None:
    stale(systemd, tmp_path, process, "a.service")
    path = pathlib.Path(dropin.path_of("b.service", str(tmp_path)))
    path.mkdir(parents=True)
    systemd.add("b.service", MainPID=str(process.pid))
    result = run(services=services("a.service", "b.service"))
    assert result["failed"] is True
    assert result["msg"] == (
        f"nothing was restarted: b.service: {path} cannot be read: not a regular file, so whether a restart is due "
        "is not known"
    )
    assert systemd.commands == []
    run(force=["b.service"], units=["a.service"])
    assert systemd.commands[-1] == "restart b.service"


def test_a_unit_that_systemd_no_longer_knows_after_its_restart_is_named(run: Run, systemd: FakeSystemd) -> None:
    systemd.add("a.service")

    def vanish() -> t.Tuple[int, str]:
        systemd.units["a.service"]["Id"] = "not a name"
        return 0, ""

    systemd.when["restart a.service"] = vanish
    systemd.add("b.service")
    result = run(force=["a.service", "b.service"])
    assert (result["failed"], result["failed_unit"]) == (True, "a.service")
    assert result["msg"] == "a.service: systemctl show says nothing of it"
    assert systemd.commands[-1] == "restart b.service", "on the way back the others are not left behind"
