#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sockets_audit_info
short_description: Find the connections of a host that an idle timeout would cut, and what to do about each
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Reads every established TCP connection of the host and compares its keepalive with the time after which something on
    its way (a load balancer, a NAT gateway, a firewall) forgets idle connections.
  - Sums up by unit, program and direction, and says for each what to do. That is the program's own setting where it has
    one, a library of this collection with the entry of C(keepalive_services) to paste, or that nothing can be done.
  - It changes nothing and needs nothing installed on the host but Python. One call, whatever the number of sockets; the
    result stays small, its counts are of all.
  - A connection is right where keepidle + 2 x keepintvl is less than O(idle_timeout), so that the first probe goes out
    in time and so does the next one if the first is lost, and where one lost probe does not end it.
  - TCP does not tell how old a connection is. What is used is since when no data went either way; see O(min_idle).
requirements:
  - Linux 5.6 or newer. On older kernels, and where C(pidfd_getfd) is not permitted, the options are unknown.
  - The right to trace the other processes, which C(root) has (C(become)).
extends_documentation_fragment: [netops.keepalive.attributes.reading]
options:
  idle_timeout:
    description: The idle timeout in seconds, from 4 to 864000. Where several are on the way, the shortest counts.
    type: raw
    default: 350
  include_local:
    description:
      - Whether connections count whose both ends are on this host, and listeners on loopback addresses.
      - Nothing stands between these that could forget them.
    type: bool
    default: false
  min_idle:
    description:
      - Leave out connections on which data went, either way, within so many seconds.
      - Such a connection may be young or busy; one that has been silent for longer is at least that old.
    type: float
    default: 0
notes:
  - The connection through which Ansible itself came is left out, and so are half-closed connections.
  - Of connections that the kernel holds for itself (NFS, iSCSI), and of others that belong to no process, only the
    number and the addresses are known, see RV(unowned).
  - The C(groups) have 200 places, which are shared out in turns among the units, and the users with sessions, who have
    20 each at most. So what one user runs takes no place of others; what is cut is counted in RV(groups_cut).
  - A heartbeat of the program itself (ssh, AMQP) is no option of TCP and is not seen, except that the connection is
    never silent for long.
seealso:
  - module: netops.keepalive.report
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: What would a NAT gateway that forgets after 350 s cut?
  netops.keepalive.sockets_audit_info:
    idle_timeout: 350
  become: true
  register: audit

- name: Only what has been silent for a minute
  netops.keepalive.sockets_audit_info:
    min_idle: 60
  become: true
"""

RETURN = r"""
idle_timeout:
  description: The idle timeout that was compared with, in seconds.
  returned: success
  type: int
  sample: 350
recommended:
  description: Values that fit it. C(keepidle) and C(keepintvl) in seconds, C(keepcnt) in probes.
  returned: success
  type: dict
  sample: {keepidle: 120, keepintvl: 30, keepcnt: 4}
totals:
  description: Counts of all connections that were judged.
  returned: success
  type: dict
  contains:
    connections:
      description: How many were judged.
      type: int
      sample: 20
    right:
      description: How many survive the idle timeout.
      type: int
      sample: 8
    without:
      description: How many have keepalive off.
      type: int
      sample: 6
    slow:
      description: How many have it on, and the first probe comes too late.
      type: int
      sample: 4
    tight:
      description: How many send the first probe in time and do not survive losing it.
      type: int
      sample: 2
    unknown:
      description: How many cannot be read.
      type: int
      sample: 0
    overdue:
      description: How many of those that are not right have been silent for the idle timeout already.
      type: int
      sample: 3
    listeners:
      description: How many listeners hand keepalive on that is not right.
      type: int
      sample: 1
left_out:
  description:
    - How many connections were not judged. C(local), both ends are on this host. C(recent), data went within
      O(min_idle). C(ansible), the connection that Ansible came through.
  returned: success
  type: dict
  sample: {local: 12, recent: 0, ansible: 1}
