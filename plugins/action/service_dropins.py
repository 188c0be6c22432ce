# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of all units on the controller and writes them with one call of the module of the same name."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ..module_utils.settings.service import ResolvedService
from ..module_utils.units import dropin
from ..plugin_utils import _locked, _seen

_OWN_TEMPLATES = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "keepalive_services", "templates")
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
            templates = {
                "service": self._template(arguments.get("service_template", "service.conf.j2")),
                "socket": self._template(arguments.get("socket_template", "socket.conf.j2")),
            }
            dropins = [self._dropin(service, units, templates, task_vars or {}) for service in services]
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

    def _template(self, name: str) -> tuple[str, str]:
        """Return a template's path and text: the role's or the play's own, else the collection's."""
        try:
            path = self._find_needle("templates", name)
        except AnsibleError:
            path = os.path.join(_OWN_TEMPLATES, name)
        try:
            return path, trust_as_template(self._loader.get_text_file_contents(path))
        except AnsibleError as error:
            raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error

    def _dropin(
        self,
        service: dict[str, t.Any],
        units: dict[str, t.Any],
        templates: dict[str, tuple[str, str]],
        task_vars: dict[str, t.Any],
    ) -> dict[str, t.Any]:
        missing = [key for key in ("name", "type", "libraries", "tcp") if key not in service]
        if missing:
            raise AnsibleActionFail(
                f"services: {service.get('name')!r} has no {', '.join(missing)}; pass the list through "
                "netops.keepalive.resolve_services first"
            )
        resolved = ResolvedService.from_dict(service)
        name = resolved.name
        if name not in units:
            raise AnsibleActionFail(f"units: {name!r} is missing; ask service_units_info for every unit of services")
        path, text = templates[resolved.type]
        environment = {}
        if resolved.libraries:
            environment = dropin.environment(resolved.libraries, resolved.variables, units[name]["ld_preload"])
        variables = {
            **task_vars,
            "service": service,
            "unit": units[name],
            "marker": dropin.MARKER,
            "environment": environment,
        }
        templar = self._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)
        content = templar.template(text, escape_backslashes=False)
        return {"unit": name, "content": content.rstrip("\n") + "\n"}


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
