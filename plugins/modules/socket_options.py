#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_options
short_description: Set TCP keepalive on the open sockets of running services, without a restart
version_added: 0.1.0
author:
  - The netops.keepalive authors (@netops)
description:
  - Sets SO_KEEPALIVE and the TCP options that may change on a live socket, now, on the open sockets of the processes of
    systemd units. Nothing is restarted or reloaded, and nothing needs to be preloaded; statically linked programs
    and Go are included.
  - A listener that was set hands the values to every connection that it accepts from then on.
  - A connection that a process opens later has them only where its library sets them (the drop-in, after the next
    restart), or when this module runs again.
  - Works on duplicates of the sockets (C(pidfd_getfd)), which share them with their owner and live for microseconds.
    A descriptor that has become another socket since it was looked at is not touched.
  - Changes only sockets of the service's direction. These are outgoing connections for the library V(connect),
    listeners and accepted connections for V(listen), all for V(socket), and for a C(.socket) unit the listeners of
    systemd and what was accepted through them.
  - It can put back what it has changed, see O(state=restored).
requirements:
  - Linux 5.6 or newer, with the right to trace the other processes, which C(root) has (C(become)). What cannot be
    opened is reported in RV(counts).
  - systemd
attributes:
  diff_mode:
    description: Shows a line for each socket that changes, with its values before and after.
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.expected]
options:
  state:
    description:
      - V(set) gives the sockets what O(expected) says.
      - V(restored) puts back what they had before, where they are still as this module left them, and gives the same to
        what was accepted since through listeners that it had changed.
    type: str
    choices: [set, restored]
    default: set
  previous:
    description:
      - With O(state=restored), what is to be put back. The RV(previous) of an earlier call.
      - Without it, everything is put back that this module has set since the host was started.
    type: list
    elements: dict
    suboptions:
      unit:
        description: The unit.
        type: str
        required: true
      before:
        description: The values that are put back.
        type: dict
        required: true
      after:
        description: The values that were set.
        type: dict
        required: true
      listening:
        description: Whether these are listeners.
        type: bool
        required: true
      inodes:
        description: The sockets.
        type: list
        elements: int
        required: true
  max_sockets:
    description:
      - How many sockets to name at most in RV(sockets) and in the diff, V(0) for all. Those with trouble come first.
      - All counts are of all sockets.
    type: int
    default: 1000
notes:
  - What was set is remembered in C(/run/libkeepalive/live.json) until the host is stopped; the sockets are gone then.
  - A user timeout also counts the time that has passed. A connection that was silent for longer than the new timeout
    is given up after the first keepalive probe that gets no answer, and one whose peer has not taken any data for so
    long (zero window) at the next window probe.
seealso:
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Give the open connections of two services keepalive, now
  netops.keepalive.socket_options:
    expected:
      - name: billing.service
        libraries: [connect]
        tcp: {keepidle: 60, keepintvl: 15, keepcnt: 4, user_timeout: -1}
      - name: nginx.service
        libraries: [listen]
        tcp: {keepidle: 120}
  become: true
  register: live

- name: Put back what they had before
  netops.keepalive.socket_options:
    state: restored
    previous: "{{ live.previous }}"
  become: true
"""

RETURN = r"""
sockets:
  description: The sockets that changed or that something is to be said of. At most O(max_sockets),
    shared out in turns among the units.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit as it is listed in O(expected).
      type: str
      sample: nginx.service
    outcome:
      description:
        - V(changed), all that was to be set is set. In check mode, it would be tried.
        - V(left_alone), the application has set its own values. With O(state=restored), they were changed since.
        - V(refused), the kernel or the protocol refused some of it, see RV(sockets[].refused); the rest is set.
        - V(vanished), it was closed meanwhile.
        - V(unreadable), its process does not let us open it.
      type: str
      sample: changed
    before:
      description: The values before, of the options that changed.
      type: dict
      sample: {keepidle: 7200, keepalive: false}
    after:
      description: The values after.
      type: dict
      sample: {keepidle: 60, keepalive: true}
    refused:
      description: The options that could not be set → why.
      type: dict
      sample: {}
    pid:
      description: The process that stands for the socket.
      type: int
      sample: 812
    pids:
      description: The processes of the units that hold it, the lowest 100 at most.
      type: list
      elements: int
      sample: [812, 813]
    pids_total:
      description: How many these are.
      type: int
      sample: 2
    program:
      description: The executable of that process.
      type: str
      sample: /usr/sbin/nginx
    fd:
      description:
        - The descriptor in that process; null for a connection that nobody has accepted yet. It is in the queue of a
          listener, whose processes are given then. Such are found with Linux 6.1, as root.
      type: int
      sample: 6
    thread:
      description: The thread in whose table of descriptors that is, null where it is the table of the process.
      type: int
      sample: null
    inode:
      description:
        - The number by which the kernel and C(ss -e) know the socket; null for a connection that nobody has accepted
          yet.
      type: int
      sample: 43426
    protocol:
      description: V(tcp) or V(mptcp).
      type: str
      sample: tcp
    state:
      description: Its state.
      type: str
      sample: LISTEN
    direction:
      description: V(outgoing), V(accepted), V(listening) or V(unconnected).
      type: str
      sample: listening
    local:
      description: The local C(address) and C(port).
      type: dict
      sample: {address: 0.0.0.0, port: 443}
    remote:
      description: The remote C(address) and C(port), null where there is none.
      type: dict
      sample: null
