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
  - Reloads systemd where its files have changed, then restarts, one after the other and in the order given, the units
    whose live processes are stale (see M(netops.keepalive.service_units_info)). Nothing is remembered between runs, so
    a run that was interrupted is finished by the next, and a second run restarts nothing.
  - A unit that is not running stays so; it has the settings when it is started.
  - A C(.socket) unit is restarted together with the service that it triggers, where that runs. While it does,
    connections are refused.
  - The first unit that does not come back fails the task; those behind it have not been touched. Then all are watched
    for O(settle) seconds, and one that does not stay up fails the task as well.
options:
  services:
    description:
      - The units in the order in which they are restarted, as P(netops.keepalive.resolve_services#filter) gives them.
      - Of each, C(name) and C(restart) count. A template (V(worker@.service)) stands for its running instances.
      - C(restart=if_running), the default, restarts a running unit that is stale; C(restart=never) only reports it, in
        RV(restart_due).
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
  reload:
    description: Make systemd read its files again, even where it knows of no change (files put back with their times).
    type: bool
    default: false
extends_documentation_fragment:
  - netops.keepalive.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
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
  description: The units that were restarted or started, with their main process before and after.
  returned: always
  type: dict
  sample: {billing.service: {before: 812, after: 1377}}
restart_due:
  description: The units that run without their settings because their policy is V(never), and why.
  returned: always
  type: dict
  sample: {database.service: ["TCP_KEEPIDLE is 120, the drop-in says 60"]}
reloaded:
  description: Whether systemd had to read its files again.
  returned: always
  type: bool
failed_unit:
  description: The unit that did not come back.
  returned: on failure of a unit
  type: str
  sample: billing.service
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netops.keepalive.plugins.module_utils import _systemd
from ansible_collections.netops.keepalive.plugins.module_utils._resolve import RESTARTS
from ansible_collections.netops.keepalive.plugins.module_utils._restart import RestartFailed, Sequence
from ansible_collections.netops.keepalive.plugins.module_utils._units import Unit


def _due(
    sequence: Sequence, policies: t.Mapping[str, str], assumed: t.Container[str], forced: t.Container[str]
) -> t.Tuple[t.List[Unit], t.Dict[str, t.List[str]]]:
    """Return the units to restart, in order, and those of which a restart is only reported."""
    restart: t.List[Unit] = []
    reported: t.Dict[str, t.List[str]] = {}
    for unit in sequence.in_order():
        template = _systemd.template_of(unit.name)
        policy = policies.get(unit.name) or policies.get(template or "", "if_running")
        reasons = list(unit.stale)
        if not reasons and _systemd.is_active(unit.properties) and (unit.name in assumed or template in assumed):
            reasons = ["its drop-in changes"]
        if unit.name in forced:
            restart.append(unit._replace(stale=["this was asked for"]))
        elif reasons and policy == "never":
            reported[unit.name] = reasons
        elif reasons:
            restart.append(unit._replace(stale=reasons))
    return restart, reported


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "dict", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "settle": {"type": "float", "default": 2.0},
            "assume_changed": {"type": "list", "elements": "str", "default": []},
            "force": {"type": "list", "elements": "str", "default": []},
            "reload": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        return t.cast(t.Tuple[int, str, str], module.run_command(command, environ_update={"LC_ALL": "C"}))

    policies: t.Dict[str, str] = {}
    for index, service in enumerate(module.params["services"]):
        policy = service.get("restart", "if_running")
        if policy not in RESTARTS or not service.get("name"):
            module.fail_json(
                msg=f"services[{index}] {service.get('name')!r}: restart: {policy!r}: "
                f"expected a name, and one of {', '.join(RESTARTS)}"
            )
        policies[service["name"]] = policy
    forced: t.List[str] = module.params["force"]
    names = list(dict.fromkeys(list(policies) + module.params["units"] + forced))
    result: t.Dict[str, t.Any] = {"changed": False, "restarted": {}, "restart_due": {}, "reloaded": False}
    try:
        sequence = Sequence(run, names, module.params["settle"])
        result["reloaded"] = module.params["reload"] or sequence.reload_due()
        if result["reloaded"] and not module.check_mode:
            sequence.reload()
        overruled = [] if module.check_mode else sequence.overruled()
        if overruled:
            module.fail_json(msg="nothing was restarted: " + "; ".join(overruled), **result)
        assumed = module.params["assume_changed"] if module.check_mode else []
        restart, result["restart_due"] = _due(sequence, policies, assumed, forced)
        result["changed"] = bool(restart or result["reloaded"])
        result["diff"] = {
            "before": "",
            "after": "".join(f"restart {unit.name}: {'; '.join(unit.stale)}\n" for unit in restart),
        }
        if not module.check_mode:
            result["restarted"] = sequence.restarted
            failures = []
            for unit in restart:
                try:
                    sequence.restart(unit)
                except RestartFailed as failure:
                    if unit.name not in forced:
                        raise
                    failures.append(failure)  # on the way back the others must not keep what the host no longer has
            sequence.watch()
            if failures:
                raise failures[0]
    except RestartFailed as failure:
        module.fail_json(msg=str(failure), failed_unit=failure.unit, **result)
    except _systemd.SystemdError as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
