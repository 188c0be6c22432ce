# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the run is that changes a host: what its lock says to others."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import pathlib
import socket
import typing as t

from ansible.plugins.action import ActionBase

from ._core import AnsibleActionFail


def identity() -> dict[str, str]:
    """Describe this run: the process that all its tasks are forked from.

    :raises AnsibleActionFail: It was killed, and this task is an orphan: its lock would be that of process 1.
    """
    pid = os.getppid()
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != pid:
        raise AnsibleActionFail("the run that this task belongs to has ended; nothing was done")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"uid {os.getuid()}"
    return {
        "id": f"{_scope()} {pid} {_started(pid)}",
        "owner": f"{user} on {socket.gethostname()}, process {pid}",
    }


def execute(
    action: ActionBase, module: str, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    """Run a module that takes the host's lock, in the name of this run."""
    result: dict[str, t.Any] = action._execute_module(
        module_name=f"netops.keepalive.{module}", module_args={**arguments, "run": identity()}, task_vars=task_vars
    )
    return result


def _scope() -> str:
    """Say where a process id is unique: in this boot and this PID namespace; '' where that is not known."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's own words; '' where there is no such process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    return stat.rpartition(b")")[2].split()[19].decode()
