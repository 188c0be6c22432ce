# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles would give the task 'rollout', from the variables of a host and what an earlier look has seen there.

So a playbook needs no role on each host, of which Ansible shows a handful of lines for each.
"""

from __future__ import annotations

import typing as t

from ._variables import HostVariables

Answer = dict[str, t.Any]

_OF_BOTH_MODES = ("settle", "job_timeout", "verify")
_OF_SERVICES = ("purge", "deploy", "service_template", "socket_template")


def given_of(earlier: Answer, variables: HostVariables, removal: bool) -> Answer:
    """Return the options.

    :param earlier: what the task 'rollout_look' has returned in this run.
    """
    mode = "services" if removal else str(variables.get("keepalive_mode", "services"))
    given = {name: variables.get(f"keepalive_{mode}_{name}") for name in _OF_BOTH_MODES}
    given.update(services=earlier["resolved"], absent=earlier["absent"], found=earlier["found"])
    if mode == "services":
        given["one_at_a_time"] = variables.get("keepalive_services_one_at_a_time")
    if removal:
        return {**given, "state": "absent"}
    given.update({name: variables.get(f"keepalive_services_{name}") for name in _OF_SERVICES})
    given.update(verify_wait=variables.get("keepalive_verify_wait"), verify_fail=variables.get("keepalive_verify_fail"))
    given.update(look_again=True, libraries_changed=bool(earlier["libraries_due"]))
    if mode == "host":
        return {**given, "deploy": True, "purge": False, "host_wide": earlier["host_wide"]}
    # Only of what is left to a later run (--tags restart) that one may have to go back. What an entry says is never to
    # be restarted is verified as far as it can be, and stays as it is.
    window = variables.get("keepalive_services_restart") == "never"
    return {**given, "window": window, "replace_host_wide": True}
