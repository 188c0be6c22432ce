# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of all hosts of the play in one task on the controller; no host is asked."""

from __future__ import annotations

import functools
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.utils.vars import load_extra_vars

from ..plugin_utils import _inputs, _spelling
from ..plugin_utils._core import Action, AnsibleActionFail, said_by, to_group
from ..plugin_utils._report_file import forms_of_files, problem_with_place
from ..plugin_utils._report_since import problem_with_since
from ..plugin_utils._run_report import RunReport, now

_OF_THE_RUN = ("hostvars", "ansible_play", "ansible_check_mode", "ansible_diff_mode", "playbook_dir")


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        spelling = functools.partial(_spelling.spelling, read=_spelling.reader_of(self._loader))
        common: dict[str, t.Any] = {
            "run_tags": variables.get("ansible_run_tags", ("all",)),
            "skip_tags": variables.get("ansible_skip_tags", ()),
            "own_tags": self._task.tags,
            "of_plays": self._of_plays(),
            "groups": variables.get("groups"),
            "spelling": spelling,
            "find": _find,
        }
        # What no host has of itself, and its variables may use all the same.
        of_the_run = {name: variables[name] for name in variables if name.startswith(_OF_THE_RUN)}
        play = self._play()
        play_vars, extra = dict(play.vars) if play is not None else {}, load_extra_vars(self._loader)
        outcomes: dict[str, dict[str, str]] = {}
        places: dict[str, str] = {}
        formats: list[str] = []
        since = ""
        for host in variables.get("ansible_play_hosts_all", []):
            raw = {**of_the_run, **variables["hostvars"].raw_get(host), **play_vars, **extra}
            templar = self._templar.copy_with_new_env(available_variables=raw)
            found = _inputs.all_of_a_host(raw, templar.template, **common)
            place = _text("keepalive_report", raw, templar.template)
            places.setdefault(place, host)
            formats = formats or formats_of(raw, templar.template)
            since = since or _text("keepalive_report_since", raw, templar.template)
            if len(places) > 1:
                found += _several(place, places)
            if _is_same(place, since):
                found.append(f"keepalive_report_since: {since!r} is where the report of this run goes; name another")
            outcomes[host] = {"state": "refused", "seen": "\n".join(found)} if found else {}
        place = next(iter(places), "") if len(places) == 1 else ""
        run = {
            "kind": self._task.args.get("run"), "begun": now(), "report": "", "formats": formats, "since": since,
        }  # fmt: skip
        if place and run["kind"] and not problem_with_place(place) and not _is_same(place, since):
            run["report"] = place
            try:
                RunReport(run, self._task.check_mode).begin(outcomes)
            except AnsibleActionFail as error:  # on a disk that is full, or the like
                outcomes = {host: _with(outcome, said_by(error)) for host, outcome in outcomes.items()}
                run["report"] = ""
        refused = [host for host, outcome in outcomes.items() if outcome]
        result.update(changed=False, outcomes=outcomes, refused=refused, run=run)
        if refused:  # one of them speaks for all in the play that stops the run
            result.update(to_group(self, refused[0], "keepalive_refused"))
        return result

    def _of_plays(self) -> set[str] | None:
        """Return the names that plays can see: those of C(-e), and those of the play, or of who has imported it."""
        play = self._play()
        return None if play is None else {*load_extra_vars(self._loader), *play.vars}

    def _play(self) -> t.Any:
        parent: t.Any = self._task
        while parent is not None and getattr(parent, "_play", None) is None:
            parent = getattr(parent, "_parent", None)
        return None if parent is None else parent._play


def _with(outcome: dict[str, str], problem: str) -> dict[str, str]:
    return {"state": "refused", "seen": "\n".join(filter(None, [outcome.get("seen", ""), problem]))}


def _text(name: str, raw: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> str:
    """Return what a variable of one host says, where it is a text."""
    if not raw.get(name):
        return ""
    try:
        said = template(raw[name])
    except AnsibleError:  # told with all other mistakes
        return ""
    return said if isinstance(said, str) else ""


def formats_of(raw: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> list[str]:
    """Return in which forms the document is written beside itself, by the variables of one host."""
    try:
        said = template(raw.get("keepalive_report_formats")) or []
    except AnsibleError:  # told with all other mistakes
        return []
    words = said.split(",") if isinstance(said, str) else said
    return [str(word).strip() for word in words if str(word).strip() in forms_of_files()]


def _is_same(place: str, since: str) -> bool:
    """Tell whether the document with which one is to be compared would be overwritten by it."""
    folder = since.endswith("/") or os.path.isdir(since)
    return bool(place and since) and not folder and os.path.realpath(place) == os.path.realpath(since)


def _several(place: str, places: t.Mapping[str, str]) -> list[str]:
    """Say that the hosts of a run name several places, on each that has another one than the first."""
    first, host = next(iter(places.items()))
    if place == first:
        return []
    return [
        f"keepalive_report: {place!r} on this host, and {first!r} on {host}: a run has one report; set it for all "
        "hosts, or on the command line"
    ]


def _find(kind: str, name: str) -> str | None:
    """Say what is wrong with a folder, a file or the place of the report; whoever renders a template finds it."""
    if kind == "report":
        return problem_with_place(name) or None
    if kind == "since":
        return problem_with_since(name) or None
    there = {"folder": os.path.isdir, "file": os.path.isfile}.get(kind)
    if there is None or not os.path.isabs(name) or there(name):
        return None
    return f"is no {kind} on the controller"
