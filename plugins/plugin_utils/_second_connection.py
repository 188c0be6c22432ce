# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module over a new connection: that it works proves that the host lets people in."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.linux.printable import printable

MARGIN = 30
"""Seconds beyond the watchdog's own that are waited for a host to come back."""
PAUSE = 1
"""Seconds between two attempts."""


def over_a_new_connection(
    action: ActionBase, module: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Run a module where nothing of the first connection can help it; what goes wrong is a result too."""
    try:
        with contextlib.suppress(AnsibleError):  # there may be nothing left to cut
            action._connection.reset()
        answer: dict[str, t.Any] = action._execute_module(
            module_name=module, module_args=arguments, task_vars=task_vars
        )
    except AnsibleError as error:
        return {"failed": True, "msg": error}  # put into words below
    return answer


def words_of(result: dict[str, t.Any]) -> str:
    """Return the one line of a failed result that tells most."""
    for key in ("module_stderr", "module_stdout", "msg"):
        lines = [line.strip() for line in str(result.get(key) or "").splitlines() if line.strip()]
        if lines:
            return printable(lines[-1], 500)
    return "nothing was said"


def rescue_advice(path: str, passed: float, seconds: int) -> str:
    """Say what to do about a host that does not answer with a new file in force."""
    return (
        f"The host has not confirmed that the old file is back ({passed:.0f} s have passed, the watchdog had"
        f" {seconds}). Look at its console. If no program starts there, boot with init=/bin/busybox or from a"
        f" rescue medium and take the lines of libkeepalive out of {path}; where the file was only mounted, a reset"
        " is enough."
    )
