# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit that does not come back ends the restarts, but for the way back; what is not known begins none."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import SystemdError
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restarts
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.restarted_host import (
    NOTHING_DONE,
    RestartedHost,
    policies,
)


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> RestartedHost:
    return RestartedHost(tmp_path, proc, monkeypatch)


def test_the_first_that_does_not_come_back_ends_the_sequence(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service", "b.service", "c.service")
    host.systemd.when["restart b.service"] = lambda: (1, "Job for b.service failed.")
    unit, said = host.fail(policies("a.service", "b.service", "c.service"))
    assert unit == "b.service"
    assert said.startswith("b.service: 'systemctl restart' failed: active (running), result success")
    assert sorted(host.result["restarted"]) == ["a.service", "b.service"], "what the way back has to restart"
    assert "restart c.service" not in host.systemd.commands


def test_one_that_does_not_stay_up_fails_after_all_were_restarted(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service", "b.service")
    host.systemd.when["restart b.service"] = lambda: dies(host, "a.service")
    assert host.fail(policies("a.service", "b.service"))[0] == "a.service"
    assert sorted(host.result["restarted"]) == ["a.service", "b.service"]


def dies(host: RestartedHost, unit: str) -> None:
    """Have a unit fail within the time that it is watched."""
    host.clock.events[host.clock.now + 0.5] = functools.partial(host.systemd.become, unit, "failed")


def test_one_at_a_time_each_settles_before_the_next_is_touched(host: RestartedHost, process: Child) -> None:
    """The first dies within its own time; the second was never restarted."""
    host.stale(process, "a.service", "b.service")
    host.systemd.when["restart a.service"] = lambda: dies(host, "a.service")
    assert host.fail(policies("a.service", "b.service"), one_at_a_time=True)[0] == "a.service"
    assert list(host.result["restarted"]) == ["a.service"]
    assert "restart b.service" not in host.systemd.commands


def test_one_at_a_time_the_sockets_of_each_are_read_before_the_next(
    host: RestartedHost, process: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.stale(process, "a.service", "b.service")
    asked = []

    def wrong(_run: t.Any, expected: t.Dict[str, t.Any], wait: float) -> str:
        asked.append((expected["name"], wait, "restart b.service" in host.systemd.commands))
        return "" if expected["name"] == "a.service" else "live sockets are wrong: x"

    monkeypatch.setattr(restarts, "wrong_sockets", wrong)
    listed = policies("a.service", "b.service")
    expected = {name: {"name": name} for name in listed}
    assert host.fail(listed, expected=expected, one_at_a_time=True, wait=7) == (
        "b.service", "b.service: live sockets are wrong: x"
    )  # fmt: skip
    assert asked == [("a.service", 7, False), ("b.service", 7, True)]


def test_a_unit_that_does_not_come_back_in_time_is_one_that_failed(host: RestartedHost) -> None:
    """Which takes the caller to the way back, that then says of it what still hangs."""
    host.systemd.add("a.service")
    host.systemd.stuck["restart a.service"] = lambda: host.systemd.units["a.service"].update(
        ActiveState="deactivating", Job="7"
    )
    unit, said = host.fail({}, forced=["a.service"], job_timeout=5)
    assert (unit, list(host.result["restarted"])) == ("a.service", ["a.service"])
    assert "'systemctl restart' did not end within 5 s, it is still being stopped by systemd" in said


# ------------------------------------------------------------------ the way back


def test_the_way_back_starts_what_is_down_and_restarts_what_is_not_stale(host: RestartedHost) -> None:
    host.systemd.add("a.service", ActiveState="failed")
    host.systemd.add("b.service")
    host.systemd.add("c.service")
    result = host.restart(policies("c.service"), forced=["a.service", "b.service"], reload=True)
    assert sorted(result["restarted"]) == ["a.service", "b.service"]
    assert host.systemd.commands[0] == "daemon-reload"


def test_the_way_back_goes_on_after_a_unit_that_cannot_be_mended(host: RestartedHost) -> None:
    """Else the others would keep settings that the host no longer has."""
    for name in ("a.service", "b.service"):
        host.systemd.add(name)
    host.systemd.when["restart a.service"] = lambda: (1, "Job for a.service failed.")
    assert host.fail({}, forced=["a.service", "b.service"])[0] == "a.service"
    assert "restart b.service" in host.systemd.commands


def test_a_unit_that_systemd_no_longer_knows_after_its_restart_is_named(host: RestartedHost) -> None:
    host.systemd.add("a.service")

    def vanish() -> t.Tuple[int, str]:
        host.systemd.units["a.service"]["Id"] = "not a name"
        return 0, ""

    host.systemd.when["restart a.service"] = vanish
    host.systemd.add("b.service")
    assert host.fail({}, forced=["a.service", "b.service"]) == (
        "a.service", "a.service: systemctl show says nothing of it"
    )  # fmt: skip
    assert host.systemd.commands[-1] == "restart b.service", "on the way back the others are not left behind"


# ------------------------------------------------------------------ what is not known


def test_nothing_is_restarted_while_something_overrules_a_drop_in(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service")
    host.systemd.units["a.service"]["Environment"] = "TCP_KEEPIDLE=5"
    with pytest.raises(SystemdError, match=r"^nothing was restarted: a\.service: .*systemd says TCP_KEEPIDLE=5"):
        host.restart(policies("a.service"))
    assert host.systemd.commands == []


def test_a_systemd_that_does_not_answer_ends_the_run(host: RestartedHost) -> None:
    host.systemd.add("a.service")
    host.systemd.stuck["show"] = lambda: None
    with pytest.raises(SystemdError) as error:
        host.restart({}, forced=["a.service"])
    assert str(error.value) == "systemd (process 1) did not answer 'systemctl show' within 60 s"
    assert host.result == NOTHING_DONE


def test_where_it_cannot_be_read_what_a_unit_runs_with_nothing_is_restarted_unless_it_was_asked_for(
    host: RestartedHost, process: Child
) -> None:
    host.stale(process, "a.service")
    path = host.path("b.service")
    path.mkdir(parents=True)
    host.systemd.add("b.service", MainPID=str(process.pid))
    with pytest.raises(SystemdError) as error:
        host.restart(policies("a.service", "b.service"))
    assert str(error.value) == (
        f"nothing was restarted: b.service: {path} cannot be read: not a regular file, so whether a restart is due "
        "is not known"
    )
    assert host.systemd.commands == []
    host.restart({}, forced=["b.service"], units=["a.service"])
    assert host.systemd.commands[-1] == "restart b.service"