groups:
  description: By unit, user, program and direction, those with most findings first, 200 at most; see RV(groups_cut).
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description:
        - The systemd unit, empty where there is none. Instances of a template stand under the template's name, login
          sessions under V(session-*.scope), and what came through a listener of systemd under its C(.socket) unit.
      type: str
      sample: billing.service
    units:
      description: How many units stand under this name.
      type: int
      sample: 1
    user:
      description:
        - The number of the user from whose sessions it was started, or of the person as whom it runs in a unit of the
          system. Null for what is a service's own.
      type: int
      sample: null
    program:
      description: The executable.
      type: str
      sample: /usr/bin/python3.11
    script:
      description:
        - The script, module or class that an interpreter runs, else empty. Nothing else of its arguments is returned,
          and no program text that was given inline (C(python3 -c)).
      type: str
      sample: /opt/billing/worker.py
    direction:
      description: V(outgoing) or V(accepted).
      type: str
      sample: outgoing
    processes:
      description: How many processes hold these connections and listeners.
      type: int
      sample: 1
    connections:
      description: How many connections, with V(right), V(without), V(slow), V(tight) and V(unknown) beside it.
      type: int
      sample: 8
    overdue:
      description: How many of those that are not right have been silent for the idle timeout already.
      type: int
      sample: 3
    longest_silence:
      description: For how many seconds no data went on the most silent one that is not right, null where unknown.
      type: float
      sample: 7200.5
    found_values:
      description: The three most frequent values of those that have keepalive on and are not right.
      type: list
      elements: dict
      sample: [{keepidle: 7200, keepintvl: 75, keepcnt: 9, connections: 4}]
    found_values_total:
      description: How many different values there are.
      type: int
      sample: 1
    peers:
      description: The three most frequent peers of those that are not right; the port only of outgoing connections.
      type: list
      elements: dict
      sample: [{address: 192.0.2.10, port: 5432, connections: 8}]
    peers_total:
      description: How many different peers there are.
      type: int
      sample: 1
    listeners:
      description:
        - Listeners that are not right, ten at most. C(shown_by) is the number of connections that were accepted through
          it and show it; with 0 there are none now, and the listener's own options say what it would hand on.
        - Those of Go programs only where connections show it; Go turns keepalive on (15 s / 15 s) on what it accepts.
          Those of sshd, PostgreSQL, MariaDB and PgBouncer, which turn it on with the host's times, are judged by these.
      type: list
      elements: dict
      sample: [{address: 0.0.0.0, port: 8080, verdict: without, shown_by: 0}]
    listeners_total:
      description: How many such listeners there are.
      type: int
      sample: 1
    advice:
      description: What to do, null where all is right.
      type: dict
      contains:
        kind:
          description:
            - What comes first. V(native), the program's own setting. V(preload), the entry. V(program), an entry with
              C(backend=bpf), because no library gets there and the host's kernel can do it. V(elsewhere), a library
              that no entry brings there, see C(way). V(nothing) works.
          type: str
          sample: preload
        native:
          description:
            - The program's own settings, each with C(name), C(setting), C(where) it goes, the documentation that says
              so (C(source)), and a C(remark).
            - C(sets_times) is false where it only turns keepalive on. C(certain) is false where it belongs to a library
              that the program has loaded, which need not be what opened these connections.
          type: list
          elements: dict
        entry:
          description:
            - An entry of C(keepalive_services), null where nothing can be preloaded by one.
            - It takes nothing away. It names the libraries that the unit's processes or its drop-in have already, and
              what other findings of the unit need; what is better already stands in it (shorter times, a user timeout
              of the program's own), or is left to the program (C(user_timeout) 0, C(respect)). C(jitter) and what it
              was taken off are those of the entry that the drop-in was made from.
          type: dict
          sample: {name: billing.service, libraries: [connect], tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}}
        obstacle:
          description: Why nothing can be preloaded by an entry, with C(way) where there is one, else empty.
          type: str
          sample: ""
        way:
          description:
            - What brings the library into a program whose start keeps the unit's environment from it (PostgreSQL and
              postfix on Debian), with the recommended values; else empty.
          type: str
          sample: ""
        notes:
          description: What else one has to know.
          type: list
          elements: str
groups_total:
  description: How many groups there are.
  returned: success
  type: int
  sample: 7
groups_cut:
  description:
    - How many C(groups) are not listed, with how many C(connections), C(findings) (connections that are not right) and
      C(listeners) that are not right.
    - C(whose) has the same for 20 units and users at most. All that a user has started from his sessions stands under a
      C(unit) such as V(user-1000.slice).
  returned: success
  type: dict
  sample:
    groups: 105
    connections: 410
    findings: 410
    listeners: 0
    whose: [{unit: user-1000.slice, user: 1000, groups: 105, connections: 410, findings: 410, listeners: 0}]
