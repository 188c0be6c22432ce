#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_report
short_description: Print how far a rollout came, and what to do next
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Prints the table of M(netops.keepalive.sockets_report) for the hosts that are done, and below it each host that was
    refused, has failed or could not be reached, with what was seen and undone there, and which hosts were not begun.
  - Runs on the controller and writes to the terminal itself, so that no callback quotes or wraps it.
options:
  outcomes:
    description:
      - By host, V(state) (V(refused), V(failed) or V(done)) and V(seen), in lines. Empty for a host that was not begun.
    type: dict
    required: true
  answers:
    description: By host, what M(netops.keepalive.socket_options_info) returned. Those of hosts that are done are shown.
    type: dict
    default: {}
  unreachable:
    description: The hosts that could not be reached, or not any more.
    type: list
    elements: str
    default: []
  fail:
    description: Whether the task fails where a host was refused, has failed or could not be reached.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller, no host is asked.
    support: full
  check_mode:
    description: Can run in C(check_mode) and return what it would return outside of it.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode. This module changes nothing.
    support: none
seealso:
  - module: netops.keepalive.sockets_report
"""

EXAMPLES = r"""
- name: Say how far it came
  netops.keepalive.rollout_report:
    outcomes:
      web1: {state: done}
      web2: {state: failed, seen: "nginx.service: did not stay up"}
      web3: {}
"""

RETURN = r"""
lines:
  description: The lines of the table.
  returned: always
  type: list
  elements: str
trouble:
  description: The lines below the table; none where nothing went wrong.
  returned: always
  type: list
  elements: str
hosts:
  description: The hosts by state.
  returned: always
  type: dict
  sample: {refused: [], failed: [web2], unreachable: [], done: [web1], not begun: [web3]}
"""

from ..module_utils.linux.module import Module


def main() -> None:
    module = Module(
        argument_spec={
            "outcomes": {"type": "dict", "required": True},
            "answers": {"type": "dict", "default": {}},
            "unreachable": {"type": "list", "elements": "str", "default": []},
            "fail": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="rollout_report prints on the controller; its action plugin was not found")


if __name__ == "__main__":
    main()
