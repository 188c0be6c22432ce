# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the module of the same name which run it belongs to, for a host takes one rollout at a time.

Where nothing is due by what was seen a moment ago, the host is not asked at all.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..plugin_utils import _locked, _seen

NOTHING_TO_DO: t.Mapping[str, t.Any] = {
    "changed": False, "restarted": {}, "restart_due": {}, "reloaded": False, "left": [], "lock_held": False,
    "diff": {"before": "", "after": ""},
}  # fmt: skip


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if _seen.nothing_is_due(arguments, self._task.check_mode):
            result.update(NOTHING_TO_DO)
        else:
            arguments.pop("seen", None)
            result.update(_locked.execute(self, "service_restart", arguments, task_vars))
        return result
