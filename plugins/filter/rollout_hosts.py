# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_hosts
short_description: Pick the hosts on which something is due
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Plumbing of the playbooks, and no interface. Of the hosts of a play those by whose look
    (M(netops.keepalive.rollout_look)) something is due, in the same order, for C(hosts) of the play that does it.
  - Nobody where a host could not be reached and is not to be left out.
  - A group that these hosts were put into would cost less, but take them out of C(ungrouped) and change their order,
    and with it who is rolled out to first.
positional: _input, hostvars
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  to_compile:
    description: Only those for which another host has to compile the libraries first.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Roll out where something is due
  hosts: "{{ groups['all'] | netops.keepalive.rollout_hosts(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The names; where there are none, a pattern for no host.
  type: list
  elements: str
  sample: [web1, web2]
"""

import typing as t

NOBODY = ["all", "!all"]
"""An empty list would be a pattern for everybody."""


def rollout_hosts(names: t.Iterable[str], hostvars: t.Any, to_compile: bool = False) -> list[str]:
    """Pick; see DOCUMENTATION. The variables are not templated: that would cost more than all the rest.

    To ask for the variables of a host costs as well, so what the report has said of all hosts is asked first.
    """
    look = getattr(hostvars, "raw_get", hostvars.get)
    names = list(names)
    told: dict[str, t.Any] = next(filter(None, ((look(name) or {}).get("keepalive_looked") for name in names)), {})
    if told.get("stop"):
        return list(NOBODY)
    if "hosts" in told:
        names = list(filter(set(told["hosts"]["not begun"]).__contains__, names))
    seen = ((name, (look(name) or {}).get("keepalive_rollout") or {}) for name in names)
    due = [name for name, told in seen if told.get("due") and (not to_compile or told["build_for"].get("needs_build"))]
    return due or list(NOBODY)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        return {"rollout_hosts": rollout_hosts}
