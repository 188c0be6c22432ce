# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module answers, whole, and what it does around the writing: notes, labels, records, locks."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock, undo
from ansible_collections.netops.keepalive.plugins.modules import service_dropins

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

MARKER = "# Managed by netops.keepalive"
NAME = "zz-keepalive.conf"
ME = {"id": "me", "owner": "me on deploy1"}


def text(value: int) -> str:
    return f"{MARKER}: x\n[Service]\nEnvironment=TCP_KEEPIDLE={value}\n"


@pytest.fixture(name="units")
def units_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    (tmp_path / "units").mkdir()
    return tmp_path / "units"


@pytest.fixture(name="state")
def state_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "state"


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    warnings: t.List[str] = []
    monkeypatch.setattr(service_dropins.Module, "warn", lambda _self, said: warnings.append(said))
    return warnings


@pytest.fixture(name="run")
def run_fixture(units: pathlib.Path, state: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **arguments: t.Any) -> Result:
        given = {"directory": str(units), "state_folder": str(state), "_ansible_check_mode": check, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            service_dropins.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def put(units: pathlib.Path, unit: str, content: str) -> pathlib.Path:
    path = units / f"{unit}.d" / NAME
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(123_456_789, 123_456_789))
    return path


def wanted(**contents: t.Optional[str]) -> t.List[Result]:
    return [{"unit": f"{name}.service", "content": content} for name, content in contents.items()]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("rollout", [False, True])
def test_the_whole_answer(run: Run, units: pathlib.Path, state: pathlib.Path, check: bool, rollout: bool) -> None:
    """The same, but for the lock, whether it is a step of its own or of a rollout, foretold or done."""
    a = put(units, "a.service", text(1))
    b = units / "b.service.d" / NAME
    put(units, "c.service", text(3))
    answer = run(check, dropins=wanted(a=text(2), b=text(2), c=text(3)), rollout=rollout, run=ME)
    before = {"unit": "a.service", "content": text(1), "base64": None, "mtime_ns": 123_456_789}
    assert answer == {
        "changed": True,
        "changed_units": ["a.service", "b.service"],
        "previous": [before, {"unit": "b.service", "content": None, "base64": None, "mtime_ns": None}],
        "unfinished": {},
        "lock_held": rollout and not check,
        "diff": [
            {"before_header": str(a), "after_header": str(a), "before": text(1), "after": text(2)},
            {"before_header": str(b), "after_header": str(b), "before": "", "after": text(2)},
        ],
    }
    assert (a.read_text() == text(1), b.exists()) == (check, not check)
    record = undo.read_previous(str(state))
    assert {unit: was["ran"] for unit, was in record.items()} == (
        {"a.service": False, "b.service": False} if rollout and not check else {}
    )


@pytest.mark.parametrize("check", [False, True])
def test_all_that_stands_in_the_way_is_told_at_once_and_takes_no_lock(
    run: Run, units: pathlib.Path, check: bool
) -> None:
    foreign = put(units, "b.service", "[Service]\n")
    answer = run(check, dropins=wanted(a="x", b=text(1), c=text(1)), rollout=True, run=ME)
    problems = [
        f"a.service: the text does not begin with '{MARKER}', it could never be removed again",
        f"b.service: {foreign} is not ours (its first line is not '{MARKER}…'): rename or remove it",
    ]
    msg = f"no drop-in was written: {'; '.join(problems)}"
    assert answer == {"failed": True, "msg": msg, "problems": problems}
    assert not os.path.exists(lock.FOLDER)


def test_what_another_run_did_until_the_lock_was_had_counts(
    run: Run, units: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(units, "a.service", text(1))
    take = lock.Lock.take

    def late(self: lock.Lock) -> None:
        path.write_text(text(2))
        take(self)

    monkeypatch.setattr(lock.Lock, "take", late)
    assert run(dropins=wanted(a=text(3)), run=ME)["previous"][0]["content"] == text(2)
    monkeypatch.setattr(lock.Lock, "take", lambda _self: path.write_text("mine"))
    assert f"a.service: {path} is not ours" in run(dropins=wanted(a=text(4)), run=ME)["msg"]
    assert path.read_text() == "mine"


def test_each_file_and_each_folder_gets_its_label(
    run: Run, units: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled: t.List[t.Any] = []
    monkeypatch.setattr(
        service_dropins.Module, "set_default_selinux_context", lambda _self, *given: labelled.append(given)
    )
    gone = put(units, "gone.service", text(1))
    stays = put(units, "stays.service", text(1))
    (stays.parent / "other.conf").write_text("")
    run(dropins=wanted(a=text(1), gone=None, stays=None))
    made = units / "a.service.d"
    assert labelled == [(str(made), False), (str(made / NAME), False), (str(stays.parent), False)]
    assert not gone.parent.exists()


def test_who_has_the_lock_is_told_and_a_dead_runs_is_taken_over_aloud(
    run: Run, warnings: t.List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(dropins=wanted(a=text(1)), rollout=True, run={"id": "theirs", "owner": "eve"})
    assert run(dropins=wanted(a=text(2)), run=ME)["lock_holder"]["id"] == "theirs"
    assert run(dropins=wanted(a=text(2)), run={**ME, "takes_over": "theirs"})["changed"] is True
    assert warnings == ["took over the lock of a run that was killed: eve"]

    def fail(_self: lock.Lock) -> t.NoReturn:
        raise NotLocked("others may write there")

    monkeypatch.setattr(lock.Lock, "take", fail)
    msg = "no drop-in was written: others may write there"
    assert run(dropins=wanted(a=text(3)), run=ME) == {"failed": True, "msg": msg, "lock_holder": {}}


@pytest.mark.parametrize("option", ["running", "fresh"])
def test_what_is_no_unit_is_refused_in_every_list(run: Run, option: str) -> None:
    answer = run(dropins=[], **{option: ["a.service", "x.foo"]})
    assert answer["msg"] == f"nothing was done: {option}[1]: {name_problem('x.foo')}"


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        (
            {"services": [], "units": {}},
            "services is for the action plugin of this name, which renders the templates; give dropins",
        ),
        ({"services": [], "units": {}, "dropins": []}, "parameters are mutually exclusive: services|dropins"),
    ],
)
def test_services_are_for_the_action(run: Run, arguments: Result, msg: str) -> None:
    assert run(**arguments)["msg"] == msg
