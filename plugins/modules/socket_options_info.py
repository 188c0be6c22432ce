#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: socket_options_info
short_description: Read the TCP options of the live sockets of running services
version_added: 0.1.0
description:
  - Lists the TCP and MPTCP sockets of systemd units, of processes, or of the whole host, each with the value that the
    kernel has in force for every option of this collection.
  - With O(expected), tells for every unit whether its sockets are what they should be, and for each socket that is not,
    why.
  - It reads through duplicates of the sockets (C(pidfd_getfd)) that live for microseconds. It changes nothing in the
    other processes, and needs nothing installed on the host but Python.
  - A socket that several processes share is one record.
requirements:
  - Linux 5.6 or newer. On older kernels, and where C(pidfd_getfd) is not permitted, the options are unknown.
  - Linux 6.9 or newer for what a thread holds in a table of descriptors of its own, and for processes whose
    first thread has ended. On older kernels these are unknown.
  - The right to trace the other processes, which C(root) has (C(become)).
  - systemd, for O(units) and O(expected).
author:
  - The netops.keepalive authors (@netops)
extends_documentation_fragment: [netops.keepalive.attributes.reading, netops.keepalive.expected]
options:
  units:
    description:
      - Units whose sockets are read, C(.service) and C(.socket).
      - A template such as V(worker@.service) stands for all its running instances, and C(*), C(?) and C([]) match as in
        a shell. A pattern of C(.socket) units stands for those that systemd has loaded, each by its own name.
      - Of a C(.socket) unit, the listeners that systemd holds are read, and the connections that the triggered service
        accepted through them.
      - Without O(units), O(pids), O(processes) and O(expected), the whole host is read.
    type: list
    elements: str
    default: []
  pids:
    description: Processes whose sockets are read, in addition to those of O(units).
    type: list
    elements: int
    default: []
  processes:
    description:
      - Executables whose processes' sockets are read, in addition to those of O(units) and O(pids).
      - A name such as V(redis-server), a path such as V(/usr/lib/postgresql/*/bin/postgres), or a pattern as in a
        shell. What has no slash is compared with the name alone.
      - For a script this is its interpreter.
    type: list
    elements: str
    default: []
  ports:
    description: Of the sockets selected otherwise, only those with one of these ports, local or remote.
    type: list
    elements: int
    default: []
  states:
    description: Of the sockets selected otherwise, only those in one of these states.
    type: list
    elements: str
    choices:
      - ESTABLISHED
      - SYN_SENT
      - SYN_RECV
      - FIN_WAIT1
      - FIN_WAIT2
      - TIME_WAIT
      - CLOSE
      - CLOSE_WAIT
      - LAST_ACK
      - LISTEN
      - CLOSING
      - NEW_SYN_RECV
    default: []
  sample:
    description:
      - For hosts with very many connections. At most so many of each unit (of each instance of a template) are read,
        spread evenly over old and new ones, and always the same.
      - RV(units.not_read) counts exactly what was left out. RV(units.ok) and RV(compliant) then speak of what was
        read. Listeners and MPTCP sockets are always read.
      - V(0) reads all.
    type: int
    default: 0
  wait:
    description:
      - Seconds to wait at most until all units of O(expected) are as they should be.
      - V(0) looks once.
    type: float
    default: 0
  max_sockets:
    description:
      - How many records to return at most in RV(sockets), V(0) for all. Those that are wrong come first.
      - All counts are of all sockets, whatever is returned.
    type: int
    default: 1000
  reader:
    description:
      - How the sockets are read. The records are the same either way.
      - V(native) is the faster one on hosts with thousands of sockets. It takes C(libkeepalive_inspect.so), which
        M(netops.keepalive.preload_libraries) installs, and Python's cffi. The library is loaded only where C(root) owns
        it and its folder and nobody else may write them. Fails where that is not so.
      - V(portable) needs nothing but Python.
      - V(auto) is V(native) where that is possible, otherwise V(portable). Where there are thousands of sockets, or
        some wait to be accepted, Linux 6.1 tells root of all that are connected or listen at once beforehand; what
        waits is found in no other way.
    type: str
    choices: [auto, native, portable]
    default: auto
notes:
  - A connection counts as accepted where a listener of its network namespace has its local address and port. Once that
    listener is closed, nothing distinguishes it from an outgoing connection.
"""

EXAMPLES = r"""
- name: Read all TCP sockets of two services
  netops.keepalive.socket_options_info:
    units:
      - nginx.service
      - worker@.service
  become: true

- name: Wait until the worker holds its connections with the right values
  netops.keepalive.socket_options_info:
    expected:
      - name: billing.service
        libraries: [connect]
        tcp:
          keepidle: 60
          keepintvl: 15
          keepcnt: 9
          user_timeout: -1
        min_sockets: 1
      - name: redis-server.service
        libraries: [listen]
        tcp:
          keepidle: 60
        accept: [overridden_by_application]
      - name: echo.socket
        tcp:
          keepidle: 60
    wait: 30
  become: true
  register: live_sockets
  failed_when: not live_sockets.compliant

- name: Read a thousand of the established connections of each worker, and of whatever runs java outside of them
  netops.keepalive.socket_options_info:
    units: ["worker@.service", "batch-*.service"]
    processes: [java]
    states: [ESTABLISHED]
    sample: 1000
  become: true

- name: Which connections to the database have no keepalive?
  netops.keepalive.socket_options_info:
    ports: [5432]
  become: true
  register: database

- name: Show them
  ansible.builtin.debug:
    msg: "{{ database.sockets | rejectattr('options.keepalive') | map(attribute='program') | unique }}"
"""

RETURN = r"""
sockets:
  description: The sockets, those that are wrong first. At most O(max_sockets); see RV(sockets_cut).
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description:
        - The systemd unit of the process, empty where it has none.
        - The C(.socket) unit for its listeners and what was accepted through them, where that unit was asked for.
      type: str
      sample: nginx.service
    pid:
      description: The process that stands for the socket, the lowest of RV(sockets[].pids) except systemd's 1.
      type: int
      sample: 812
    pids:
      description: The processes of the selection that hold the socket, the lowest 100 at most.
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
      description:
        - The thread in whose table of descriptors C(fd) is, where that is not the table of the process. It is in
          C(/proc/PID/task/THREAD/fd) then. Null nearly always.
      type: int
      sample: null
    inode:
      description:
        - The number by which the kernel and C(ss -e) know the socket; null for a connection that nobody has accepted
          yet.
      type: int
      sample: 43426
    family:
      description: V(ipv4) or V(ipv6). An IPv6 socket with a v4-mapped address is V(ipv6).
      type: str
      sample: ipv4
    protocol:
      description: V(tcp) or V(mptcp), null where it cannot be told.
      type: str
      sample: tcp
    state:
      description: The state by its name in C(tcp(7\)) and C(netstat), for MPTCP that of the first subflow.
      type: str
      sample: ESTABLISHED
    direction:
      description: V(outgoing), V(accepted), V(listening) or V(unconnected).
      type: str
      sample: accepted
    local:
      description: The local C(address) and C(port).
      type: dict
      sample: {address: 192.0.2.10, port: 443}
    remote:
      description: The remote C(address) and C(port), null where there is none.
      type: dict
      sample: {address: 198.51.100.7, port: 51234}
    options:
      description:
        - What is in force. C(keepalive) is a boolean, C(user_timeout) in milliseconds, C(keepidle), C(keepintvl) and
          C(defer_accept) in seconds, C(maxseg) and C(window_clamp) in bytes, C(keepcnt) and C(syncnt) are numbers.
        - Null where it cannot be read or the protocol has no such option.
      type: dict
      sample: {keepalive: true, keepidle: 60, keepcnt: 9, keepintvl: 15, user_timeout: 195000, syncnt: 6,
               defer_accept: 0, maxseg: 1448, window_clamp: 65536}
    readable:
      description: Whether the options could be read.
      type: bool
      sample: true
    relevant:
      description: Whether something is expected of this socket.
      type: bool
      sample: true
    compliant:
      description: Whether it is as expected, null where nothing is expected or its options cannot be read.
      type: bool
      sample: false
    wrong:
      description: The options that differ, each with the C(value) it has and the one C(expected).
      type: list
      elements: dict
      contains:
        option:
          description: The name of the option.
          type: str
          sample: keepidle
        value:
          description: What is in force, null where the protocol has no such option.
          type: raw
          sample: 300
        expected:
          description: What the kernel would read back if it were right.
          type: raw
          sample: 60
    reason:
      description:
        - Why it is wrong or unknown, null where it is neither.
        - V(library_not_loaded), the process has not mapped the library, see RV(sockets[].detail).
        - V(start_wrapper), what starts the process gives it another environment than systemd gave (PostgreSQL and
          postfix on Debian).
        - V(static_executable), LD_PRELOAD has no effect on this program.
        - V(secure_exec), the loader drops LD_PRELOAD for this program.
        - V(stale_environment), the process was started with other values, or systemd has other directives loaded.
        - V(overridden_by_configuration), another setting than the drop-in (C(EnvironmentFile=), a later drop-in,
          C(/etc/libkeepalive.conf\)) gives the process other values, and a restart would not change that.
        - V(overridden_by_application), library and environment are right, the application set the option itself.
        - V(opened_before_preload), the connection is older than the processes of its unit, or systemd handed it over.
        - V(program_not_attached), with O(expected[].backend=bpf), the cgroup of the unit has no program of this
          collection.
        - V(program_replaced), with O(expected[].backend=bpf), the program that is attached there sets other values.
        - V(opened_before_attach), with O(expected[].backend=bpf), the socket is older than the program.
        - V(due_at_restart), with O(expected[].live), the process does not have the settings, and the option cannot be
          changed on an open socket, or the socket came after the values were last set.
        - V(inherited_listener), systemd opened the listener and the service never called listen().
        - V(not_supported_by_protocol), MPTCP has no such option.
        - V(unreadable), the options cannot be read.
        - V(undetermined), several of these are possible, see RV(sockets[].candidates).
      type: str
      sample: overridden_by_application
    candidates:
      description: All reasons that are possible.
      type: list
      elements: str
      sample: [overridden_by_application]
    detail:
      description: One sentence for the operator.
      type: str
      sample: "The application itself set other values: keepidle is 300 instead of 60."
sockets_total:
  description: How many sockets there are, returned in RV(sockets) or not.
  returned: success
  type: int
  sample: 2
sockets_cut:
  description:
    - How many sockets are not in RV(sockets), and whose they are. No user's sockets take the places of those of others.
      The places are shared out in turns among units and users, within what is wrong, what is unknown, and the rest.
  returned: success
  type: dict
  contains:
    sockets:
      description: How many.
      type: int
      sample: 4012
    whose:
      description:
        - For 20 units or users at most, those with most first, C(sockets), the C(unit) and the C(user).
        - All that a user has started from his sessions stands under a C(unit) such as V(user-1000.slice). C(user) is
          the number of a person, null for what is the unit's own.
      type: list
      elements: dict
      sample: [{unit: user-1000.slice, user: 1000, sockets: 4012}]
unowned:
  description:
    - Where the whole host is read, the sockets in the kernel's tables that no process was found to hold. These are the
      kernel's own (NFS, iSCSI), those that one process has sent to another which has not taken them, and those that
      only an io_uring holds. Nothing is known about their options.
    - Some may be of processes that are not shown to us, see RV(unreadable_pids).
    - Their number in C(sockets), of how many C(users), and for ten of these at most, C(user), C(sockets) and three
      C(examples).
    - C(units) are the three units, of C(units_total), in whose cgroups most of them were made, with the number of their
      C(sockets); there are none where the kernel does not tell that (before Linux 6.1), or the unit is gone. C(waiting)
      is, of a listener, how many connections wait to be accepted.
  returned: success
  type: dict
  sample: {sockets: 0, users: 0, whose: []}
not_read:
  description: How many connections O(sample) left out.
  returned: success
  type: int
  sample: 0
units:
  description:
    - The units by their names as given in O(units) and O(expected). All units that hold sockets where the whole host is
      read.
  returned: success
  type: dict
  contains:
    load_state:
      description: systemd's C(LoadState), null where it was not asked for (templates, patterns, whole host).
      type: str
      sample: loaded
    running:
      description: Whether it has processes. For a C(.socket) unit, whether it is active.
      type: bool
      sample: true
    state:
      description:
        - V(running), or why there are no sockets.
        - V(stopped); V(missing) where systemd knows no such unit; V(crashing) where systemd starts it again and again
          because it fails again and again, which is not RV(units.ok); V(without_process) where it is active and has no
          process, as Debian's C(postgresql.service).
      type: str
      sample: running
    elsewhere:
      description:
        - Of a unit V(without_process) the units that go with it and have processes; then it is not RV(units.ok).
      type: list
      elements: str
      sample: []
    pids:
      description: Its processes. For a C(.socket) unit, those that hold its sockets.
      type: list
      elements: int
      sample: [812, 813]
    sockets:
      description: How many TCP sockets it has.
      type: int
      sample: 12
    not_read:
      description: How many connections O(sample) left out, besides.
      type: int
      sample: 0
    relevant:
      description: How many of them something is expected of.
      type: int
      sample: 10
    compliant:
      description: How many of the relevant ones are as expected.
      type: int
      sample: 8
    noncompliant:
      description: How many of the relevant ones are not.
      type: int
      sample: 2
    unknown:
      description: How many of the relevant ones cannot be read.
      type: int
      sample: 0
    unreadable_pids:
      description: Its processes of which not even the number of sockets is known. They count as V(unreadable).
      type: list
      elements: int
      sample: []
    reasons:
      description: >-
        How many sockets are wrong or unknown for each reason; 1 where it is the unit's program alone that is wrong.
      type: dict
      sample: {overridden_by_application: 2}
    programs:
      description:
        - The BPF programs that run for its sockets, each in words, and whose they are (C(ours), C(foreign)). Empty for
          a unit whose options no program is to set.
      type: list
      elements: str
      sample: []
    programs_wrong:
      description:
        - What is wrong with the program of the unit itself, whatever its sockets are. For each (of a template, for each
          instance) C(unit), C(reason), C(candidates) and C(detail).
      type: list
      elements: dict
      sample: []
    accepted:
      description: Whether some are wrong, and all of these for accepted reasons.
      type: bool
      sample: true
    ok:
      description:
        - Whether the unit exists, or need not (O(expected[].if_present)), and all relevant sockets are as expected or
          wrong for accepted reasons, and at least C(min_sockets) of them are there. A unit that is not running is
          C(ok).
      type: bool
      sample: true
compliant:
  description: Whether all units of O(expected) are C(ok).
  returned: success
  type: bool
  sample: true
unreadable_pids:
  description: Processes whose sockets are not shown to us → why.
  returned: success
  type: dict
  sample: {}
reader:
  description: How the sockets were read, V(native) or V(portable).
  returned: success
  type: str
  sample: portable
why_not_native:
  description: Why they were not read with the library. Empty where they were, or where O(reader=portable).
  returned: success
  type: str
  sample: "this Python has no cffi: No module named '_cffi_backend'"
waited:
  description: How many seconds it took until the answer was as expected, or O(wait) was over.
  returned: success
  type: float
  sample: 0.3
"""

import time

from ..module_utils.linux import systemd
from ..module_utils.linux.module import Module
from ..module_utils.linux.polling import poll_until
from ..module_utils.linux.procnet import STATES
from ..module_utils.settings.expectation import EXPECTED
from ..module_utils.sockets.access import CHOICES as READERS
from ..module_utils.sockets.access import choose_access
from ..module_utils.sockets.native import Unavailable
from ..module_utils.verdicts.answer_form import result_of
from ..module_utils.verdicts.inspection import Audit
from ..module_utils.verdicts.question import BadParameter, question_from

SHORTEST_PAUSE = 0.2
"""Seconds between two looks at least."""

REST_PER_LOOK = 10
"""A look is followed by a rest so many times as long: waiting costs at most a tenth of one CPU."""


def main() -> None:
    """Read the arguments, look until it is right or the time is over, report."""
    module = Module(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "pids": {"type": "list", "elements": "int", "default": []},
            "processes": {"type": "list", "elements": "str", "default": []},
            "ports": {"type": "list", "elements": "int", "default": []},
            "states": {"type": "list", "elements": "str", "choices": list(STATES.values()), "default": []},
            "expected": EXPECTED,
            "sample": {"type": "int", "default": 0},
            "wait": {"type": "float", "default": 0},
            "max_sockets": {"type": "int", "default": 1000},
            "reader": {"type": "str", "choices": list(READERS), "default": "auto"},
        },
        supports_check_mode=True,
    )
    try:
        question = question_from(module.params, systemd.ask_systemd)
    except (BadParameter, systemd.SystemdError) as error:
        module.fail_json(msg=str(error))
    try:
        access = choose_access(module.params["reader"])
    except Unavailable as error:
        module.fail_json(msg=f"reader: native is not possible on this host: {error}")
    started = time.monotonic()
    try:
        answer = poll_until(
            lambda: Audit(question, access.reader).run(),
            module.params["wait"],
            SHORTEST_PAUSE,
            enough=lambda answer: answer.compliant(question.expected),
            rest=REST_PER_LOOK,
        )
    except OSError as error:
        module.fail_json(msg=f"The sockets of this host cannot be read: {error}")
    waited = time.monotonic() - started
    for damage in answer.damages:
        module.warn(damage)
    module.exit_json(
        changed=False,
        reader=access.name,
        why_not_native=access.why_not_native,
        waited=round(waited, 3),
        **result_of(answer, question.expected, module.params["max_sockets"]),
    )


if __name__ == "__main__":
    main()
