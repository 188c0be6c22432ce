#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ld_so_preload
short_description: Name the keepalive libraries in /etc/ld.so.preload, in a way that cannot lock you out
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Adds the libraries to C(/etc/ld.so.preload), from where the loader puts them into B(every) dynamic program of the
    host that starts from then on, or takes them out again. Everything else in the file stays as it is, byte for byte.
  - A wrong library in that file ends every program that is started, logins and Ansible's own Python too. So nothing is
    written before the libraries have been tried, and what is written is taken back by itself unless a second connection
    of Ansible shows that the host is well.
  - The preflight reads the files (kind, release of glibc, dependencies, whether they were cut off, who may write them)
    and runs the host's own programs with them, first with E(LD_PRELOAD), then with the very file in a mount namespace
    that only the tried program sees. Any difference in exit status or standard error refuses the change.
  - Then C(keepalive-watchdog), a program that needs no loader, mounts the new file over the old one and waits. The task
    cuts its connection and makes a new one. If that works, programs start and print nothing, the watchdog gives the new
    file the name for good. If not, or if nobody comes back within O(watchdog) seconds, it unmounts it, and the task
    fails with what was seen. As long as the file is only mounted, a power cut brings the old one back.
  - Where mounting is not possible (some containers) the file is renamed into its place at once and the watchdog keeps
    the old one. A power cut within these seconds then leaves the new file in force.
  - Removing entries needs none of this, because it takes something away from programs that start.
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  run:
    description: Who changes the host, so that nobody else does meanwhile. Set by the task's action.
    type: dict
  state:
    description:
      - With V(absent) every entry below O(library_dir) is taken out. A file that is empty then is removed.
      - The libraries themselves stay. Take them away later, when RV(mapped_by) is empty.
    type: str
    choices: [present, absent]
    default: present
  libraries:
    description:
      - The entries as they are to stand in the file; all must be below O(library_dir). C($LIB) stands for another
        folder for each kind of program (64 and 32 bit).
      - By default the libraries of O(use), with C($LIB) where this host runs 32 bit programs too.
    type: list
    elements: str
  use:
    description: Which of the three libraries, in place of O(libraries).
    type: list
    elements: str
    choices: [connect, listen, socket]
    default: [connect, listen, socket]
  library_dir:
    description: The folder of the libraries. Entries below it are ours, all others are not touched.
    type: path
    default: /usr/lib/libkeepalive
  path:
    description: The file.
    type: path
    default: /etc/ld.so.preload
  backup:
    description: Keep a copy of the file that is changed, beside it.
    type: bool
    default: false
  preflight:
    description:
      - Whether the libraries are tried before anything is written. Without it a wrong library takes the host down for
        O(watchdog) seconds. One that others than root could change is refused in any case.
    type: bool
    default: true
  programs:
    description:
      - The commands that are tried, each a string or a list of words. Each must end by itself and change nothing.
      - They are run as root, in check mode too. So the program, every folder above it, and the interpreter of a script
        must belong to root and be writable by nobody else; the module refuses any other. What it loads or reads is
        yours to judge.
      - By default, as far as they are there, C(true), C(sh), C(bash), C(python3), C(sudo), C(sshd -t), C(ssh),
        C(systemctl), systemd itself, the package manager, a program for each loader, and setuid programs as nobody.
    type: list
    elements: raw
  extra_programs:
    description: Commands that are tried besides.
    type: list
    elements: raw
    default: []
  units:
    description:
      - Units whose own program is tried too, where an argument is known with which it does nothing (C(nginx -v),
        C(postgres --version), …). RV(notes) names the others.
      - Such a program is never run as root, but as the unit's user with no rights of its own, or as nobody where the
        unit's user is root or made up by systemd. A program that another user than root could change is not run.
      - In check mode none of them is run.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that each program has in the preflight.
    type: int
    default: 20
  watchdog:
    description:
      - Seconds until the old file comes back by itself. They must suffice for a new connection and a module's start.
      - V(0) writes the file without any way back.
    type: int
    default: 60
  phase:
    description: Set by the task's action, which runs the module twice over two connections.
    type: str
    choices: [write, confirm, abort, look]
    default: write
  token:
    description: Set by the task's action.
    type: str
attributes:
  check_mode:
    details: The preflight runs without the programs of O(units); nothing is written, no watchdog is started.
notes:
  - musl's loader does not read this file; on such hosts the module refuses.
seealso:
  - module: netops.keepalive.preload_libraries
"""

EXAMPLES = r"""
- name: Put the libraries into every program that starts from now on
  netops.keepalive.ld_so_preload:
    units: [nginx.service, postgresql@15-main.service]
    extra_programs: [/opt/billing/bin/billing --version]

- name: Take them out again
  netops.keepalive.ld_so_preload:
    state: absent
  register: keepalive_out

