# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are restarted, in which order, and what is reported; the processes are real, systemd is not."""

from __future__ import annotations

import functools
import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.action.service_restart import NOTHING_TO_DO
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd as linux_systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock, restart
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


def test_a_time_that_is_none_is_refused(run: Run, systemd: FakeSystemd) -> None:
    assert run(job_timeout=0)["msg"] == "job_timeout: 0 is no time to wait: expected seconds, at least 1"
