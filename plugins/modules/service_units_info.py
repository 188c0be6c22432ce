#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_units_info
short_description: Tell what systemd units are, what stands in keepalive's way, and which processes are stale
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Looks at any number of units with one C(systemctl show), at their files and at their processes. Changes nothing.
  - Whether a program filters its own system calls is told by how many filters its process has. How many systemd gives
    to it is asked of systemd, which for that starts C(cat) with the same settings, as a transient unit.
  - "Stale means that a restart would change something: the process was started with other variables than the unit's
    drop-in has now, or it maps a library that has since been replaced. The evidence is the process itself, so what an
    interrupted run has left undone is seen by the next."
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  units:
    description:
      - Names of C(.service) and C(.socket) units. A template (V(worker@.service)) stands for its loaded instances.
      - Of these, nothing is judged; see O(services).
    type: list
    elements: str
    default: []
  services:
    description:
      - What P(netops.keepalive.resolve_services#filter) returned. Each must be there, and RV(problems) says what is not
        as it must be, but for what the entry's C(accept) allows. One that has C(if_present) need not be there; see
        RV(absent_here).
    type: list
    elements: dict
    default: []
  mode:
    description:
      - How O(services) get their settings, for RV(problems).
      - V(services), by a drop-in each. V(host), by C(/etc/ld.so.preload) and C(/etc/libkeepalive.conf), which reach
        setuid programs too, but are overruled by what a unit itself sets.
    type: str
    choices: [services, host]
    default: services
  writable:
    description:
      - Whether to look as well if the places can be written to that a rollout to O(services) writes to, and what a
        build of the libraries would need. Writes nothing.
    type: bool
    default: false
  cc:
    description: The C compiler of that build.
    type: str
    default: cc
attributes:
  diff_mode:
    support: none
seealso:
  - module: netops.keepalive.rollout
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Which of these need a restart?
  netops.keepalive.service_units_info:
    units: [nginx.service, worker@.service]
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.units | dict2items | selectattr('value.stale') | map(attribute='key') }}"
"""

RETURN = r"""
units:
  description: One dictionary for each unit, by the name it was asked for.
  returned: success
  type: dict
  contains:
    id:
      description: The unit's own name, where the one asked for is an alias.
      type: str
      sample: ssh.service
    type:
      description: V(service), V(socket) or V(template).
      type: str
      sample: service
    load_state:
      description:
        - V(loaded), V(not-found), V(masked), V(bad-setting) or V(error); V(merged) for another name of a template.
      type: str
      sample: loaded
    active_state:
      description: V(active), V(inactive), V(failed) and so on; of a template, V(active) where an instance is.
      type: str
      sample: active
    instances:
      description: The loaded instances of a template.
      type: list
      elements: str
      sample: []
    fragment_path:
      description: The unit's own file.
      type: str
      sample: /lib/systemd/system/nginx.service
    drop_in:
      description: The path of this collection's drop-in that is in force, its own or its template's; V(null) without.
      type: str
      sample: /etc/systemd/system/nginx.service.d/zz-keepalive.conf
    drop_in_sha256:
      description: The checksum of the unit's own drop-in of this collection, not its template's; V(null) without.
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    overruled:
      description:
        - Where systemd has read the drop-in but something else wins, what it says instead, in full sentences.
        - Empty elsewhere, and where RV(units.need_daemon_reload) holds of the unit (of a template, of that instance).
      type: list
      elements: str
      sample: []
    ld_preload:
      description: What the unit's LD_PRELOAD names besides this collection's libraries.
      type: list
      elements: str
      sample: [/usr/lib/x86_64-linux-gnu/libjemalloc.so.2]
    executable:
      description:
        - The program that runs, or would be started; V(null) for sockets and where there is none.
        - V(kind) is V(dynamic), V(static), V(script), V(missing) or V(foreign).
        - V(libc) is V(glibc), V(musl) or V(none).
      type: dict
      sample: {path: /usr/sbin/nginx, kind: dynamic, libc: glibc, go: false, setuid: false, capabilities: false}
    need_daemon_reload:
      description: Whether the unit's files have changed since systemd has read them.
      type: bool
    main_pid:
      description: The main process, 0 where none runs.
      type: int
      sample: 812
    by_program:
      description: Whether the drop-in has a program of the kernel attached to the unit's cgroup, without a restart.
      type: bool
      sample: false
    unattached:
      description: How the cgroup differs from that, by unit (of a template, by instance); empty where it does not.
      type: dict
      sample: {}
    stale:
      description: Why a restart is due, by unit (of a template, by instance); empty where none is.
      type: dict
      sample: {nginx.service: ["LD_PRELOAD is not set, the drop-in says /usr/lib/libkeepalive/libkeepalive_listen.so"]}
backends:
  description:
    - Of O(services) that have a program of the kernel set their options, or leave that to the host, C(chosen), by name
      with C(backend) and C(why).
    - C(by_flags) tells whether this kernel has to be told where sockets have their flags, for C(respect).
    - C(root) is the folder of the topmost cgroup, empty where nobody asks for a program.
  returned: success
  type: dict
  sample: {chosen: {}, by_flags: false, root: ""}
