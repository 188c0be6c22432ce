# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a rollout: whose lock goes, which units are confirmed, and what is left for the next."""

from __future__ import annotations

import errno
import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock, undo
from ansible_collections.netops.keepalive.plugins.modules import rollout_end

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

ME = {"id": "me", "owner": "me on deploy1"}
OTHER = {"id": "other", "owner": "eve on deploy2"}
UNITS = ["a.service", "b.service", "w@.service"]


@pytest.fixture(name="state")
def state_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """What a rollout over three units has noted, and the place of its lock."""
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    noted = {"content": None, "base64": None, "mtime_ns": None, "ran": True}
    undo.write_previous(str(tmp_path / "state"), {name: {**noted, "unit": name} for name in UNITS})
    return tmp_path / "state"


@pytest.fixture(name="run")
def run_fixture(state: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **arguments: t.Any) -> Result:
        given = {"state_folder": str(state), "run": ME, "_ansible_check_mode": check, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            rollout_end.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def taken_by(run: t.Dict[str, str]) -> None:
    held = lock.Lock(run, True)
    held.take()
    held.leave()


def lock_file() -> pathlib.Path:
    return pathlib.Path(lock.FOLDER, lock.NAME)


def test_its_own_lock_goes_and_that_is_no_change(run: Run, state: pathlib.Path) -> None:
    taken_by(ME)
    foretold = run(check=True)
    assert foretold == {"changed": False, "holder": {}, "unfinished": UNITS}
    assert json.loads(lock_file().read_text())["id"] == "me"
    answer = run()
    assert (answer["changed"], answer["holder"]["owner"], answer["unfinished"]) == (False, "me on deploy1", UNITS)
    assert lock_file().read_text() == ""
    assert run() == {"changed": False, "holder": {}, "unfinished": UNITS}
    assert sorted(undo.read_previous(str(state))) == UNITS, "what nobody has confirmed is left to do"


def test_anothers_lock_goes_only_by_force_and_that_is_a_change(run: Run) -> None:
    taken_by(OTHER)
    answer = run(confirmed=True)
    assert answer["failed"] is True
    assert answer["msg"].startswith("another run is changing this host: eve on deploy2, since ")
    assert json.loads(lock_file().read_text())["id"] == "other"
    forced = run(force=True)
    assert (forced["changed"], forced["holder"]["id"], lock_file().read_text()) == (True, "other", "")
    assert run(force=True) == {"changed": False, "holder": {}, "unfinished": []}, "there was none"


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({}, []),
        ({"still_due": ["b.service"]}, ["b.service"]),
        ({"still_due": ["w@1.service"]}, ["w@.service"]),
        ({"still_due": ["a.service", "w@.service"]}, ["a.service", "w@.service"]),
        ({"listed": ["b.service", "a.service"]}, ["w@.service"]),
        ({"listed": []}, UNITS),
        ({"listed": ["a.service"], "still_due": ["a.service"]}, UNITS),
    ],
)
def test_what_is_confirmed_is_not_left_to_the_next_rollout(
    run: Run, state: pathlib.Path, arguments: Result, left: t.List[str]
) -> None:
    """An instance that still has to be restarted keeps what its template's drop-in said before."""
    for check in (True, False):
        assert run(check, confirmed=True, **arguments) == {"changed": False, "holder": {}, "unfinished": left}
        assert sorted(undo.read_previous(str(state))) == (UNITS if check else left)
    assert state.exists() is bool(left)
    assert run(**arguments)["unfinished"] == left


def test_nobody_is_kept_from_an_end_by_a_record_that_is_damaged(
    run: Run, state: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(rollout_end.Module, "warn", lambda _self, text: warnings.append(text))
    (state / "previous.json").write_text("[]")
    assert run()["unfinished"] == []
    (warning,) = warnings
    assert warning.startswith(f"{state}/previous.json is not an object with one entry for each unit; it was not ")


@pytest.mark.parametrize(
    ("error", "msg"),
    [
        (NotLocked("others may write there"), "others may write there"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/var/lib/x"),
            "the end of the rollout cannot be noted: No space left on device: /var/lib/x",
        ),
    ],
    ids=["lock", "disk"],
)
def test_an_end_that_cannot_be_noted_is_a_failure(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, msg: str
) -> None:
    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(undo, "write_previous", fail)
    assert run(confirmed=True) == {"failed": True, "msg": msg}
    assert run()["unfinished"] == UNITS, "where nothing is confirmed nothing is written"


def test_without_a_run_nobodys_lock_goes(run: Run) -> None:
    taken_by(OTHER)
    assert run(run=None)["failed"] is True
    assert run(run=None, force=True)["changed"] is True
