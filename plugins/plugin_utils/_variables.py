# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host as the roles would see them, for an action that no role runs: their defaults are beneath."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import Templar

from ._core import said_by, values_of

_ROLES = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "roles"))

_DEFAULTS = {role: values_of(os.path.join(_ROLES, role, "defaults", "main.yml")) for role in os.listdir(_ROLES)}
"""Read when Ansible loads the action, in the process that all tasks are forked from, and not once for each host."""


class HostVariables:
    """Templates one variable at a time; what is wrong with one does not keep the others from being told."""

    def __init__(self, templar: Templar, task_vars: t.Mapping[str, t.Any], roles: t.Iterable[str]) -> None:
        self.given = task_vars
        self.all: dict[str, t.Any] = {}
        for role in roles:
            self.all.update(_DEFAULTS[role])
        self.all.update(task_vars)
        self.mistakes: list[str] = []
        self._templar = templar.copy_with_new_env(available_variables=self.all)

    def get(self, name: str, default: t.Any = None) -> t.Any:
        """Return the value of a variable; the default where it is not set, or cannot be told."""
        if name not in self.all:
            return default
        try:
            return self._templar.template(self.all[name])
        except AnsibleError as error:
            self.mistakes.append(f"{name}: cannot be evaluated: {said_by(error)}")
            return default

    def flag(self, name: str) -> bool:
        """Return a variable that is true or false."""
        value = self.get(name, False)
        try:
            return bool(boolean(value))
        except TypeError:
            self.mistakes.append(f"{name}: {value!r} is not one of true and false")
            return False
