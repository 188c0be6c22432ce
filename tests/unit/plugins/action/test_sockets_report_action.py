# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table reaches the terminal unquoted, in colours that say good or bad, and comes back as lines."""

from __future__ import annotations

import typing as t

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.utils.display import Display
from ansible_collections.netops.keepalive.plugins.action import sockets_report
from ansible_collections.netops.keepalive.plugins.action.sockets_report import ActionModule

Shown = t.List[t.Tuple[str, t.Optional[str]]]
UNIT = {"running": True, "ok": True, "relevant": 2, "compliant": 2, "noncompliant": 0, "unknown": 0, "reasons": {}}
WRONG = {**UNIT, "ok": False, "compliant": 1, "noncompliant": 1, "reasons": {"stale_environment": 1}}
RECORD = {"unit": "b.service", "reason": "stale_environment", "detail": "keepidle is 1", "relevant": True}


@pytest.fixture(name="shown")
def shown_fixture(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown: Shown = []
    monkeypatch.setattr(Display, "display", lambda self, msg, color=None, **_others: shown.append((msg, color)))
    monkeypatch.setattr(sockets_report.ActionBase, "run", lambda self, tmp, task_vars: {})
    return shown


def report(**args: t.Any) -> t.Dict[str, t.Any]:
    class Task:
        async_val = 0
        check_mode = True

        def __init__(self) -> None:
            self.args = args

    return ActionModule(Task(), None, None, None, None, None).run(task_vars={})


def test_what_is_printed_and_returned(shown: Shown) -> None:
    answers = {"h1": {"units": {"a.service": UNIT, "b.service": WRONG}, "sockets": [RECORD]}, "h2": None}
    result = report(answers=answers)
    lines = [
        "HOST  UNIT       SOCKETS  RIGHT  WRONG  WHY",
        "h1    a.service        2      2      0",
        "h1    b.service        2      1      1  stale_environment x 1",
        "h2    -                -      -      -  not verified: failed or not reached, see above",
    ]
    note = "b.service: stale_environment: keepidle is 1 (h1)"
    assert result == {"changed": False, "lines": lines, "explanations": [note]}
    assert shown == [
        ("", None), (lines[0], None), (lines[1], C.COLOR_OK), (lines[2], C.COLOR_ERROR), (lines[3], C.COLOR_ERROR),
        ("", None), (note, None),
    ]  # fmt: skip


def test_only_what_is_wrong(shown: Shown) -> None:
    lines = report(answers={"h1": {"units": {"a.service": UNIT, "b.service": WRONG}}}, wrong_only=True)["lines"]
    assert [line.split()[1] for line in lines] == ["UNIT", "b.service"]


def test_nothing_to_explain_leaves_no_empty_line(shown: Shown) -> None:
    report(answers={"h1": {"units": {"a.service": UNIT}}})
    lines = ["", "HOST  UNIT       SOCKETS  RIGHT  WRONG  WHY", "h1    a.service        2      2      0"]
    assert [line for line, _colour in shown] == lines


def test_wrong_arguments(shown: Shown) -> None:
    with pytest.raises(AnsibleActionFail, match="answers: 'h1': expected what socket_options_info returned, or null"):
        report(answers={"h1": "text"})
    with pytest.raises(AnsibleError, match="answers"):
        report()
    assert shown == []
