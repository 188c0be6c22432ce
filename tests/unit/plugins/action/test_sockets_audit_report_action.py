# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit's report reaches the terminal as it is, and its file holds what it was made of."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.netops.keepalive.plugins.action import sockets_audit_report
from ansible_collections.netops.keepalive.plugins.action.sockets_audit_report import ActionModule

Shown = t.List[t.Tuple[str, t.Optional[str]]]
TOTALS = dict.fromkeys(("connections", "right", "without", "slow", "tight", "unknown", "overdue", "listeners"), 0)
ANSWER: t.Dict[str, t.Any] = {
    "idle_timeout": 350, "totals": TOTALS, "left_out": {}, "groups": [], "groups_total": 0,
    "groups_cut": {"groups": 0, "connections": 0, "findings": 0, "listeners": 0, "whose": []},
    "unowned": {"sockets": 0, "users": 0, "whose": []}, "unreadable": {"processes": 0, "why": ""}, "recommended": {},
}  # fmt: skip


@pytest.fixture(name="shown")
def shown_fixture(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown: Shown = []
    monkeypatch.setattr(Display, "display", lambda self, msg, color=None, **_others: shown.append((msg, color)))
    monkeypatch.setattr(sockets_audit_report.ActionBase, "run", lambda self, tmp, task_vars: {})
    return shown


def report(check: bool = False, **args: t.Any) -> t.Dict[str, t.Any]:
    class Task:
        async_val = 0
        check_mode = check

        def __init__(self) -> None:
            self.args = args

    return ActionModule(Task(), None, None, None, None, None).run(task_vars={})


def test_what_is_printed_and_returned(shown: Shown) -> None:
    answer = {**ANSWER, "left_out": {"local": 0, "recent": 0, "ansible": 0}}
    result = report(answers={"h1": answer, "h2": None})
    assert result["changed"] is False
    assert result["lines"] == [line for line, _colour in shown][1:]
    colours = {line.split()[0]: colour for line, colour in shown if line}
    assert (colours["h1"], colours["h2"]) == (C.COLOR_OK, C.COLOR_ERROR)


def test_the_file(shown: Shown, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "audit.json"
    left_out, unreadable = {"local": 1, "recent": 0, "ansible": 0}, {"processes": 1, "why": "\x1b[2J\x9b"}
    answers = {"h1": {**ANSWER, "left_out": left_out, "unreadable": unreadable, "changed": False}, "h2": None}
    assert report(check=True, answers=answers, output=str(path))["changed"] is True
    assert not path.parent.exists()
    assert report(answers=answers, output=str(path))["changed"] is True
    written = json.loads(path.read_text())
    assert written["hosts"]["h1"]["unreadable"]["why"] == "\\x1b[2J\\x9b"
    assert "\x9b" not in path.read_text()
    assert written["hosts"]["h2"] is None
    assert set(written["hosts"]["h1"]) == set(ANSWER)
    assert report(answers=answers, output=str(path))["changed"] is False
    path.write_text("something else")
    assert report(answers=answers, output=str(path))["changed"] is True
    assert json.loads(path.read_text()) == written


def test_a_file_that_cannot_be_written_comes_after_the_report(shown: Shown, tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        AnsibleActionFail, match=r"output: .*/a/b/audit.json cannot be written on the controller: No such"
    ):
        report(answers={"h2": None}, output=str(tmp_path / "a" / "b" / "audit.json"))
    assert shown


def test_wrong_arguments(shown: Shown) -> None:
    with pytest.raises(AnsibleActionFail, match="answers: 'h1': expected what sockets_audit_info returned, or null"):
        report(answers={"h1": "text"})
    assert shown == []
