# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of restarts, what counts as coming back, and what is said of a unit that does not."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import signal
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock, in_force, job, polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import SystemdError
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restart
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed, Sequence
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import UnitsOfHost, overruled
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID, Clock, FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"


@pytest.fixture(name="systemd")
def systemd_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    monkeypatch.setattr(
        restart,
        "UnitsOfHost",
        functools.partial(UnitsOfHost, directory=str(tmp_path), proc=Proc(str(tmp_path / "proc"))),
    )
    return FakeSystemd()


@pytest.fixture(name="clock")
def clock_fixture(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (restart, polling):
        monkeypatch.setattr(module, "time", clock)
    return clock


def write(directory: pathlib.Path, unit: str, *lines: str) -> pathlib.Path:
    path = pathlib.Path(dropin.path_of(unit, str(directory)))
    path.parent.mkdir()
    path.write_text("\n".join([dropin.MARKER, "[Service]", *(f"Environment={line}" for line in lines), ""]))
    return path


def test_the_order_is_the_operators(systemd: FakeSystemd) -> None:
    for name in ("w@two.service", "a.service", "w@one.service", "b.service"):
        systemd.add(name)
    sequence = Sequence(systemd.run, ["b.service", "w@.service", "w@one.service", "a.service"], 2)
    assert [unit.name for unit in sequence.in_order()] == ["b.service", "w@one.service", "w@two.service", "a.service"]


def test_a_restart_that_works(systemd: FakeSystemd, clock: Clock) -> None:
    systemd.add("a.service", MainPID="0")
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.restart(sequence.units["a.service"])
    sequence.watch()
    assert systemd.commands == ["reset-failed a.service", "restart a.service"]
    assert sequence.restarted == {"a.service": {"before": 0, "after": NO_PID + 1}}
    assert 2 <= clock.now < 2.5


def test_systemd_has_its_time_for_each_command(systemd: FakeSystemd, clock: Clock) -> None:
    systemd.add("a.service")
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.reload()
    sequence.restart(sequence.units["a.service"])
    assert (systemd.limits["daemon-reload"], systemd.limits["reset-failed a.service"]) == (180.0, 60.0)


def test_the_time_to_watch_does_not_grow_with_the_number_of_units(systemd: FakeSystemd, clock: Clock) -> None:
    names = [f"{number}.service" for number in range(20)]
    for name in names:
        systemd.add(name)
    sequence = Sequence(systemd.run, names, 2)
    for unit in sequence.in_order():
        sequence.restart(unit)
    sequence.watch()
    assert len(sequence.restarted) == 20
    assert clock.now < 2.5


def test_nothing_restarted_is_not_watched(systemd: FakeSystemd, clock: Clock) -> None:
    systemd.add("a.service")
    Sequence(systemd.run, ["a.service"], 2).watch()
    assert clock.now == 0


def test_a_job_that_fails_is_told_with_what_the_unit_said(systemd: FakeSystemd, clock: Clock) -> None:
    systemd.add("a.service")
    systemd.log["a.service"] = "one\ntwo\n\nthree: cannot open\x1b[2J\x1b]52;c;cm0K\x07\r\n"

    def fail() -> t.Tuple[int, str]:
        systemd.become("a.service", "failed", SubState="failed", Result="exit-code", ExecMainStatus="3")
        return 1, "Job for a.service failed.\nSee journalctl.\n"

    systemd.when["restart a.service"] = fail
    sequence = Sequence(systemd.run, ["a.service"], 2)
    with pytest.raises(RestartFailed) as error:
        sequence.restart(sequence.units["a.service"])
    assert error.value.unit == "a.service"
    assert str(error.value) == (
        "a.service: 'systemctl restart' failed: failed (failed), result exit-code, exit status 3; "
        "it said: one / two / three: cannot open\\x1b[2J\\x1b]52;c;cm0K\\x07; "
        "it said: Job for a.service failed. / See journalctl."
    )
    assert sequence.restarted == {"a.service": {"before": 0, "after": 0}}, "the way back has to restart it"


Died = t.Tuple[str, t.Dict[str, str], str]
DEATHS: t.List[Died] = [
    ("failed", {"SubState": "failed", "Result": "exit-code", "ExecMainStatus": "1"},
     "b.service: did not stay up: failed (failed), result exit-code, exit status 1"),
    ("failed", {"SubState": "failed", "Result": "signal", "ExecMainStatus": "11"},
     "b.service: did not stay up: failed (failed), result signal, exit status 11"),
    ("failed", {"SubState": "failed", "Result": "core-dump", "ExecMainStatus": str(int(signal.SIGSYS))},
     f"b.service: did not stay up: failed (failed), result core-dump, exit status {int(signal.SIGSYS)} (SIGSYS: a list "
     "of allowed system calls, its own or SystemCallFilter=, lacks one that was made)"),
    ("inactive", {"SubState": "dead"}, "b.service: did not stay up: inactive (dead), result success"),
    ("active", {"NRestarts": "1"}, "b.service: crashed and was restarted by systemd: active (running), result success"),
    ("activating", {"SubState": "auto-restart", "Result": "exit-code", "ExecMainStatus": "1"},
     "b.service: did not stay up: activating (auto-restart), result exit-code, exit status 1"),
    ("activating", {"SubState": "auto-restart-queued", "Result": "exit-code"},
     "b.service: did not stay up: activating (auto-restart-queued), result exit-code"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "properties", "message"), DEATHS, ids=[f"{d[0]} {d[1]}" for d in DEATHS])
@pytest.mark.parametrize("later", [0.0, 0.5, 1.9])
def test_a_unit_that_does_not_stay_up(
    systemd: FakeSystemd, clock: Clock, later: float, state: str, properties: t.Dict[str, str], message: str
) -> None:
    """At once (before anyone looked), half a second later, and at the last moment."""
    for name in ("a.service", "b.service"):
        systemd.add(name)
    sequence = Sequence(systemd.run, ["a.service", "b.service"], 2)
    for unit in sequence.in_order():
        sequence.restart(unit)
    clock.events[later] = functools.partial(systemd.become, "b.service", state, **properties)
    if not later:
        clock.sleep(0)
    with pytest.raises(RestartFailed) as error:
        sequence.watch()
    assert (error.value.unit, str(error.value)) == ("b.service", message)


def test_a_unit_that_already_waits_for_its_next_try_when_it_is_first_looked_at(
    systemd: FakeSystemd, clock: Clock
) -> None:
    """RestartSec= is longer than anyone watches, so that systemd's counter of restarts stays what it is."""
    systemd.add("a.service")

    def crash() -> t.Tuple[int, str]:
        systemd.become("a.service", "activating", SubState="auto-restart", Result="exit-code")
        return 0, ""

    systemd.when["restart a.service"] = crash
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.restart(sequence.units["a.service"])
    with pytest.raises(RestartFailed, match=r"did not stay up: activating \(auto-restart\)"):
        sequence.watch()


@pytest.mark.parametrize("state", ["activating", "reloading"])
def test_a_unit_that_takes_its_time_is_not_down(systemd: FakeSystemd, clock: Clock, state: str) -> None:
    systemd.add("a.service")
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.restart(sequence.units["a.service"])
    systemd.units["a.service"].update(ActiveState=state, SubState="start")
    sequence.watch()
    assert 2 <= clock.now < 2.5, "watched to the end all the same"
    assert sequence.restarted == {"a.service": {"before": 0, "after": NO_PID + 1}}
    assert systemd.commands == ["reset-failed a.service", "restart a.service"], "and not restarted again"


@pytest.mark.parametrize(("result", "fine"), [("success", True), ("exit-code", False)])
def test_a_oneshot_may_end_if_it_ends_well(systemd: FakeSystemd, clock: Clock, result: str, fine: bool) -> None:
    systemd.add("a.service", Type="oneshot")
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.restart(sequence.units["a.service"])
    systemd.become("a.service", "inactive", SubState="dead", Result=result)
    if fine:
        sequence.watch()
        assert 2 <= clock.now < 2.5
        assert sequence.restarted == {"a.service": {"before": 0, "after": 0}}
    else:
        with pytest.raises(RestartFailed):
            sequence.watch()


def test_a_socket_is_restarted_while_its_service_waits_outside(systemd: FakeSystemd) -> None:
    systemd.add("a.socket", Triggers="a.service", NeedDaemonReload="no")
    systemd.add("a.service")
    sequence = Sequence(systemd.run, ["a.socket"], 0)
    sequence.restart(sequence.units["a.socket"])
    assert [command for command in systemd.commands if not command.startswith("reset-failed")] == [
        "stop a.socket a.service",
        "start a.socket",
        "start a.service",
    ]


def test_a_service_that_nobody_has_triggered_yet_is_not_started(systemd: FakeSystemd) -> None:
    systemd.add("a.socket", Triggers="a.service")
    systemd.add("a.service", ActiveState="inactive")
    sequence = Sequence(systemd.run, ["a.socket"], 0)
    sequence.restart(sequence.units["a.socket"])
    assert systemd.commands == ["stop a.socket", "reset-failed a.socket", "start a.socket"]


def test_the_service_comes_back_although_its_socket_does_not(systemd: FakeSystemd) -> None:
    systemd.add("a.socket", Triggers="a.service")
    systemd.add("a.service")
    systemd.when["start a.socket"] = lambda: (1, "Address already in use")
    sequence = Sequence(systemd.run, ["a.socket"], 0)
    with pytest.raises(RestartFailed, match="Address already in use"):
        sequence.restart(sequence.units["a.socket"])
    assert systemd.commands[-1] == "start a.service"


@pytest.mark.parametrize(
    ("failures", "result", "starts", "fine"),
    [
        (1, "resources", 2, True),
        (9, "resources", 10, True),
        (10**6, "resources", 14, False),  # a program of somebody else's listens there, for all of the 10 s
        (1, "exit-code", 1, False),  # of its ExecStartPre=
    ],
)
def test_an_address_that_is_free_in_a_moment_is_waited_for(
    systemd: FakeSystemd, clock: Clock, failures: int, result: str, starts: int, fine: bool
) -> None:
    """A child of systemd's on its way to another program still has the old socket, as has who reads it just now."""
    systemd.add("a.socket", Triggers="")
    tries = iter(range(failures))

    def start() -> t.Optional[t.Tuple[int, str]]:
        failed = next(tries, None) is not None
        systemd.become("a.socket", "failed" if failed else "active", Result=result if failed else "success")
        return (1, "Address already in use") if failed else None

    systemd.when["start a.socket"] = start
    sequence = Sequence(systemd.run, ["a.socket"], 0)
    with contextlib.nullcontext() if fine else pytest.raises(RestartFailed, match="Address already in use"):
        sequence.restart(sequence.units["a.socket"])
    assert systemd.commands.count("start a.socket") == systemd.commands.count("reset-failed a.socket") == starts


def test_clients_that_were_too_early_cost_their_service_another_restart(
    systemd: FakeSystemd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until none is left, but not for ever."""
    for left, restarts in (([2, 1, 0], 2), ([1] * 9, 3)):
        remaining = iter(left)
        monkeypatch.setattr(restart, "slipped_through", lambda *_arguments, counts=remaining: next(counts))
        systemd.commands.clear()
        systemd.add("a.socket", Triggers="a.service")
        systemd.add("a.service")
        sequence = Sequence(systemd.run, ["a.socket"], 0.2)
        sequence.restart(sequence.units["a.socket"])
        sequence.watch()
        assert systemd.commands.count("restart a.service") == restarts


def test_a_reload_dates_the_drop_ins_that_it_brings_into_force(
    systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that overwrites its environment is judged by whether it is older than that."""
    unread, read = write(tmp_path, "a.service"), write(tmp_path, "b.service")
    noted(unread, (0.0, None), (50.0, unread.read_text()), read=False)
    noted(read, (0.0, None), (50.0, read.read_text()))
    for path in (unread, read):
        systemd.add(dropin.unit_of(str(path)), DropInPaths=str(path))
    sequence = Sequence(systemd.run, ["a.service", "b.service"], 0)
    monkeypatch.setattr(boot_clock, "tick", lambda: 60.0)
    assert sequence.reload_due()
    sequence.reload()
    assert systemd.commands == ["daemon-reload"]
    assert [in_force.history(str(path)).versions[-1].since for path in (unread, read)] == [60.0, 50.0]
    assert not sequence.reload_due()


def test_a_drop_in_that_was_written_while_nothing_runs_is_dated_too(
    systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    """Of a template without instances, and of a unit that is down: who starts later was started with it."""
    for name in ("w@.service", "off.service"):
        path = write(tmp_path, name)
        noted(path, (0.0, None), (50.0, path.read_text()), read=False)
    systemd.add("off.service", ActiveState="inactive", DropInPaths=dropin.path_of("off.service", str(tmp_path)))
    sequence = Sequence(systemd.run, ["w@.service", "off.service"], 0)
    assert sequence.reload_due()
    sequence.reload()
    assert not Sequence(systemd.run, ["w@.service", "off.service"], 0).reload_due()


def test_a_drop_in_whose_coming_into_force_cannot_be_noted_ends_the_run(
    systemd: FakeSystemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every run to come would restart what overwrites its environment."""
    systemd.add("a.service", DropInPaths="")
    write(tmp_path, "a.service")
    monkeypatch.setattr(in_force, "FOLDER", "/proc/none/in-force")
    with pytest.raises(SystemdError, match=r"could not be noted in /proc/none/in-force: No such file or directory"):
        Sequence(systemd.run, ["a.service"], 0).reload()


def test_a_reload_that_fails(systemd: FakeSystemd) -> None:
    systemd.when["daemon-reload"] = lambda: (1, "Failed to reload daemon: Access denied\n")
    with pytest.raises(SystemdError, match=r"^systemctl daemon-reload failed: Failed to reload daemon: Access denied$"):
        Sequence(systemd.run, [], 0).reload()


@pytest.mark.parametrize(
    ("environment", "lost"),
    [
        (f"LD_PRELOAD={CONNECT}:/x.so TCP_KEEPIDLE=60", None),
        (f"LD_PRELOAD=/x.so:{CONNECT} TCP_KEEPIDLE=60 OTHER=1", None),
        (f'"OTHER=it\'s" LD_PRELOAD={CONNECT} TCP_KEEPIDLE=60', None),
        ("LD_PRELOAD=/x.so TCP_KEEPIDLE=60", "LD_PRELOAD=/x.so"),
        (f"LD_PRELOAD={CONNECT} TCP_KEEPIDLE=61", "TCP_KEEPIDLE=61"),
        ("", "LD_PRELOAD=, TCP_KEEPIDLE="),
    ],
)
def test_a_drop_in_that_something_overrules(
    systemd: FakeSystemd, tmp_path: pathlib.Path, environment: str, lost: t.Optional[str]
) -> None:
    path = write(tmp_path, "a.service", f"LD_PRELOAD={CONNECT}:/x.so", "TCP_KEEPIDLE=60")
    systemd.add("a.service", Environment=environment, DropInPaths=f"{path} /etc/zzz.conf")
    systemd.add("b.service", Environment="")
    sequence = Sequence(systemd.run, ["a.service", "b.service"], 0)
    expected = (
        f"a.service: {path} is overruled: systemd says {lost}; the unit's drop-ins in order: {path} /etc/zzz.conf"
    )
    assert overruled(sequence.in_order()) == ([expected] if lost else [])


@pytest.mark.parametrize(
    ("state", "job", "seen"),
    [
        ("activating", "17", "it is still being started by systemd; its job was cancelled: activating (start)"),
        ("deactivating", "17", "it is still being stopped by systemd; its job was cancelled: deactivating (start)"),
        ("inactive", "17", "its job waited for those of other units (see 'systemctl list-jobs'), and was cancelled: "),
        ("activating", "0", "it is still being started by systemd: activating (start)"),
    ],
)
def test_a_job_that_does_not_end_is_cancelled_and_told(systemd: FakeSystemd, state: str, job: str, seen: str) -> None:
    systemd.add("a.service", TimeoutStartUSec="infinity", TimeoutStopUSec="infinity")
    systemd.log["a.service"] = "not yet"
    systemd.stuck["restart a.service"] = lambda: systemd.units["a.service"].update(
        ActiveState=state, SubState="start", Job=job
    )
    sequence = Sequence(systemd.run, ["a.service"], 2, job_timeout=40)
    with pytest.raises(RestartFailed) as error:
        sequence.restart(sequence.units["a.service"])
    assert str(error.value).startswith(f"a.service: 'systemctl restart' did not end within 40 s, {seen}")
    assert str(error.value).endswith("; it said: not yet")
    assert systemd.commands == ["reset-failed a.service", *(["cancel 17"] if job == "17" else [])]
    assert "a.service" in sequence.restarted, "the way back has to restart it"


@pytest.mark.parametrize(
    ("start", "stop", "limit"),
    [
        ("infinity", "infinity", 300),
        ("1min 30s", "1min 30s", 2 * 90 + 3 * 90 + 10),
        ("infinity", "1h", 300),
        ("1min 30s", "infinity", 300),
        ("5s", "1h", 2 * 5 + 3 * 3600 + 10),
        ("5s", "5s", 2 * 5 + 3 * 5 + 10),
    ],
)
def test_a_unit_has_the_time_that_it_gives_itself(systemd: FakeSystemd, start: str, stop: str, limit: float) -> None:
    systemd.add("a.service", TimeoutStartUSec=start, TimeoutStopUSec=stop)
    sequence = Sequence(systemd.run, ["a.service"], 2)
    sequence.restart(sequence.units["a.service"])
    assert systemd.limits["restart a.service"] == limit


def test_process_1_that_does_not_answer_is_named(systemd: FakeSystemd) -> None:
    systemd.add("a.service")
    sequence = Sequence(systemd.run, ["a.service"], 2)

    def stop_answering() -> None:
        systemd.stuck["show"] = lambda: None

    systemd.stuck["restart a.service"] = stop_answering
    with pytest.raises(RestartFailed) as error:
        sequence.restart(sequence.units["a.service"])
    assert str(error.value) == (
        "a.service: 'systemctl restart' did not end within 300 s, and nobody is there to cancel its job: "
        "systemd (process 1) did not answer 'systemctl show' within 60 s"
    )


def test_a_journal_that_cannot_be_read_costs_only_its_lines(systemd: FakeSystemd) -> None:
    systemd.add("a.service")
    systemd.when["restart a.service"] = lambda: (1, "Job for a.service failed.")
    systemd.stuck["journalctl"] = lambda: None
    sequence = Sequence(systemd.run, ["a.service"], 2)
    with pytest.raises(RestartFailed, match=r"result success; it said: Job for a.service failed\."):
        sequence.restart(sequence.units["a.service"])
    assert systemd.limits["journalctl"] == job.LIMIT


def test_a_socket_whose_service_does_not_stop_is_told_by_what_hung_first(systemd: FakeSystemd) -> None:
    systemd.add("a.socket", Triggers="a.service")
    systemd.add("a.service")
    systemd.stuck["stop a.socket a.service"] = lambda: systemd.units["a.service"].update(
        ActiveState="deactivating", Job="7"
    )
    systemd.stuck["start a.service"] = lambda: systemd.units["a.service"].update(Job="8")
    sequence = Sequence(systemd.run, ["a.socket"], 0)
    with pytest.raises(RestartFailed) as error:
        sequence.restart(sequence.units["a.socket"])
    assert str(error.value).startswith(
        "a.service: 'systemctl stop' did not end within 300 s, it is still being stopped"
    )
    assert [command for command in systemd.commands if not command.startswith("reset-failed")] == [
        "cancel 7",
        "cancel 8",
    ]
