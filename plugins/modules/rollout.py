#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Plumbing of the roles, the rollout on one host as one transaction
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Writes what every process of a host is told and its drop-ins, makes systemd read them, restarts what is stale, sets
    the open sockets, and reads the live sockets, or takes everything back. A removal goes the same way.
  - Where there is something to do, it does it as the transient unit C(keepalive-rollout.service) and waits for its
    answer. The unit comes to its end whatever becomes of this module, its connection and the controller. The host is
    verified then, or as it was. Its journal has a line for each step.
  - A host has one at a time. A second run fails with whose it is and since when.
  - Its options are those that the role needs, and may change with it; call the role.
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  services:
    description: What P(netops.keepalive.resolve_services#filter) returned as C(services), in the order of the restarts.
    type: list
    elements: dict
    default: []
  absent:
    description: What it returned as C(absent), the units whose settings are taken away.
    type: list
    elements: dict
    default: []
  found:
    description: What M(netops.keepalive.service_units_info) returned of these units.
    type: dict
    default: {}
  libraries_changed:
    description:
      - Whether the libraries were installed since O(found) was seen, or would be in check mode. Where not, and O(found)
        shows in check mode that there is nothing to do, the host is not asked again.
    type: bool
    default: true
  state:
    description:
      - V(absent) takes everything of this collection away, O(services) and O(absent) only say who may be restarted for
        it. O(found) is what M(netops.keepalive.rollout_look) returned.
    type: str
    choices: [present, absent]
    default: present
  earlier:
    description:
      - What M(netops.keepalive.rollout_look) has returned in this run. All other options but O(state) and O(parts) are
        what the roles would give for the variables of the host.
    type: dict
  parts:
    description:
      - What of it O(state=absent) takes away. V(host_wide), what every process is told. V(services), drop-ins and what
        was set on open sockets. V(libraries), unless a process still maps them.
    type: list
    elements: str
    choices: [host_wide, services, libraries]
    default: [host_wide, services, libraries]
  look_again:
    description: Whether the units are looked at once more before anything is changed, because O(found) may be old.
    type: bool
    default: false
  host_wide:
    description:
      - What every process of the host is told, in place of drop-ins for O(services). As
        M(netops.keepalive.rollout_look) returned it.
    type: dict
  replace_host_wide:
    description: Whether the drop-ins take the place of the host-wide mode, which is taken away.
    type: bool
    default: false
  purge:
    description: Whether settings are also taken away from units that are not listed.
    type: bool
    default: false
  deploy:
    description: Whether drop-ins are written. Otherwise only what an earlier run has written is restarted.
    type: bool
    default: true
  window:
    description:
      - Whether what is not restarted now is restarted in a later run, which may have to go back to what it had before.
    type: bool
    default: false
  service_template:
    description:
      - The jinja2 template for C(.service) units, searched as M(ansible.builtin.template) does.
      - It sees V(service), V(unit), V(environment) (the variables in order), V(attach) (what C(ExecStartPre=) is to say
        for a program of the kernel; empty for a library) and V(marker).
    type: str
    default: service.conf.j2
  socket_template:
    description: The jinja2 template for C(.socket) units.
    type: str
    default: socket.conf.j2
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
  one_at_a_time:
    description:
      - Whether each unit must have stayed up for O(settle) seconds, and with O(verify) have right sockets, before the
        next one is touched. Otherwise all are restarted one after the other and then watched together.
    type: bool
    default: false
  verify:
    description: Whether the live sockets are read.
    type: bool
    default: true
  verify_wait:
    description: How long they may take to be right, in seconds.
    type: float
    default: 10.0
  verify_fail:
    description: Whether everything is taken back where they are not.
    type: bool
    default: true
  assignment:
    description: What is to be done, with the drop-ins' texts. Made by the task's action of all the others.
    type: dict
  trial:
    description: A new C(/etc/ld.so.preload) that waits to be confirmed. Set by the task's action.
    type: dict
  host:
    description: How the host is called in messages. Set by the task's action.
    type: str
    default: this host
  run:
    description: Who changes the host. Set by the task's action.
    type: dict
seealso:
  - module: netops.keepalive.service_units_info
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Roll out to this host
  netops.keepalive.rollout:
    services: "{{ keepalive_services_resolved }}"
    found: "{{ keepalive_services_found }}"
  register: keepalive_services_rollout
"""

RETURN = r"""
state:
  description:
    - How the host is now. V(verified), or V(as_before) (everything was taken back). V(not_as_before), where not all of
      it could be. V(incomplete), where a removal has left something. V(refused), where nothing was begun, V(locked),
      where another run has the host. V(unknown), where the transaction was ended from outside, or is not at its end
      yet. V(foreseen) in check mode.
  returned: always
  type: str
  sample: verified
step:
  description: The step that failed; empty where none did.
  returned: always
  type: str
  sample: ""
seen:
  description: What was seen there.
  returned: always
  type: str
  sample: ""
failed_unit:
  description: The unit that did not come back, if it was one.
  returned: always
  type: str
  sample: ""
host_wide:
  description: What became of what every process is told.
  returned: always
  type: dict
  contains:
    settings:
      description: Whether C(/etc/libkeepalive.conf) was changed.
      type: bool
    line:
      description: Whether our lines of C(/etc/ld.so.preload) were.
      type: bool
    left:
      description: Whether an earlier run had changed them and had not come to its end.
      type: bool
    notes:
      description: What an operator should know of the trial of the libraries.
      type: list
      elements: str
    restart_due:
      description: The processes that take part after their next start, as of M(netops.keepalive.service_units_info).
      type: list
      elements: dict
written:
  description: The units whose drop-in was written, replaced or removed.
  returned: always
  type: list
  elements: str
  sample: [nginx.service]
unfinished:
  description: The units of an earlier run that did not come to its end, and whether they ran before it.
  returned: always
  type: dict
  sample: {}
in_force:
  description: Those of them that ran already with what that run had written.
  returned: always
  type: list
  elements: str
  sample: []
restarted:
  description: The units that were restarted, with the process before and after.
  returned: always
  type: dict
  sample: {nginx.service: {before: 812, after: 1377}}
reloaded:
  description: Whether systemd had to read its files again.
  returned: always
  type: bool
restart_due:
  description: The units that run without their settings, and why.
  returned: always
  type: dict
  sample: {}
would_restart:
  description: The units that would get a new process, and those that systemd restarts with them.
  returned: in check mode
  type: list
  elements: str
  sample: []
left:
  description: The processes of units whose settings were taken away that still have something of this collection.
  returned: always
  type: list
  elements: dict
  sample: []
programs:
  description: >-
    The units whose program of the kernel was attached, replaced or detached, C(done), with the processes that keep a
    library which they were started with, C(library).
  returned: always
  type: dict
  sample: {nginx.service: {done: attached, library: []}}
counts:
  description: How many open sockets of which unit had which outcome, as of M(netops.keepalive.socket_options).
  returned: always
  type: dict
  sample: {}
sockets:
  description: The answer about the live sockets, as of M(netops.keepalive.socket_options_info); empty without one.
  returned: always
  type: dict
  sample: {}
libraries:
  description: What became of the libraries in a removal.
  returned: always
  type: dict
  contains:
    removed:
      description: The files that were removed.
      type: list
      elements: str
    used_by:
      description: The processes for which they stay, because the host had told every process to load them.
      type: list
      elements: dict
look:
  description: The name of the look before it; empty without O(earlier).
  returned: always
  type: str
  sample: 5f3a09c1
report:
  description: What M(netops.keepalive.report) needs of it beside its state.
  returned: always
  type: dict
  sample: {}
back:
  description: What was taken back, and what could not be.
  returned: always
  type: dict
  contains:
    taken:
      description: Whether the way back was taken.
      type: bool
    written:
      description: The units whose drop-in was put back.
      type: list
      elements: str
    restarted:
      description: The units that were restarted with it.
      type: list
      elements: str
    still_new:
      description: Those that had been restarted with the new one and were not.
      type: list
      elements: str
    counts:
      description: How many open sockets of which unit had which outcome.
      type: dict
    host_wide:
      description: Which of the files that every process is told by were put back.
      type: list
      elements: str
    programs:
      description: The units whose program was put back or detached, as of RV(programs).
      type: dict
    programs_failed:
      description: Why programs could not be put back; empty where they were.
      type: str
    host_wide_failed:
      description: Why they could not be put back; empty where they were.
      type: str
    written_failed:
      description: Why the drop-ins could not be put back; empty where they were.
      type: str
    restarted_failed:
      description: What did not come back with them.
      type: str
    sockets_failed:
      description: Why the open sockets could not be put back.
      type: str
    noted_failed:
      description: Why it could not be noted that all is as before.
      type: str
remarks:
  description: What an operator should know, which restarts are left to him, and how many open sockets were set.
  returned: always
  type: list
  elements: str
  sample: []
lock_holder:
  description: Whose run has the host.
  returned: with state V(locked)
  type: dict
  sample: {owner: "root on deploy1, process 4711"}
"""

import os
import typing as t

from ..module_utils.ld_so_preload.change import abort_trial, confirm
from ..module_utils.ld_so_preload.request import TrialFailed
from ..module_utils.linux import boot_clock, systemd, unit_names
from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.linux.once import asked_once
from ..module_utils.linux.preload_file import LD_SO_PRELOAD
from ..module_utils.linux.procfs import HOST
from ..module_utils.look.found import Scope, look_at_units
from ..module_utils.rollout.assigned import ARGUMENTS
from ..module_utils.rollout.detached import Detached, NoOutcome, NotStarted, patience
from ..module_utils.rollout.foresee import foreseen, is_quiet
from ..module_utils.rollout.lock import Lock
from ..module_utils.rollout.outcome import LOCKED, VERIFIED, Outcome
from ..module_utils.rollout.real_host import RealHost
from ..module_utils.rollout.transaction import BEGIN, Assignment, assignment_of, begun, transact
from ..module_utils.rollout.transaction_host import StepFailed
from ..module_utils.rollout.transaction_words import failure_lines, for_the_report, remarks_of

_DONE_NOTHING = ("written", "restarted", "reloaded", "programs")


def main() -> None:
    """Look whether there is something to do, have it done, report."""
    module = Module(
        argument_spec={
            **ARGUMENTS,
            "assignment": {"type": "dict"},
            "trial": {"type": "dict"},
            "host": {"type": "str", "default": "this host"},
            "run": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    if module.params["assignment"] is None:
        module.fail_json(msg="assignment: missing: the task's action makes it; call the role keepalive_services")
    run = {**(module.params["run"] or {}), "connection": sorted(HOST.ancestors(os.getpid()))}
    assignment = assignment_of({**module.params["assignment"], "run": run})
    _check(module, assignment)
    diffs: t.List[t.Dict[str, t.Any]] = []
    try:
        outcome = _end_trial(module, assignment) if module.params["trial"] else _go(module, assignment, diffs)
    except StepFailed as failure:
        outcome = _refused(str(failure))
    except NotLocked as held:
        outcome = _refused(str(held), LOCKED)
        outcome["lock_holder"] = dict(held.holder)
    except (NotStarted, systemd.SystemdError) as error:
        outcome = _refused(str(error))
    except NoOutcome as error:
        outcome = _refused(str(error), "unknown")
    if "armed" in outcome:
        module.exit_json(changed=True, diff=diffs, **outcome)
    removal = bool(assignment["removal"])
    changed = outcome.pop("changed", False) or _has_changed(outcome)
    told = {"remarks": remarks_of(outcome, removal), "report": for_the_report(outcome, removal)}
    result = {"changed": changed, "diff": diffs, **told, **outcome}
    if outcome["state"] in (VERIFIED, "foreseen"):
        module.exit_json(**result)
    if outcome["state"] == "unknown":
        module.fail_json(msg=outcome["seen"], **result)
    module.fail_json(msg=failure_lines(outcome, module.params["host"], removal), **result)


def _has_changed(outcome: Outcome) -> bool:
    of_all = outcome["host_wide"]["settings"] or outcome["host_wide"]["line"]
    set_open = any(numbers.get("changed") for numbers in outcome["counts"].values())
    libraries = outcome["libraries"]["removed"]
    return bool(of_all or set_open or libraries or any(outcome[name] for name in _DONE_NOTHING))


def _look_again(assignment: Assignment) -> None:
    """See that what was looked at before the first host was changed still holds here: that may be hours ago.

    :raises StepFailed: something stands in the way now.
    """
    asked = assignment.get("look_again")
    if asked:
        seen = look_at_units(Scope(**asked["scope"]), asked_once(systemd.ask_systemd))
        problems = list(seen.problems)
        problems += [
            f"{name}: its own LD_PRELOAD was changed since the run looked at it; run again"
            for name, unit in seen.units.items()
            if unit["ld_preload"] != asked["ld_preload"].get(name, unit["ld_preload"])
        ]
        if problems:
            raise StepFailed("; ".join(problems))


def _go(module: Module, assignment: Assignment, diffs: t.List[t.Dict[str, t.Any]]) -> Outcome:
    _look_again(assignment)
    policies = {one["name"]: one.get("restart", "if_running") for one in assignment["services"]}
    nobody = Lock(None)
    looking = RealHost(nobody, policies, check=True, warn=module.warn, tell=lambda _step: None)
    outcome = foreseen(assignment, looking)
    diffs += looking.diffs
    if module.check_mode:
        return {**outcome, "state": "foreseen"}
    detached = Detached()
    if is_quiet(outcome):
        detached.refuse_second()
        _tell_of(detached.take_earlier(), module)
        host = RealHost(nobody, policies, warn=module.warn, tell=lambda _step: None)
        return transact(assignment, host, lambda _step: None)
    name = detached.start(assignment)
    _tell_of(detached.earlier, module)
    return _answer(module, detached, name, assignment)


def _answer(module: Module, detached: Detached, name: str, assignment: Assignment, confirmed: str = "") -> Outcome:
    """Wait for the answer of a transaction, or until it waits for somebody to come in over a new connection."""
    answer = detached.wait(name, patience(assignment), confirmed)
    if "armed" in answer:
        return {"armed": {"transaction": name, "token": answer["armed"]}}
    for warning in answer["warnings"]:
        module.warn(warning)
    outcome: Outcome = answer["outcome"]
    return outcome


def _end_trial(module: Module, assignment: Assignment) -> Outcome:
    """Have what is on trial stay, as we are here over a new connection, if programs start, too; then wait for the rest.

    Who comes late, after one that had not got in, has it taken back.
    """
    trial = module.params["trial"]
    seen = ""
    try:
        (confirm if trial["confirm"] else abort_trial)(LD_SO_PRELOAD, trial["token"])
    except TrialFailed as failure:
        seen = f"{failure.told.get('seen', failure)}; "
    outcome = _answer(module, Detached(), trial["transaction"], assignment, trial["token"])
    return {**outcome, "seen": f"{seen}{outcome['seen']}" if outcome["seen"] else ""}


def _tell_of(earlier: t.Optional[t.Mapping[str, t.Any]], module: Module) -> None:
    """Say how a transaction ended that nobody waited for any more."""
    if earlier is None:
        return
    ways = {
        "verified": "all of it was done and verified",
        "as_before": "everything was taken back",
        "not_as_before": "not everything could be taken back",
    }
    outcome = earlier.get("outcome") or {}
    ended = ways.get(outcome.get("state", ""), "nothing was begun")
    seen = f" ({outcome['seen']})" if outcome.get("seen") else ""
    since = boot_clock.on_the_wall(earlier.get("since", 0.0))
    module.warn(
        f"an earlier rollout on this host ({earlier.get('owner')}, begun {since}) came to its end when nobody waited "
        f"for it any more: {ended}{seen}"
    )


def _refused(seen: str, state: str = "refused") -> Outcome:
    return {**begun(), "state": state, "step": BEGIN, "seen": seen}


def _check(module: Module, assignment: Assignment) -> None:
    problems: t.List[str] = []
    for option, key in (("dropins", "unit"), ("services", "name"), ("units", "")):
        problems += unit_names.problems_with(unit_names.in_list(option, assignment[option], key))
    if problems:
        module.fail_json(msg=f"nothing was done: {'; '.join(problems)}")


if __name__ == "__main__":
    main()
