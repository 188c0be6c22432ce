# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders templates on the controller: the role's or the play's, as Ansible's own are, else those of the collection."""

from __future__ import annotations

import os
import typing as t

import jinja2
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ._core import AnsibleActionFail, as_data, as_template, text_of

_ROLES = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "roles"))

Variables = t.Mapping[str, t.Any]


def own_folder(role: str) -> str:
    """Return where the templates of a role of the collection are."""
    return os.path.join(_ROLES, role, "templates")


def _compiled(role: str) -> dict[str, jinja2.Template]:
    """Return by path the templates of a role of the collection."""
    folder = own_folder(role)
    jinja = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), trim_blocks=True, autoescape=False)
    return {os.path.join(folder, name): jinja.get_template(name) for name in jinja.list_templates()}


_OWN = {**_compiled("keepalive_services"), **_compiled("keepalive_host")}
"""They see what they are given and nothing of a host, so they are compiled when Ansible loads the action, in the
process that all tasks are forked from: to compile one takes many times as long as to render it."""


def renderer(action: ActionBase, name: str, role: str, others: Variables) -> t.Callable[[Variables], str]:
    """Return what renders a template: the role's or the play's own, else the one of a role of the collection.

    :param others: what the play's own may use besides what it is given.
    """
    try:
        path = action._find_needle("templates", name)
    except AnsibleError:
        path = os.path.join(own_folder(role), name)
    own = _OWN.get(os.path.realpath(path))
    if own:
        return own.render
    try:
        text = as_template(text_of(action._loader, path))
    except AnsibleError as error:
        raise AnsibleActionFail(f"the template {name!r} cannot be read: {error}") from error

    def render(given: Variables) -> str:
        # What it includes stands beside it. What it is given is data, also where hosts have said it.
        templar = action._templar.copy_with_new_env(
            searchpath=[os.path.dirname(path)], available_variables={**others, **as_data(dict(given))}
        )
        return str(templar.template(text, escape_backslashes=False))

    return render
