#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_dropins
short_description: Write the systemd drop-ins that give services their keepalive settings
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Writes, replaces and removes the drop-ins of all units of a host in one call, all or none.
  - The task's action renders the templates on the controller from O(services) and O(units); the module compares and
    writes. An LD_PRELOAD that the unit had already keeps its entries, behind the library of this collection.
  - A drop-in is C(/etc/systemd/system/UNIT.d/zz-keepalive.conf). Only files that begin with the marker
    C(# Managed by netops.keepalive) are replaced or removed.
  - Does not reload systemd and restarts nothing; see M(netops.keepalive.service_restart).
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.rollout]
options:
  services:
    description:
      - What P(netops.keepalive.resolve_services#filter) returned. Either this or O(dropins) is needed.
    type: list
    elements: dict
  units:
    description:
      - What M(netops.keepalive.service_units_info) returned as C(units); it holds each unit's own LD_PRELOAD.
      - Needed with O(services).
    type: dict
  seen:
    description:
      - What M(netops.keepalive.service_units_info) returned a moment ago. Where it shows that there is nothing to write
        and nothing unfinished, the task's action says so and the host is not asked again. By default the host is
        always asked.
    type: dict
  absent:
    description: Units whose drop-ins are removed, next to O(services).
    type: list
    elements: str
    default: []
  listed:
    description:
      - The units that this run speaks of. Of what an unfinished rollout had changed, only these count; the others are
        neither put back nor restarted, and stay noted.
      - By default all.
    type: list
    elements: str
  look_only:
    description: Write nothing; only say what an unfinished rollout had changed, in RV(previous) and RV(unfinished).
    type: bool
    default: false
  service_template:
    description:
      - The jinja2 template for C(.service) units, searched as M(ansible.builtin.template) does.
      - It sees V(service), V(unit), V(environment) (the variables in order) and V(marker).
    type: str
    default: service.conf.j2
  socket_template:
    description: The jinja2 template for C(.socket) units.
    type: str
    default: socket.conf.j2
  dropins:
    description:
      - Drop-ins with their text, as the action renders them, or as RV(previous) gave them, to put them back.
      - Each change is noted in C(/run/netops.keepalive), by the clock since boot. It counts as not in force until
        M(netops.keepalive.service_restart) has made systemd read it.
    type: list
    elements: dict
    suboptions:
      unit:
        description: The unit's name with its type, for example V(nginx.service) or V(worker@.service).
        type: str
        required: true
      content:
        description: The whole text; where neither it nor O(dropins[].base64) is given the drop-in is removed.
        type: str
      base64:
        description:
          - The bytes in Base64, for what is no UTF-8 text or holds what cannot be seen, such as control characters (a
            drop-in that was edited by hand).
        type: str
      mtime_ns:
        description: The file's modification time in ns since the epoch, to put back with its text.
        type: int
  purge:
    description: Also remove the drop-ins of this collection from units that are not listed.
    type: bool
    default: false
  running:
    description:
      - Units that run. In a rollout it is kept with what they had before. Set by the task's action from O(units).
    type: list
    elements: str
    default: []
  fresh:
    description:
      - Those of O(running) whose processes have the drop-in that is there now. Set by the task's action from O(units).
    type: list
    elements: str
    default: []
  state_folder:
    description: The folder where a rollout keeps what it would put back, until M(netops.keepalive.rollout_end).
    type: path
    default: /var/lib/netops.keepalive
  directory:
    description: The folder of the host's own units and drop-ins, see V(systemd.unit(5\)).
    type: path
    default: /etc/systemd/system
seealso:
  - module: netops.keepalive.service_units_info
  - module: netops.keepalive.service_restart
"""

EXAMPLES = r"""
- name: Look at the units
  netops.keepalive.service_units_info:
    units: [nginx.service]
  register: found

- name: Write their drop-ins
  netops.keepalive.service_dropins:
    services: "{{ [{'name': 'nginx.service', 'libraries': ['listen']}] | netops.keepalive.resolve_services }}"
    units: "{{ found.units }}"
  register: written

- name: Take every drop-in of this collection away
  netops.keepalive.service_dropins:
    dropins: []
    purge: true
"""

RETURN = r"""
changed_units:
  description: The units whose drop-in was written, replaced or removed, in the order given.
  returned: always
  type: list
  elements: str
  sample: [nginx.service]
previous:
  description:
    - What those units had before, as O(dropins) takes it; V(content) is null where there was no drop-in.
    - Enough to go back byte for byte. In a rollout also what an earlier one, that did not come to its end, had changed.
  returned: always
  type: list
  elements: dict
  sample: [{unit: nginx.service, content: null, base64: null, mtime_ns: null}]
unfinished:
  description: Units of an earlier rollout that was neither confirmed nor taken back, and whether they ran before it.
  returned: always
  type: dict
  sample: {}
in_force:
  description:
    - Those of RV(unfinished), or instances of them, that run with what that rollout had written. To go back, they have
      to be restarted.
  returned: success
  type: list
  elements: str
  sample: []
lock_held:
  description: Whether this run keeps the lock of the host, see O(rollout).
  returned: always
  type: bool
"""

from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.rollout import undo
from ..module_utils.rollout.dropins import DropinRequest, DropinsFailed, change_dropins
from ..module_utils.units import dropin as units_dropin


def main() -> None:
    module = Module(
        argument_spec={
            "services": {"type": "list", "elements": "dict"},
            "units": {"type": "dict"},
            "service_template": {"type": "str", "default": "service.conf.j2"},
            "socket_template": {"type": "str", "default": "socket.conf.j2"},
            "dropins": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "unit": {"type": "str", "required": True},
                    "content": {"type": "str"},
                    "base64": {"type": "str"},
                    "mtime_ns": {"type": "int"},
                },
            },
            "seen": {"type": "dict"},
            "absent": {"type": "list", "elements": "str", "default": []},
            "look_only": {"type": "bool", "default": False},
            "listed": {"type": "list", "elements": "str"},
            "running": {"type": "list", "elements": "str", "default": []},
            "fresh": {"type": "list", "elements": "str", "default": []},
            "state_folder": {"type": "path", "default": undo.FOLDER},
            **rollout_lock.ARGUMENTS,
            "purge": {"type": "bool", "default": False},
            "directory": {"type": "path", "default": units_dropin.DIRECTORY},
        },
        required_one_of=[("services", "dropins")],
        mutually_exclusive=[("services", "dropins")],
        required_by={"services": ("units",)},
        supports_check_mode=True,
    )
    if module.params["dropins"] is None:
        module.fail_json(
            msg="services is for the action plugin of this name, which renders the templates; give dropins"
        )
    module.check_units("dropins.unit", "listed", "running", "fresh")
    lock = rollout_lock.Lock(module.params["run"], module.params["rollout"])
    request = DropinRequest(**{name: module.params[name] for name in DropinRequest._fields})
    try:
        result = change_dropins(
            request,
            lock,
            check=module.check_mode,
            warn=module.warn,
            label=lambda path: module.set_default_selinux_context(path, False),
        )
    except NotLocked as held:
        module.fail_json(msg=f"no drop-in was written: {held}", lock_holder=held.holder)
    except DropinsFailed as error:
        module.fail_json(msg=str(error), **({"problems": error.problems} if error.problems else {}))
    finally:
        lock.leave()
    if lock.note:
        module.warn(lock.note)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
