# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the settings file on the controller and has the module of the same name check and write it: one call."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils import _locked, _settings_file


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        template = arguments.pop("template", _settings_file.TEMPLATE)
        sections = arguments.pop("sections", None)
        if sections is not None:
            if "content" in arguments:
                raise AnsibleActionFail("sections, content: one of the two; content is made of sections")
            arguments["content"] = _settings_file.rendered(self, sections, task_vars, template)
        result.update(_locked.execute(self, "host_settings", arguments, task_vars))
        return result
