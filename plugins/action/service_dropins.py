# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of all units on the controller and writes them with one call of the module of the same name."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils import _dropins, _locked, _seen

NOTHING_TO_DO: t.Mapping[str, t.Any] = {
    "changed": False, "changed_units": [], "previous": [], "unfinished": {}, "lock_held": False, "diff": []
}  # fmt: skip
_FOR_TEMPLATES = ("services", "units", "service_template", "socket_template", "absent")


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        seen = arguments.pop("seen", None)
        if arguments.pop("look_only", False):
            kept = {key: arguments[key] for key in ("rollout", "listed") if key in arguments}
            arguments = {**kept, "dropins": []}
        services = arguments.get("services")
        if services is not None and "dropins" not in arguments:
            units = arguments.get("units")
            if not isinstance(units, dict):
                raise AnsibleActionFail("units: with services, give what service_units_info returned as 'units'")
            templates = {kind: arguments.get(f"{kind}_template", f"{kind}.conf.j2") for kind in ("service", "socket")}
            dropins = _dropins.rendered(self, services, units, templates, task_vars)
            arguments = {key: value for key, value in arguments.items() if key not in _FOR_TEMPLATES}
            arguments["dropins"] = dropins + [{"unit": name} for name in self._task.args.get("absent", [])]
            active = {name: unit for name, unit in units.items() if unit.get("active_state") == "active"}
            arguments["running"] = list(active)
            arguments["fresh"] = [name for name, unit in active.items() if not unit.get("stale")]
        if not arguments.get("purge") and _seen.dropins_are_there(arguments.get("dropins", []), seen):
            result.update(NOTHING_TO_DO)
        else:
            result.update(_locked.execute(self, "service_dropins", arguments, task_vars))
        result["in_force"] = in_force(result.get("unfinished", {}), self._task.args)
        return result


def in_force(unfinished: t.Iterable[str], arguments: t.Mapping[str, t.Any]) -> list[str]:
    """Return what an unfinished rollout has restarted already: on the way back it has to be restarted once more."""
    units: t.Mapping[str, t.Any] = arguments.get("units") or {}
    never = [service["name"] for service in arguments.get("services") or [] if service.get("restart") == "never"]
    found: list[str] = []
    for name in unfinished:
        unit = units.get(name, {})
        if name not in never and unit.get("active_state") == "active":
            running = unit.get("instances") or [name]
            found += [one for one in running if one not in unit.get("stale", {})]
    return found
