#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings
short_description: Write the file that gives every process of a host its keepalive settings
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Writes, checks and removes C(/etc/libkeepalive.conf), which the preload libraries of this collection read when a
    program starts. By itself it does nothing; what loads the libraries is C(/etc/ld.so.preload) or a unit's drop-in.
  - The task's action renders the template on the controller from O(sections).
  - Before the file takes its place, the installed library itself reads it, in a mount namespace of its own. A line that
    the library would skip stops the task, and nothing is written.
  - The file is replaced by a rename, belongs to root and nobody else may write it. A file that does not begin with the
    marker C(# Managed by netops.keepalive) is never replaced or removed.
  - What the file says, and since when, is noted in C(/run/netops.keepalive) for as long as the host is up, by the clock
    of its boot. So M(netops.keepalive.service_units_info) knows which processes were started with other settings.
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  run:
    description: Who changes the host, so that nobody else does meanwhile. Set by the task's action.
    type: dict
  state:
    description: Whether the file is there.
    type: str
    choices: [present, absent]
    default: present
  sections:
    description:
      - The C(sections) that P(netops.keepalive.resolve_host_settings#filter) returned.
      - With O(state=present), this, O(content) or O(restore) is needed.
    type: list
    elements: dict
  template:
    description:
      - The jinja2 template of the file, searched as M(ansible.builtin.template) does.
      - It sees V(sections) and V(marker).
    type: str
    default: libkeepalive.conf.j2
  content:
    description: The whole text, as the action renders it.
    type: str
  restore:
    description: What RV(previous) was, to put it back byte for byte. It is not checked again.
    type: dict
  libraries:
    description:
      - Preload libraries on the host, of which the first that is there checks the file.
      - In check mode, where none is there yet, the file is not checked.
    type: list
    elements: path
    default:
      - /usr/lib/libkeepalive/libkeepalive.so
      - /usr/lib/libkeepalive/libkeepalive_listen.so
      - /usr/lib/libkeepalive/libkeepalive_socket.so
  validate:
    description:
      - Whether the library checks the file. It needs the right to make a mount namespace, which root has unless the
        host is itself a container without C(CAP_SYS_ADMIN).
    type: bool
    default: true
  path:
    description: The file; the libraries read no other.
    type: path
    default: /etc/libkeepalive.conf
seealso:
  - module: netops.keepalive.service_units_info
"""

EXAMPLES = r"""
- name: Give every process keepalive, and sshd nothing
  netops.keepalive.host_settings:
    sections: >-
      {{ ([] | netops.keepalive.resolve_host_settings(
            defaults={'tcp': {'keepidle': 60}}, opt_outs=[{'path': '*/sshd'}])).sections }}

- name: Take the file away
  netops.keepalive.host_settings:
    state: absent
"""

RETURN = r"""
previous:
  description: What was there before, for O(restore); V(base64) is null where there was no file.
  returned: always
  type: dict
  sample: {base64: null, mtime_ns: null}
changed_headings:
  description: The sections that were added, removed or have other lines; the empty one is for every process.
  returned: always
  type: list
  elements: str
  sample: ["", "[unit nginx.service]"]
checked_by:
  description: The library that has read the file; null where none was there (in check mode) or O(validate=false).
  returned: always
  type: str
  sample: /usr/lib/libkeepalive/libkeepalive.so
complaints:
  description: What the library says of the file.
  returned: when it is refused
  type: list
  elements: str
  sample: ["line 9: TCP_KEEPIDLE=0x20: expected an integer from 1 to 32767, or 0 for the system's default"]
"""

import typing as t

from ..module_utils.host_wide import settings_file
from ..module_utils.host_wide.change import SettingsRefused, SettingsRequest, change_settings, restoring
from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARIES, LIBRARY_DIR


def main() -> None:
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "sections": {"type": "list", "elements": "dict"},
            "template": {"type": "str", "default": "libkeepalive.conf.j2"},
            "content": {"type": "str"},
            "restore": {"type": "dict"},
            "libraries": {
                "type": "list",
                "elements": "path",
                "default": [f"{LIBRARY_DIR}/{name}" for name in LIBRARIES.values()],
            },
            "validate": {"type": "bool", "default": True},
            "path": {"type": "path", "default": settings_file.PATH},
            "run": {"type": "dict"},
        },
        mutually_exclusive=[("sections", "content", "restore")],
        supports_check_mode=True,
    )
    if module.params["sections"] is not None:
        module.fail_json(msg="sections is for the action plugin of this name, which renders the template; give content")
    lock = rollout_lock.Lock(module.params["run"])
    try:
        result = change_settings(_request(module.params), check=module.check_mode, take=lock.take, label=module.label)
        module.exit_json(**result)
    except NotLocked as held:
        module.fail_json(msg=f"nothing was changed: {module.params['path']}: {held}", lock_holder=held.holder)
    except SettingsRefused as refused:
        module.fail_json(msg=str(refused), **refused.told)
    finally:
        lock.leave()


def _request(params: t.Mapping[str, t.Any]) -> SettingsRequest:
    if params["state"] == "present" and params["restore"] is not None:
        return restoring(params["restore"], params["path"])
    return SettingsRequest(
        None if params["state"] == "absent" else params["content"] or "",
        validate=params["validate"],
        libraries=params["libraries"],
        path=params["path"],
    )


if __name__ == "__main__":
    main()
