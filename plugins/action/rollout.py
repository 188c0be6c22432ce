# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of a host on the controller, and has the module of the same name do the rest in one call."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.rollout.assigned import ARGUMENTS, assigned
from ..module_utils.rollout.transaction import SOCKETS, begun
from ..module_utils.verdicts.report import explanations, lay_out, rows_of
from ..plugin_utils import _dropins, _locked, _seen


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        host = (task_vars or {}).get("inventory_hostname", "this host")
        templates = {kind: given[f"{kind}_template"] for kind in ("service", "socket")}
        units = given["found"].get("units", {})
        rendered = _dropins.rendered(self, given["services"], units, templates, task_vars) if given["deploy"] else []
        assignment = assigned(given, rendered)
        if not assignment["listed"] or (self._task.check_mode and _is_quiet(given, assignment)):
            result.update(begun(), state="verified", changed=False, remarks=[], diff=[])
            return result
        result.update(_locked.execute(self, "rollout", {"assignment": assignment, "host": host}, task_vars))
        if result.get("failed") and "state" not in result:
            why = result.get("msg", "no reason was given")
            result["msg"] = (
                f"the module has ended without an answer: {why}; what it had started on the host comes to its "
                "end there, verified or as before: run again, which says how"
            )
        if result.get("step") == SOCKETS and result.get("sockets"):
            _show_wrong({host: result["sockets"]})
        for remark in result.get("remarks", []):
            Display().display(f"{host}: {remark}", color=C.COLOR_CHANGED)
        return result


def _is_quiet(given: t.Mapping[str, t.Any], assignment: t.Mapping[str, t.Any]) -> bool:
    """Tell whether what was seen shows that a foresight would find nothing."""
    seen = given["found"] if given["believe"] else None
    restarts = {"services": assignment["services"], "without": assignment["without"], "seen": seen}
    live = any(service.get("live") for service in assignment["services"])
    return not live and _seen.dropins_are_there(assignment["dropins"], seen) and _seen.nothing_is_due(restarts, True)


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
