#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write drop-ins as a rollout does, and no more: what a run had done when it was interrupted.

With V(reload), systemd has read them, too. Files that are copied would not do: nobody notes since when these are in
force.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.dropins import DropinRequest, change_dropins
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.restart import Sequence


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "dropins": {"type": "list", "elements": "dict", "required": True},
            "reload": {"type": "bool", "default": False},
        }
    )
    dropins = module.params["dropins"]
    done = change_dropins(DropinRequest(dropins), check=False, warn=module.warn, label=lambda _path: None)
    if module.params["reload"]:
        Sequence(systemd.ask_systemd, [dropin["unit"] for dropin in dropins], 0.0).reload()
    module.exit_json(changed=bool(done["changed_units"]), changed_units=done["changed_units"])


if __name__ == "__main__":
    main()
