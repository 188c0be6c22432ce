# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reloads instead of restarts, units of which nothing is known, and the sockets that are read between two units."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import polling
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restart
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed, Sequence
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer, Question
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock, FakeSystemd


def unit(
    name: str = "a.service", stale: t.Sequence[str] = (), damage: str = "", pid: int = 7, **properties: str
) -> Unit:
    known = {"CanReload": "yes", "ActiveState": "active", **properties}
    return Unit(name, known, None, list(stale), frozenset(), damage, (pid,))


class Host:
    """Units as they are looked at, one time after the other; the last look stays."""

    def __init__(self, *looks: t.Optional[Unit]) -> None:
        self.looks = list(looks)
        self.asked = 0

    def units(self, names: t.Sequence[str]) -> t.Dict[str, Unit]:
        self.asked += 1
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {look.name: look} if look and look.name in names else {}

    def unread(self, _names: t.Sequence[str]) -> t.Set[str]:
        return set()


@pytest.fixture(name="clock")
def clock_fixture(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (restart, polling):
        monkeypatch.setattr(module, "time", clock)
    return clock


def sequence_of(
    monkeypatch: pytest.MonkeyPatch, systemd: FakeSystemd, names: t.Sequence[str], *looks: t.Optional[Unit]
) -> t.Tuple[Sequence, Host]:
    host = Host(*looks)
    monkeypatch.setattr(restart, "UnitsOfHost", lambda *_arguments: host)
    return Sequence(systemd.run, names, 2), host


def test_what_systemd_says_nothing_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence, _host = sequence_of(monkeypatch, FakeSystemd(), ["a.service", "b.service", "w@.service"], unit())
    assert sequence.unanswered() == ["b.service"], "of a template there may be no instance"
    assert [one.name for one in sequence.in_order()] == ["a.service"]


@pytest.mark.parametrize(("needs", "due"), [("yes", True), ("no", False), ("", False)])
def test_systemd_says_itself_that_it_has_not_read_a_units_files(
    monkeypatch: pytest.MonkeyPatch, needs: str, due: bool
) -> None:
    sequence, _host = sequence_of(monkeypatch, FakeSystemd(), ["a.service"], unit(NeedDaemonReload=needs))
    assert sequence.reload_due() is due


def test_a_reload_is_over_when_the_process_is_a_new_one(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    looks = (unit(stale=["old"], pid=7), unit(stale=["old"], pid=7), unit(pid=8))
    sequence, host = sequence_of(monkeypatch, systemd, ["a.service"], *looks)
    sequence.reload_unit(sequence.units["a.service"])
    assert systemd.commands == ["reload a.service"], "no start that would count against its limit"
    assert sequence.restarted == {"a.service": {"before": 7, "after": 8}}
    assert (host.asked, round(clock.now, 6)) == (3, 0.1)
    sequence.watch()
    assert clock.now >= 2, "it is watched like the others"


def test_a_unit_without_a_reload_and_one_whose_reload_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    sequence, _host = sequence_of(monkeypatch, systemd, ["a.service"], unit(stale=["old", "x"]))
    with pytest.raises(RestartFailed) as error:
        sequence.reload_unit(unit(CanReload="no"))
    assert str(error.value) == "a.service: cannot be reloaded, it has no ExecReload=; use 'restart: if_running'"
    assert systemd.commands == []
    with pytest.raises(RestartFailed) as error:
        sequence.reload_unit(unit())
    assert str(error.value) == (
        "a.service: was reloaded, and its process is as before (old; x): a reload does not start its program again; "
        "use 'restart: if_running', or 'never'"
    )
    assert (sequence.restarted, round(clock.now)) == ({}, 10)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (None, "systemctl show says nothing of it"),
        (unit(damage="it is too much"), "it is too much"),
        (unit(ActiveState="failed"), "did not stay up: active (running), result success"),
        (unit(ActiveState="inactive", stale=["x"]), "did not stay up: active (running), result success"),
    ],
)
def test_a_unit_that_does_not_run_after_its_reload(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, look: t.Optional[Unit], said: str
) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    sequence, _host = sequence_of(monkeypatch, systemd, ["a.service"], unit(), look)
    with pytest.raises(RestartFailed) as error:
        sequence.reload_unit(unit())
    assert (error.value.unit, str(error.value)) == ("a.service", f"a.service: {said}")
    assert clock.now == 0, "that is not waited for"


def test_a_restart_of_what_systemd_does_not_know_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    sequence, _host = sequence_of(monkeypatch, systemd, ["a.service"], unit(pid=9))
    monkeypatch.setattr(restart.systemd, "show", lambda _run, _units: {})
    with pytest.raises(RestartFailed, match=r"^a\.service: systemctl show says nothing of it$"):
        sequence.restart(sequence.units["a.service"])
    assert sequence.restarted == {"a.service": {"before": 9, "after": 0}}


class Expectation(t.NamedTuple):
    name: str


class Sockets:
    """What is read of a unit's sockets, one time after the other; the last time stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> None:
        self.answers = list(answers)
        self.questions: t.List[Question] = []
        sockets = self

        class FakeAudit:
            def __init__(self, question: Question, _reader: t.Any) -> None:
                sockets.questions.append(question)

            def run(self) -> Answer:
                return sockets.answers.pop(0) if len(sockets.answers) > 1 else sockets.answers[0]

        monkeypatch.setattr(restart, "Audit", FakeAudit)
        monkeypatch.setattr(restart, "parse_expected", lambda given: [Expectation(one["name"]) for one in given])


class Record(t.NamedTuple):
    inode: int


def answer(ok: bool, reasons: t.Optional[t.Dict[str, int]] = None, *verdicts: Verdict) -> Answer:
    records: t.Any = [Record(inode) for inode in range(len(verdicts))]
    return Answer(records, dict(enumerate(verdicts)), {"a.service": {"ok": ok, "reasons": reasons or {}}}, {})


EXPECTED = {"name": "a.service", "tcp": {}}


def test_the_sockets_of_a_unit_are_read_until_they_are_right(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    sockets = Sockets(monkeypatch, answer(False), answer(True))
    assert restart.wrong_sockets(systemd.run, EXPECTED, 5) == ""
    assert (len(sockets.questions), round(clock.now, 6)) == (2, 0.2)
    (question,) = set(map(repr, sockets.questions))
    asked = sockets.questions[0]
    assert (asked.pids, asked.ports, asked.expected) == (frozenset(), frozenset(), (Expectation("a.service"),))
    (one,) = asked.units
    assert (one.name, one.load_state, one.may_have_processes) == ("a.service", "loaded", True)
    assert question


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (answer(False), "fewer than min_sockets"),
        (answer(False, {"stale": 2, "not_loaded": 1}, Verdict(), Verdict(reason="stale")),
         "not_loaded x 1, stale x 2"),
        (answer(False, {"stale": 1}, Verdict(detail="fine"), Verdict(reason="stale", detail="one"),
                Verdict(reason="x", detail="two")), "stale x 1 (one)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_them_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, last: Answer, said: str
) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service")
    Sockets(monkeypatch, last)
    assert restart.wrong_sockets(systemd.run, EXPECTED, 1) == f"live sockets are wrong: {said}"
    assert round(clock.now, 6) == 1
