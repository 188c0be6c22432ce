# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the settings file on the controller and has the module of the same name check and write it: one call."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ..module_utils.units import dropin
from ..plugin_utils import _locked

_OWN_TEMPLATES = os.path.join(os.path.dirname(__file__), "..", "..", "roles", "keepalive_host", "templates")


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        template = arguments.pop("template", "libkeepalive.conf.j2")
        sections = arguments.pop("sections", None)
        if sections is not None:
            if "content" in arguments:
                raise AnsibleActionFail("sections, content: one of the two; content is made of sections")
            arguments["content"] = self._content(sections, template, task_vars or {})
        result.update(_locked.execute(self, "host_settings", arguments, task_vars))
        return result

    def _content(self, sections: t.Any, name: str, task_vars: dict[str, t.Any]) -> str:
        try:
            path = self._find_needle("templates", name)
        except AnsibleError:
            path = os.path.join(_OWN_TEMPLATES, name)
        try:
            text = trust_as_template(self._loader.get_text_file_contents(path))
        except AnsibleError as error:
            raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error
        variables = {**task_vars, "sections": sections, "marker": dropin.MARKER}
        templar = self._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)
        content = templar.template(text, escape_backslashes=False)
        return str(content).rstrip("\n") + "\n"
