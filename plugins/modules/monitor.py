#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: monitor
short_description: Have a host compare its live sockets with its keepalive settings by itself
version_added: 0.1.0
description:
  - Installs a timer and a hardened service of systemd that run C(keepalive-sockets) and write what it finds for
    node_exporter and for C(ansible_local.keepalive). No controller takes part in it.
  - The command comes with the libraries, see M(netops.keepalive.preload_libraries).
author: The netops.keepalive authors (@netops)
options:
  state:
    description: Whether the timer is there; V(absent) removes what it has written, too.
    type: str
    choices: [present, absent]
    default: present
  interval:
    description: Seconds between the end of a look and the next, from 10 to 86400.
    type: int
    default: 300
  jitter:
    description: Seconds by which each look is put off at most, at random, so that hosts do not look all at once.
    type: int
    default: 30
  textfile:
    description:
      - The folder that node_exporter's textfile collector reads; empty for no metrics.
      - It must belong to root, nobody else may write there, and no part of its path may be a symbolic link.
    type: str
    default: /var/lib/prometheus/node-exporter
  facts:
    description: Whether Ansible finds the last look as C(ansible_local.keepalive).
    type: bool
    default: true
attributes:
  check_mode:
    description: Says what would be changed.
    support: full
  diff_mode:
    description: Shows the units and the link of the facts.
    support: full
"""

EXAMPLES = r"""
- name: Look every minute
  netops.keepalive.monitor:
    interval: 60
  become: true
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: always
  type: list
  elements: str
  sample: [keepalive-monitor.timer, started]
"""

from ..module_utils.linux.module import Module
from ..module_utils.linux.systemd import ask_systemd
from ..module_utils.monitor.installation import Monitor, MonitorRefused
from ..module_utils.monitor.units import MonitorWanted


def main() -> None:
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "interval": {"type": "int", "default": 300},
            "jitter": {"type": "int", "default": 30},
            "textfile": {"type": "str", "default": "/var/lib/prometheus/node-exporter"},
            "facts": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    monitor = Monitor(ask_systemd)
    try:
        if asked["state"] == "absent":
            change = monitor.take_away(module.check_mode)
        else:
            wanted = MonitorWanted(asked["interval"], asked["jitter"], asked["textfile"], asked["facts"])
            change = monitor.bring(wanted, module.check_mode)
    except MonitorRefused as refused:
        module.fail_json(msg=str(refused))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or 'the timer'}: {error.strerror}")
    header = "keepalive-monitor"
    module.exit_json(
        changed=change.changed,
        done=list(change.done),
        diff={"before": change.before, "after": change.after, "before_header": header, "after_header": header},
    )


if __name__ == "__main__":
    main()
