# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each report reaches the terminal unquoted, in colours that say good or bad, and comes back as lines."""

from __future__ import annotations

import json
import pathlib
import types
import typing as t

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.utils.display import Display
from ansible_collections.netops.keepalive.plugins.action import report as report_action
from ansible_collections.netops.keepalive.plugins.module_utils.audit import report as audit_report

Shown = t.List[t.Tuple[str, t.Optional[str]]]

UNIT = {
    "state": "running", "elsewhere": [], "ok": True, "relevant": 2, "compliant": 2, "noncompliant": 0, "unknown": 0,
    "reasons": {},
}  # fmt: skip
WRONG = {**UNIT, "ok": False, "compliant": 1, "noncompliant": 1, "reasons": {"stale_environment": 1}}
RECORD = {"unit": "b.service", "reason": "stale_environment", "detail": "keepidle is 1", "relevant": True}
TABLE = [
    "HOST  UNIT       SOCKETS  RIGHT  WRONG  WHY",
    "h1    a.service        2      2      0",
    "h1    b.service        2      1      1  stale_environment x 1",
]
ANSWERED = {"units": {"a.service": UNIT, "b.service": WRONG}, "sockets": [RECORD]}
NOTE = "b.service: stale_environment: keepidle is 1 (h1)"

TOTALS = dict.fromkeys(("connections", "right", "without", "slow", "tight", "unknown", "overdue", "listeners"), 0)
AUDIT: t.Dict[str, t.Any] = {
    "idle_timeout": 350, "totals": TOTALS, "left_out": {}, "groups": [], "groups_total": 0,
    "groups_cut": {"groups": 0, "connections": 0, "findings": 0, "listeners": 0, "whose": []},
    "unowned": {"sockets": 0, "users": 0, "whose": []}, "unreadable": {"processes": 0, "why": ""}, "recommended": {},
}  # fmt: skip


