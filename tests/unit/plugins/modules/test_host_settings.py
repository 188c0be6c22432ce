# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module makes of its arguments, and of what becomes of the file; the file is host_wide/change.py's."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock
from ansible_collections.netops.keepalive.plugins.modules import host_settings

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]

TEXT = "# Managed by netops.keepalive\nTCP_KEEPIDLE=60\n"
OTHER = TEXT.replace("60", "90")
THEIRS, MINE = {"id": "theirs", "owner": "eve"}, {"id": "mine", "owner": "me"}


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    warnings: t.List[str] = []
    monkeypatch.setattr(host_settings.Module, "warn", lambda _self, text: warnings.append(text))
    return warnings


@pytest.fixture(name="run")
def run_fixture(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], warnings: t.List[str]
) -> Run:
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))

    def run(check: bool = False, **arguments: t.Any) -> Result:
        given = {"path": str(tmp_path / "f"), "validate": False, **arguments}
        with patch_module_args({"_ansible_check_mode": check, **given}), pytest.raises(SystemExit):
            host_settings.main()
        answer: Result = json.loads(capsys.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def test_it_is_written_put_back_and_taken_away(run: Run, tmp_path: pathlib.Path) -> None:
    assert run(check=True, content=TEXT)["changed"] is True
    first = run(content=TEXT)
    assert (first["changed"], first["checked_by"]) == (True, None)
    second = run(content=OTHER)
    assert (tmp_path / "f").read_text() == OTHER
    assert run(restore=second["previous"])["changed"] is True
    assert (tmp_path / "f").read_text() == TEXT
    assert run(state="absent", restore=second["previous"])["changed"] is True
    assert not (tmp_path / "f").exists()


def test_the_file_is_labelled_for_its_place(run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled: t.List[str] = []
    monkeypatch.setattr(host_settings.Module, "label", lambda _self, path: labelled.append(path))
    run(content=TEXT)
    assert labelled == [str(tmp_path / "f")]


def test_what_is_wrong_with_the_arguments(run: Run, tmp_path: pathlib.Path) -> None:
    msg = "sections is for the action plugin of this name, which renders the template; give content"
    assert run(sections=[]) == {"failed": True, "msg": msg}
    for both in ({"sections": []}, {"content": TEXT}):
        assert "mutually exclusive: sections|content|restore" in run(restore={}, **both)["msg"]
    without = "content: the text must begin with '# Managed by netops.keepalive', or it could never be removed again"
    assert run() == {"failed": True, "msg": without}
    assert (
        "none of /none.so is there to check the file" in run(content=TEXT, validate=True, libraries=["/none.so"])["msg"]
    )


def test_who_has_the_lock_is_told(run: Run, tmp_path: pathlib.Path) -> None:
    other = lock.Lock(THEIRS)
    other.take()
    refused = run(content=OTHER, run=MINE)
    start = f"nothing was changed: {tmp_path}/f: another run is changing this host: eve, "
    assert (refused["msg"].startswith(start), refused["lock_holder"]["id"]) == (True, "theirs")
    other.leave()
    assert run(content=OTHER, run=MINE)["changed"] is True
