# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the report itself, and writes what it was made of as JSON, both on the controller."""

from __future__ import annotations

import json
import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.audit.report import render
from ..module_utils.linux.files import Change, apply_changes
from ..module_utils.linux.printable import shown

RETURNED = (
    *("idle_timeout", "recommended", "totals", "left_out", "groups", "groups_total", "groups_cut"),
    *("unowned", "unreadable"),
)
"""Of an answer, what goes into the file; the rest of a registered result is Ansible's."""

_COLOURS = {"right": C.COLOR_OK, "wrong": C.COLOR_ERROR, "unknown": C.COLOR_WARN, "advice": C.COLOR_CHANGED}


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            {"answers": {"type": "dict", "required": True}, "output": {"type": "path"}}
        )
        answers = arguments["answers"]
        for host, answer in answers.items():
            if answer and not isinstance(answer, dict):
                raise AnsibleActionFail(f"answers: {host!r}: expected what sockets_audit_info returned, or null")
        lines = render(answers)
        display = Display()
        display.display("")
        for text, what in lines:
            display.display(text, color=_COLOURS.get(what))
        changed = bool(arguments["output"]) and self._write(arguments["output"], answers)
        return {"changed": changed, "lines": [text for text, _what in lines]}

    def _write(self, path: str, answers: t.Mapping[str, t.Any]) -> bool:
        """Write the answers where they differ from what is there; return whether they do."""
        kept = {
            host: {key: value for key, value in answer.items() if key in RETURNED} if answer else None
            for host, answer in answers.items()
        }
        content = json.dumps({"hosts": shown(kept)}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        path = os.path.abspath(path)
        try:
            before = None
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                    before = stream.read()
            if before == content:
                return False
            if not self._task.check_mode:
                apply_changes([Change(path, before, content)])
        except OSError as error:
            raise AnsibleActionFail(f"output: {path} cannot be written on the controller: {error.strerror}") from error
        return True
