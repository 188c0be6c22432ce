#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_end
short_description: End a rollout on a host, and let the next one in
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Gives the lock of the host back that the first change of a rollout took.
  - With O(confirmed), also forgets what the rollout would have put back if it had failed, but for the units whose
    restart is still due. For those it stays until a later run has restarted and verified them.
  - With O(force), the way to take the lock from a run that is known to be dead.
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  confirmed:
    description: Whether the rollout has succeeded, or everything was put back.
    type: bool
    default: false
  still_due:
    description: Units, or instances of them, that do not run with their new settings yet.
    type: list
    elements: str
    default: []
  listed:
    description: The units that the run speaks of; what is noted of others stays. By default all.
    type: list
    elements: str
  force:
    description: Take the lock away from whoever has it.
    type: bool
    default: false
  run:
    description: Who asks. Set by the task's action.
    type: dict
  state_folder:
    description: The folder of what would be put back.
    type: path
    default: /var/lib/netops.keepalive
attributes:
  diff_mode:
    support: none
seealso:
  - module: netops.keepalive.service_dropins
"""

EXAMPLES = r"""
- name: End the rollout
  netops.keepalive.rollout_end:
    confirmed: true

- name: Take the lock from a run that is dead
  netops.keepalive.rollout_end:
    force: true
"""

RETURN = r"""
holder:
  description: Whose lock was given back; empty where there was none.
  returned: success
  type: dict
  sample: {owner: "root on deploy1, process 4711", since: 1764061200.0, last: 1764061230.0}
unfinished:
  description: The units of which it is still known what they had before, because their restart is due.
  returned: success
  type: list
  elements: str
  sample: [database.service]
"""

import typing as t

from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.linux.unit_names import template_of
from ..module_utils.rollout import lock, undo


def main() -> None:
    module = Module(
        argument_spec={
            "confirmed": {"type": "bool", "default": False},
            "still_due": {"type": "list", "elements": "str", "default": []},
            "listed": {"type": "list", "elements": "str"},
            "force": {"type": "bool", "default": False},
            "run": {"type": "dict"},
            "state_folder": {"type": "path", "default": undo.FOLDER},
        },
        supports_check_mode=True,
    )
    module.check_units("still_due", "listed")
    params = module.params
    for damage in undo.damages(params["state_folder"]):
        module.warn(damage)
    record = undo.read_previous(params["state_folder"])
    holder: t.Optional[t.Dict[str, t.Any]] = None
    if params["confirmed"]:
        due = {name for unit in params["still_due"] for name in (unit, template_of(unit) or unit)}
        record = undo.without_confirmed(record, due, params["listed"])
    if not module.check_mode:
        try:
            if params["confirmed"]:
                undo.write_previous(params["state_folder"], record)
            holder = lock.Lock(params["run"], True).end(params["force"])
        except NotLocked as held:
            module.fail_json(msg=str(held))
        except OSError as error:
            module.fail_json(msg=f"the end of the rollout cannot be noted: {error.strerror}: {error.filename}")
    # Giving back what the run itself took changes nothing that anybody asked for.
    module.exit_json(changed=bool(holder) and params["force"], holder=holder or {}, unfinished=sorted(record))


if __name__ == "__main__":
    main()