counts:
  description:
    - For each unit, how many sockets had which RV(sockets[].outcome), and V(right) for those that needed nothing.
  returned: success
  type: dict
  sample:
    nginx.service: {refused: 0, unreadable: 0, vanished: 0, left_alone: 0, changed: 9, right: 0}
previous:
  description:
    - What it takes to undo this call, for O(previous). Sockets that had the same values and got the same are one entry.
    - Empty in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
      sample: nginx.service
    before:
      description: The values before, C(keepalive) as V(0) or V(1).
      type: dict
      sample: {keepidle: 7200, keepalive: 0}
    after:
      description: The values after.
      type: dict
      sample: {keepidle: 60, keepalive: 1}
    listening:
      description: Whether these are listeners.
      type: bool
      sample: true
    inodes:
      description: The sockets.
      type: list
      elements: int
      sample: [43426]
unreadable_pids:
  description: Processes whose sockets are not shown to us → why.
  returned: success
  type: dict
  sample: {}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.linux import systemd
from ..module_utils.linux.module import Module
from ..module_utils.live.memory import ChangeGroup, is_values
from ..module_utils.rollout.open_sockets import OpenSockets
from ..module_utils.settings.expectation import EXPECTED, Expectation, parse_expected


def main() -> None:
    """Read the arguments, set or put back, report."""
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["set", "restored"], "default": "set"},
            "expected": EXPECTED,
            "previous": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "unit": {"type": "str", "required": True},
                    "before": {"type": "dict", "required": True},
                    "after": {"type": "dict", "required": True},
                    "listening": {"type": "bool", "required": True},
                    "inodes": {"type": "list", "elements": "int", "required": True},
                },
            },
            "max_sockets": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    module.check_units("expected.name", "previous.unit", patterns=True)
    if module.params["max_sockets"] < 0:
        module.fail_json(msg=f"max_sockets: {module.params['max_sockets']} is negative: expected 0 (all) or more")
    sockets = OpenSockets(check=module.check_mode)
    for damage in sockets.memory.damages:
        module.warn(damage)
    try:
        if module.params["state"] == "set":
            sockets.set(_expected(module))
        else:
            sockets.restore(_groups(module))
    except systemd.SystemdError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        previous = [group.as_dict() for group in sockets.results.previous()]
        module.fail_json(
            msg=f"The sockets of this host cannot be set: {error}", previous=previous, changed=sockets.results.changed
        )
    results, most = sockets.results, module.params["max_sockets"]
    module.exit_json(
        changed=results.changed,
        sockets=[result.as_dict() for result in results.shown(most)],
        counts=results.counts(sockets.names),
        previous=sockets.previous(),
        unreadable_pids={str(pid): why for pid, why in sockets.unreadable.items()},
        diff={"before": "", "after": results.diff(most)},
    )


def _expected(module: AnsibleModule) -> t.List[Expectation]:
    try:
        return parse_expected([{**entry, "accept": []} for entry in module.params["expected"]])
    except ValueError as error:
        module.fail_json(msg=str(error))
    raise AssertionError("fail_json has returned")


def _groups(module: AnsibleModule) -> t.Optional[t.List[ChangeGroup]]:
    given = module.params["previous"]
    return None if given is None else [_group(module, index, entry) for index, entry in enumerate(given)]


def _group(module: AnsibleModule, index: int, entry: t.Mapping[str, t.Any]) -> ChangeGroup:
    for key in ("before", "after"):
        for name, value in entry[key].items():
            if not is_values({name: value}):
                module.fail_json(
                    msg=f"previous[{index}]: {key}.{name}: {value!r}: expected what an earlier call returned"
                )
    return ChangeGroup(entry["unit"], entry["before"], entry["after"], entry["listening"], tuple(entry["inodes"]))


if __name__ == "__main__":
    main()
