# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name twice, over two connections: the second proves that the host lets people in."""

from __future__ import annotations

import time
import typing as t

from ..plugin_utils import _locked
from ..plugin_utils._core import Action
from ..plugin_utils._second_connection import MARGIN, PAUSE, over_a_new_connection, rescue_advice, words_of

_MODULE = "netops.keepalive.ld_so_preload"


class ActionModule(Action):
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
            seen = f"the second connection did not work: {words_of(second)}"
            healed = self._wait_until_healed(asked, task_vars or {}, began + seconds + MARGIN)
        return {**result, **_failure(result["path"], seen, healed, seconds, time.monotonic() - began)}

    def _over_a_new_connection(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        return over_a_new_connection(self, _MODULE, arguments, task_vars)

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
            time.sleep(PAUSE)
        return False


def _failure(path: str, seen: str, healed: bool, seconds: int, passed: float) -> dict[str, t.Any]:
    if healed:
        end = (
            f"The old file is back since {passed:.0f} s after the change at the latest, and the host lets Ansible in."
            " Nothing has changed. Fix or rebuild the libraries before the next attempt."
        )
    else:
        end = rescue_advice(path, passed, seconds)
    return {
        "failed": True,
        "changed": not healed,
        "healed": healed,
        "seen": seen,
        "msg": f"The new {path} was in force, and then: {seen}\n{end}",
    }
