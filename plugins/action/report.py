# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the tables and texts itself: a result shown by a callback is quoted and wrapped, and a table must not be."""

from __future__ import annotations

import json
import os
import typing as t

from ansible import constants as C
from ansible.utils.display import Display

from ..module_utils.linux.files import FileChange, apply_changes
from ..module_utils.linux.printable import shown
from ..module_utils.look.decision import trouble_with
from ..module_utils.look.remarks import told_once
from ..module_utils.report.changes import Changes
from ..module_utils.report.changes_said import changes_on_screen
from ..module_utils.report.document import OF_AN_AUDIT
from ..module_utils.report.gate import reasons_to_fail
from ..module_utils.report.lines import ScreenLine
from ..module_utils.report.screen import screen
from ..module_utils.report.table import whole_table
from ..module_utils.rollout.outcomes import by_state, how_it_ended, trouble
from ..module_utils.rollout.report_forms import ARGUMENTS, FORMS, wrong_options
from ..module_utils.settings.variables import as_switch
from ..module_utils.verdicts.report import explanations, lay_out, rows_of
from ..plugin_utils._core import SINCE_2_19, Action, AnsibleActionFail, said_by
from ..plugin_utils._foreseen_diffs import put_off_in, shown_once
from ..plugin_utils._gathered import FAILING, answers_of, gathered
from ..plugin_utils._report_file import problem_with_place, read_report, write_forms
from ..plugin_utils._report_since import changes_since
from ..plugin_utils._run_report import RunReport

Arguments = t.Mapping[str, t.Any]


_COLOURS_OF_ROWS = {
    "right": C.COLOR_OK,
    "accepted": C.COLOR_CHANGED,
    "wrong": C.COLOR_ERROR,
    "idle": C.COLOR_SKIP,
    "unknown": C.COLOR_WARN,
}
_COLOURS_OF_AUDIT = {
    "right": C.COLOR_OK,
    "wrong": C.COLOR_ERROR,
    "unknown": C.COLOR_WARN,
    "advice": C.COLOR_CHANGED,
}
_COLOURS_OF_DIFFS = {"+": C.COLOR_DIFF_ADD, "-": C.COLOR_DIFF_REMOVE, "@": C.COLOR_DIFF_LINES}


class _Told(AnsibleActionFail):
    """The task fails, and all that there is to say stands above: no result and no source line is shown below it."""

    @property
    def omit_exception_key(self) -> bool:
        return True

    @property
    def result_contribution(self) -> dict[str, t.Any]:
        return {"failed": True, "changed": False, "msg": self.message}


def _failed(message: str) -> dict[str, t.Any]:
    """Return the result of a task that fails.

    :raises _Told: where Ansible shows such a one without a line of the playbook.
    """
    told = _Told(message)
    if SINCE_2_19:
        raise told
    return told.result_contribution


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        mistakes = wrong_options(self._task.args)
        if mistakes:
            raise AnsibleActionFail("; ".join(mistakes))
        _unused, arguments = self.validate_argument_spec(ARGUMENTS)
        form: str = arguments["of"]
        if form == "document":
            return self._document(arguments, task_vars or {})
        arguments["answers"] = arguments["answers"] or {}
        for host, answer in arguments["answers"].items():
            if answer and not isinstance(answer, dict):
                raise AnsibleActionFail(f"answers: {host!r}: expected what {FORMS[form].answered_by} returned, or null")
        variables = task_vars or {}
        if form == "rollout" and arguments["phase"]:
            skip = self._templar.template(variables.get("keepalive_unreachable", "stop")) == "skip"
            modes = _Modes(skip, self._task.check_mode, self._task.diff, self._wants_table(variables))
            return _show_phase(arguments, variables, modes)
        if arguments["phase"]:
            arguments["answers"] = answers_of(
                form, variables["ansible_play_hosts_all"], variables["hostvars"].raw_get, arguments["phase"]
            )
            if arguments["phase"] == "looked" and not arguments["answers"]:
                return {"changed": False, "lines": []}
        if form == "sockets":
            return _show_sockets(arguments)
        if form == "rollout":
            return _show_rollout(arguments)
        lines = _show_audit(arguments["answers"], self._wants_table(variables), variables if arguments["phase"] else {})
        changed = bool(arguments["output"]) and _write(arguments["output"], arguments["answers"], self._task.check_mode)
        return {"changed": changed, "lines": lines}

    def _document(self, arguments: Arguments, task_vars: Arguments) -> dict[str, t.Any]:
        """Show a document that is there, or that of a run that reads alone, which is written as well."""
        table = self._wants_table(task_vars)
        if not arguments["phase"]:
            if not arguments["path"]:
                raise AnsibleActionFail("keepalive_report: missing: expected a document, or a folder of such")
            path, document = read_report(arguments["path"])
            changes = changes_since(arguments["since"], document)
            lines = _print(_screen_of(document, table, changes))
            if not self._task.check_mode:
                write_forms(path, document, arguments["formats"], changes)
            return _ended(document, arguments["fail_on"], lines)
        told = dict((task_vars.get("keepalive_inputs") or {}).get("run") or {})
        if not told:  # where no playbook of ours has looked at the variables
            told = {"report": self._place(task_vars), "formats": arguments["formats"], "since": arguments["since"]}
        report = RunReport(told, self._task.check_mode, "verify")
        document = report.of_readings(task_vars, arguments["whole_host"])
        changes = _changes_in(report, document)
        lines = _print(_screen_of(document, table, changes))
        report.write(document, changes)
        return _ended(document, arguments["fail_on"], lines)

    def _wants_table(self, task_vars: Arguments) -> bool:
        said = task_vars.get("keepalive_report_table")
        return bool(said) and bool(as_switch(self._templar.template(said)))

    def _place(self, task_vars: Arguments) -> str:
        place = str(self._templar.template(task_vars.get("keepalive_report")) or "")
        problem = problem_with_place(place) if place else ""
        if problem:
            raise AnsibleActionFail(f"keepalive_report: {place!r} {problem}")
        return place


