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
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.rollout]
options:
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
lock_held:
  description: Whether this run keeps the lock of the host, see O(rollout).
  returned: success
  type: bool
complaints:
  description: What the library says of the file.
  returned: when it is refused
  type: list
  elements: str
  sample: ["line 9: TCP_KEEPIDLE=0x20: expected an integer from 1 to 32767, or 0 for the system's default"]
"""

import base64
import contextlib
import os
import stat
import typing as t

from ..module_utils.host_wide import check, settings_file
from ..module_utils.linux import in_force, trusted
from ..module_utils.linux.file_lock import NotLocked
from ..module_utils.linux.files import FileChange, apply_changes
from ..module_utils.linux.module import Module
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARIES, LIBRARY_DIR
from ..module_utils.units import dropin

_MODE = 0o644


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
            **rollout_lock.ARGUMENTS,
        },
        mutually_exclusive=[("sections", "content", "restore")],
        supports_check_mode=True,
    )
    path: str = module.params["path"]
    if module.params["sections"] is not None:
        module.fail_json(msg="sections is for the action plugin of this name, which renders the template; give content")
    lock = rollout_lock.Lock(module.params["run"], module.params["rollout"])
    try:
        result = _go(module, path, lock)
        if lock.note:
            module.warn(lock.note)
        module.exit_json(**result)
    except NotLocked as held:
        module.fail_json(msg=f"nothing was changed: {path}: {held}", lock_holder=held.holder)
    finally:
        lock.leave()


def _go(module: Module, path: str, lock: rollout_lock.Lock) -> t.Dict[str, t.Any]:
    """Compare, have the library read what is new, and write it; return the result.

    :raises NotLocked: Another run is changing the host, and this one has something to change.
    """
    before = _present_text(module, path)
    if before is not None and not dropin.is_ours(before):
        if module.params["state"] == "absent":
            return {
                "changed": False,
                "previous": {"base64": None, "mtime_ns": None},
                "changed_headings": [],
                "checked_by": None,
                "lock_held": False,
                "msg": f"{path} is not ours and stays",
            }
        module.fail_json(
            msg=f"nothing was changed: {path} is not ours (its first line is not '{dropin.MARKER}…'): "
            "rename or remove it"
        )
    after = _wanted(module, before)
    if _differs(path, before, after) and not module.check_mode:
        lock.take()
        before = _present_text(module, path)  # what another run did until now counts
    checked_by = None
    if after is not None and after != before and module.params["restore"] is None:
        checked_by = _check(module, after)
    changed = _differs(path, before, after)
    result = {
        "changed": changed,
        "previous": _portable(before, path),
        "changed_headings": settings_file.changed_headings(after or "", before or ""),
        "checked_by": checked_by,
        "lock_held": lock.held,
        "diff": _diff(path, before, after),
    }
    if changed and not module.check_mode:
        try:
            if after != before:
                in_force.note(path, before)
            # One that was another user's is replaced: he may have it open for writing.
            if after != before or trusted.fault(path):
                apply_changes([FileChange(path, before, after)], _MODE)
            _settle(module, path, after)
        except OSError as error:
            module.fail_json(msg=f"nothing was changed: {error.strerror}: {error.filename or path}", **result)
    if not module.check_mode and in_force.history(path).versions:
        # Also where it is as it should be: a run that was killed may have written it and not noted it any more.
        with contextlib.suppress(OSError):
            in_force.note(path, after)
    return result


def _differs(path: str, before: t.Optional[str], after: t.Optional[str]) -> bool:
    return after != before or (after is not None and _mode_is_wrong(path))


def _present_text(module: Module, path: str) -> t.Optional[str]:
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        module.fail_json(msg=f"nothing was changed: {path} is not a regular file; rename or remove it")
    try:
        return dropin.read_drop_in(path)
    except OSError as error:
        module.fail_json(msg=f"nothing was changed: {path} cannot be read: {error.strerror}; rename or remove it")


def _wanted(module: Module, before: t.Optional[str]) -> t.Optional[str]:
    """Return the text that should be there; None for no file."""
    if module.params["state"] == "absent":
        return None
    restore = module.params["restore"]
    if restore is not None:
        encoded = restore.get("base64")
        return None if encoded is None else base64.b64decode(encoded).decode("utf-8", "surrogateescape")
    content: t.Optional[str] = module.params["content"]
    if content is None or not dropin.is_ours(content):
        module.fail_json(msg=f"content: the text must begin with '{dropin.MARKER}', or it could never be removed again")
    return content


def _check(module: Module, text: str) -> t.Optional[str]:
    """Have the library read the text; return which one did."""
    if not module.params["validate"]:
        return None
    library: t.Optional[str] = next((path for path in module.params["libraries"] if os.path.exists(path)), None)
    if library is None:
        if module.check_mode:
            return None
        module.fail_json(
            msg=f"nothing was changed: none of {', '.join(module.params['libraries'])} is there to check the file; "
            "install the libraries first (role keepalive_build)"
        )
    wrong = trusted.fault(library)
    if wrong:
        module.fail_json(msg=f"nothing was changed: root does not load {library} to check the file: {wrong}")
    try:
        found = check.complaints(text, library)
    except check.CannotCheck as error:
        module.fail_json(
            msg=f"nothing was changed: {library} cannot check the file: {error}; where this host may not make mount "
            "namespaces (a container without CAP_SYS_ADMIN), set validate: false (keepalive_host_validate)"
        )
    if found:
        module.fail_json(
            msg=f"nothing was changed: {library} does not understand the file: {'; '.join(found)}", complaints=found
        )
    return library


def _mode_is_wrong(path: str) -> bool:
    """To the libraries a file that others may write, that is not root's, or that they cannot read is none."""
    status = os.stat(path)
    return stat.S_IMODE(status.st_mode) != _MODE or (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid())


def _settle(module: Module, path: str, after: t.Optional[str]) -> None:
    if after is None:
        return
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, _MODE)
    restore = module.params["restore"]
    if restore is not None and restore.get("mtime_ns"):
        os.utime(path, ns=(int(restore["mtime_ns"]), int(restore["mtime_ns"])))
    module.set_default_selinux_context(path, False)


def _portable(text: t.Optional[str], path: str) -> t.Dict[str, t.Any]:
    if text is None:
        return {"base64": None, "mtime_ns": None}
    encoded = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
    return {"base64": encoded, "mtime_ns": os.stat(path).st_mtime_ns}


def _diff(path: str, before: t.Optional[str], after: t.Optional[str]) -> t.Dict[str, str]:
    diff = {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}
    if before is not None and before == after and _mode_is_wrong(path):
        status = os.stat(path)
        diff["before"] = f"mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}:{status.st_gid}\n"
        diff["after"] = f"mode {_MODE:04o}, owner {os.geteuid()}:{os.getegid()}\n"
    return diff


if __name__ == "__main__":
    main()
