# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders drop-ins as a rollout does, for the module of the same name; or passes on those that are given."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.netops.keepalive.plugins.plugin_utils import _dropins

TEMPLATES = {"service": "service.conf.j2", "socket": "socket.conf.j2"}


class ActionModule(ActionBase):
    """Takes C(services) and C(units) in place of C(dropins)."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        if "services" in given:
            services, units = given.pop("services"), given.pop("units")
            given["dropins"] = _dropins.rendered(self, services, units, TEMPLATES, task_vars)
        result.update(self._execute_module(module_args=given, task_vars=task_vars))
        return result
