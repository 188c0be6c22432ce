# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides on the controller, with one question to the host, whether a rollout has anything to do there."""

from __future__ import annotations

import re
import secrets
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ..module_utils.look.brief import in_brief
from ..plugin_utils._core import Action, to_group
from ..plugin_utils._look import Look

_PASSED_ON = ("ansible_facts", "warnings", "deprecations", "exception")

Answer = dict[str, t.Any]


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        arguments = self._task.args
        fail = boolean(arguments.get("fail", True))
        removal = arguments.get("state") == "absent"
        result["id"] = secrets.token_hex(4)
        look = Look(self, task_vars or {}, arguments.get("mode") or "", removal)
        if not boolean(arguments.get("ask", True)):
            return {**result, **_settings_of(look)}
        told = look.ask()
        result.update({key: told[key] for key in _PASSED_ON if key in told}, changed=False)
        if told.get("unreachable"):
            return {**told, **result}
        host = (task_vars or {}).get("inventory_hostname", "this host")
        problems = [told.get("msg", "no reason was given")] if told.get("failed") else look.judge(told)
        if (task_vars or {}).get("keepalive_inputs", {}).get("run", {}).get("report"):
            result["reported"] = look.for_the_report(told)
        mistakes = _without_twins(arguments.get("mistakes") or [], look.mistakes) + problems
        if mistakes:
            seen = "\n".join(dict.fromkeys(mistakes))
            result["outcome"] = {"state": "refused", "seen": seen, "remarks": look.remarks}
            if fail:
                _say(host, look.remarks)
                return {**result, "failed": True, "msg": f"nothing was changed on {host}, because of:\n{seen}"}
            # The play that stops the run has these alone, so that no healthy host is shown as the one that failed.
            result.update(to_group(self, host, "keepalive_refused"))
            return result
        result["outcome"] = {"state": "not begun" if look.due else "done", "seen": "", "remarks": look.remarks}
        if self._task.check_mode and not look.due:
            result["outcome"].update(would_change=[], would_restart=[])
        elif removal and not look.due:
            result["outcome"].update(removed=[], restarted=[], stays=[])
        result.update(due=look.due, libraries_due=look.libraries.why, build_for=look.build_for)
        result["sockets"] = in_brief(look.sockets) if look.sockets else {}
        if fail:
            _say(host, look.remarks)
        if fail or look.due:
            result.update(found=look.found, resolved=look.aim.services, absent=look.aim.absent)
            result.update({"host_wide": look.host_wide} if look.host_wide else {})
        return result


def _settings_of(look: Look) -> Answer:
    """Return what the variables say, as far as that can be told without the host."""
    if look.mistakes:
        lines = ["the keepalive settings are wrong, nothing was changed:", *look.mistakes]
        return {"failed": True, "msg": "\n".join(lines)}
    for service in look.aim.services:
        for warning in service.get("warnings", ()):
            Display().display(warning)
    return {"changed": False, "resolved": look.aim.services, "absent": look.aim.absent}


def _without_twins(told: t.Sequence[str], own: t.Sequence[str]) -> list[str]:
    """Add what is seen here to what was told before, but for variables of which it was: each mistake is said once."""
    variables = {_NAME.match(line)[0] for line in told}  # type: ignore[index]
    return [*told, *(line for line in own if _NAME.match(line)[0] not in variables)]  # type: ignore[index]


_NAME = re.compile(r"\w*")


def _say(host: str, said: list[str]) -> None:
    display = Display()
    for remark in said:
        display.display(f"{host}: {remark}")
