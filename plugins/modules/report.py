#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print live sockets, a rollout or an audit as a text for people
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Prints what other modules of this collection returned on any number of hosts, in one of three forms, see O(of).
  - Runs on the controller and writes to the terminal itself, so that no callback quotes or wraps it.
options:
  of:
    description:
      - What is printed.
      - V(sockets), one table of the answers of M(netops.keepalive.socket_options_info), with a line for each host and
        unit that says how many of its sockets are right, how many are wrong, and why. What was seen for each reason
        stands below it. Takes O(answers), O(wrong_only) and O(fail).
      - V(rollout), the same table for the hosts that are done, and below it each host that was refused, has failed or
        could not be reached, with what was seen and undone there, and which hosts were not begun. Takes O(outcomes),
        O(answers), O(unreachable), O(skip_unreachable), O(remarks), O(quiet) and O(fail).
      - V(audit), the answers of M(netops.keepalive.sockets_audit_info), first what they come to, then each finding
        once with the hosts that have it and what to do, then the entries of C(keepalive_services) to paste. Takes
        O(answers) and O(output).
      - V(document), the last screen of a run, from its document. That is a file (O(path)), or with O(phase) made from
        what the tasks of a play that only reads have left in the variables of its hosts, and written to where
        C(keepalive_report) says. Takes O(path), O(phase), O(whole_host), O(fail_on), O(formats) and O(since).
      - An option that belongs to another form is refused.
    type: str
    choices: [sockets, rollout, audit, document]
    required: true
  answers:
    description:
      - By host, what the module returned there. Needed with O(of=sockets) and O(of=audit).
      - A host without an answer (V(null)) is shown as not verified with O(of=sockets), as not read with O(of=audit).
      - With O(of=rollout) those of the hosts that are done are shown.
    type: dict
  wrong_only:
    description: With O(of=sockets), leave out the units whose sockets are right.
    type: bool
    default: false
  outcomes:
    description:
      - Needed with O(of=rollout), unless O(phase) is given.
      - By host, V(state) (V(refused), V(failed) or V(done)) and V(seen), in lines. Empty for a host that was not begun.
      - A host that is done may have lists of words C(would_change) and C(would_restart) (check mode), or C(removed),
        C(restarted) and C(stays) (removal), of which a summary is shown.
    type: dict
  phase:
    description:
      - For the playbooks of this collection, in place of O(outcomes), O(answers) and what goes with them. How far the
        play came, and what it has read, is taken from what its tasks have left in the variables of its hosts.
      - With O(of=sockets), V(looked) prints nothing where no host has a service listed.
      - With O(of=rollout) each step is also written to the document of the run, where C(keepalive_report) is set.
      - After V(inputs), V(stop) and V(compiled) the task fails where a host is not ready. V(batch) prints something
        only where a host has failed.
    type: str
    choices: [inputs, looked, stop, compiled, batch, end]
  unreachable:
    description: With O(of=rollout), the hosts that could not be reached, or not any more.
    type: list
    elements: str
    default: []
  skip_unreachable:
    description: With O(of=rollout), whether the run goes on without hosts that could not be reached.
    type: bool
    default: false
  remarks:
    description:
      - With O(of=rollout), whether the lines C(remarks) of the outcomes are shown, each once with its hosts. Before
        anything is written an operator should know them, afterwards not any more.
    type: bool
    default: false
  quiet:
    description: With O(of=rollout), whether nothing is printed, because it was before, and the task only fails.
    type: bool
    default: false
  fail:
    description:
      - With O(of=sockets), whether the task fails where sockets are wrong.
      - With O(of=rollout), whether the task fails where a host was refused or failed, or could not be reached and
        O(skip_unreachable) is not set.
    type: bool
    default: false
  output:
    description:
      - With O(of=audit), a file on the controller that gets the answers as JSON, under C(hosts) by host.
      - Not written in check mode.
    type: path
  path:
    description: With O(of=document), a document, or a folder of such, of which the latest is shown.
    type: str
  fail_on:
    description:
      - With O(of=document), the task fails where one of these is found. Kinds of connections of an audit, V(listeners)
        that hand on what is not right, V(drift) (units whose sockets are not as their settings say), V(no_data) (hosts
        or units of which nothing is known).
      - It fails as well where no host was read.
    type: list
    elements: str
    choices: [without, slow, tight, unknown, overdue, listeners, drift, no_data]
    default: []
  formats:
    description:
      - With O(of=document), what is written beside the document, under the same name with another ending (C(.csv),
        C(.html), C(.xml), C(.md)). By default what C(keepalive_report_formats) says, with O(phase).
    type: list
    elements: str
    choices: [csv, html, junit, markdown]
    default: []
  since:
    description:
      - With O(of=document), an earlier document; what has changed since is told as well, on the screen and in those of
        the O(formats) that are for people. A folder stands for the latest document in it that is of an earlier run and
        complete; where there is none yet, nothing is compared.
    type: str
    default: ""
  whole_host:
    description: With O(of=document), whether all connections of the hosts were asked for.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller, no host is asked.
    support: full
  check_mode:
    description: Can run in C(check_mode) and tell truthfully whether O(output) would change, without changing it.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
notes:
  - Where C(keepalive_report_table) is true, the whole table stands before the last screen of a playbook, and with
    O(of=audit) a line for each host comes first.
seealso:
  - module: netops.keepalive.socket_options_info
  - module: netops.keepalive.sockets_audit_info
"""

EXAMPLES = r"""
- name: Show what this host's sockets are like
  netops.keepalive.report:
    of: sockets
    answers: "{{ {inventory_hostname: live_sockets} }}"

- name: Say how far a rollout came
  netops.keepalive.report:
    of: rollout
    outcomes:
      web1: {state: done}
      web2: {state: failed, seen: "nginx.service: did not stay up"}
      web3: {}

- name: Show what an idle timeout would cut on this host
  netops.keepalive.report:
    of: audit
    answers: "{{ {inventory_hostname: audit} }}"
    output: audit.json

- name: Show the latest report of a folder
  netops.keepalive.report:
    of: document
    path: reports/
"""

RETURN = r"""
lines:
  description: The lines of the table, or with O(of=audit) of the whole report.
  returned: always
  type: list
  elements: str
explanations:
  description: What was seen for each unit and reason, with the hosts.
  returned: with O(of=sockets)
  type: list
  elements: str
trouble:
  description: The lines below the table; none where nothing went wrong.
  returned: with O(of=rollout)
  type: list
  elements: str
stop:
  description: Whether a host could not be reached and is not to be left out.
  returned: with O(phase)
  type: bool
gone:
  description: The hosts that went away in the middle.
  returned: with O(phase)
  type: list
  elements: str
  sample: []
hosts:
  description: The hosts by state.
  returned: with O(of=rollout)
  type: dict
  sample: {refused: [], failed: [web2], unreachable: [], done: [web1], not begun: [web3]}
"""

from ..module_utils.linux.module import Module
from ..module_utils.rollout.report_forms import ARGUMENTS, FORMS


def main() -> None:
    module = Module(
        argument_spec=ARGUMENTS,
        required_if=[
            ("of", name, [one for one in (form.needs, "phase") if one in form.takes], True)
            for name, form in FORMS.items()
        ],
        supports_check_mode=True,
    )
    module.fail_json(msg="report prints on the controller; its action plugin was not found")


if __name__ == "__main__":
    main()
