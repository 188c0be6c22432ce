# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restart does to others: they are named before, restarted once, watched, and spared where they must be."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restart
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.due import Due, due_units, forbidden
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed, Sequence
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit, UnitsOfHost
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock, FakeSystemd


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    clock = Clock()
    for module in (restart, polling):
        monkeypatch.setattr(module, "time", clock)
    proc = Proc(str(tmp_path / "proc"))
    monkeypatch.setattr(restart, "UnitsOfHost", functools.partial(UnitsOfHost, directory=str(tmp_path), proc=proc))
    return FakeSystemd()


def sequence_of(systemd: FakeSystemd, *names: str) -> Sequence:
    return Sequence(systemd.run, names, 2)


def unit_named(name: str, stale: bool = True, **others: t.Any) -> Unit:
    properties = {"Id": name, "ActiveState": "active", **others.pop("properties", {})}
    return Unit(name, properties, None, ["old"] if stale else [], **others)


@pytest.mark.parametrize("key", ["RequiredBy", "BoundBy", "ConsistsOf"])
def test_who_restarts_others_comes_before_them(systemd: FakeSystemd, key: str) -> None:
    systemd.add("app.service")
    systemd.add("db.service", **{key: "app.service"})
    systemd.add("other.service")
    order = [unit.name for unit in sequence_of(systemd, "other.service", "app.service", "db.service").in_order()]
    assert order == ["other.service", "db.service", "app.service"]


def test_what_systemd_starts_before_another_comes_before_it(systemd: FakeSystemd) -> None:
    """A client that is restarted first would lose its server while it is watched."""
    systemd.add("client.service", After="basic.target server.service")
    systemd.add("server.service")
    order = [unit.name for unit in sequence_of(systemd, "client.service", "server.service").in_order()]
    assert order == ["server.service", "client.service"]


def test_a_circle_leaves_the_order_that_was_given(systemd: FakeSystemd) -> None:
    systemd.add("a.service", After="b.service")
    systemd.add("b.service", RequiredBy="c.service", After="a.service")
    systemd.add("c.service")
    order = [unit.name for unit in sequence_of(systemd, "a.service", "c.service", "b.service").in_order()]
    assert order == ["a.service", "c.service", "b.service"]


@pytest.mark.parametrize("result", ["resources", "exit-code"])
def test_a_socket_that_goes_along_gets_its_address_once_that_is_free(systemd: FakeSystemd, result: str) -> None:
    systemd.add("db.service", ConsistsOf="db.socket")
    systemd.add("db.socket", MainPID="")

    def restarted() -> None:
        systemd.become("db.service", "active")
        systemd.become("db.socket", "failed", Result=result)

    def started() -> None:
        systemd.become("db.socket", "active", Result="success")

    systemd.when = {"restart db.service": restarted, "start db.socket": started}
    sequence = sequence_of(systemd, "db.service")
    if result != "resources":
        with pytest.raises(RestartFailed, match=r"^db\.socket: was restarted with db\.service and did not come back: "):
            sequence.restart(sequence.units["db.service"])
        return
    sequence.restart(sequence.units["db.service"])
    assert systemd.commands[-1] == "start db.socket"
    assert sequence.restarted.keys() == {"db.service", "db.socket"}


def test_another_socket_that_is_stopped_along_gets_its_address_once_that_is_free(systemd: FakeSystemd) -> None:
    systemd.add("db.socket", ConsistsOf="admin.socket")
    systemd.add("admin.socket")
    tries = iter(range(3))

    def start() -> t.Optional[t.Tuple[int, str]]:
        failed = next(tries, None) is not None
        systemd.become("admin.socket", "failed" if failed else "active", Result="resources" if failed else "success")
        return (1, "Address already in use") if failed else None

    systemd.when["start admin.socket"] = start
    sequence = sequence_of(systemd, "db.socket")
    sequence.restart(sequence.units["db.socket"])
    assert systemd.commands.count("start admin.socket") == 4


