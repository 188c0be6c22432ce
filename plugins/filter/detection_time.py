# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: detection_time
short_description: Tell when a dead peer is noticed with given values
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Tells of an entry, a profile, or values alone when a dead idle peer, data that nobody acknowledges, and a peer that
    stops reading are noticed, and which idle timeout the connection survives. It is what the timelines of the report in
    a browser show.
  - What is not said has the value that an entry would get; V(0) stands for the defaults of Linux (7200 s, 75 s, 9).
    Timers run up to 2.5 % late. C(jitter) is left out, so a host may be earlier.
positional: _input
options:
  _input:
    description:
      - An entry of C(keepalive_services), one of what P(netops.keepalive.resolve_services#filter) returned, a
        dictionary of the options alone (C(keepidle), C(keepintvl), C(keepcnt), C(user_timeout), ...), or the name of a
        profile.
    type: raw
    required: true
  defaults:
    description: What an entry does not say, C(keepalive_services_defaults).
    type: dict
    default: {}
  profiles:
    description: The operator's profiles, C(keepalive_services_profiles), before those that are built in.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show how long billing.service waits for a database that is gone
  ansible.builtin.debug:
    msg: "{{ ({'profile': 'aws_nlb', 'tcp': {'keepcnt': 3}} | netops.keepalive.detection_time).idle }} s"  # 210.0 s

- name: Insist on a minute at most, before a rollout
  ansible.builtin.assert:
    that: (item | netops.keepalive.detection_time(keepalive_services_defaults)).idle <= 60
  loop: "{{ keepalive_services }}"
"""

RETURN = r"""
_value:
  description:
    - C(idle) is the number of seconds until a dead peer is noticed on a connection over which nothing is sent.
    - C(unacknowledged) is the number of seconds until sent data that nobody acknowledges ends the connection; null
      where no user timeout does, but the kernel after its retransmissions (C(net.ipv4.tcp_retries2), about 15 minutes).
    - C(stopped) is the number of seconds until a living peer that stops reading is cut off; null where it never is.
    - C(probes) is the number of probes that go unanswered until an idle peer is noticed; C(keepidle) and C(keepintvl)
      say when they go out.
    - C(survives) is the number of seconds that an idle timeout on the way must exceed so that one probe may get lost;
      null where the first lost probe ends the connection.
  type: dict
  sample:
    keepidle: 120
    keepintvl: 30
    probes: 4
    idle: 240.0
    unacknowledged: 240.0
    stopped: 240.0
    survives: 180
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils.report.noticed import noticed_after
from ..module_utils.settings.options import OPTIONS
from ..module_utils.settings.service import ResolvedService
from ..module_utils.settings.services import resolution
from ..plugin_utils._spelling import spelling

_PLACE = "detection_time"
_NAME = "values.service"
"""For what has none: it is resolved as a run would resolve it."""


def detection_time(said: t.Any, defaults: t.Any = None, profiles: t.Any = None) -> dict[str, t.Any]:
    """Return when things are noticed; see DOCUMENTATION."""
    if isinstance(said, t.Mapping) and "expected" in said and "tcp" in said:
        return noticed_after(ResolvedService.from_dict(said).tcp)._asdict()
    found = resolution([], defaults, profiles, {_PLACE: [_as_entry(said)]}, spelling)
    if found.problems:
        raise AnsibleFilterError("\n".join(found.problems))
    if not found.services:
        raise AnsibleFilterError(f"{_PLACE}: {said!r} has 'state: absent', so there is nothing that would notice")
    return noticed_after(found.services[0].tcp)._asdict()


def _as_entry(said: t.Any) -> dict[str, t.Any]:
    if isinstance(said, str):
        return {"name": _NAME, "profile": said}
    if not isinstance(said, t.Mapping):
        raise AnsibleFilterError(
            f"{_PLACE}: {said!r} is not an entry such as {{tcp: {{keepidle: 60}}}}, nor the name of a profile; of a "
            "list take map('netops.keepalive.detection_time')"
        )
    if said and all(key in OPTIONS for key in said):
        return {"name": _NAME, "libraries": ["socket"], "short_user_timeout": True, "tcp": said}
    return {"name": _NAME, **said}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        return {"detection_time": detection_time}
