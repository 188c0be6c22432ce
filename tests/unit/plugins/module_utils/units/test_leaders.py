# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes show what a unit runs with, where systemd knows a main process and where it knows none."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import boot_clock
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units.leaders import leaders_of
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import UnitsOfHost
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"


def without_main(name: str, **properties: str) -> t.Dict[str, str]:
    """Return what systemctl says of a running unit whose main process systemd does not know."""
    group = f"/system.slice/{name}"
    return {"Id": name, "ActiveState": "active", "MainPID": "0", "ControlGroup": group, **properties}


def stat_of(pid: int, parent: int) -> str:
    """Return /proc/PID/stat of a process as if another had started it."""
    head, _paren, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    state, _parent, *others = rest.split()
    return f"{head}) {state} {parent} {' '.join(others)}\n"


def test_the_main_process_is_enough(proc: ShadowProc) -> None:
    with Child() as main, Child() as other:
        proc.add(main.pid, "a.service")
        proc.add(other.pid, "a.service")
        shown = {**without_main("a.service"), "MainPID": str(main.pid)}
        assert leaders_of([shown], proc) == {"a.service": (main.pid,)}


def test_without_one_it_is_who_stands_at_the_top(proc: ShadowProc) -> None:
    """Two daemons and a child of one of them; processes of other units, and those that have no unit, do not count."""
    with Child() as one, Child() as two, Child() as worker, Child() as foreign:
        proc.add(one.pid, "twins.service", stat=stat_of(one.pid, 1))
        proc.add(two.pid, "twins.service", stat=stat_of(two.pid, 1))
        proc.add(worker.pid, "twins.service", stat=stat_of(worker.pid, one.pid))
        proc.add(foreign.pid, "other.service", stat=stat_of(foreign.pid, 1))
        found = leaders_of([without_main("twins.service"), without_main("idle.service")], proc)
        assert found == {"twins.service": tuple(sorted((one.pid, two.pid)))}


@pytest.mark.parametrize(
    "properties",
    [
        {"ControlGroup": ""},  # Debian's postgresql.service: active, and never a process
        {"ActiveState": "inactive"},
        {"ActiveState": "deactivating"},
        {"Id": "a.socket"},
    ],
)
def test_of_such_units_nobody_looks_for_processes(proc: ShadowProc, properties: t.Dict[str, str]) -> None:
    with Child() as child:
        proc.add(child.pid, "a.service")
        assert leaders_of([without_main("a.service")], proc) == {"a.service": (child.pid,)}
        assert leaders_of([{**without_main("a.service"), **properties}], proc) == {}


def test_what_outlived_the_units_last_stop_shows_nothing_of_it(proc: ShadowProc) -> None:
    """A restart does not reach it, so it must not make one due each time."""
    with Child() as survivor:
        started = HOST.started_at(survivor.pid)
        assert started is not None
        at = int((started - boot_clock.of_monotonic(0)) * 1e6)
        proc.add(survivor.pid, "a.service")
        for later, expected in ((-1000, True), (0, True), (10_000, True), (10_000_000, False)):
            shown = without_main("a.service", InactiveExitTimestampMonotonic=str(at + later))
            assert bool(leaders_of([shown], proc)) == expected, later


def test_each_of_several_daemons_can_make_a_restart_due(tmp_path: pathlib.Path, proc: ShadowProc) -> None:
    systemd = FakeSystemd()
    drop_in = pathlib.Path(dropin.path_of("twins.service", str(tmp_path)))
    drop_in.parent.mkdir()
    drop_in.write_text(f'{dropin.MARKER}\n[Service]\nEnvironment="LD_PRELOAD={CONNECT}" "TCP_KEEPIDLE=60"\n')
    systemd.add("twins.service", ControlGroup="/system.slice/twins.service", DropInPaths="")
    right = {"PATH": "/bin", "LD_PRELOAD": CONNECT, "TCP_KEEPIDLE": "60"}
    with Child(env=right) as one, Child(env=right) as two, Child(env={**right, "TCP_KEEPIDLE": "9"}) as three:
        proc.add(one.pid, "twins.service", stat=stat_of(one.pid, 1))
        proc.add(two.pid, "twins.service", stat=stat_of(two.pid, 1))

        def stale() -> t.List[str]:
            (unit,) = UnitsOfHost(systemd.run, (), str(tmp_path), proc).units(["twins.service"]).values()
            assert os.getpid() not in unit.pids
            return unit.stale

        assert stale() == []
        proc.add(three.pid, "twins.service", stat=stat_of(three.pid, 1))
        assert stale() == ["TCP_KEEPIDLE is 9, the drop-in says 60"]


def test_what_systemd_has_read_is_compared_with_its_specifiers_expanded(
    tmp_path: pathlib.Path, proc: ShadowProc
) -> None:
    systemd = FakeSystemd()
    drop_in = pathlib.Path(dropin.path_of("a.service", str(tmp_path)))
    drop_in.parent.mkdir()
    text = f'{dropin.MARKER}\n[Service]\nEnvironment="LD_PRELOAD={CONNECT}:/opt/%p.so" "TCP_KEEPIDLE=60"\n'
    drop_in.write_text(text)
    noted(drop_in, (0.0, None), (boot_clock.now() + 1, text))  # it came into force after the process was started
    read = f"LD_PRELOAD={CONNECT}:/opt/a.so TCP_KEEPIDLE=60"
    with Child(env={"PATH": "/bin", "LD_PRELOAD": f"{CONNECT}:/opt/a.so", "TCP_KEEPIDLE": "60"}) as child:
        proc.add(child.pid, "a.service")
        for shown, expected in (
            (read, []),
            (read.replace("60", "90"), ["TCP_KEEPIDLE is 60, the drop-in says 90"]),
        ):
            systemd.add("a.service", MainPID=str(child.pid), DropInPaths=str(drop_in), Environment=shown)
            (unit,) = UnitsOfHost(systemd.run, (), str(tmp_path), proc).units(["a.service"]).values()
            assert unit.stale == expected


def test_a_folder_of_drop_ins_may_be_a_link(tmp_path: pathlib.Path, proc: ShadowProc) -> None:
    """systemd shows what is in it by its real path."""
    systemd = FakeSystemd()
    drop_in = pathlib.Path(dropin.path_of("a.service", str(tmp_path)))
    (real := tmp_path / "config").mkdir()
    drop_in.parent.symlink_to(real)
    drop_in.write_text(f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n")

    def unread() -> t.FrozenSet[str]:
        (unit,) = UnitsOfHost(systemd.run, (), str(tmp_path), proc).units(["a.service"]).values()
        return unit.unread

    systemd.add("a.service", DropInPaths=f"/etc/other.conf {real / drop_in.name}")
    assert unread() == frozenset()
    systemd.add("a.service", DropInPaths="/etc/other.conf")
    assert unread() == {str(drop_in)}
