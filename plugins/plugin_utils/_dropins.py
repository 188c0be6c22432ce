# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of all units on the controller, from the role's templates or the play's own."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ..module_utils.settings.service import ResolvedService
from ..module_utils.units import dropin
from . import _templates

_ROLE = "keepalive_services"
_OWN = os.path.realpath(_templates.own_folder(_ROLE)) + os.sep

_EACH = (
    "{% for each in keepalive_dropins %}"
    "{% set service, unit, environment, marker = each.service, each.unit, each.environment, each.marker %}"
)
_BETWEEN = "\0"
"""Stands in no unit file."""

Variables = t.Mapping[str, t.Any]


def rendered(
    action: ActionBase,
    services: t.Iterable[t.Mapping[str, t.Any]],
    units: t.Mapping[str, t.Any],
    templates: t.Mapping[str, str],
    task_vars: dict[str, t.Any] | None,
) -> list[dict[str, t.Any]]:
    """Return the drop-in of each service, as a rollout takes it.

    :param services: what resolve_services returned.
    :param units: what service_units_info returned as C(units); it holds each unit's own LD_PRELOAD.
    :param templates: the name of the template for V(service) and for V(socket).
    """
    texts = {kind: _templates.found(action, name, _ROLE) for kind, name in templates.items()}
    given = [(kind, _variables(service, units)) for service in services for kind in [_kind_of(service)]]
    contents: dict[str, str] = {}
    for kind, (path, text) in texts.items():
        own = [variables for its_kind, variables in given if its_kind == kind]
        if not own:
            continue
        render = _render_at_once if os.path.realpath(path).startswith(_OWN) else _render_each
        contents.update(zip((one["service"]["name"] for one in own), render(action, path, text, own, task_vars or {})))
    names = [variables["service"]["name"] for _kind, variables in given]
    return [{"unit": name, "content": contents[name].rstrip("\n") + "\n"} for name in names]


def _kind_of(service: Variables) -> str:
    missing = [key for key in ("name", "type", "libraries", "tcp") if key not in service]
    if missing:
        raise AnsibleActionFail(
            f"services: {service.get('name')!r} has no {', '.join(missing)}; pass the list through "
            "netops.keepalive.resolve_services first"
        )
    return str(service["type"])


def _variables(service: Variables, units: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a template sees of one service."""
    resolved = ResolvedService.from_dict(service)
    if resolved.name not in units:
        raise AnsibleActionFail(
            f"units: {resolved.name!r} is missing; ask service_units_info for every unit of services"
        )
    unit = units[resolved.name]
    environment = {}
    if resolved.libraries:
        environment = dropin.environment(resolved.libraries, resolved.variables, unit["ld_preload"])
    return {"service": service, "unit": unit, "environment": environment, "marker": dropin.MARKER}


def _render_each(
    action: ActionBase, path: str, text: str, given: t.Sequence[Variables], task_vars: Variables
) -> t.Iterator[str]:
    for variables in given:
        yield _templates.render(action, path, text, {**task_vars, **variables})


def _render_at_once(
    action: ActionBase, path: str, text: str, given: t.Sequence[Variables], task_vars: Variables
) -> t.Iterator[str]:
    """Have the template compiled once, which takes many times as long as to render it.

    Of a template of the operator's nobody knows whether it can stand in a loop.
    """
    loop = trust_as_template(f"{_EACH}{text}{_BETWEEN}{{% endfor %}}")
    (whole,) = _render_each(action, path, loop, [{"keepalive_dropins": given}], task_vars)
    return iter(whole.split(_BETWEEN))
