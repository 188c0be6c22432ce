# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the table itself: a result shown by a callback is quoted and wrapped, and a table must not be."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.verdicts.report import explanations, lay_out, rows_of

_COLOURS = {"right": C.COLOR_OK, "accepted": C.COLOR_CHANGED, "wrong": C.COLOR_ERROR, "idle": C.COLOR_SKIP}


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            {"answers": {"type": "dict", "required": True}, "wrong_only": {"type": "bool", "default": False}}
        )
        answers = arguments["answers"]
        for host, answer in answers.items():
            if answer and not isinstance(answer, dict):
                raise AnsibleActionFail(f"answers: {host!r}: expected what socket_options_info returned, or null")
        return {"changed": False, **show_table(answers, arguments["wrong_only"])}


def show_table(answers: dict[str, t.Any], wrong_only: bool = False) -> dict[str, list[str]]:
    """Print the table and what is said below it; return both in lines."""
    rows = rows_of(answers, wrong_only)
    header, *lines = lay_out(rows)
    notes = explanations(answers)
    display = Display()
    display.display("")
    display.display(header)
    for row, line in zip(rows, lines):
        display.display(line, color=_COLOURS[row.verdict])
    for note in ["", *notes] if notes else []:
        display.display(note)
    return {"lines": [header, *lines], "explanations": notes}
