# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a service's sockets is what the report shows, and no more."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.look import sockets
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.report import explanations, rows_of

RIGHT = {"unit": "a.service", "reason": None, "relevant": True, "detail": None}
WRONG = {"unit": "a.service", "reason": "stale_environment", "relevant": True, "detail": "restart it"}
UNIT: t.Dict[str, t.Any] = {
    "load_state": "loaded", "running": True, "state": "running", "elsewhere": [], "pids": [7], "sockets": 3,
    "not_read": 0, "relevant": 2, "compliant": 1, "noncompliant": 1, "unknown": 0, "unreadable_pids": [],
    "reasons": {"stale_environment": 1}, "accepted": False, "ok": False,
}  # fmt: skip
IDLE = {**UNIT, "state": "stopped", "relevant": 0, "compliant": 0, "noncompliant": 0, "reasons": {}, "ok": True}
NOT_ATTACHED = {"unit": "c.service", "reason": "program_not_attached", "candidates": [], "detail": "It is not there."}
BPF = {**IDLE, "state": "running", "ok": False, "reasons": {"program_not_attached": 1}, "programs": ["x"],
       "programs_wrong": [NOT_ATTACHED]}  # fmt: skip
WHOLE: t.Dict[str, t.Any] = {
    "sockets": [RIGHT, WRONG],
    "units": {"a.service": UNIT, "b.service": IDLE, "c.service": BPF},
}


class Audit:
    """Answers at once."""

    def __init__(self, _question: t.Any, _reader: t.Any) -> None: ...

    def run(self) -> t.Any:
        return types.SimpleNamespace(damages=["odd"])


def test_the_report_says_the_same_as_of_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    access = types.SimpleNamespace(name="native", why_not_native="", reader=None)
    monkeypatch.setattr(sockets, "question_from", lambda _given, _run: types.SimpleNamespace(expected=[]))
    monkeypatch.setattr(sockets, "choose_access", lambda _which: access)
    monkeypatch.setattr(sockets, "Audit", Audit)
    monkeypatch.setattr(sockets, "result_of", lambda _answer, _expected, _most: dict(WHOLE))
    told = sockets.sockets_seen([{"expected": {}}], lambda *_command: (0, "", ""))
    assert (rows_of({"h": told}), explanations({"h": told})) == (rows_of({"h": WHOLE}), explanations({"h": WHOLE}))
    assert (told["sockets"], told["warnings"]) == ([WRONG], ["odd"])
    assert told["units"]["a.service"] == {
        "ok": False, "state": "running", "elsewhere": [], "relevant": 2, "compliant": 1, "noncompliant": 1,
        "unknown": 0, "reasons": {"stale_environment": 1},
    }  # fmt: skip
    assert told["units"]["c.service"]["programs_wrong"] == [NOT_ATTACHED]
