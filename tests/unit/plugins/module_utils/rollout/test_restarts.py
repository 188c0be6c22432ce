# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units are restarted, in which order, and what is reported; the processes are real, systemd is not."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.restarted_host import (
    IN_FORCE,
    NO_DIFF,
    NOTHING_DONE,
    WHY,
    RestartedHost,
    policies,
)


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, proc: ShadowProc, monkeypatch: pytest.MonkeyPatch) -> RestartedHost:
    return RestartedHost(tmp_path, proc, monkeypatch)


def test_only_what_is_stale_is_restarted_in_the_order_given(host: RestartedHost, process: Child) -> None:
    """The processes that the fake systemd starts are none: their numbers may be those of others on this machine."""
    host.stale(process, "a.service", "c.service")
    host.systemd.add("b.service", MainPID=str(process.pid))
    host.rolled_out(process, "new.service")
    host.systemd.add("off.service", ActiveState="inactive")
    result = host.restart(policies("c.service", "b.service", "a.service", "new.service", "off.service"))
    assert result == {
        **NOTHING_DONE,
        "changed": True,
        "restarted": {
            "c.service": {"before": process.pid, "after": NO_PID + 1},
            "a.service": {"before": process.pid, "after": NO_PID + 2},
        },
        "diff": {"before": "", "after": f"restart c.service: {WHY}\nrestart a.service: {WHY}\n"},
    }
    assert host.systemd.commands == [
        "reset-failed c.service", "restart c.service", "reset-failed a.service", "restart a.service",
    ]  # fmt: skip
    assert host.told == [
        f"restart c.service: {WHY}", f"restart a.service: {WHY}", "see that what was restarted stays up for 2 s"
    ]  # fmt: skip
    host.systemd.commands.clear()
    assert host.restart(policies("c.service", "b.service", "a.service")) == {**NOTHING_DONE, **NO_DIFF}
    assert host.systemd.commands == []


def test_check_mode_foretells_and_does_nothing(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service")
    host.systemd.units["a.service"]["NeedDaemonReload"] = "yes"
    host.systemd.add("b.service")
    host.systemd.add("w@1.service")
    host.systemd.add("off.service", ActiveState="inactive")
    names = ["b.service", "w@.service", "off.service"]
    changes = "its drop-in changes"
    foretold = f"restart a.service: {WHY}\nrestart b.service: {changes}\nrestart w@1.service: {changes}\n"
    assert host.restart(policies("a.service", *names), check=True, assumed=names) == {
        **NOTHING_DONE, "changed": True, "reloaded": True, "diff": {"before": "", "after": foretold}
    }  # fmt: skip
    assert (host.systemd.commands, host.told) == ([], [])


def test_what_is_assumed_counts_in_check_mode_only(host: RestartedHost) -> None:
    host.systemd.add("a.service")
    assert host.restart(policies("a.service"), assumed=["a.service"]) == {**NOTHING_DONE, **NO_DIFF}
    assert host.systemd.commands == []


def test_a_reload_comes_first_and_is_a_change(host: RestartedHost) -> None:
    host.systemd.add("a.service", NeedDaemonReload="yes")
    host.systemd.when["daemon-reload"] = lambda: host.systemd.units["a.service"].update(NeedDaemonReload="no")
    result = host.restart(policies("a.service"))
    assert (result["changed"], result["reloaded"], host.systemd.commands) == (True, True, ["daemon-reload"])
    assert host.told == ["have systemd read its files"]
    assert host.restart(policies("a.service"))["changed"] is False
    assert host.restart(policies("a.service"), reload=True)["reloaded"] is True


def test_who_must_not_be_restarted_is_reported(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service", "w@.service")
    host.systemd.units.pop("w@.service")
    host.systemd.add("w@1.service", MainPID=str(process.pid), Environment=IN_FORCE,
                     DropInPaths=str(host.path("w@.service")))  # fmt: skip
    assert host.restart(policies("a.service", "w@.service", restart="never")) == {
        **NOTHING_DONE, **NO_DIFF, "restart_due": {"a.service": [WHY], "w@1.service": [WHY]}
    }  # fmt: skip
    assert host.systemd.commands == []


def test_further_units_are_restarted_after_the_services(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service", "b.service", "c.service")
    result = host.restart(policies("c.service"), units=["a.service", "c.service", "gone.service"])
    assert list(result["restarted"]) == ["c.service", "a.service"]


def test_what_ran_before_an_interrupted_run_and_has_failed_since_is_started(host: RestartedHost) -> None:
    """A power cycle between writing and restarting: nothing is stale then. What somebody stopped stays stopped."""
    host.systemd.add("a.service", ActiveState="failed")
    host.systemd.add("b.service", ActiveState="inactive")
    host.systemd.add("c.service", ActiveState="failed")
    result = host.restart(policies("a.service", "b.service", "c.service"), ran=["a.service", "b.service"])
    assert list(result["restarted"]) == ["a.service"]


def test_what_was_stopped_in_the_middle_of_its_restart_is_started(host: RestartedHost) -> None:
    host.systemd.add("a.service", ActiveState="inactive")
    assert list(host.restart({}, units=["a.service"], ran=["a.service"], down=["a.service"])["restarted"]) == [
        "a.service"
    ]


def test_what_still_has_something_of_ours_is_named(host: RestartedHost) -> None:
    entry = "/usr/lib/libkeepalive/libkeepalive.so"
    with Child(env={"LD_PRELOAD": entry}) as child, Child() as other:
        left = {row["pid"]: row["has"] for row in host.restart({}, without=["*"])["left"]}
        assert (left[child.pid], other.pid in left) == (f"was started with LD_PRELOAD={entry}", False)
        assert host.restart({}, without=["no-such@.service"])["left"] == []
        assert host.restart({})["left"] == []


# ------------------------------------------------------------------ a reload instead


def test_a_reload_that_starts_the_program_anew(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service")
    host.systemd.units["a.service"]["CanReload"] = "yes"
    host.systemd.when["reload a.service"] = lambda: host.systemd.units["a.service"].update(MainPID="0")
    assert host.restart(policies("a.service", restart="reload_then_verify")) == {
        **NOTHING_DONE,
        "changed": True,
        "restarted": {"a.service": {"before": process.pid, "after": 0}},
        "diff": {"before": "", "after": f"reload a.service: {WHY}\n"},
    }
    assert host.systemd.commands == ["reload a.service"]


def test_a_reload_that_keeps_the_process_fails_and_says_so(host: RestartedHost, process: Child) -> None:
    """It is what most programs do, nginx too: a new environment reaches them by a restart only."""
    host.stale(process, "a.service")
    host.systemd.units["a.service"]["CanReload"] = "yes"
    assert host.fail(policies("a.service", restart="reload_then_verify")) == (
        "a.service",
        f"a.service: was reloaded, and its process is as before ({WHY}): a reload does not start its program again; "
        "use 'restart: if_running', or 'never'",
    )
    assert (host.systemd.commands, host.result["restarted"]) == (["reload a.service"], {})


def test_a_unit_without_a_reload_is_left_alone(host: RestartedHost, process: Child) -> None:
    host.stale(process, "a.service")
    assert host.fail(policies("a.service", restart="reload_then_verify")) == (
        "a.service", "a.service: cannot be reloaded, it has no ExecReload=; use 'restart: if_running'"
    )  # fmt: skip
    assert host.systemd.commands == []
