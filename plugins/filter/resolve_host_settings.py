# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve_host_settings
short_description: Check the variables of the host-wide mode and turn them into the sections of the settings file
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Makes of the services, C(keepalive_host_defaults), C(keepalive_host_opt_outs) and C(keepalive_host_programs) the
    sections of C(/etc/libkeepalive.conf), in their order. What stands later wins. Every process, then programs, then
    units.
  - All mistakes are reported at once, each with its place, its value, and what would be right.
positional: _input
options:
  _input:
    description:
      - What P(netops.keepalive.resolve_services#filter) returned. C(.socket) units are left out.
    type: list
    elements: dict
    required: true
  defaults:
    description:
      - What every process gets, C(keepalive_host_defaults), with the keys C(tcp), C(respect), C(jitter) and C(profile).
      - Other than in a service's entry, C(user_timeout) is V(0) and C(respect) is V(true) where they are not said.
    type: dict
    default: {}
  programs:
    description:
      - What programs get, C(keepalive_host_programs). Each has a C(path), which may be a pattern, and C(tcp),
        C(respect), C(debug) or C(disable), and maybe a C(why).
    type: list
    elements: dict
    default: []
  opt_outs:
    description: Programs that are left alone, C(keepalive_host_opt_outs), each with a C(path) and maybe a C(why).
    type: list
    elements: dict
    default: []
  libraries:
    description: The libraries that every process loads, C(keepalive_host_libraries).
    type: list
    elements: str
    default: [connect, listen]
  units:
    description: What M(netops.keepalive.service_units_info) returned as C(units), for the units' own names.
    type: dict
    default: {}
  filtered:
    description:
      - What M(netops.keepalive.service_units_info) returned as C(host_wide.filtered). Those that are not left alone are
        among the C(warnings).
    type: list
    elements: dict
    default: []
  host:
    description:
      - The host's name in the inventory, V(inventory_hostname), by which C(jitter) spreads the first probes; needed
        where O(defaults) or O(programs) say C(jitter).
    type: str
  profiles:
    description:
      - The operator's profiles, C(keepalive_services_profiles), before those that are built in, for a C(profile) of
        O(defaults) or O(programs).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show what the settings file would say
  ansible.builtin.debug:
    msg: >-
      {{ [{'name': 'nginx.service', 'libraries': ['listen'], 'tcp': {'keepidle': 60}}]
         | netops.keepalive.resolve_services
         | netops.keepalive.resolve_host_settings(opt_outs=[{'path': '*/sshd'}]) }}
"""

RETURN = r"""
_value:
  description:
    - C(sections) as M(netops.keepalive.rollout) takes them. Each has a C(heading), empty for every process, a
      C(comment), and C(variables).
    - C(warnings) says what is allowed and surprises people.
  type: dict
  sample:
    sections:
      - heading: ""
        comment: Every process of this host.
        variables: {TCP_KEEPIDLE: "15", TCP_KEEPCNT: "9", TCP_KEEPINTVL: "15", TCP_USER_TIMEOUT: "0",
                    LIBKEEPALIVE_RESPECT: "1"}
      - heading: "[program */sshd]"
        comment: "*/sshd"
        variables: {LIBKEEPALIVE_DISABLE: "1"}
    warnings: []
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils.host_wide import variables
from ..module_utils.settings.checks import ResolveError
from ..module_utils.settings.service import ResolvedService
from ..plugin_utils._spelling import spelling


def resolve_host_settings(
    services: t.Any,
    defaults: t.Any = None,
    programs: t.Any = None,
    opt_outs: t.Any = None,
    libraries: t.Any = ("connect", "listen"),
    units: t.Mapping[str, t.Any] | None = None,
    filtered: t.Sequence[t.Mapping[str, t.Any]] = (),
    host: str | None = None,
    profiles: t.Any = None,
) -> dict[str, t.Any]:
    """Check and arrange; see DOCUMENTATION."""
    said = [defaults, *(programs if isinstance(programs, list) else ())]
    if host is None and any(isinstance(one, t.Mapping) and one.get("jitter") for one in said):
        raise AnsibleFilterError("jitter: differs from host to host; give the filter host=inventory_hostname")
    try:
        resolved = [ResolvedService.from_dict(service) for service in services]
        return variables.resolve_host_settings(
            resolved, defaults, programs, opt_outs, libraries, units, filtered, spelling, host, profiles
        )
    except ResolveError as error:
        lines = ["the host-wide keepalive settings are wrong, nothing was changed:", *error.problems]
        raise AnsibleFilterError("\n".join(lines)) from None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        return {"resolve_host_settings": resolve_host_settings}
