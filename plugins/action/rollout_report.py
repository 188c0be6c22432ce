# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the last screen of a rollout itself: a result shown by a callback is quoted and wrapped."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.rollout.outcomes import by_state, trouble
from .sockets_report import show_table


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            {
                "outcomes": {"type": "dict", "required": True},
                "answers": {"type": "dict", "default": {}},
                "unreachable": {"type": "list", "elements": "str", "default": []},
                "fail": {"type": "bool", "default": False},
            }
        )
        outcomes, unreachable = arguments["outcomes"], arguments["unreachable"]
        hosts = by_state(outcomes, unreachable)
        # What a failed host showed has been taken back since, and is told below with what was undone.
        answers = {host: answer for host, answer in arguments["answers"].items() if host in hosts["done"] and answer}
        table = show_table(answers) if answers else {}
        lines = trouble(outcomes, unreachable)
        display = Display()
        for line in ["", *lines] if lines else []:
            display.display(line, color=C.COLOR_ERROR if line and not line.startswith(" ") else None)
        result = {"changed": False, "lines": table.get("lines", []), "trouble": lines, "hosts": hosts}
        if lines and arguments["fail"]:
            wrong = hosts["refused"] + hosts["failed"] + hosts["unreachable"]
            result.update(
                failed=True, msg=f"{len(wrong)} of {len(outcomes)} hosts are not ready ({', '.join(wrong)}), see above"
            )
        return result
