# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name twice, over two connections: the second proves that the host lets people in."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.linux.printable import printable
from ..plugin_utils import _locked

_MODULE = "netops.keepalive.ld_so_preload"
_PAUSE = 1
_MARGIN = 30
"""Seconds beyond the watchdog's own that are waited for a host to come back."""


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = {key: value for key, value in self._task.args.items() if key not in ("phase", "token")}
        result.update(_locked.execute(self, "ld_so_preload", arguments, task_vars))
        token = result.pop("token", None)
        if not result.pop("armed", False):
            return result
        began = time.monotonic()
        seconds = int(arguments.get("watchdog", 60))
        asked = {key: arguments[key] for key in ("path", "library_dir") if key in arguments} | {"token": token}
        second = self._over_a_new_connection({**asked, "phase": "confirm"}, task_vars or {})
        if not second.get("failed"):
            return result
        if "healed" in second:  # the host's own word: it looked, and took the file back
            healed, seen = second["healed"], second["seen"]
        else:
            seen = f"the second connection did not work: {_words(second)}"
            healed = self._wait_until_healed(asked, task_vars or {}, began + seconds + _MARGIN)
        return {**result, **_failure(result["path"], seen, healed, seconds, time.monotonic() - began)}

    def _over_a_new_connection(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module where nothing of the first connection can help it; what goes wrong is a result too."""
        try:
            with contextlib.suppress(AnsibleError):  # there may be nothing left to cut
                self._connection.reset()
            answer: dict[str, t.Any] = self._execute_module(
                module_name=_MODULE, module_args=arguments, task_vars=task_vars
            )
        except AnsibleError as error:
            return {"failed": True, "msg": error}  # put into words by _words
        return answer

    def _wait_until_healed(self, asked: dict[str, t.Any], task_vars: dict[str, t.Any], deadline: float) -> bool:
        """Ask until the host answers that the old file is back. A host that answers earlier is told to put it back."""
        while time.monotonic() < deadline:
            answer = self._over_a_new_connection({**asked, "phase": "look"}, task_vars)
            if not answer.get("failed"):
                if not answer["armed"] and answer["result"].startswith(("reverted", "not begun")):
                    return True
                if answer["armed"]:
                    self._over_a_new_connection({**asked, "phase": "abort"}, task_vars)
                    continue
            time.sleep(_PAUSE)
        return False


def _words(result: dict[str, t.Any]) -> str:
    """Return the one line of a failed result that tells most."""
    for key in ("module_stderr", "module_stdout", "msg"):
        lines = [line.strip() for line in str(result.get(key) or "").splitlines() if line.strip()]
        if lines:
            return printable(lines[-1], 500)
    return "nothing was said"


def _failure(path: str, seen: str, healed: bool, seconds: int, passed: float) -> dict[str, t.Any]:
    if healed:
        end = (
            f"The old file is back since {passed:.0f} s after the change at the latest, and the host lets Ansible in."
            " Nothing has changed. Fix or rebuild the libraries before the next attempt."
        )
    else:
        end = (
            f"The host has not confirmed that the old file is back ({passed:.0f} s have passed, the watchdog had"
            f" {seconds}). Look at its console. If no program starts there, boot with init=/bin/busybox or from a"
            f" rescue medium and take the lines of libkeepalive out of {path}; where the file was only mounted, a reset"
            " is enough."
        )
    return {
        "failed": True,
        "changed": not healed,
        "healed": healed,
        "seen": seen,
        "msg": f"The new {path} was in force, and then: {seen}\n{end}",
    }