- name: Remove the files, once nobody uses them
  netops.keepalive.preload_libraries:
    state: absent
  when: keepalive_out.mapped_by | length == 0
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
  sample: /etc/ld.so.preload
entries:
  description: The entries of ours that stand in the file now, or would in check mode.
  returned: success
  type: list
  elements: str
  sample: [/usr/lib/libkeepalive/libkeepalive.so]
removed:
  description: The entries of ours that were taken out.
  returned: success
  type: list
  elements: str
backup_file:
  description: The copy of the file as it was.
  returned: with O(backup=true), where there was a file that changed
  type: str
  sample: /etc/ld.so.preload.4711.2026-11-25@09:00:00~
tried:
  description: The command lines that were run with the libraries.
  returned: where the preflight ran
  type: list
  elements: str
  sample: [/usr/bin/true, /usr/sbin/sshd -t]
notes:
  description: What an operator should know, for instance of fapolicyd, AppArmor and SELinux on this host.
  returned: always
  type: list
  elements: str
problems:
  description: Why the libraries were refused.
  returned: on refusal
  type: list
  elements: dict
  contains:
    program:
      description: The command that showed it; empty where the file itself did.
      type: str
    library:
      description: The file; empty where it is not one library's fault.
      type: str
    reason:
      description: What was seen.
      type: str
trial:
  description:
    - How the new file was in force until the second connection confirmed it, V(mount) or V(rename).
    - V(none) where no watchdog was needed or wanted.
  returned: success
  type: str
  sample: mount
watchdog:
  description: Whether the watchdog is linked V(static) or V(dynamic) (and was then loaded before); empty without one.
  returned: success
  type: str
  sample: static
healed:
  description: Whether the file is as it was before the task.
  returned: on failure after the new file was put in force
  type: bool
seen:
  description: What the second connection saw.
  returned: on failure after the new file was put in force
  type: str
mapped_by:
  description:
    - The processes that have a library from O(library_dir) mapped, and keep it until they end, but for those of
      Ansible's own connection.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    pid:
      description: Process ID.
      type: int
    unit:
      description: Its systemd unit; empty where it has none.
      type: str
    program:
      description: The program it runs.
      type: str
"""

import typing as t

from ..module_utils.ld_so_preload.change import abort_trial, change_preload_file, confirm, look_at_trial
from ..module_utils.ld_so_preload.request import PreloadRefused, PreloadRequest, TrialFailed
from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.module import Module
from ..module_utils.linux.preload_file import LD_SO_PRELOAD
from ..module_utils.processes import users
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARIES, LIBRARY_DIR

_OF_A_TRIAL: t.Mapping[str, t.Callable[[str, str], t.Dict[str, t.Any]]] = {
    "confirm": confirm,
    "abort": abort_trial,
    "look": look_at_trial,
}


def main() -> None:
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "libraries": {"type": "list", "elements": "str"},
            "use": {"type": "list", "elements": "str", "choices": list(LIBRARIES), "default": list(LIBRARIES)},
            "library_dir": {"type": "path", "default": LIBRARY_DIR},
            "path": {"type": "path", "default": LD_SO_PRELOAD},
            "backup": {"type": "bool", "default": False},
            "preflight": {"type": "bool", "default": True},
            "programs": {"type": "list", "elements": "raw"},
            "extra_programs": {"type": "list", "elements": "raw", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 20},
            "watchdog": {"type": "int", "default": 60},
            "phase": {"type": "str", "choices": ["write", "confirm", "abort", "look"], "default": "write"},
            "token": {"type": "str", "no_log": False},
            "run": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    module.check_units("units")
    module.end_in_order()
    params = module.params
    path: str = params["path"]
    lock = rollout_lock.Lock(params["run"])
    try:
        if params["phase"] != "write":
            module.exit_json(**_OF_A_TRIAL[params["phase"]](path, params["token"]))
        result = change_preload_file(
            _request(params), check=module.check_mode, take=lock.take, label=module.label, backup=module.backup_local
        )
        if params["state"] == "absent":
            result["mapped_by"] = users.mapped_by(params["library_dir"].rstrip("/"))
        module.exit_json(**result)
    except rollout_lock.Held as held:
        module.fail_json(msg=f"{path} was not changed: {held}", path=path, lock_holder=held.holder)
    except NotLocked as error:
        module.fail_json(msg=str(error), path=path)
    except (PreloadRefused, TrialFailed) as refused:
        module.fail_json(msg=refused.lines, **refused.told)
    finally:
        lock.leave()


def _request(params: t.Mapping[str, t.Any]) -> PreloadRequest:
    return PreloadRequest(
        absent=params["state"] == "absent",
        **{name: params[name] for name in PreloadRequest._fields if name != "absent"},
    )


if __name__ == "__main__":
    main()
