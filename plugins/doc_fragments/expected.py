# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules share that compare open sockets with the settings of their services, or give them these."""

from __future__ import annotations


class ModuleDocFragment:
    """The units, and what their sockets are to have."""

    DOCUMENTATION = r"""
options:
  expected:
    description:
      - The units and what their sockets are to have, in the form of the C(expected) that
        P(netops.keepalive.resolve_services#filter) gives for each service.
      - Only sockets of the service's direction are relevant. These are outgoing connections for the library V(connect),
        listeners and accepted connections for V(listen), all for V(socket), and for a C(.socket) unit the listeners of
        systemd and what was accepted through them.
      - M(netops.keepalive.socket_options_info) compares all options, and SO_KEEPALIVE always.
      - M(netops.keepalive.socket_options) sets C(keepidle), C(keepintvl), C(keepcnt), C(user_timeout), and
        C(window_clamp) of listeners. Others of O(expected[].tcp) wait for the next restart. It needs at least one unit,
        but for O(netops.keepalive.socket_options#module:state=restored).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The unit, C(.service) or C(.socket). A template such as V(worker@.service) stands for all its running
            instances.
        type: str
        required: true
      libraries:
        description:
          - The libraries that set the options of this service. They say which sockets it is about.
          - Empty for a C(.socket) unit, whose options are set by systemd itself.
        type: list
        elements: str
        choices: [connect, listen, socket]
        default: []
      tcp:
        description:
          - The values. An option that is not listed is neither compared nor set.
          - V(0) is the system's default, what a fresh socket has in the network namespace of the socket. Where that
            namespace cannot be entered (C(CAP_SYS_ADMIN)), V(0) is not compared.
          - What is compared is what the kernel reads back. C(defer_accept) is rounded up by the kernel and not handed
            on to accepted connections, C(maxseg) of a connection may be smaller, C(window_clamp) is compared on
            listeners only because the kernel tunes it once data flows.
          - C(syncnt) is compared on outgoing connections only.
          - Of a C(.socket) unit, only C(keepidle), C(keepintvl), C(keepcnt) and C(defer_accept) are compared.
        type: dict
        default: {}
        suboptions:
          keepidle:
            description: TCP_KEEPIDLE in seconds.
            type: int
          keepcnt:
            description: TCP_KEEPCNT, a number of probes.
            type: int
          keepintvl:
            description: TCP_KEEPINTVL in seconds.
            type: int
          user_timeout:
            description:
              - TCP_USER_TIMEOUT in milliseconds.
              - V(-1) stands for the keepidle + keepintvl x keepcnt that are in force on the socket; when it is set on
                an open one, for those that are in force afterwards.
            type: int
          syncnt:
            description: TCP_SYNCNT, a number of SYN retransmissions. Not set on open sockets.
            type: int
          defer_accept:
            description: TCP_DEFER_ACCEPT in seconds. Not set on open sockets.
            type: int
          maxseg:
            description: TCP_MAXSEG in bytes. Not set on open sockets.
            type: int
          window_clamp:
            description: TCP_WINDOW_CLAMP in bytes. Set on listeners only.
            type: int
      overwrite:
        description:
          - Whether M(netops.keepalive.socket_options) also changes sockets on which the application has set its own
            values.
          - Otherwise a socket is left alone that has keepalive on with other times than the host's defaults, or a user
            timeout, unless these are known to come from this collection. Known is what one of its libraries gave the
            socket (shown by the environment of the process, or by a derived user timeout where the program has
            overwritten its environment), and what this module has set since the host was started.
        type: bool
        default: false
      respect:
        description: Whether a socket is left alone as soon as the application has turned keepalive on, with any times.
        type: bool
        default: false
      live:
        description:
          - Whether M(netops.keepalive.socket_options) sets the values on open sockets of this unit in a rollout. It
            decides only about the reason that M(netops.keepalive.socket_options_info) names; all units that are listed
            here are set.
        type: bool
        default: false
      accept:
        description:
          - Reasons that M(netops.keepalive.socket_options_info) reports, see
            RV(netops.keepalive.socket_options_info#module:sockets[].reason), and that are yet no failure of this unit.
          - Where the reason is V(undetermined), all
            RV(netops.keepalive.socket_options_info#module:sockets[].candidates) have to be listed.
        type: list
        elements: str
        choices:
          - due_at_restart
          - inherited_listener
          - library_not_loaded
          - not_supported_by_protocol
          - opened_before_attach
          - opened_before_preload
          - overridden_by_application
          - overridden_by_configuration
          - program_not_attached
          - program_replaced
          - secure_exec
          - stale_environment
          - start_wrapper
          - static_executable
          - system_call_filter
          - unreadable
        default: []
      min_sockets:
        description:
          - How many relevant sockets this unit has to have while it is running, for
            M(netops.keepalive.socket_options_info).
        type: int
        default: 0
      if_present:
        description:
          - Whether it is no failure where systemd does not know this unit, for
            M(netops.keepalive.socket_options_info).
        type: bool
        default: false
      backend:
        description:
          - What gives this unit its values, V(preload) for a library in its processes (of a C(.socket) unit, systemd's
            directives), V(bpf) for a program that the kernel runs for its cgroup.
          - With V(auto), whichever of these the unit has.
        type: str
        choices: [auto, bpf, preload]
        default: preload
      enforce:
        description: Whether that program also sets the values in the place of those that the application sets.
        type: bool
        default: false
"""