problems:
  description: What stands in the way of O(services), in full sentences; empty where nothing does.
  returned: success
  type: list
  elements: str
  sample: ["nginx.service: there is no such unit on this host; install its software first, or correct the name"]
absent_here:
  description:
    - The names of those of O(services) with C(if_present) that systemd does not know on this host; of a template, that
      has no unit file here. They are left out of account, and nothing of them is among RV(problems).
    - A masked unit, and one that systemd cannot load, is there.
    - Those of RV(stood_in) as well.
  returned: success
  type: list
  elements: str
  sample: [cron.service]
stood_in:
  description:
    - Name of one of O(services) with C(if_present) that is active and has no process, to the units that have its
      processes; only where each of these, or its template, is among O(services), too.
  returned: success
  type: dict
  sample: {postfix.service: [postfix@-.service]}
build:
  description: What a build of the libraries needs.
  returned: success; empty without O(writable)
  type: dict
  contains:
    missing:
      description: Programs that are not there; empty where the libraries are installed already.
      type: list
      elements: str
      sample: [cc, make]
    families:
      description: The distribution, and those it is like.
      type: list
      elements: str
      sample: [ubuntu, debian]
    obstacle:
      description:
        - Why there is no place to compile, with each that was looked at (E(TMPDIR), C(/tmp), Ansible's C(remote_tmp),
          C(/var/tmp), C(/run), C(/var/lib), and the folder above the libraries) and what would be right.
        - Empty where there is one, and where the libraries are installed already.
      type: str
      sample: ""
unwritable:
  description:
    - Why a rollout cannot write, in full sentences, by what it would write. It stands in the way only where that is
      due, so it is not among RV(problems).
  returned: success; empty without O(writable)
  type: dict
  contains:
    changes:
      description: Matters where anything is due on the host, and empty where it can be written to.
      type: list
      elements: str
      sample:
        - /etc/systemd/system is read-only, and the drop-ins must be written there; remount it, or leave this host out
    libraries:
      description: Matters where libraries are to be installed or replaced; empty where they can be, or none is needed.
      type: list
      elements: str
      sample: []
dropins:
  description: Every unit of this host that has a drop-in of this collection, listed or not.
  returned: success
  type: list
  elements: str
  sample: [nginx.service]
unfinished:
  description: Units that a rollout had changed which was neither confirmed nor taken back.
  returned: success
  type: list
  elements: str
  sample: []
library_users:
  description:
    - Every process of this host that maps a library of this collection.
    - C(loaded_by) is V(environment), its LD_PRELOAD names it, V(host), it does not, so C(/etc/ld.so.preload) did when
      it was started, or V(unknown) where it has overwritten its environment.
  returned: success
  type: list
  elements: dict
  sample:
    - pid: 812
      unit: nginx.service
      program: /usr/sbin/nginx
      libraries: [/usr/lib/libkeepalive/libkeepalive_listen.so]
      replaced: false
      loaded_by: environment
host_wide:
  description: What this host tells every process.
  returned: success
  type: dict
  contains:
    entries:
      description: The libraries of this collection in C(/etc/ld.so.preload), as they stand there.
      type: list
      elements: str
      sample: [/usr/lib/libkeepalive/libkeepalive.so]
    settings:
      description: Whether C(/etc/libkeepalive.conf) is there and is this collection's.
      type: bool
      sample: true
    restart_due:
      description:
        - Every process that does not take part and would after a restart, and why. Without those that the settings file
          leaves alone.
      type: list
      elements: dict
      sample:
        - pid: 1
          unit: init.scope
          program: /usr/lib/systemd/systemd
          why: does not map libkeepalive.so, which /etc/ld.so.preload names
    filtered:
      description:
        - Processes of services that are not in O(services) or O(units) and have a list of allowed system calls of
          their own, so that they might be killed for those of the libraries. Empty unless O(mode=host).
      type: list
      elements: dict
      sample:
        - pid: 640
          unit: chrony.service
          program: /usr/sbin/chronyd
    left:
      description: Whether a rollout that did not come to its end has changed what every process is told.
      type: bool
      sample: false
"""

from ..module_utils.linux import systemd
from ..module_utils.linux.module import Module
from ..module_utils.look.found import Scope, look_at_rollout


def main() -> None:
    """Read the arguments, look, report."""
    module = Module(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "list", "elements": "dict", "default": []},
            "mode": {"type": "str", "choices": ["services", "host"], "default": "services"},
            "writable": {"type": "bool", "default": False},
            "cc": {"type": "str", "default": "cc"},
        },
        supports_check_mode=True,
    )
    module.check_units("units", "services.name")
    scope = Scope(**{name: module.params[name] for name in Scope._fields})
    try:
        answer, warnings = look_at_rollout(scope, systemd.ask_systemd)
    except systemd.SystemdError as error:
        module.fail_json(msg=str(error))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
