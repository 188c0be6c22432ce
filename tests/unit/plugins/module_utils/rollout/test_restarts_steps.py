# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the sequence of restarts, which is played here, and all that is told of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import job, systemd
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import restarts
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.due import Due
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restarts import RestartRequest, Restarts
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit
from ansible_collections.netops.keepalive.tests.unit.support.restarted_host import NO_DIFF, NOTHING_DONE, policies


class Host:
    """Units that are due as a test says, and what is done with them."""

    def __init__(self) -> None:
        self.done: t.List[t.Any] = []
        self.units: t.List[Unit] = []
        self.due: t.List[Due] = []
        self.reported: t.Dict[str, t.List[str]] = {}
        self.asked_for_due: t.List[t.Any] = []
        self.lost: t.List[str] = []
        self.silent: t.List[str] = []
        self.unread = False
        self.failing: t.Dict[str, str] = {}
        self.wrong: t.Dict[str, str] = {}
        self.restarted: t.Dict[str, t.Any] = {}

    def is_due(self, name: str, **how: t.Any) -> None:
        unit = Unit(name, {"Id": name}, None, [])
        self.units.append(unit)
        self.due.append(Due(**{"unit": unit, "why": ["why"], "reload": False, "forced": False, **how}))

    # As a sequence

    def begin(self, run: t.Any, names: t.Sequence[str], *times: float) -> Host:
        assert run is systemd.ask_systemd
        self.done.append(("look", list(names), *times))
        self.restarted = {}
        return self

    def in_order(self) -> t.List[Unit]:
        return self.units

    def unanswered(self) -> t.List[str]:
        return self.silent

    def reload_due(self) -> bool:
        return self.unread

    def reload(self) -> None:
        self.done.append("daemon-reload")

    def restart(self, unit: Unit) -> None:
        self._do("restart", unit)

    def reload_unit(self, unit: Unit) -> None:
        self._do("reload", unit)

    def _do(self, what: str, unit: Unit) -> None:
        self.done.append(f"{what} {unit.name}")
        self.restarted[unit.name] = {"before": 1, "after": 2}
        if unit.name in self.failing:
            raise RestartFailed(unit.name, self.failing[unit.name])

    def watch(self) -> None:
        self.done.append("watch")

    # As others are asked

    def due_units(self, *arguments: t.Any, **named: t.Any) -> t.Any:
        self.asked_for_due.append((*arguments, named))
        return self.due, self.reported

    def wrong_sockets(self, run: t.Any, expected: t.Dict[str, t.Any], wait: float) -> str:
        assert run is systemd.ask_systemd
        self.done.append(("verify", expected, wait))
        return self.wrong.get(expected["name"], "")

    def what(self) -> t.List[t.Any]:
        """What was done, without the looks."""
        return [one for one in self.done if one[0] != "look"]

    def work(self, given: t.Mapping[str, str], check: bool = False, **request: t.Any) -> Restarts:
        return Restarts(RestartRequest(given, **request), check=check)


