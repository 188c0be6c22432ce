# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of a host on the controller, and has the module of the same name do the rest in one call."""

from __future__ import annotations

import time
import typing as t

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display

from ..module_utils.linux.preload_file import LD_SO_PRELOAD
from ..module_utils.rollout.assigned import ARGUMENTS, assigned
from ..module_utils.rollout.transaction import SOCKETS, begun
from ..module_utils.rollout.transaction_words import for_the_report
from ..module_utils.verdicts.report import explanations, lay_out, rows_of
from ..plugin_utils import _dropins, _locked, _settings_file
from ..plugin_utils._core import Action, AnsibleActionFail
from ..plugin_utils._earlier import given_of
from ..plugin_utils._foreseen_diffs import put_off
from ..plugin_utils._look import ROLES
from ..plugin_utils._second_connection import MARGIN, PAUSE, over_a_new_connection, rescue_advice, words_of
from ..plugin_utils._variables import HostVariables

_MODULE = "netops.keepalive.rollout"

Answer = dict[str, t.Any]


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        given = self._given(task_vars or {})
        host = (task_vars or {}).get("inventory_hostname", "this host")
        assignment = self._assignment(given, task_vars or {})
        if _is_empty(assignment):
            told = begun()
            report = for_the_report({**told, "would_restart": []} if self._task.check_mode else told, False)
            result.update(told, state="verified", changed=False, remarks=[], diff=[], report=report)
            return result
        if self._task.check_mode and given["libraries_changed"]:
            assignment = {**assignment, "replaced": _libraries_to_come(task_vars or {})}
        arguments = {"assignment": assignment, "host": host, "run": _locked.identity()}
        result.update(self._execute_module(module_name=_MODULE, module_args=arguments, task_vars=task_vars))
        if "armed" in result:
            result.update(self._confirmed(arguments, result.pop("armed"), task_vars or {}), diff=result["diff"])
        if result.get("failed") and "state" not in result:
            why = result.get("msg", "no reason was given")
            result["msg"] = (
                f"the module has ended without an answer: {why}; what it had started on the host comes to its "
                "end there, verified or as before: run again, which says how"
            )
        if result.get("step") == SOCKETS and result.get("sockets"):
            _show_wrong({host: result["sockets"]})
        if "would_change" in result.get("report", {}) and given["libraries_changed"] and given["state"] == "present":
            result["report"]["would_change"].insert(0, "the libraries")
        reported = self._task.args.get("earlier") and not result.get("failed")
        if self._task.check_mode and reported:
            put_off(result)
        result["look"] = (self._task.args.get("earlier") or {}).get("id", "")
        for remark in [] if reported else result.get("remarks", []):  # a playbook says at its end what hosts have alike
            Display().display(f"{host}: {remark}", color=C.COLOR_CHANGED)
        return result

    def _given(self, task_vars: Answer) -> Answer:
        """Return the options of the task; with an earlier look those that the variables of the host say."""
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        if given["earlier"] is None:
            return t.cast(Answer, given)
        variables = HostVariables(self._templar, task_vars, ROLES)
        said = given_of(given["earlier"], variables, given["state"] == "absent")
        if variables.mistakes:
            raise AnsibleActionFail("; ".join(variables.mistakes))
        checked = ArgumentSpecValidator(ARGUMENTS).validate({**said, "parts": given["parts"]})
        if checked.error_messages:
            raise AnsibleActionFail("; ".join(checked.error_messages))
        return t.cast(Answer, checked.validated_parameters)

    def _assignment(self, given: Answer, task_vars: Answer) -> t.Mapping[str, t.Any]:
        """Return what the host is to do, with all that is rendered here."""
        if given["state"] == "absent":
            return assigned(given, [])
        services, units, settings = given["services"], given["found"].get("units", {}), ""
        if given["host_wide"] is not None:
            services = [service for service in services if _dropins.has_drop_in_beside_host_wide(service)]
            wanted = given["host_wide"]
            settings = _settings_file.rendered(self, wanted["sections"], task_vars, wanted["template"])
        templates = {kind: given[f"{kind}_template"] for kind in ("service", "socket")}
        told = given["found"].get("backends", {})
        of_host = told.get("by_flags", False), told.get("root", "")
        rendered = _dropins.rendered(self, services, units, templates, task_vars, *of_host) if given["deploy"] else []
        return assigned(given, rendered, settings)

    def _confirmed(self, arguments: Answer, trial: Answer, task_vars: Answer) -> Answer:
        """Come in once more; where that does not work, wait until the host has put its old file back.

        In the name of the run that the task began in, also where that was killed by now: its host is to come to an end.
        """
        seconds, began = arguments["assignment"]["host_wide"]["watchdog"], time.monotonic()
        while True:
            asked = {**arguments, "trial": {**trial, "confirm": True}}
            answer = over_a_new_connection(self, _MODULE, asked, task_vars)
            if "state" in answer:
                return answer
            if "armed" not in answer:
                break
            trial = answer["armed"]  # the transaction was killed, and has begun another
        seen = f"the second connection did not work: {words_of(answer)}"
        late = {**arguments, "trial": {**trial, "confirm": False}}
        while time.monotonic() < began + seconds + MARGIN:
            answer = over_a_new_connection(self, _MODULE, late, task_vars)
            if "state" in answer:
                return {**answer, "msg": "\n".join(filter(None, [answer.get("msg"), seen])), "failed": True}
            time.sleep(PAUSE)
        advice = rescue_advice(LD_SO_PRELOAD, time.monotonic() - began, seconds)
        return {**begun(), "state": "unknown", "failed": True, "seen": seen,
                "msg": f"The new {LD_SO_PRELOAD} was in force, and then: {seen}\n{advice}"}  # fmt: skip


def _libraries_to_come(task_vars: t.Mapping[str, t.Any]) -> list[str]:
    """Return the libraries that this run would replace, or may where they are yet to be compiled, by path."""
    installed = task_vars.get("keepalive_build_installed") or {}
    return [one["path"] for one in installed.get("libraries", {}).values() if one.get("changed")]


def _is_empty(assignment: t.Mapping[str, t.Any]) -> bool:
    """Tell whether nobody asks for anything."""
    more = assignment.get("host_wide") is not None or assignment.get("libraries_too")
    return not assignment.get("listed", True) and not more


def _show_wrong(answers: t.Mapping[str, t.Any]) -> None:
    """Print which sockets are wrong, as the report does."""
    display = Display()
    header, *lines = lay_out(rows_of(answers, wrong_only=True))
    notes = explanations(answers)
    for line in ["", header]:
        display.display(line)
    for line in lines:
        display.display(line, color=C.COLOR_ERROR)
    for note in ["", *notes] if notes else []:
        display.display(note)
