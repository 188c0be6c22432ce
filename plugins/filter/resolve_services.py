# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve_services
short_description: Merge and check the variables that say which services get keepalive
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Merges C(keepalive_services_defaults), C(keepalive_services_profiles), the layers C(keepalive_services__*) and
    C(keepalive_services) into one list with an entry for each unit. Later ones win, within C(tcp) option by option.
  - Checks every value against what the kernel accepts (see V(tcp(7\))). All mistakes are reported at once, each with
    the list, the index, the unit, the variable, the value, and what would be right.
positional: _input
options:
  _input:
    description: The list C(keepalive_services), applied last.
    type: list
    elements: dict
    required: true
  defaults:
    description: Settings of every unit that does not say otherwise, C(keepalive_services_defaults).
    type: dict
    default: {}
  profiles:
    description:
      - Named groups of settings, C(keepalive_services_profiles), that an entry takes with C(profile), before those that
        are built in (C(docs/profiles.md)).
    type: list
    elements: dict
    default: []
  layers:
    description: Further lists by name, C(keepalive_services__*), merged in the order of their names.
    type: dict
    default: {}
  base:
    description: Settings below O(defaults), for a mode of the collection that has other defaults than this filter.
    type: dict
    default: {}
  host_settings:
    description:
      - The variables of the host-wide mode, as the keyword arguments of
        P(netops.keepalive.resolve_host_settings#filter), whose mistakes are then reported together with the others.
    type: dict
  restart:
    description: The restart policy of every unit, whatever the lists say, C(keepalive_services_restart).
    type: str
    choices: [if_running, never, reload_then_verify]
  host:
    description:
      - The host's name in the inventory, V(inventory_hostname), by which C(jitter) spreads the first probes; needed
        where one of the lists says C(jitter).
    type: str
  problems:
    description:
      - With V(raise) a mistake is an error, and the value is the list of services.
      - With V(return) the value is a dictionary, C(services) and C(absent) as far as they are right, and C(problems),
        so that what is wrong on the hosts can be told together with them.
    type: str
    choices: [raise, return]
    default: raise
"""

EXAMPLES = r"""
- name: Show what each unit gets
  ansible.builtin.debug:
    msg: >-
      {{ [{'name': 'nginx.service', 'libraries': ['listen'], 'tcp': {'keepidle': 60}}]
         | netops.keepalive.resolve_services(defaults={'tcp': {'keepcnt': 3}}) }}
"""

RETURN = r"""
_value:
  description:
    - One dictionary for each unit, in the order of restarts, with every key present. Units with C(state=absent) are
      left out; see O(problems) for them. Whether a host has those with C(if_present), only a look at it tells
      (M(netops.keepalive.service_units_info)).
    - C(idle_timeout) is that of a profile that is built in, and stands only there.
    - C(jitter) and C(latest_keepidle), which is C(keepidle) as it was said, stand only where there is a jitter.
    - C(expected) is what M(netops.keepalive.socket_options_info) takes to compare the live sockets. The system's
      default (V(0)) is in it only where the variables ask for it.
  type: list
  elements: dict
  sample:
    - name: nginx.service
      type: service
      profile: null
      libraries: [listen]
      restart: if_running
      accept: []
      min_sockets: 0
      if_present: false
      debug: false
      respect: false
      tcp:
        keepidle: 60
        keepcnt: 3
        keepintvl: 15
        user_timeout: -1
        syncnt: 0
        defer_accept: 0
        maxseg: 0
        window_clamp: 0
      expected:
        name: nginx.service
        libraries: [listen]
        tcp:
          keepidle: 60
          keepcnt: 3
          keepintvl: 15
          user_timeout: -1
        accept: []
        min_sockets: 0
        if_present: false
      warnings: []
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils.host_wide.variables import resolve_host_settings
from ..module_utils.settings.checks import ResolveError
from ..module_utils.settings.services import resolution
from ..plugin_utils._spelling import spelling


def resolve_services(
    services: t.Any,
    defaults: t.Any = None,
    profiles: t.Any = None,
    layers: t.Any = None,
    base: t.Mapping[str, t.Any] | None = None,
    host_settings: t.Mapping[str, t.Any] | None = None,
    restart: t.Any = None,
    problems: str = "raise",
    host: str | None = None,
) -> list[dict[str, t.Any]] | dict[str, t.Any]:
    """Merge and check; see DOCUMENTATION."""
    if problems not in ("raise", "return"):
        raise AnsibleFilterError(f"problems: {problems!r} is not one of raise, return")
    found = resolution(services, defaults, profiles, layers, spelling, base, restart, host)
    mistakes = found.problems
    if host is None:
        mistakes += [
            f"'{service.name}': jitter: differs from host to host; give the filter host=inventory_hostname"
            for service in found.services
            if service.jitter
        ]
    if host_settings is not None:
        try:
            resolve_host_settings(found.services, **host_settings, spelling=spelling)
        except ResolveError as error:
            mistakes += error.problems
    listed = [service.as_dict() for service in found.services]
    if problems == "return":
        return {"services": listed, "absent": found.absent, "problems": mistakes}
    if mistakes:
        raise AnsibleFilterError("\n".join(["the keepalive settings are wrong, nothing was changed:", *mistakes]))
    return listed


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        return {"resolve_services": resolve_services}
