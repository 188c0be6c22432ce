# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module asks of the sequence of restarts, which is played here, and all that it answers."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux import job, systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock, restarts
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.due import Due
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import RestartFailed
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import RESTARTS
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import Unit
from ansible_collections.netops.keepalive.plugins.modules import service_restart

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

ME = {"id": "me", "owner": "me on deploy1"}
NOTHING: Result = {
    "changed": False, "restarted": {}, "restart_due": {}, "reloaded": False, "left": [], "lock_held": False,
}  # fmt: skip
NO_DIFF = {"diff": {"before": "", "after": ""}}
FORESEEN: t.Dict[bool, Result] = {False: {}, True: {"would_restart": []}}
"""What is told besides in check mode."""


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

    # As the module uses a sequence

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

    # As the module asks others

    def due_units(self, *arguments: t.Any, **named: t.Any) -> t.Any:
        self.asked_for_due.append((*arguments, named))
        return self.due, self.reported

    def wrong_sockets(self, run: t.Any, expected: Result, wait: float) -> str:
        assert run is systemd.ask_systemd
        self.done.append(("verify", expected, wait))
        return self.wrong.get(expected["name"], "")

    def what(self) -> t.List[t.Any]:
        """What was done, without the looks."""
        return [one for one in self.done if one[0] != "look"]


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(restarts, "Sequence", host.begin)
    monkeypatch.setattr(restarts, "due_units", host.due_units)
    monkeypatch.setattr(restarts, "wrong_sockets", host.wrong_sockets)
    monkeypatch.setattr(restarts, "overruled", lambda units: host.lost if units is host.units else [])
    monkeypatch.setattr(restarts, "remains", lambda patterns: [])
    return host


@pytest.fixture(name="run")
def run_fixture(host: Host, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **arguments: t.Any) -> Result:
        with patch_module_args({"_ansible_check_mode": check, **arguments}), pytest.raises(SystemExit):
            service_restart.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def services(*names: str, **settings: t.Any) -> t.List[Result]:
    return [{"name": name, **settings} for name in names]


@pytest.mark.parametrize("check", [False, True])
def test_the_units_are_looked_at_once_each_in_their_order_with_their_policies(
    run: Run, host: Host, check: bool
) -> None:
    listed = [*services("b.service"), *services("a.service", restart="never")]
    answer = run(
        check, services=listed, units=["c.service", "b.service"], force=["d.service", "a.service"], settle=3,
        job_timeout=1, assume_changed=["x.service"], ran=["y.service"],
    )  # fmt: skip
    assert answer == {**NOTHING, **NO_DIFF, **FORESEEN[check]}
    assert host.done[0] == ("look", ["b.service", "a.service", "c.service", "d.service"], 3.0, 1)
    assert host.asked_for_due[-1] == (
        host.units, {"b.service": "if_running", "a.service": "never"},
        {"assumed": ["x.service"] if check else [], "forced": ["d.service", "a.service"], "ran": ["y.service"],
         "down": ()},
    )  # fmt: skip
    assert host.what() == ([] if check else ["watch"])


def test_what_is_not_said_is_as_documented(run: Run, host: Host) -> None:
    run()
    assert host.done[0] == ("look", [], 2.0, job.TIMEOUT)


