#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: inputs
short_description: Check the variables of all hosts of a play, on the controller
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Looks at every variable that begins with C(keepalive_) or C(audit_), and at the tags of the run, for each host of
    the play. Misspelt names, wrong types and ranges, mistakes in the lists of settings and variables that are not
    defined are all found at once, before any host is asked.
  - Runs on the controller, once for all hosts. It does not fail; M(netops.keepalive.report) prints what it returns.
  - Where C(keepalive_report) is set, the document of the run is begun, so that a place that cannot be written to is
    found here as well.
options:
  run:
    description: Which run it is, for its document; without it there is none.
    type: str
    choices: [audit, disable, enable]
attributes:
  action:
    description: Runs on the controller, no host is asked.
    support: full
  check_mode:
    description: Can run in C(check_mode); it changes nothing in any mode.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
seealso:
  - module: netops.keepalive.report
"""

EXAMPLES = r"""
- name: Check what was said for all hosts
  netops.keepalive.inputs:
  register: keepalive_inputs
  run_once: true

- name: Stop where it is wrong
  netops.keepalive.report:
    of: rollout
    outcomes: "{{ keepalive_inputs.outcomes }}"
    fail: true
  run_once: true
"""

RETURN = r"""
outcomes:
  description: By host, C(state) and C(seen) where something is wrong, otherwise nothing; as the report takes them.
  returned: always
  type: dict
refused:
  description: The hosts with mistakes.
  returned: always
  type: list
  elements: str
run:
  description:
    - Of the run, C(kind), when it was C(begun), where its C(report) goes, empty for nowhere, and in which C(formats)
      besides. With C(since), an earlier one, it is compared.
  returned: always
  type: dict
  sample: {kind: enable, begun: "2026-11-27T08:00:00Z", report: reports/, formats: [html], since: ""}
"""

from ..module_utils.linux.module import Module


def main() -> None:
    module = Module(
        argument_spec={"run": {"type": "str", "choices": ["audit", "disable", "enable"]}},
        supports_check_mode=True,
    )
    module.fail_json(msg="inputs looks at variables on the controller; its action plugin was not found")


if __name__ == "__main__":
    main()