unowned:
  description:
    - Sockets in the kernel's tables that no process was found to hold. These are the kernel's own (NFS, iSCSI), those
      that one process has sent to another which has not taken them, and those that only an io_uring holds.
    - How many C(sockets), of how many C(users), and for ten of these at most, those of the system first, C(user),
      C(sockets) and three C(examples). What never leaves the host is left out as it is of the others.
    - C(units) are the three units, of C(units_total), in whose cgroups most of them were made, with the number of their
      C(sockets); there are none where the kernel does not tell that (before Linux 6.1), or the unit is gone. C(waiting)
      is, of a listener, how many connections wait to be accepted.
    - Some may be of processes that are not shown to us, see RV(unreadable).
  returned: success
  type: dict
  sample:
    sockets: 1
    users: 1
    whose:
      - user: 0
        sockets: 1
        units: [{unit: srv-data.mount, sockets: 1}]
        units_total: 1
        examples:
          - state: ESTABLISHED
            local: {address: 192.0.2.1, port: 800}
            remote: {address: 192.0.2.9, port: 2049}
            waiting: 0
unreadable:
  description:
    - The number of C(processes) whose sockets are not shown to us, and C(why). The counts are without these; where they
      are 0, nothing is known.
  returned: success
  type: dict
  sample: {processes: 0, why: ""}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.audit.host import HostAudit, Terms
from ..module_utils.audit.idle import LONGEST_TIMEOUT, SHORTEST_TIMEOUT
from ..module_utils.linux import systemd
from ..module_utils.linux.module import Module
from ..module_utils.linux.procnet import Address
from ..module_utils.linux.systemd import listen_addresses
from ..module_utils.settings.options import as_integer
from ..module_utils.sockets.access import choose_access
from ..module_utils.units.wrappers import preload_given_to


def main() -> None:
    """Read the arguments, look once, report."""
    module = Module(
        argument_spec={
            "idle_timeout": {"type": "raw", "default": 350},
            "include_local": {"type": "bool", "default": False},
            "min_idle": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )

    def socket_units() -> t.Dict[Address, str]:
        try:
            shown = systemd.show(systemd.ask_systemd, ["*.socket"])
        except (systemd.SystemdError, OSError) as error:
            module.warn(f"The .socket units are not known, their listeners count for systemd itself: {error}")
            return {}
        return {address: name for name, found in sorted(shown.items()) for address in listen_addresses(found)}

    def systemd_version() -> int:
        try:
            return systemd.show_manager(systemd.ask_systemd).version
        except (systemd.SystemdError, OSError):
            return 0

    def given_preload(unit: str) -> t.Optional[str]:
        try:
            return preload_given_to(systemd.ask_systemd, unit)
        except (systemd.SystemdError, OSError):
            return None

    def can_attach(entry: t.Mapping[str, t.Any]) -> bool:
        from ..module_utils.bpf.probe import probe  # rare, and it brings all that loads programs

        return not probe().obstacles(entry["tcp"], bool(entry.get("respect")))

    terms = terms_from(module)
    try:
        audit = HostAudit(
            terms,
            choose_access().reader,
            socket_units,
            systemd_version=systemd_version,
            given_preload=given_preload,
            can_attach=can_attach,
        )
        result = audit.run()
    except OSError as error:
        module.fail_json(msg=f"The sockets of this host cannot be read: {error}")
    module.exit_json(changed=False, **result)


def terms_from(module: AnsibleModule) -> Terms:
    """Turn the module's parameters into the terms; fail where they make no sense."""
    given = module.params["idle_timeout"]
    timeout = as_integer(given)
    if timeout is None or not SHORTEST_TIMEOUT <= timeout <= LONGEST_TIMEOUT:
        module.fail_json(
            msg=f"idle_timeout: {given!r} is not an integer of seconds from {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT}"
        )
    if module.params["min_idle"] < 0:
        module.fail_json(msg=f"min_idle: {module.params['min_idle']} is negative: expected seconds, 0 or more")
    return Terms(t.cast(int, timeout), module.params["include_local"], module.params["min_idle"])


if __name__ == "__main__":
    main()
