# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of all units on the controller, from the role's templates or the play's own."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ..module_utils.settings.service import ResolvedService
from ..module_utils.units import dropin

_OWN_TEMPLATES = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "keepalive_services", "templates")


def rendered(
    action: ActionBase,
    services: t.Iterable[dict[str, t.Any]],
    units: t.Mapping[str, t.Any],
    templates: t.Mapping[str, str],
    task_vars: dict[str, t.Any] | None,
) -> list[dict[str, t.Any]]:
    """Return the drop-in of each service, as service_dropins takes it.

    :param services: what resolve_services returned.
    :param units: what service_units_info returned as C(units); it holds each unit's own LD_PRELOAD.
    :param templates: the name of the template for V(service) and for V(socket).
    """
    texts = {kind: _template(action, name) for kind, name in templates.items()}
    return [_dropin(action, service, units, texts, task_vars or {}) for service in services]


def _template(action: ActionBase, name: str) -> tuple[str, str]:
    """Return a template's path and text: the role's or the play's own, else the collection's."""
    try:
        path = action._find_needle("templates", name)
    except AnsibleError:
        path = os.path.join(_OWN_TEMPLATES, name)
    try:
        return path, trust_as_template(action._loader.get_text_file_contents(path))
    except AnsibleError as error:
        raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error


def _dropin(
    action: ActionBase,
    service: dict[str, t.Any],
    units: t.Mapping[str, t.Any],
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
    templar = action._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)
    content = templar.template(text, escape_backslashes=False)
    return {"unit": name, "content": content.rstrip("\n") + "\n"}
