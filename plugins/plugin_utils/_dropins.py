# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of drop-ins, rendered on the controller: the same for who only compares and for who writes."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ..module_utils.settings.service import ResolvedService
from ..module_utils.units import dropin

_OWN_TEMPLATES = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "keepalive_services", "templates")


class Templates(t.NamedTuple):
    """By type of unit: the path of its template and the text."""

    service: tuple[str, str]
    socket: tuple[str, str]


def find_templates(action: ActionBase, service: str, socket: str) -> Templates:
    """Return both templates: the role's or the play's own, else the collection's.

    :raises AnsibleActionFail: one of them is nowhere, or cannot be read.
    """
    return Templates(_template(action, service), _template(action, socket))


def _template(action: ActionBase, name: str) -> tuple[str, str]:
    try:
        path = action._find_needle("templates", name)
    except AnsibleError:
        path = os.path.join(_OWN_TEMPLATES, name)
    try:
        return path, trust_as_template(action._loader.get_text_file_contents(path))
    except AnsibleError as error:
        raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error


def render(
    action: ActionBase,
    templates: Templates,
    service: t.Mapping[str, t.Any],
    unit: t.Mapping[str, t.Any],
    task_vars: t.Mapping[str, t.Any],
) -> str:
    """Return the text of one unit's drop-in.

    :param service: As resolve_services returns it.
    :param unit: As service_units_info describes it.
    """
    resolved = ResolvedService.from_dict(service)
    path, text = getattr(templates, resolved.type)
    environment = {}
    if resolved.libraries:
        environment = dropin.environment(resolved.libraries, resolved.variables, unit["ld_preload"])
    variables = {
        **task_vars,
        "service": service,
        "unit": unit,
        "marker": dropin.MARKER,
        "environment": environment,
    }
    templar = action._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)
    content = templar.template(text, escape_backslashes=False)
    return str(content).rstrip("\n") + "\n"
