# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer is brought, changed and taken away whole, and what is somebody else's stays."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.monitor import installation
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.installation import (
    Monitor,
    MonitorRefused,
    monitor_is_there,
    take_monitor_away,
)
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.units import (
    FACTS,
    SERVICE,
    TIMER,
    MonitorWanted,
    metrics_of,
    service_text,
    timer_text,
)

WANTED = MonitorWanted(300, 30, "/textfile", True)


class Host:
    """A host below a folder, with a systemd that remembers whether the timer is on."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        for folder in ("etc/systemd/system", "usr/lib/libkeepalive", "textfile", "other", "run"):
            (root / folder).mkdir(parents=True)
        (root / "usr/lib/libkeepalive/keepalive-sockets").touch()
        self.on = False
        self.asked: t.List[str] = []
        self.before = self.files()
        self.monitor = Monitor(self.run, str(root))

    def run(self, command: t.List[str], _limit: float = 0) -> t.Tuple[int, str, str]:
        words = command[1:]
        if words[0] in ("is-enabled", "is-active"):
            return int(not self.on), "", ""
        self.asked.append(" ".join(words))
        if words[0] in ("enable", "disable"):
            self.on = words[0] == "enable"
        return 0, "", ""

    def files(self) -> t.Set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}

    def text(self, unit: str) -> str:
        return (self.root / "etc/systemd/system" / unit).read_text()

    def look(self) -> None:
        """Do what the service does."""
        (self.root / FACTS[1:]).parent.mkdir(exist_ok=True)
        (self.root / FACTS[1:]).touch()
        (self.root / metrics_of(self.text(SERVICE))[1:]).touch()


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


def test_from_nothing_to_nothing(host: Host) -> None:
    first = host.monitor.bring(WANTED, False)
    assert (first.changed, first.before) == (True, "")
    assert host.asked == ["daemon-reload", f"enable {TIMER}", f"restart {TIMER}"]
    assert (host.text(SERVICE), host.text(TIMER)) == (service_text(WANTED), timer_text(WANTED))
    assert os.readlink(host.root / "etc/ansible/facts.d/keepalive.fact") == FACTS
    host.look()
    again = host.monitor.bring(WANTED, False)
    assert (again.changed, list(again.done), again.before) == (False, [], again.after) and len(host.asked) == 3
    gone = host.monitor.take_away(False)
    assert (gone.changed, gone.before, gone.after) == (True, first.after, "")
    assert list(gone.done) == [SERVICE, TIMER, "/etc/ansible/facts.d/keepalive.fact", "/textfile/keepalive.prom"]
    assert host.files() == host.before and not host.on
    assert not host.monitor.take_away(False).changed


def test_check_mode_says_the_same_and_does_nothing(host: Host) -> None:
    foretold = host.monitor.bring(WANTED, True)
    assert (host.files(), host.asked) == (host.before, [])
    assert host.monitor.bring(WANTED, False) == foretold
    host.look()
    there = host.files()
    foretold = host.monitor.take_away(True)
    assert host.files() == there
    assert host.monitor.take_away(False) == foretold


def test_another_interval_starts_the_timer_anew_and_another_folder_takes_the_old_metrics_away(host: Host) -> None:
    host.monitor.bring(WANTED, False)
    host.look()
    assert list(host.monitor.bring(WANTED._replace(interval=60), False).done) == [TIMER, "started"]
    host.asked.clear()
    assert list(host.monitor.bring(WANTED._replace(interval=60, textfile="/other"), False).done) == [SERVICE]
    assert host.asked == ["daemon-reload"]
    assert os.listdir(host.root / "textfile") == []
    assert list(host.monitor.bring(WANTED._replace(interval=60, textfile="/other", facts=False), False).done) == [
        SERVICE, "/etc/ansible/facts.d/keepalive.fact",
    ]  # fmt: skip
    assert not (host.root / "etc/ansible").exists()


def test_without_metrics_and_facts_there_is_less_to_take_away(host: Host) -> None:
    host.monitor.bring(WANTED._replace(facts=False), False)
    assert list(host.monitor.take_away(False).done) == [SERVICE, TIMER], "no look has written any yet"


def test_a_timer_that_somebody_has_stopped_is_started(host: Host) -> None:
    host.monitor.bring(WANTED, False)
    host.on = False
    assert list(host.monitor.bring(WANTED, False).done) == ["started"] and host.on


def test_facts_of_others_keep_their_folder(host: Host) -> None:
    (host.root / "etc/ansible/facts.d").mkdir(parents=True)
    (host.root / "etc/ansible/facts.d/other.fact").touch()
    before = host.files()
    host.monitor.bring(WANTED, False)
    host.monitor.take_away(False)
    assert host.files() == before


@pytest.mark.parametrize("path", [f"etc/systemd/system/{SERVICE}", f"etc/systemd/system/{TIMER}"])
def test_units_of_others_stay(host: Host, path: str) -> None:
    (host.root / path).write_text("[Unit]\n")
    for go in (lambda: host.monitor.bring(WANTED, False), lambda: host.monitor.take_away(False)):
        with pytest.raises(MonitorRefused, match="is not a file of this collection"):
            go()
    assert host.files() == {*host.before, path}


def test_a_fact_of_another_stays(host: Host) -> None:
    (host.root / "etc/ansible/facts.d").mkdir(parents=True)
    fact = host.root / "etc/ansible/facts.d/keepalive.fact"
    for make in (lambda: fact.write_text("{}"), lambda: fact.symlink_to("/opt/site/keepalive.fact")):
        make()
        before = host.files()
        for go in (lambda: host.monitor.bring(WANTED, False), lambda: host.monitor.take_away(False)):
            with pytest.raises(MonitorRefused, match="is not a link of this collection"):
                go()
        assert host.files() == before
        fact.unlink()


def test_all_mistakes_are_told_at_once_and_nothing_is_written(host: Host) -> None:
    with pytest.raises(MonitorRefused) as refused:
        host.monitor.bring(MonitorWanted(1, -1, "a b", False), False)
    for said in ("interval: 1 is", "jitter: -1 is", "textfile: 'a b' is"):
        assert said in str(refused.value)
    for wanted, said in (
        (WANTED._replace(textfile="/textfile/../other"), "is not an absolute path"),
        (WANTED._replace(textfile="", facts=False), "leave nothing to be written"),
        (WANTED._replace(textfile="/nowhere"), "install node_exporter"),
    ):
        with pytest.raises(MonitorRefused, match=said):
            host.monitor.bring(wanted, False)
    (host.root / "usr/lib/libkeepalive/keepalive-sockets").unlink()
    with pytest.raises(MonitorRefused, match="enable keepalive on this host first"):
        host.monitor.bring(WANTED, False)
    assert host.monitor.bring(WANTED, True).changed, "in check mode a run before has not installed it either"
    assert host.asked == []


def test_without_metrics_or_facts_the_service_may_write_less() -> None:
    assert "--metrics" not in service_text(WANTED._replace(textfile=""))
    assert "ReadWritePaths" not in service_text(WANTED._replace(textfile=""))
    assert "--facts" not in service_text(WANTED._replace(facts=False))
    assert metrics_of(service_text(WANTED)) == "/textfile/keepalive.prom"
    assert metrics_of(service_text(WANTED._replace(textfile=""))) == ""


@pytest.fixture(name="here")
def here_fixture(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Have the host for this one."""
    monkeypatch.setattr(installation, "_UNITS", str(host.root / "etc/systemd/system"))
    monkeypatch.setattr(installation, "_LINK", str(host.root / "etc/ansible/facts.d/keepalive.fact"))
    return host


@pytest.mark.parametrize("left", [SERVICE, TIMER])
def test_a_removal_of_everything_finds_each_part_of_it(here: Host, left: str) -> None:
    assert not monitor_is_there() and list(take_monitor_away(here.run, False)) == []
    here.monitor.bring(WANTED, False)
    os.unlink(here.root / "etc/systemd/system" / ({SERVICE, TIMER} - {left}).pop())
    assert monitor_is_there()
    foretold = list(take_monitor_away(here.run, True))
    assert left in foretold and monitor_is_there()
    assert list(take_monitor_away(here.run, False)) == foretold
    assert not monitor_is_there() and here.files() == here.before


def test_a_removal_of_everything_leaves_what_is_somebody_elses(here: Host) -> None:
    (here.root / "etc/systemd/system" / TIMER).write_text("[Timer]\n")
    assert monitor_is_there() and list(take_monitor_away(here.run, False)) == []
    assert here.text(TIMER) == "[Timer]\n"