def test_those_that_go_along_are_waited_for_and_watched(systemd: FakeSystemd) -> None:
    """Their jobs are others than that of the unit: when it has ended, theirs may not even have begun."""
    systemd.add("db.service", RequiredBy="app.service")
    systemd.add("app.service", MainPID="12")
    looks: t.List[str] = []

    def restarted() -> None:
        systemd.become("db.service", "active")
        systemd.become("app.service", "inactive", Job="77")

    def show(command: t.List[str], limit: float = 60) -> t.Tuple[int, str, str]:
        if command[1] == "show" and "app.service" in command and systemd.units["app.service"].get("Job") == "77":
            looks.append("app.service")
            if len(looks) == 3:
                systemd.become("app.service", "active", Job="0")
        return systemd.run(command, limit)

    systemd.when["restart db.service"] = restarted
    sequence = Sequence(show, ["db.service"], 2)
    (db,) = sequence.in_order()
    assert db.together == ("app.service",)
    sequence.restart(db)
    sequence.watch()
    assert len(looks) >= 3
    after = int(systemd.units["app.service"]["MainPID"])
    assert sequence.restarted["app.service"] == {"before": 12, "after": after}


def test_one_that_does_not_come_back_with_it_is_named(systemd: FakeSystemd) -> None:
    systemd.add("db.service", RequiredBy="app.service")
    systemd.add("app.service")
    systemd.when["restart db.service"] = lambda: systemd.become("app.service", "failed", Result="exit-code")
    sequence = sequence_of(systemd, "db.service")
    with pytest.raises(RestartFailed) as failed:
        sequence.restart(sequence.units["db.service"])
    assert failed.value.unit == "app.service"
    assert "app.service: was restarted with db.service and did not come back: failed" in str(failed.value)


def test_one_that_crashes_afterwards_fails_the_run(systemd: FakeSystemd) -> None:
    systemd.add("db.service", RequiredBy="app.service")
    systemd.add("app.service")
    sequence = sequence_of(systemd, "db.service")
    sequence.restart(sequence.units["db.service"])
    systemd.units["app.service"]["NRestarts"] = "1"
    with pytest.raises(RestartFailed, match=r"^app\.service: crashed and was restarted by systemd"):
        sequence.watch()


def test_a_client_that_lost_its_server_is_told_what_would_help(systemd: FakeSystemd) -> None:
    for name in ("first.service", "client.service", "server.service"):
        systemd.add(name)
    sequence = sequence_of(systemd, "first.service", "client.service", "server.service")
    for unit in sequence.in_order():
        sequence.restart(unit)
    systemd.units["client.service"]["NRestarts"] = "1"
    hint = r"; if it ends when server\.service restarts, give its entry 'after: \[server\.service\]'$"
    with pytest.raises(RestartFailed, match=hint):
        sequence.watch()
    systemd.units["client.service"]["NRestarts"] = "0"
    systemd.units["server.service"]["NRestarts"] = "1"  # nothing was restarted after it
    with pytest.raises(RestartFailed) as failed:
        sequence.watch()
    assert "after:" not in str(failed.value)


def test_what_a_sockets_stop_takes_along_is_started_again(systemd: FakeSystemd) -> None:
    systemd.add("a.socket", Triggers="a.service", RequiredBy="user.service", PropagatesStopTo="log.service")
    systemd.add("a.service", ConsistsOf="part.service", ActiveState="active")
    for name in ("user.service", "log.service", "part.service"):
        systemd.add(name)
    systemd.add("idle.service", ActiveState="inactive")
    sequence = sequence_of(systemd, "a.socket")
    sequence.restart(sequence.units["a.socket"])
    done = [command for command in systemd.commands if not command.startswith("reset-failed")]
    assert done == [
        "stop a.socket a.service log.service part.service user.service",
        "start a.socket",
        "start a.service",
        "start log.service",
        "start part.service",
        "start user.service",
    ]


