# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders templates on the controller as Ansible's own are: the role's or the play's, else those of the collection."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

_ROLES = os.path.join(os.path.dirname(__file__), "..", "..", "roles")


def own_folder(role: str) -> str:
    """Return where the templates of a role of the collection are."""
    return os.path.join(_ROLES, role, "templates")


def found(action: ActionBase, name: str, role: str) -> tuple[str, str]:
    """Return a template's path and text: the role's or the play's own, else the one of a role of the collection."""
    try:
        path = action._find_needle("templates", name)
    except AnsibleError:
        path = os.path.join(own_folder(role), name)
    try:
        return path, trust_as_template(action._loader.get_text_file_contents(path))
    except AnsibleError as error:
        raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error


def render(action: ActionBase, path: str, text: str, variables: t.Mapping[str, t.Any]) -> t.Any:
    """Return what comes of a template's text; what it includes stands beside its path."""
    templar = action._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)
    return templar.template(text, escape_backslashes=False)
