#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sockets_report
short_description: Print what the live sockets of services are like as a table for people
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Prints one table of the answers of M(netops.keepalive.socket_options_info) from any number of hosts, with a line for
    each host and unit that says how many of its sockets are right, how many are wrong, and why. What was seen for each
    reason stands below it.
  - Runs on the controller and writes to the terminal itself, so that no callback quotes or wraps it.
options:
  answers:
    description: The answers by host. A host without one (V(null)) is shown as not verified.
    type: dict
    required: true
  wrong_only:
    description: Leave out the units whose sockets are right.
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
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Show what this host's sockets are like
  netops.keepalive.sockets_report:
    answers: "{{ {inventory_hostname: live_sockets} }}"
"""

RETURN = r"""
lines:
  description: The lines of the table.
  returned: success
  type: list
  elements: str
explanations:
  description: What was seen for each unit and reason, with the hosts.
  returned: success
  type: list
  elements: str
"""

from ..module_utils.linux.module import Module


def main() -> None:
    module = Module(
        argument_spec={
            "answers": {"type": "dict", "required": True},
            "wrong_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="sockets_report prints on the controller; its action plugin was not found")


if __name__ == "__main__":
    main()