# ---------------------------------------------------------------- what is due, and what is not


def test_the_plan_names_who_goes_along() -> None:
    unit = unit_named("db.service", together=("app.service", "web.service"))
    assert str(Due(unit, ["old"], False, False)) == (
        "restart db.service: old (systemd restarts with it: app.service, web.service)"
    )
    assert str(Due(unit, ["old"], True, False)) == "reload db.service: old"


@pytest.mark.parametrize("policies", [{"app.service": "never"}, {"app@.service": "never"}])
def test_who_must_not_be_restarted_is_not_by_another_either(policies: t.Dict[str, str]) -> None:
    other = "app.service" if "app.service" in policies else "app@1.service"
    units = [unit_named("db.service", together=(other,)), unit_named("cache.service", False, together=(other,))]
    due, _reported = due_units(units, policies)
    assert forbidden(due, policies) == [
        f"db.service: restarting it restarts {other} as well (Requires=, BindsTo= or PartOf=), which has "
        f"'restart: never'; give db.service 'restart: never' too, or {other} another policy"
    ]
    assert forbidden(due, {}) == []
    reload = {**policies, "db.service": "reload_then_verify"}
    assert forbidden(due_units(units, reload)[0], reload) == [], "a reload is no restart"


@pytest.mark.parametrize("key", ["RefuseManualStop", "RefuseManualStart"])
def test_what_systemd_would_refuse_is_known_before(key: str) -> None:
    due, _reported = due_units([unit_named("a.service", properties={key: "yes"})], {})
    (text,) = forbidden(due, {})
    assert text.startswith(f"a.service: {key}=yes, so systemd restarts it on nobody's demand; give it 'restart: never'")
    assert forbidden(due_units([unit_named("a.service", properties={key: "no"})], {})[0], {}) == []


@pytest.mark.parametrize("forced", [[], ["a.service"]])
@pytest.mark.parametrize("policy", ["if_running", "reload_then_verify", "never"])
def test_what_is_at_work_is_left_alone_and_said(forced: t.List[str], policy: str) -> None:
    unit = unit_named("a.service", left_alone="it is at work")
    due, reported = due_units([unit], {"a.service": policy}, forced=forced)
    assert (due, reported) == ([], {"a.service": ["it is at work"]})
    right = unit_named("a.service", False, left_alone="it is at work")
    assert due_units([right], {}) == ([], {})


JOB = "it is a job (Type=oneshot) that is at work; its next start has the settings"
ONE = "it serves one connection (Accept=yes), which a restart would end; the next one has the settings"


def test_who_would_lose_what_it_is_at(systemd: FakeSystemd) -> None:
    systemd.add("job.service", Type="oneshot", ActiveState="activating", SubState="start")
    systemd.add("done.service", Type="oneshot", ActiveState="active", SubState="exited")
    systemd.add("starting.service", Type="notify", ActiveState="activating")
    systemd.add("chat.socket", Accept="yes")
    systemd.add("chat@1-127.0.0.1:80-10.0.0.2:4711.service")
    systemd.add("chat@manual.service")
    systemd.add("pool.socket", Accept="no")
    systemd.add("pool@1-a.service")
    systemd.add("shard@1-a.service")  # no socket of that name
    systemd.add("db.service", RequiredBy="app.service job.service")
    systemd.add("app.service")
    names = ["job.service", "done.service", "starting.service", "chat@.service", "pool@.service", "db.service",
             "shard@.service"]  # fmt: skip
    units = sequence_of(systemd, *names).units
    assert {name: unit.left_alone for name, unit in units.items()} == {
        "job.service": JOB,
        "done.service": "",
        "starting.service": "",
        "chat@1-127.0.0.1:80-10.0.0.2:4711.service": ONE,
        "chat@manual.service": "",
        "pool@1-a.service": "",
        "shard@1-a.service": "",
        "db.service": "a restart would end job.service as well, a job (Type=oneshot) that is at work",
    }