@pytest.fixture(name="host")
def host_fixture(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(restarts, "Sequence", host.begin)
    monkeypatch.setattr(restarts, "due_units", host.due_units)
    monkeypatch.setattr(restarts, "wrong_sockets", host.wrong_sockets)
    monkeypatch.setattr(restarts, "overruled", lambda units: host.lost if units is host.units else [])
    monkeypatch.setattr(restarts, "remains", lambda patterns: [])
    return host


def done(work: Restarts) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Return what was done, and what would be restarted."""
    work.do()
    return work.result, work.would_restart


@pytest.mark.parametrize("check", [False, True])
def test_the_units_are_looked_at_once_each_in_their_order_with_their_policies(host: Host, check: bool) -> None:
    listed = {**policies("b.service"), **policies("a.service", restart="never")}
    work = host.work(
        listed, check, units=["c.service", "b.service"], forced=["d.service", "a.service"], settle=3.0, job_timeout=1,
        assumed=["x.service"], replaced=["/l.so"], ran=["y.service"], down=["z.service"],
        spared=["s.service"],
        going=["g.service"],
    )  # fmt: skip
    assert done(work) == ({**NOTHING_DONE, **NO_DIFF}, [])
    assert host.done[0] == ("look", ["b.service", "a.service", "c.service", "d.service"], 3.0, 1)
    assert host.asked_for_due[-1] == (
        host.units, listed,
        {"assumed": ["x.service"] if check else [], "replaced": ["/l.so"] if check else [],
         "forced": ["d.service", "a.service"], "ran": ["y.service"],
         "down": ["z.service"], "spared": ["s.service"], "going": ["g.service"]},
    )  # fmt: skip
    assert host.what() == ([] if check else ["watch"])


def test_what_is_not_said_has_its_default(host: Host) -> None:
    host.work({}).do()
    assert host.done[0] == ("look", [], 2.0, job.TIMEOUT)
    assert host.asked_for_due[-1] == (
        host.units,
        {},
        {"assumed": [], "replaced": [], "forced": (), "ran": (), "down": (), "spared": (), "going": ()},
    )


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_files_that_systemd_has_not_read_are_a_change(host: Host, check: bool, asked: bool) -> None:
    host.unread = not asked
    result, would_restart = done(host.work({}, check, reload=asked))
    assert (result, would_restart) == ({**NOTHING_DONE, **NO_DIFF, "changed": True, "reloaded": True}, [])
    assert host.what() == ([] if check else ["daemon-reload", "watch"])


@pytest.mark.parametrize("check", [False, True])
def test_what_is_due_is_restarted_and_told_with_its_reasons(host: Host, check: bool) -> None:
    host.is_due("a.service")
    host.is_due("b.service", reload=True, why=["one", "two"])
    host.reported = {"c.service": ["three"]}
    result, would_restart = done(host.work(policies("a.service"), check, wait=5))
    assert result == {
        **NOTHING_DONE,
        "changed": True,
        "restart_due": {"c.service": ["three"]},
        "restarted": {} if check else host.restarted,
        "diff": {"before": "", "after": "restart a.service: why\nreload b.service: one; two\n"},
    }
    assert would_restart == (["a.service", "b.service"] if check else [])
    assert host.what() == ([] if check else ["restart a.service", "reload b.service", "watch"])


def test_who_goes_along_would_be_restarted_too(host: Host) -> None:
    """A reload takes nobody along."""
    for name, together, reload in (
        ("a.service", ("b.service", "c.service"), False), ("b.service", (), False), ("r.service", ("x.service",), True)
    ):  # fmt: skip
        host.due.append(Due(Unit(name, {}, None, [], together=together), ["why"], reload, False))
    assert done(host.work({}, check=True))[1] == ["a.service", "b.service", "c.service", "r.service"]


@pytest.mark.parametrize("check", [False, True])
def test_nothing_is_restarted_where_one_that_must_not_be_would_go_along(host: Host, check: bool) -> None:
    host.due = [Due(Unit("a.service", {}, None, [], together=("b.service",)), ["why"], False, False)]
    with pytest.raises(systemd.SystemdError, match=r"^nothing was restarted: a\.service: restarting it restarts b\."):
        host.work(policies("b.service", restart="never"), check).do()
    assert host.what() == []


def test_what_systemd_has_restarted_with_another_is_not_restarted_again(host: Host) -> None:
    host.is_due("a.service")
    host.is_due("b.service")
    do = host._do

    def both(what: str, unit: Unit) -> None:
        do(what, unit)
        host.restarted["b.service"] = {"before": 3, "after": 4}

    host._do = both  # type: ignore[method-assign]
    result, _would = done(host.work({}))
    assert host.what() == ["restart a.service", "watch"]
    assert result["restarted"] == {"a.service": {"before": 1, "after": 2}, "b.service": {"before": 3, "after": 4}}


def test_one_at_a_time_each_is_watched_and_its_sockets_looked_at(host: Host) -> None:
    """The next begins when they are right. What a template expects holds for its instances."""
    for name in ("a.service", "w@1.service", "plain.service"):
        host.is_due(name)
    listed = policies("a.service", "w@.service", "plain.service")
    expected = {"a.service": {"name": "a"}, "w@.service": {"name": "w"}}
    host.work(listed, expected=expected, one_at_a_time=True, wait=0.0).do()
    assert host.what() == [
        "restart a.service", "watch", ("verify", {"name": "a"}, 0.0),
        "restart w@1.service", "watch", ("verify", {"name": "w"}, 0.0),
        "restart plain.service", "watch",
        "watch",
    ]  # fmt: skip
    host.done.clear()
    host.work(listed, expected=expected, one_at_a_time=True).do()
    assert [one for one in host.what() if one[0] == "verify"] == [], "nobody asked for that"
    host.wrong = {"a": "live sockets are wrong"}
    host.done.clear()
    work = host.work(listed, expected=expected, one_at_a_time=True, wait=3.0)
    with pytest.raises(RestartFailed, match=r"^a\.service: live sockets are wrong$") as failed:
        work.do()
    lines = [f"restart {name}: why\n" for name in ("a.service", "w@1.service", "plain.service")]
    assert (failed.value.unit, work.result) == (
        "a.service",
        {
            **NOTHING_DONE, "changed": True, "restarted": {"a.service": {"before": 1, "after": 2}},
            "diff": {"before": "", "after": "".join(lines)},
        },
    )  # fmt: skip
    assert host.what() == ["restart a.service", "watch", ("verify", {"name": "a"}, 3.0)]


def test_on_the_way_back_all_are_restarted_whatever_becomes_of_one(host: Host) -> None:
    for name in ("a.service", "b.service", "c.service"):
        host.is_due(name, forced=True)
    host.failing = {"a.service": "no", "b.service": "neither"}
    with pytest.raises(RestartFailed, match=r"^a\.service: no$") as failed:
        host.work({}, forced=["a.service", "b.service", "c.service"], one_at_a_time=True, wait=1.0).do()
    assert failed.value.unit == "a.service"
    assert host.what() == ["restart a.service", "restart b.service", "restart c.service", "watch"]


def test_on_the_way_there_the_first_that_fails_is_the_last(host: Host) -> None:
    for name in ("a.service", "b.service"):
        host.is_due(name)
    host.failing = {"a.service": "no"}
    with pytest.raises(RestartFailed, match=r"^a\.service: no$"):
        host.work({}).do()
    assert host.what() == ["restart a.service"]


@pytest.mark.parametrize("check", [False, True])
def test_all_that_is_not_known_is_told_at_once_and_nothing_is_restarted(host: Host, check: bool) -> None:
    """A drop-in that something overrules is one of an earlier run, where nothing is written yet."""
    host.is_due("a.service")
    host.units += [Unit(name, {}, None, [], damage="cannot be read") for name in ("b.service", "forced.service")]
    host.lost, host.silent = ["a.service: overruled"], ["gone.service"]
    work = host.work({}, check, forced=["forced.service"])
    lost = [
        *([] if check else ["a.service: overruled"]),
        "gone.service: systemctl show says nothing of it",
        "b.service: cannot be read, so whether a restart is due is not known",
    ]
    with pytest.raises(systemd.SystemdError) as error:
        work.do()
    assert str(error.value) == f"nothing was restarted: {'; '.join(lost)}"
    assert (work.result, host.what()) == (NOTHING_DONE, [])


def test_a_systemd_that_does_not_answer_leaves_all_as_it_is(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_arguments: t.Any) -> t.NoReturn:
        raise systemd.NoAnswer("systemd did not answer")

    monkeypatch.setattr(restarts, "Sequence", silent)
    work = host.work({}, reload=True)
    with pytest.raises(systemd.NoAnswer, match=r"^systemd did not answer$"):
        work.do()
    assert (work.result, host.done) == (NOTHING_DONE, [])


# ------------------------------------------------------------------ what is left


@pytest.mark.parametrize(
    ("unit", "by", "given", "blocks"),
    [
        ("a.service", "environment", {}, True),
        ("a.service", "environment", {"a.service": "if_running"}, True),
        ("a.service", "environment", {"a.service": "never"}, False),
        ("w@1.service", "environment", {"w@.service": "never"}, False),
        ("w@1.service", "environment", {"w@1.service": "never"}, False),
        ("w@1.service", "environment", {"w@2.service": "never"}, True),
        ("a.service", "host", {}, False),
        ("a.socket", "environment", {}, False),
        ("session-3.scope", "environment", {}, False),
        ("", "environment", {}, False),
    ],
)
def test_what_still_has_something_of_ours_blocks_a_removal_where_it_should_not_have_it(
    host: Host, monkeypatch: pytest.MonkeyPatch, unit: str, by: str, given: t.Dict[str, str], blocks: bool
) -> None:
    asked: t.List[t.Any] = []
    row = {"pid": 7, "unit": unit, "by": by}
    monkeypatch.setattr(restarts, "remains", lambda patterns: (asked.append(patterns), [row])[1])
    assert done(host.work(given, without=["*", "w@*.service"]))[0]["left"] == [{**row, "blocks": blocks}]
    assert asked == [["*", "w@*.service"]]
    assert done(host.work({}, check=True, without=["*"]))[0]["left"] == [], "which is looked at when all is done"


def test_what_is_at_work_and_left_alone_blocks_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"pid": 7, "unit": "job.service", "by": "environment"}
    monkeypatch.setattr(restarts, "remains", lambda _patterns: [row])
    host.units = [Unit("job.service", {}, None, [], left_alone="it is at work")]
    assert done(host.work({}, without=["*"]))[0]["left"] == [{**row, "blocks": False}]
