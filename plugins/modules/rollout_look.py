#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_look
short_description: Look at a host before a rollout, in one call
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Plumbing of the roles, and no interface. The task's action reads the variables of the host, resolves and checks
    them, asks the host once for everything that a rollout needs to know, and decides from the answer whether anything
    is due. Changes nothing.
  - What its action asks of it on the host is no option of a task.
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  fail:
    description: Whether the task fails where something stands in the way, instead of returning that as RV(outcome).
    type: bool
    default: true
  mistakes:
    description:
      - What M(netops.keepalive.inputs) has found wrong with the variables of this host; the rest is added to it.
    type: list
    elements: str
    default: []
  mode:
    description: How the services get their settings; what C(keepalive_mode) says where this is not given.
    type: str
    choices: [services, host]
  state:
    description: V(absent) looks what of this collection is on the host, to be taken away.
    type: str
    choices: [present, absent]
    default: present
  ask:
    description: Whether the host is asked at all, or only RV(resolved) and RV(absent) are wanted.
    type: bool
    default: true
  scope:
    description: Of the action; what is asked about.
    type: dict
    default: {}
  libraries:
    description: Of the action; of which libraries is to be told.
    type: dict
  sockets:
    description: Of the action; whether the live sockets are read.
    type: bool
    default: false
  use:
    description: Of the action; the libraries that every program is to load.
    type: list
    elements: str
    default: []
  removal:
    description: Of the action; whether everything is to be taken away.
    type: bool
    default: false
  code:
    description:
      - Of the action; the files of the collection that look, see module_utils/linux/carried.py. It is kept out of logs
        for its size.
    type: str
    required: true
attributes:
  diff_mode:
    support: none
seealso:
  - module: netops.keepalive.service_units_info
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Look what is due
  netops.keepalive.rollout_look:
    fail: false
  register: keepalive_rollout
"""

RETURN = r"""
outcome:
  description: C(state), V(refused), V(not begun) where something is due, V(done) where nothing is, and C(seen), why.
  returned: success
  type: dict
  sample: {state: done, seen: "", remarks: []}
id:
  description: The name of this look, which M(netops.keepalive.rollout) returns as C(look).
  returned: success
  type: str
  sample: 5f3a09c1
due:
  description: What is to be done, in a few words each; empty where nothing is.
  returned: success
  type: list
  elements: str
  sample: ["drop-ins: nginx.service"]
libraries_due:
  description: Why the libraries have to be installed; empty where they are as they would be installed.
  returned: success
  type: list
  elements: str
  sample: []
remarks:
  description: What an operator should know before.
  returned: success
  type: list
  elements: str
  sample: []
sockets:
  description: >-
    What M(netops.keepalive.socket_options_info) says of the services, as far as the report shows it; of those of which
    there is nothing to say, C(right) holds the number of sockets. Empty where nobody asked.
  returned: success
  type: dict
  sample: {}
found:
  description: What M(netops.keepalive.service_units_info) says. Empty with O(fail=false) where nothing is due.
  returned: success
  type: dict
  sample: {}
resolved:
  description: What P(netops.keepalive.resolve_services#filter) returned, without the services that are not here.
  returned: success
  type: list
  elements: dict
  sample: []
absent:
  description: The units that are to have no settings.
  returned: success
  type: list
  elements: dict
  sample: []
build_for:
  description:
    - C(machine), C(libc) and C(needs_build) for the host that compiles; empty where the libraries are right.
    - C(by_python) where nothing can be compiled and C(keepalive-bpf) is a Python program.
  returned: success
  type: dict
  sample: {}
reported:
  description: >-
    Where C(keepalive_report) is set, what the document of the run says beside all this: C(mode), by unit what is
    C(expected) of its sockets, the installed C(libraries) and from what they would be made anew.
  returned: with a document
  type: dict
  sample: {}
host_wide:
  description: What every process is to be told, as M(netops.keepalive.rollout) takes it.
  returned: in the host-wide mode
  type: dict
  sample: {}
"""

import importlib
import typing as t

from ansible.module_utils.basic import AnsibleModule, _load_params

from ..module_utils.linux import carried

ENTRY = "look.on_host"
WAYS = "linux.module"
"""Both imported by name, so that Ansible does not collect and parse them and all that they import: its action carries
them."""

ARGUMENTS: t.Dict[str, t.Any] = {
    "fail": {"type": "bool", "default": True},
    "mistakes": {"type": "list", "elements": "str", "default": []},
    "ask": {"type": "bool", "default": True},
    "scope": {"type": "dict", "default": {}},
    "libraries": {"type": "dict"},
    "sockets": {"type": "bool", "default": False},
    "mode": {"type": "str", "choices": ["services", "host"]},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "use": {"type": "list", "elements": "str", "default": []},
    "removal": {"type": "bool", "default": False},
    "code": {"type": "str", "required": True, "no_log": True},
}


def main() -> None:
    """Read what the action asks, look, report."""
    code = (_load_params() or {}).get("code")
    if not isinstance(code, str):
        AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)  # says that it is missing
        return
    carried.importable(code)
    on_host, ways = (importlib.import_module(f"{carried.PACKAGE}.{entry}") for entry in (ENTRY, WAYS))
    module = ways.Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.check_mode = True  # whatever the run is: nothing is put right here, be it a label
    questions = on_host.Questions(**{name: module.params[name] for name in on_host.Questions._fields})
    try:
        answer, warnings = on_host.answer_to(questions, module.label)
    except on_host.CannotLook as error:
        module.fail_json(msg=str(error))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(changed=False, answer=answer)


if __name__ == "__main__":
    main()
