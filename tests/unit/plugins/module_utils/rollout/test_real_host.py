# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction's steps do on a host: what they keep before they write, what goes back, and what is confirmed."""

from __future__ import annotations

import errno
import functools
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import real_host, undo
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.dropins import DropinRequest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Lock
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.real_host import RealHost
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import RestartRequest
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.transaction import StepFailed, Written
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import UnitsOfHost
from ansible_collections.netops.keepalive.tests.unit.support.changed_dropins import FOREIGN, text, wanted
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.restarted_host import (
    IN_FORCE,
    WHY,
    RestartedHost,
    policies,
)

OLD = {"content": None, "base64": None, "mtime_ns": None}


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> RestartedHost:
    monkeypatch.setattr(real_host, "UnitsOfHost", functools.partial(UnitsOfHost, directory=str(tmp_path), proc=proc))
    places = {"directory": str(tmp_path), "state_folder": undo.FOLDER}
    monkeypatch.setattr(real_host, "DropinRequest", functools.partial(DropinRequest, **places))
    return RestartedHost(tmp_path, proc, monkeypatch)


def steps(given: t.Optional[t.Mapping[str, str]] = None, check: bool = False) -> RealHost:
    """The steps on this host, with its units' policies."""

    def warned(why: str) -> None:
        raise AssertionError(why)

    return RealHost(Lock(None), given or {}, check=check, warn=warned, tell=lambda _step: None)


def unfinished(*units: str, ran: bool = True) -> None:
    """Note that an earlier run has changed these units, which had no drop-in, and not come to its end."""
    undo.write_previous(undo.FOLDER, {name: {**OLD, "unit": name, "ran": ran} for name in units})


def test_what_is_written_is_kept_with_who_runs_and_with_what(host: RestartedHost, process: Child) -> None:
    """To go back to what a process has: of a drop-in that never was in force that is not the last one."""
    unfinished("a.service", "b.service")
    host.rolled_out(process, "a.service")
    host.stale(process, "b.service")
    host.systemd.add("off.service", ActiveState="inactive")
    before = host.path("a.service").read_text()
    when = host.path("a.service").stat().st_mtime_ns
    on = steps()
    written = on.write(wanted(a=text(1), b=text(1), off=text(1), none=text(1)), None)
    assert written == Written(
        ["a.service", "b.service", "off.service", "none.service"],
        {"a.service": True, "b.service": True},
        ["a.service"],
    )
    fresh = {"unit": "a.service", "content": before, "base64": None, "mtime_ns": when, "ran": True}
    assert undo.read_previous(undo.FOLDER) == {
        "a.service": fresh,
        "b.service": {**OLD, "unit": "b.service", "ran": True},
        "off.service": {**OLD, "unit": "off.service", "ran": False},
        "none.service": {**OLD, "unit": "none.service", "ran": False},
    }
    assert [one["after"] for one in on.diffs] == [text(1)] * 4


def test_what_an_unfinished_rollout_has_restarted_is_in_force(host: RestartedHost, process: Child) -> None:
    """It is to be restarted to go back; who is never restarted is not, and of a template it is those instances."""
    names = ["a.service", "b.service", "c.service", "d.service", "w@.service", "gone.service"]
    unfinished(*names)
    for name in ("a.service", "d.service"):
        host.rolled_out(process, name)
    host.stale(process, "b.service")
    host.systemd.add("c.service", ActiveState="inactive")
    shared = {"MainPID": str(process.pid), "Environment": IN_FORCE, "DropInPaths": str(host.write("w@.service", True))}
    host.systemd.add("w@2.service", **shared)
    host.systemd.add("w@3.service", **{**shared, "ActiveState": "inactive"})
    given = {**policies("a.service"), **policies("d.service", restart="never")}
    expected = Written([], dict.fromkeys(names, True), ["a.service", "w@2.service"])
    assert steps(given).write([], None) == expected
    assert steps(given).write([], ["b.service", "a.service"]) == Written(
        [], {"a.service": True, "b.service": True}, ["a.service"]
    )


def test_nothing_is_written_where_something_forbids_it_or_systemd_does_not_answer(host: RestartedHost) -> None:
    host.path("a.service").parent.mkdir()
    host.path("a.service").write_text(FOREIGN)
    with pytest.raises(StepFailed, match=r"^no drop-in was written: a\.service: .* is not ours") as failed:
        steps().write(wanted(a=text(1)), None)
    assert failed.value.nothing_done is True
    host.systemd.stuck["show"] = lambda: None
    with pytest.raises(StepFailed, match=r"^systemd \(process 1\) did not answer") as failed:
        steps().write(wanted(b=text(1)), None)
    assert failed.value.nothing_done is True
    assert not host.path("b.service").exists()


