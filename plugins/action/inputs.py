# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of all hosts of the play in one task on the controller; no host is asked."""

from __future__ import annotations

import functools
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ..plugin_utils import _inputs, _spelling
from ..plugin_utils._core import too_old

_OF_THE_RUN = ("hostvars", "ansible_play", "ansible_check_mode", "ansible_diff_mode", "playbook_dir")


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        spelling = functools.partial(_spelling.spelling, read=_spelling.reader_of(self._loader))
        if too_old():
            raise AnsibleActionFail(too_old())
        common: dict[str, t.Any] = {
            "run_tags": variables.get("ansible_run_tags", ("all",)),
            "skip_tags": variables.get("ansible_skip_tags", ()),
            "own_tags": self._task.tags,
            "of_plays": self._of_plays(),
            "groups": variables.get("groups"),
            "spelling": spelling,
            "find": _find,
        }
        # What no host has of itself, and its variables may use all the same.
        of_the_run = {name: variables[name] for name in variables if name.startswith(_OF_THE_RUN)}
        play = self._play()
        play_vars, extra = dict(play.vars) if play is not None else {}, load_extra_vars(self._loader)
        outcomes: dict[str, dict[str, str]] = {}
        for host in variables.get("ansible_play_hosts_all", []):
            raw = {**of_the_run, **variables["hostvars"].raw_get(host), **play_vars, **extra}
            templar = self._templar.copy_with_new_env(available_variables=raw)
            found = _inputs.all_of_a_host(raw, templar.template, **common)
            outcomes[host] = {"state": "refused", "seen": "\n".join(found)} if found else {}
        refused = [host for host, outcome in outcomes.items() if outcome]
        result.update(changed=False, outcomes=outcomes, refused=refused)
        if refused:  # one of them speaks for all in the play that stops the run
            result["add_host"] = {"host_name": refused[0], "groups": ["keepalive_refused"], "host_vars": {}}
        return result

    def _of_plays(self) -> set[str] | None:
        """Return the names that plays can see: those of C(-e), and those of the play, or of who has imported it."""
        play = self._play()
        return None if play is None else {*load_extra_vars(self._loader), *play.vars}

    def _play(self) -> t.Any:
        parent: t.Any = self._task
        while parent is not None and getattr(parent, "_play", None) is None:
            parent = getattr(parent, "_parent", None)
        return None if parent is None else parent._play


def _find(kind: str, name: str) -> str | None:
    """Say what is wrong with a folder; templates are found by whoever renders them."""
    if kind != "folder" or not os.path.isabs(name) or os.path.isdir(name):
        return None
    return "is no folder on the controller"