def test_one_at_a_time_each_is_watched_and_its_sockets_looked_at(run: Run, host: Host) -> None:
    """The next begins when they are right. What a template expects holds for its instances."""
    for name in ("a.service", "w@1.service", "plain.service"):
        host.is_due(name)
    listed = [
        {"name": "a.service", "expected": {"name": "a"}}, {"name": "w@.service", "expected": {"name": "w"}},
        {"name": "plain.service"},
    ]  # fmt: skip
    run(services=listed, one_at_a_time=True, wait=0)
    assert host.what() == [
        "restart a.service", "watch", ("verify", {"name": "a"}, 0.0),
        "restart w@1.service", "watch", ("verify", {"name": "w"}, 0.0),
        "restart plain.service", "watch",
        "watch",
    ]  # fmt: skip
    host.done.clear()
    run(services=listed, one_at_a_time=True)
    assert [one for one in host.what() if one[0] == "verify"] == [], "nobody asked for that"
    host.wrong = {"a": "live sockets are wrong"}
    host.done.clear()
    answer = run(services=listed, one_at_a_time=True, wait=3)
    assert answer == {
        **NOTHING, "changed": True, "restarted": host.restarted, "failed": True, "failed_unit": "a.service",
        "msg": "a.service: live sockets are wrong",
        "diff": {
            "before": "",
            "after": "restart a.service: why\nrestart w@1.service: why\nrestart plain.service: why\n",
        },
    }  # fmt: skip
    assert host.what() == ["restart a.service", "watch", ("verify", {"name": "a"}, 3.0)]


# ------------------------------------------------------------------ the lock


def test_the_lock_is_taken_for_a_change_and_what_another_did_until_then_counts(run: Run, host: Host) -> None:
    assert run(rollout=True, run=ME)["lock_held"] is False
    assert len(host.done) == 2, "a look, and a watch over nothing"
    host.done.clear()
    host.is_due("a.service")
    assert run(True, rollout=True, run=ME)["lock_held"] is False
    assert run(rollout=True, run=ME)["lock_held"] is True
    assert [one[0] for one in host.done if isinstance(one, tuple)] == ["look", "look", "look"]


def test_who_has_the_lock_is_told_and_a_dead_runs_is_taken_over_aloud(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(service_restart.Module, "warn", lambda _self, text: warnings.append(text))
    run(reload=True, rollout=True, run={"id": "theirs", "owner": "eve"})
    host.done.clear()
    refused = run(reload=True, run=ME)
    assert refused.pop("msg").startswith("nothing was restarted: another run is changing this host: eve, since ")
    assert refused.pop("lock_holder")["id"] == "theirs"
    assert refused == {**NOTHING, "reloaded": True, "failed": True}
    assert host.what() == []
    assert run(reload=True, run={**ME, "takes_over": "theirs"})["changed"] is True
    assert warnings == ["took over the lock of a run that was killed: eve"]
    assert pathlib.Path(lock.FOLDER, lock.NAME).read_text() == "", "a step of its own leaves no lock behind"


def test_a_lock_that_nobody_could_take_has_no_holder(run: Run, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: lock.Lock) -> t.NoReturn:
        raise NotLocked("others may write there")

    monkeypatch.setattr(lock.Lock, "take", fail)
    msg = "nothing was restarted: others may write there"
    assert run(reload=True) == {**NOTHING, "reloaded": True, "failed": True, "msg": msg, "lock_holder": {}}


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"assume_changed": ["x"]}, f"nothing was done: assume_changed[0]: {name_problem('x')}"),
        ({"ran": ["a.service", "x"]}, f"nothing was done: ran[1]: {name_problem('x')}"),
        (
            {"without": ["a*.service", "x", "*", "y"]},
            f"nothing was done: without[1]: {name_problem('x', True)}; without[3]: {name_problem('y', True)}",
        ),
        ({"job_timeout": 0}, "job_timeout: 0 is no time to wait: expected seconds, at least 1"),
        (
            {"services": [{"name": "a.service"}, {"name": "b.service", "restart": "x"}]},
            f"services[1] 'b.service': restart: 'x' is not one of {', '.join(RESTARTS)}",
        ),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(run: Run, host: Host, arguments: Result, msg: str) -> None:
    assert run(**arguments) == {"failed": True, "msg": msg}
    assert host.done == []


@pytest.mark.parametrize("policy", RESTARTS)
def test_every_policy_is_passed_on(run: Run, host: Host, policy: str) -> None:
    run(services=services("a.service", restart=policy))
    assert host.asked_for_due[-1][1] == {"a.service": policy}