def test_a_restart_says_what_was_done_also_where_a_unit_does_not_come_back(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service", "b.service")
    host.systemd.when["restart b.service"] = lambda: (1, "Job for b.service failed.")
    done: t.Dict[str, t.Any] = {}
    with pytest.raises(StepFailed, match=r"^b\.service: 'systemctl restart' failed") as failed:
        steps().restart(RestartRequest(policies("a.service", "b.service")), done)
    assert (failed.value.unit, sorted(done["restarted"])) == ("b.service", ["a.service", "b.service"])
    assert (done["changed"], done["reloaded"], done["restart_due"], done["left"]) == (True, False, {}, [])
    assert "would_restart" not in done
    host.systemd.stuck["show"] = lambda: None
    with pytest.raises(StepFailed, match=r"^systemd \(process 1\) did not answer") as failed:
        steps().restart(RestartRequest({}, units=["a.service"]), done)
    assert failed.value.unit == ""


def test_in_check_mode_it_is_said_who_would_be_restarted(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service")
    done: t.Dict[str, t.Any] = {}
    on = steps(check=True)
    on.restart(RestartRequest(policies("a.service")), done)
    assert (done["would_restart"], done["restarted"], host.systemd.commands) == (["a.service"], {}, [])
    assert on.diffs == [{"before": "", "after": f"restart a.service: {WHY}\n"}]


def test_what_was_before_goes_back_of_the_units_that_the_run_speaks_of(host: RestartedHost) -> None:
    host.path("b.service").parent.mkdir()
    host.path("b.service").write_text(text(1))
    on = steps()
    on.write(wanted(c=text(2), b=text(2), a=text(2)), None)
    assert on.put_back(["a.service", "b.service"]) == ["b.service", "a.service"]
    assert [host.path(f"{name}.service").exists() for name in "abc"] == [False, True, True]
    assert (host.path("b.service").read_text(), host.path("c.service").read_text()) == (text(1), text(2))
    assert on.put_back(None) == ["c.service", "b.service", "a.service"]
    assert not host.path("c.service").exists()
    assert sorted(undo.read_previous(undo.FOLDER)) == ["a.service", "b.service", "c.service"], "until it is confirmed"


def test_what_cannot_go_back_is_a_failure(host: RestartedHost) -> None:
    on = steps()
    on.write(wanted(a=text(2)), None)
    host.path("a.service").write_text(FOREIGN)
    with pytest.raises(StepFailed, match=r"^no drop-in was written: a\.service: .* is not ours"):
        on.put_back(None)


UNITS = ["a.service", "b.service", "w@.service"]


@pytest.mark.parametrize(
    ("still_due", "listed", "left"),
    [
        ([], None, []),
        (["b.service"], None, ["b.service"]),
        (["w@1.service"], None, ["w@.service"]),
        (["a.service", "w@.service"], None, ["a.service", "w@.service"]),
        ([], ["b.service", "a.service"], ["w@.service"]),
        ([], [], UNITS),
        (["a.service"], ["a.service"], UNITS),
    ],
)
def test_what_is_confirmed_is_not_left_to_the_next_rollout(
    still_due: t.List[str], listed: t.Optional[t.List[str]], left: t.List[str]
) -> None:
    """An instance that still has to be restarted keeps what its template's drop-in said before."""
    unfinished(*UNITS)
    steps().confirm(still_due, listed)
    assert sorted(undo.read_previous(undo.FOLDER)) == left
    assert pathlib.Path(undo.FOLDER).exists() is bool(left)


def test_an_end_that_cannot_be_noted_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", "/var/lib/x")

    unfinished(*UNITS)
    monkeypatch.setattr(undo, "write_previous", fail)
    said = "^the end of the rollout cannot be noted: No space left on device: /var/lib/x$"
    with pytest.raises(StepFailed, match=said):
        steps().confirm([], None)


def test_nobody_is_kept_from_an_end_by_a_record_that_is_damaged() -> None:
    pathlib.Path(undo.FOLDER).mkdir(parents=True)
    pathlib.Path(undo.FOLDER, "previous.json").write_text("[]")
    steps().confirm([], None)
    assert undo.read_previous(undo.FOLDER) == {}
