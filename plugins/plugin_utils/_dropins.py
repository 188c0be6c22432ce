# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the drop-ins of all units on the controller, from the role's templates or the play's own."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils.settings.entry_comment import comment_of
from ..module_utils.settings.service import ResolvedService
from ..module_utils.units import dropin, slice_starter
from ..module_utils.units.attach_line import attach_line, attach_words, slice_variables
from . import _templates
from ._core import AnsibleActionFail

_ROLE = "keepalive_services"

_OF_SLICE = "slice.conf.j2"

Variables = t.Mapping[str, t.Any]


def rendered(
    action: ActionBase,
    services: t.Iterable[t.Mapping[str, t.Any]],
    units: t.Mapping[str, t.Any],
    templates: t.Mapping[str, str],
    task_vars: dict[str, t.Any] | None,
    by_flags: bool = False,
    root: str = "",
) -> list[dict[str, t.Any]]:
    """Return the drop-in of each service, as a rollout takes it.

    :param services: what resolve_services returned.
    :param units: what service_units_info returned as C(units); it holds each unit's own LD_PRELOAD.
    :param by_flags: what service_units_info returned of that; it counts for programs of the kernel.
    :param root: where the host has its cgroups, by the same answer; it counts for slices.
    :param templates: the name of the template for V(service) and for V(socket).
    """
    services = list(services)
    if any(_kind_of(service) == "slice" for service in services):
        templates = {**templates, "slice": _OF_SLICE}
    render = {kind: _templates.renderer(action, name, _ROLE, task_vars or {}) for kind, name in templates.items()}
    contents = {}
    for service in services:
        kind = _kind_of(service)
        seen = _variables(service, units, by_flags, root)
        text = render[kind](seen)
        _check_line(service, seen["attach"], text)
        contents[service["name"]] = text.rstrip("\n") + "\n"
    return [{"unit": name, "content": content} for name, content in contents.items()]


def _check_line(service: Variables, line: str, text: str) -> None:
    """Refuse a template of a play that leaves the program out, or gives one to a unit that is to have a library."""
    if (attach_words(text) is not None) != bool(line):
        wrong = f"lacks 'ExecStartPre={line}'" if line else "has an ExecStartPre= of keepalive-bpf"
        raise AnsibleActionFail(
            f"{service['name']}: its drop-in as the template gives it {wrong}, and its backend is "
            f"{service['backend']}; write 'ExecStartPre={{{{ attach }}}}' where that is not empty"
        )


def _kind_of(service: Variables) -> str:
    missing = [key for key in ("name", "type", "libraries", "tcp") if key not in service]
    if missing:
        raise AnsibleActionFail(
            f"services: {service.get('name')!r} has no {', '.join(missing)}; pass the list through "
            "netops.keepalive.resolve_services first"
        )
    return str(service["type"])


def has_drop_in_beside_host_wide(service: Variables) -> bool:
    """Tell whether a service has a drop-in in the host-wide mode, too: one without variables of the libraries' own.

    A .socket unit has systemd's directives. A service's variables would win over the settings file, which says the same
    to the libraries as they say to a program.
    """
    return bool(service["type"] == "socket" or service.get("backend") == "bpf")


def _variables(service: Variables, units: t.Mapping[str, t.Any], by_flags: bool, root: str) -> dict[str, t.Any]:
    """Return what a template sees of one service."""
    resolved = ResolvedService.from_dict(service)
    if resolved.name not in units:
        raise AnsibleActionFail(
            f"units: {resolved.name!r} is missing; ask service_units_info for every unit of services"
        )
    unit = units[resolved.name]
    environment: t.Mapping[str, str] = {}
    if resolved.type == "slice":
        environment = slice_variables(resolved, by_flags, root)
    elif resolved.by_program:
        environment = resolved.variables
    elif resolved.libraries:
        environment = dropin.environment(resolved.libraries, resolved.variables, unit["ld_preload"])
    line = attach_line(resolved, by_flags)
    return {
        "service": service,
        "unit": unit,
        "environment": environment,
        "attach": line,
        "marker": dropin.MARKER,
        "also": comment_of(resolved),
        "starter": slice_starter.instance_of(resolved.name),
    }