def _show_sockets(arguments: Arguments) -> dict[str, t.Any]:
    answers = arguments["answers"]
    shown = {"changed": False, **_show_table(answers, arguments["wrong_only"])}
    wrong = [line for answer in answers.values() for line in trouble_with((answer or {}).get("units", {}))]
    if wrong and arguments["fail"]:
        raise AnsibleActionFail(
            f"live sockets are wrong: {', '.join(wrong)}; fix what the table above says, or 'accept' the reason in the "
            "unit's entry"
        )
    return shown


def _show_table(answers: Arguments, wrong_only: bool = False) -> dict[str, list[str]]:
    """Print the table and what is said below it; return both in lines."""
    rows = rows_of(answers, wrong_only)
    header, *lines = lay_out(rows)
    notes = explanations(answers)
    display = Display()
    display.display("")
    display.display(header)
    for row, line in zip(rows, lines):
        display.display(line, color=_COLOURS_OF_ROWS[row.verdict])
    for note in ["", *notes] if notes else []:
        display.display(note)
    return {"lines": [header, *lines], "explanations": notes}


class _Modes(t.NamedTuple):
    """What of a run decides how it is told."""

    skip: bool
    """Whether it goes on without hosts that cannot be reached."""
    check_mode: bool
    diff: bool
    table: bool


def _show_phase(arguments: Arguments, task_vars: Arguments, modes: _Modes) -> dict[str, t.Any]:
    """Print how far the run came, by what its tasks have left with the hosts, and write that into its document."""
    phase, hostvars = arguments["phase"], task_vars["hostvars"]
    hosts, reached = task_vars["ansible_play_hosts_all"], task_vars["ansible_play_hosts"]
    told = gathered(phase, hosts, reached, hostvars.raw_get)
    quiet = phase == "stop"  # it was told when the hosts were looked at
    failed = any(outcome.get("state") in ("failed", "refused") for outcome in told.outcomes.values())
    ends = failed or (bool(told.gone) and phase != "looked")
    document, changes = _keep_document(phase, task_vars, modes.check_mode, ends)
    if phase == "batch" and not failed:
        return {"changed": False, "gone": told.gone}
    if modes.check_mode and modes.diff and phase in ("batch", "end"):
        _print_diffs({host: put_off_in(hostvars.raw_get(host)) for host in hosts})
    shown = {
        "outcomes": told.outcomes,
        "answers": {},
        "screen": _screen_of(document, modes.table, changes, hosts_too=False) if phase in ("batch", "end") else [],
        "unreachable": told.unreachable,
        "skip_unreachable": modes.skip,
        "remarks": phase == "looked",
        "quiet": quiet,
        "fail": phase in FAILING,
    }
    result = _show_rollout(shown)
    stop = bool(told.unreachable) and not modes.skip
    return result if "failed" in result else {**result, "gone": told.gone, "stop": stop}


def _keep_document(
    phase: str, task_vars: Arguments, check_mode: bool, ends: bool
) -> tuple[dict[str, t.Any], Changes | None]:
    """Make the document of how far the run came, and write it down where somebody wants it; tell what has changed.

    :param ends: Whether the run ends with this step, if it is one that can end it.
    """
    report = RunReport((task_vars.get("keepalive_inputs") or {}).get("run") or {}, check_mode)
    if not report.path and phase not in ("batch", "end"):
        return {}, None
    complete = phase in ("inputs", "stop", "end") or (ends and phase != "looked")
    document = report.of_rollout(phase, task_vars, complete)
    changes = _changes_in(report, document)
    try:
        report.write(document, changes)
    except AnsibleActionFail as error:
        Display().error(said_by(error))  # how the run ends is more
    return document, changes


def _changes_in(report: RunReport, document: dict[str, t.Any]) -> Changes | None:
    """Return what has changed; where the earlier document is gone since it was looked at, how the run ends is more."""
    try:
        return report.changes(document)
    except AnsibleActionFail as error:
        Display().error(said_by(error))
        return None


