#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_restart
short_description: Restart the services whose running processes do not have their keepalive settings yet
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Reloads systemd where its files have changed, then restarts, one after the other, the units
    whose live processes are stale (see M(netops.keepalive.service_units_info)). Nothing is remembered between runs, so
    a run that was interrupted is finished by the next, and a second run restarts nothing.
  - The order is the one given, but a unit comes after those of the others that systemd starts before it (C(After=)).
  - Units that systemd restarts together with another (C(Requires=), C(BindsTo=), C(PartOf=)) are in C(diff), are
    restarted once, and are watched like the others. Where one of them must not be restarted, nothing is.
  - A unit that is not running stays so; it has the settings when it is started. So does one that does something that
    a restart would destroy, a job (C(Type=oneshot)) at work or the service of one connection (C(Accept=yes)); it is in
    RV(restart_due).
  - A C(.socket) unit is restarted together with the service that it triggers, where that runs. While it does,
    connections are refused.
  - The first unit that does not come back fails the task; those behind it have not been touched. Then all are watched
    for O(settle) seconds, and one that does not stay up fails the task as well.
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.rollout]
options:
  services:
    description:
      - The units in the order in which they are restarted, as P(netops.keepalive.resolve_services#filter) gives them.
      - Of each, C(name) and C(restart) count. A template (V(worker@.service)) stands for its running instances.
      - C(restart=if_running), the default, restarts a running unit that is stale; C(restart=never) only reports it, in
        RV(restart_due).
      - C(restart=reload_then_verify) reloads it instead, for services whose reload starts their program again. Whether
        it did is read from the live process; where it did not within 10 s the task fails, and the process is as before.
    type: list
    elements: dict
    default: []
  units:
    description: Further units, after O(services), that are restarted where they run and are stale.
    type: list
    elements: str
    default: []
  settle:
    description:
      - How long the units must stay up after the last restart, in seconds, without being restarted by systemd.
      - A unit that takes longer to fail is not noticed here.
    type: float
    default: 2.0
  job_timeout:
    description:
      - How long systemd may take to restart, reload, stop or start a unit, in seconds, where the unit's own
        C(TimeoutStartSec=) or C(TimeoutStopSec=) is C(infinity). Otherwise what it may take is what they come to
        (twice the first for commands before it starts, three times the second for commands and two signals).
      - A job that is not done by then is cancelled, and the unit counts as one that does not come back.
    type: int
    default: 300
    version_added: 0.2.0
  one_at_a_time:
    description:
      - Whether each unit must have stayed up for O(settle) seconds, and with O(wait) have right sockets, before the
        next one is touched. Otherwise all are restarted one after the other and then watched together.
    type: bool
    default: false
  wait:
    description:
      - With O(one_at_a_time), how long the live sockets of a unit may take to be as its C(expected) says, in seconds.
        Without it the sockets are not read.
    type: float
  assume_changed:
    description:
      - Units whose drop-ins would have changed. Used in check mode only, where the drop-ins are not there to be read.
    type: list
    elements: str
    default: []
  force:
    description:
      - Units to restart whatever their processes say, and to start where they do not run.
      - This is the way back. With the drop-ins restored, it takes what a failed run had restarted.
      - One of these that does not come back fails the task as well, but after the others were restarted.
    type: list
    elements: str
    default: []
  ran:
    description:
      - Units that ran when a rollout that did not come to its end changed their drop-ins (C(unfinished) of
        M(netops.keepalive.service_dropins)). One that has failed since is started again.
    type: list
    elements: str
    default: []
  without:
    description:
      - Units, or patterns of them (V(*) is the whole host), of which no process may be left that maps a library of this
        collection or was started with its variables; those that are left are in RV(left).
    type: list
    elements: str
    default: []
  seen:
    description:
      - What M(netops.keepalive.service_units_info) returned a moment ago. Where it shows that nothing is due, the
        task's action says so and the host is not asked again. By default the host is always asked.
      - Do not give it where a drop-in or a library has changed since.
    type: dict
  reload:
    description: Make systemd read its files again, even where it knows of no change (files put back with their times).
    type: bool
    default: false
seealso:
  - module: netops.keepalive.service_dropins
"""

EXAMPLES = r"""
- name: Restart what does not run with its drop-in
  netops.keepalive.service_restart:
    services:
      - name: billing.service
      - name: worker@.service
      - name: database.service
        restart: never
"""

RETURN = r"""
restarted:
  description:
    - The units that were restarted or started, with their main process before and after; of a unit that has none, the
      first of those that systemd started for it.
  returned: always
  type: dict
  sample: {billing.service: {before: 812, after: 1377}}
restart_due:
  description:
    - The units that run without their settings, and why, because their policy is V(never) or a restart would destroy
      what they are at.
  returned: always
  type: dict
  sample: {database.service: ["TCP_KEEPIDLE is 120, the drop-in says 60"]}
reloaded:
  description: Whether systemd had to read its files again.
  returned: always
  type: bool
would_restart:
  description: The units that would get a new process, and those that systemd restarts with them.
  returned: in check mode
  type: list
  elements: str
  sample: [billing.service]
left:
  description:
    - The processes of O(without) that still have something of this collection.
    - V(blocks) tells those that should have nothing left; the others are not of a service, must not be restarted
      (C(restart=never)), or have it from the host.
    - V(by) is V(environment) (the process was started so), V(host) (C(/etc/ld.so.preload)), or V(unknown) where the
      program has overwritten its environment.
  returned: always
  type: list
  elements: dict
  sample:
    - pid: 812
      unit: billing.service
      program: /usr/bin/billing
      has: maps /usr/lib/libkeepalive/libkeepalive.so
      by: environment
      blocks: true
lock_held:
  description: Whether this run keeps the lock of the host, see O(rollout).
  returned: always
  type: bool
failed_unit:
  description: The unit that did not come back.
  returned: on failure of a unit
  type: str
  sample: billing.service
"""

import typing as t

from ..module_utils.linux import job, systemd
from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.linux.unit_names import in_list, problems_with
from ..module_utils.rollout import lock
from ..module_utils.rollout.restart import RestartFailed
from ..module_utils.rollout.restarts import RestartRequest, Restarts
from ..module_utils.settings.checks import RESTARTS

_SAME_NAMES = ("units", "ran", "without", "settle", "job_timeout", "one_at_a_time", "wait", "reload")


def main() -> None:
    module = Module(
        argument_spec={
            "services": {"type": "list", "elements": "dict", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "settle": {"type": "float", "default": 2.0},
            "job_timeout": {"type": "int", "default": job.TIMEOUT},
            "one_at_a_time": {"type": "bool", "default": False},
            "wait": {"type": "float"},
            "assume_changed": {"type": "list", "elements": "str", "default": []},
            "force": {"type": "list", "elements": "str", "default": []},
            "ran": {"type": "list", "elements": "str", "default": []},
            "reload": {"type": "bool", "default": False},
            "without": {"type": "list", "elements": "str", "default": []},
            "seen": {"type": "dict"},
            **lock.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    module.check_units("services.name", "units", "assume_changed", "force", "ran")
    without = ((place, name) for place, name in in_list("without", module.params["without"]) if name != "*")
    problems = problems_with(without, patterns=True)
    if problems:
        module.fail_json(msg=f"nothing was done: {'; '.join(problems)}")
    if module.params["job_timeout"] < 1:
        module.fail_json(
            msg=f"job_timeout: {module.params['job_timeout']} is no time to wait: expected seconds, at least 1"
        )
    policies: t.Dict[str, str] = {}
    for index, service in enumerate(module.params["services"]):
        policy = service.get("restart", "if_running")
        if policy not in RESTARTS:
            module.fail_json(
                msg=f"services[{index}] {service['name']!r}: restart: {policy!r} is not one of {', '.join(RESTARTS)}"
            )
        policies[service["name"]] = policy
    params = module.params
    request = RestartRequest(
        policies,
        expected={one["name"]: one["expected"] for one in params["services"] if one.get("expected")},
        forced=params["force"],
        assumed=params["assume_changed"],
        **{name: params[name] for name in _SAME_NAMES},
    )
    work = Restarts(request, lock.Lock(params["run"], params["rollout"]), check=module.check_mode, warn=module.warn)
    try:
        work.do()
    except RestartFailed as failure:
        module.fail_json(msg=str(failure), failed_unit=failure.unit, **work.result)
    except NotLocked as held:
        module.fail_json(msg=f"nothing was restarted: {held}", lock_holder=held.holder, **work.result)
    except systemd.SystemdError as error:
        module.fail_json(msg=str(error), **work.result)
    if module.check_mode:
        work.result["would_restart"] = work.would_restart
    module.exit_json(**work.result)


if __name__ == "__main__":
    main()
