#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sockets_audit_report
short_description: Print an audit of whole hosts as a text for people
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Prints the answers of M(netops.keepalive.sockets_audit_info) from any number of hosts, first a line for each host,
    then each finding once with the hosts that have it and what to do, then the entries of C(keepalive_services) to
    paste.
  - Runs on the controller and writes to the terminal itself, so that no callback quotes or wraps it.
options:
  answers:
    description: The answers by host. A host without one (V(null)) is shown as not read.
    type: dict
    required: true
  output:
    description:
      - A file on the controller that gets the answers as JSON, under C(hosts) by host.
      - Not written in check mode.
    type: path
attributes:
  action:
    description: Runs on the controller, no host is asked.
    support: full
  check_mode:
    description: Can run in C(check_mode) and tell truthfully whether the file would change, without changing it.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
seealso:
  - module: netops.keepalive.sockets_audit_info
"""

EXAMPLES = r"""
- name: Show what an idle timeout would cut on this host
  netops.keepalive.sockets_audit_report:
    answers: "{{ {inventory_hostname: audit} }}"
    output: audit.json
"""

RETURN = r"""
lines:
  description: The lines of the report.
  returned: success
  type: list
  elements: str
"""

from ..module_utils.linux.module import Module


def main() -> None:
    module = Module(
        argument_spec={"answers": {"type": "dict", "required": True}, "output": {"type": "path"}},
        supports_check_mode=True,
    )
    module.fail_json(msg="sockets_audit_report prints on the controller; its action plugin was not found")


if __name__ == "__main__":
    main()