def _ended(document: Arguments, chosen: t.Iterable[str], lines: list[str]) -> dict[str, t.Any]:
    """Return the result of a task that has shown a document; it fails for what was chosen."""
    found = reasons_to_fail(document, chosen)
    if found:
        return _failed(f"audit_fail_on: {'; '.join(found)}; see above")
    return {"changed": False, "lines": lines}


def _screen_of(
    document: Arguments, table: bool, changes: Changes | None = None, hosts_too: bool = True
) -> list[ScreenLine]:
    whole = whole_table(document) if table else []
    changed = changes_on_screen(changes) if changes else []
    return [*whole, *([("", "plain")] if whole else []), *screen(document, hosts_too, table, changed)]


def _print(lines: t.Sequence[ScreenLine]) -> list[str]:
    """Print lines below an empty one, in colours where this is a terminal; return them."""
    display = Display()
    for text, what in [("", "plain"), *lines]:
        display.display(text, color=_COLOURS_OF_ROWS.get(what))
    return [text for text, _what in lines]


def _print_diffs(diffs: t.Mapping[str, t.Iterable[Arguments]]) -> None:
    """Print what would be changed in files, in the colours in which Ansible shows its own diffs."""
    for line in ["", *shown_once(diffs)[:-1]]:
        Display().display(line, color=_COLOURS_OF_DIFFS.get(line[:1]))


def _show_rollout(arguments: Arguments) -> dict[str, t.Any]:
    """Print the last screen of a rollout; return it and, where that was asked for, that hosts are not ready."""
    outcomes, unreachable = arguments["outcomes"], arguments["unreachable"]
    hosts = by_state(outcomes, unreachable)
    lines = trouble(outcomes, unreachable, arguments["skip_unreachable"])
    table = {} if arguments["quiet"] else _print_rollout(arguments, hosts, lines)
    wrong = hosts["refused"] + hosts["failed"] + ([] if arguments["skip_unreachable"] else hosts["unreachable"])
    if wrong and arguments["fail"]:
        return _failed(f"{len(wrong)} of {len(outcomes)} hosts are not ready, see above")
    return {"changed": False, "lines": table.get("lines", []), "trouble": lines, "hosts": hosts}


def _print_rollout(
    arguments: Arguments, hosts: t.Mapping[str, t.Sequence[str]], lines: t.Sequence[str]
) -> dict[str, list[str]]:
    """Print a rollout's table and what is said below it; return the table."""
    outcomes = arguments["outcomes"]
    # What a failed host showed has been taken back since, and is told below with what was undone.
    answers = {host: answer for host, answer in arguments["answers"].items() if host in hosts["done"] and answer}
    table = _show_table(answers) if answers else {}
    said = "remarks" if arguments["remarks"] else "noted"  # before anything is done, and after it
    remarks = told_once({host: (outcome or {}).get(said, []) for host, outcome in outcomes.items()})
    ended = how_it_ended({host: outcome for host, outcome in outcomes.items() if host in hosts["done"]})
    display = Display()
    screen_lines = arguments.get("screen") or []
    for told in [remarks] if arguments["remarks"] else [remarks, [] if screen_lines else ended]:
        for line in ["", *told] if told else []:
            display.display(line)
    if screen_lines:
        table["lines"] = _print(screen_lines)
    for line in ["", *lines] if lines else []:
        display.display(line, color=C.COLOR_ERROR if line and not line.startswith(" ") else None)
    return table


def _show_audit(answers: Arguments, table: bool, task_vars: Arguments) -> list[str]:
    """Print an audit; return its lines."""
    # Each rollout loads this file, and needs nothing of an audit.
    from ..module_utils.audit.paste import NOTHING_SET
    from ..module_utils.audit.report import render
    from ..plugin_utils._set_already import set_already

    already = set_already(answers, task_vars["hostvars"].raw_get) if task_vars else NOTHING_SET
    lines = render(answers, table, already=already)
    display = Display()
    display.display("")
    for text, what in lines:
        display.display(text, color=_COLOURS_OF_AUDIT.get(what))
    return [text for text, _what in lines]


def _write(path: str, answers: Arguments, check_mode: bool) -> bool:
    """Write the answers of an audit where they differ from what is there; return whether they do.

    :raises AnsibleActionFail: The file cannot be read or written.
    """
    kept = {
        host: {key: value for key, value in answer.items() if key in OF_AN_AUDIT} if answer else None
        for host, answer in answers.items()
    }
    content = json.dumps({"hosts": shown(kept)}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    path = os.path.abspath(path)
    try:
        before = None
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                before = stream.read()
        if before == content:
            return False
        if not check_mode:
            apply_changes([FileChange(path, before, content)])
    except OSError as error:
        raise AnsibleActionFail(f"output: {path} cannot be written on the controller: {error.strerror}") from error
    return True