@pytest.fixture(name="shown")
def shown_fixture(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown: Shown = []
    monkeypatch.setattr(Display, "display", lambda self, msg, color=None, **_others: shown.append((msg, color)))
    monkeypatch.setattr(report_action.Action, "run", lambda self, tmp, task_vars: {})
    return shown


class Templar:
    def template(self, value: t.Any) -> t.Any:
        return value


def report(of: t.Optional[str], check: bool = False, table: bool = False, **args: t.Any) -> t.Dict[str, t.Any]:
    class Task:
        async_val = 0
        check_mode = check

        def __init__(self) -> None:
            self.args = args if of is None else {"of": of, **args}

    variables = {"keepalive_report_table": "true"} if table else {}
    return report_action.ActionModule(Task(), None, None, None, Templar(), None).run(task_vars=variables)


def test_the_table_of_sockets(shown: Shown) -> None:
    result = report("sockets", check=True, answers={"h1": ANSWERED, "h2": None})
    lines = [*TABLE, "h2    -                -      -      -  not verified: failed or not reached, see above"]
    assert result == {"changed": False, "lines": lines, "explanations": [NOTE]}
    assert shown == [
        ("", None), (lines[0], None), (lines[1], C.COLOR_OK), (lines[2], C.COLOR_ERROR), (lines[3], C.COLOR_ERROR),
        ("", None), (NOTE, None),
    ]  # fmt: skip


def test_only_what_is_wrong(shown: Shown) -> None:
    lines = report("sockets", answers={"h1": ANSWERED}, wrong_only=True)["lines"]
    assert [line.split()[1] for line in lines] == ["UNIT", "b.service"]


def test_nothing_to_explain_leaves_no_empty_line(shown: Shown) -> None:
    report("sockets", answers={"h1": {"units": {"a.service": UNIT}}})
    assert [line for line, _colour in shown] == ["", *TABLE[:2]]


def test_how_far_a_rollout_came(shown: Shown) -> None:
    outcomes: t.Dict[str, t.Any] = {"h1": {"state": "done"}, "h2": {"state": "failed", "seen": "a: b\nnext"}, "h3": {}}
    result = report("rollout", outcomes=outcomes, answers={"h1": ANSWERED, "h2": ANSWERED})
    trouble = result["trouble"]
    assert trouble[:5] == ["FAILED h2", "    a: b", "    next", "", "Done: h1. Not begun, and as before: h3."]
    assert result == {
        "changed": False,
        "lines": TABLE,  # of the host that failed nothing is in the table
        "trouble": trouble,
        "hosts": {"refused": [], "failed": ["h2"], "unreachable": [], "done": ["h1"], "not begun": ["h3"]},
    }
    assert [line for line, _colour in shown] == ["", *TABLE, "", NOTE, "", *trouble]
    said = [colour for _line, colour in shown][-1 - len(trouble) :]
    indented = [None if line[:1] in ("", " ") else C.COLOR_ERROR for line in trouble]
    assert said == [None, *indented]
    assert trouble[-1][:1] not in ("", " ")


def test_a_rollout_without_trouble_and_answers_says_nothing(shown: Shown) -> None:
    result = report("rollout", outcomes={"h1": {"state": "done"}}, fail=True)
    assert (result["lines"], result["trouble"], shown) == ([], [], [])
    assert "failed" not in result
    result = report("rollout", outcomes={"h1": {"state": "done"}}, answers={"h1": None})
    assert (result["lines"], shown) == ([], []), "nor where a host that is done was not asked"


def test_a_rollout_that_fails_the_task(shown: Shown) -> None:
    outcomes = {"h1": {"state": "refused", "seen": "x"}, "h2": {}, "h3": {"state": "done"}}
    try:
        result = report("rollout", outcomes=outcomes, unreachable=["h2"], fail=True)
        assert not report_action.SINCE_2_19
    except AnsibleActionFail as told:
        assert told.omit_exception_key, "what is to be said stands above, and no line of a playbook below it"
        result = told.result_contribution
    assert result == {"failed": True, "changed": False, "msg": "2 of 3 hosts are not ready, see above"}
    assert [line for line, _colour in shown if line.isupper() or line[:4].isupper()] == ["REFUSED h1", "UNREACHABLE h2"]


def test_an_audit(shown: Shown) -> None:
    answer = {**AUDIT, "left_out": {"local": 0, "recent": 0, "ansible": 0}}
    result = report("audit", answers={"h1": answer, "h2": None})
    assert result["changed"] is False
    assert result["lines"] == [line for line, _colour in shown][1:]
    assert shown[0] == ("", None)
    colours = {line.split()[0]: colour for line, colour in shown if line}
    assert (colours["1"], colours["h2:"]) == (C.COLOR_ERROR, C.COLOR_ERROR), "1 of 2 hosts read"
    assert not [line for line, _colour in shown if line.startswith("HOST")]


def test_an_audit_with_a_line_for_each_host(shown: Shown) -> None:
    answer = {**AUDIT, "left_out": {"local": 0, "recent": 0, "ansible": 0}}
    report("audit", table=True, answers={"h1": answer, "h2": None})
    colours = {line.split()[0]: colour for line, colour in shown if line}
    assert (colours["h1"], colours["h2"]) == (C.COLOR_OK, C.COLOR_ERROR)


def test_the_file_of_an_audit(shown: Shown, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "audit.json"
    left_out, unreadable = {"local": 1, "recent": 0, "ansible": 0}, {"processes": 1, "why": "\x1b[2J\x9b"}
    answers = {"h1": {**AUDIT, "left_out": left_out, "unreadable": unreadable, "changed": False}, "h2": None}
    assert report("audit", check=True, answers=answers, output=str(path))["changed"] is True
    assert not path.parent.exists()
    assert report("audit", answers=answers, output=str(path))["changed"] is True
    written = json.loads(path.read_text())
    assert written["hosts"]["h1"]["unreadable"]["why"] == "\\x1b[2J\\x9b"
    assert "\x9b" not in path.read_text()
    assert written["hosts"]["h2"] is None
    assert set(written["hosts"]["h1"]) == set(AUDIT)
    assert report("audit", answers=answers, output=str(path))["changed"] is False
    path.write_text("something else")
    assert report("audit", answers=answers, output=str(path))["changed"] is True
    assert json.loads(path.read_text()) == written


def test_a_file_that_cannot_be_written_comes_after_the_report(shown: Shown, tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        AnsibleActionFail, match=r"output: .*/a/b/audit.json cannot be written on the controller: No such"
    ):
        report("audit", answers={"h2": None}, output=str(tmp_path / "a" / "b" / "audit.json"))
    assert shown


@pytest.mark.parametrize(
    ("of", "arguments", "said"),
    [
        ("audit", {"wrong_only": True}, "answers: missing: .*; wrong_only: True: expected only with 'of: sockets'; .*"),
        ("sockets", {"answers": {"h1": "text"}}, "answers: 'h1': expected what socket_options_info returned, or null"),
        ("audit", {"answers": {"h1": "text"}}, "answers: 'h1': expected what sockets_audit_info returned, or null"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_printed(
    shown: Shown, of: str, arguments: t.Dict[str, t.Any], said: str
) -> None:
    with pytest.raises(AnsibleActionFail, match=f"^{said}$"):
        report(of, **arguments)
    assert shown == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"answers": [1]}, "answers"),
        ({"answers": {}, "wrong_only": "perhaps"}, "wrong_only"),
        ({"answer": {}}, "answer"),
    ],
)
def test_options_of_another_kind(shown: Shown, arguments: t.Dict[str, t.Any], named: str) -> None:
    with pytest.raises(AnsibleError, match=named):
        report("sockets", **arguments)
    assert shown == []


def test_the_file_of_an_audit_to_the_letter(
    shown: Shown, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an order that stays, one value a line, and as people write: two of them can be compared."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.json").write_bytes(b"no text: \xff")
    answer = {
        **AUDIT,
        "unreadable": {"processes": 1, "why": "für"},
        "left_out": {"local": 0, "recent": 0, "ansible": 0},
    }
    assert report("audit", answers={"h2": answer, "h1": None}, output="audit.json")["changed"] is True
    text = (tmp_path / "audit.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert '"why": "für"' in text
    assert text.startswith('{\n  "hosts": {\n    "h1": null,\n    "h2": {\n      "groups": [],\n')


def test_a_file_that_cannot_be_read_is_told(shown: Shown, tmp_path: pathlib.Path) -> None:
    (tmp_path / "audit.json").mkdir()
    said = f"output: {tmp_path}/audit.json cannot be written on the controller: Is a directory"
    with pytest.raises(AnsibleActionFail, match=f"^{said}"):
        report("audit", answers={"h2": None}, output=str(tmp_path / "audit.json"))


def test_all_mistakes_are_told_at_once(shown: Shown) -> None:
    with pytest.raises(AnsibleActionFail) as error:
        report("audit", wrong_only=True, fail=True)
    assert len(str(error.value).split("; ")) == 5
    with pytest.raises(AnsibleActionFail, match=r"^of: missing: expected one of sockets, rollout, audit, document$"):
        report(None)
    with pytest.raises(AnsibleActionFail, match=r"^answers: 'h1': expected what socket_options_info returned, or null"):
        report("rollout", outcomes={}, answers={"h1": "text"})
    assert shown == []


def test_each_word_has_its_colour(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Green is right, red is wrong, and what is to be looked at is neither."""
    of_audit = {
        "right": C.COLOR_OK,
        "wrong": C.COLOR_ERROR,
        "unknown": C.COLOR_WARN,
        "advice": C.COLOR_CHANGED,
        "": None,
    }
    monkeypatch.setattr(audit_report, "render", lambda *_, **__: [(f"it is {word}", word) for word in of_audit])
    report("audit", answers={"h1": None})
    assert shown == [("", None), *((f"it is {word}", colour) for word, colour in of_audit.items())]
    del shown[:]
    of_rows = {"right": C.COLOR_OK, "accepted": C.COLOR_CHANGED, "wrong": C.COLOR_ERROR, "idle": C.COLOR_SKIP}
    rows = [types.SimpleNamespace(verdict=word) for word in of_rows]
    monkeypatch.setattr(report_action, "rows_of", lambda _answers, _wrong_only: rows)
    monkeypatch.setattr(report_action, "lay_out", lambda _rows: ["HOST", *of_rows])
    report("sockets", answers={"h1": {}})
    assert shown == [("", None), ("HOST", None), *of_rows.items()]


def test_what_an_operator_should_know_comes_before_anything_is_written(shown: Shown) -> None:
    outcomes = {
        "h1": {"state": "done", "remarks": ["odd"]},
        "h2": {"state": "refused", "seen": "x", "remarks": ["odd"]},
        "h3": None,
    }
    report("rollout", outcomes=outcomes, remarks=True)
    assert [text for text, _colour in shown][:5] == ["", "h1, h2: odd", "", "REFUSED h2", "    x"]
    del shown[:]
    report("rollout", outcomes={"h1": {"state": "done", "remarks": ["odd"]}})
    assert shown == []
