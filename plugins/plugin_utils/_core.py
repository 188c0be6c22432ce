# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between the supported versions of ansible-core.

Before 2.19 every string is a template that was not said to be none; since then none is that was not said to be one.
An action that fails shows a traceback of its own before 2.19. Since 2.21 a result can no longer put a host into a
group; the action does it itself.
"""

from __future__ import annotations

import typing as t

from ansible import errors
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.release import __version__

__all__ = (
    "SINCE_2_19",
    "Action",
    "AnsibleActionFail",
    "as_data",
    "as_template",
    "said_by",
    "text_of",
    "to_group",
    "too_old",
    "values_of",
)

try:
    from ansible.template import trust_as_template as as_template
except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var as as_data

    SINCE_2_19 = False

    def as_template(value: t.Any) -> t.Any:
        """Return it as it is."""
        return value
else:
    SINCE_2_19 = True

    def as_data(value: t.Any) -> t.Any:
        """Return it as it is."""
        return value


_OLDEST = (2, 16)


def too_old(version: str = __version__) -> str:
    """Say that a version of ansible-core is none of those that are supported; empty where it is."""
    if tuple(int(part) for part in version.split(".")[:2]) >= _OLDEST:
        return ""
    return f"ansible-core {version} is too old for netops.keepalive: expected 2.16 or later; nothing was changed"


class AnsibleActionFail(errors.AnsibleActionFail):
    """An action fails with words for an operator alone."""

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        if not SINCE_2_19:
            self.result.pop("exception", None)


class Action(ActionBase):
    """An action that stops before it touches a host where ansible-core is too old.

    In every one, because each may be the first: roles are used without the playbooks, modules without the roles.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        if too_old():
            raise AnsibleActionFail(too_old())
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        return result


def text_of(loader: t.Any, path: str) -> str:
    """Return the text of a file of the controller; what is vaulted is decrypted.

    :param loader: Ansible's DataLoader.
    :raises AnsibleError: It cannot be read, or not decrypted.
    """
    try:
        read = loader.get_text_file_contents
    except AttributeError:
        content, _shown = loader._get_file_contents(path)
        return str(content.decode("utf-8"))
    return str(read(path))


def values_of(path: str) -> dict[str, t.Any]:
    """Return what a YAML file of the collection holds; its strings may be templates."""
    try:
        found = DataLoader().load_from_file(path, trusted_as_template=True)
    except TypeError:
        found = DataLoader().load_from_file(path)
    return found or {}


def said_by(error: Exception) -> str:
    """Return what an error of Ansible's says, without where it stands."""
    return str(getattr(error, "message", error))


def to_group(action: ActionBase, host: str, group: str) -> dict[str, t.Any]:
    """Put a host into a group for the plays that follow; return what of it belongs to the task's result."""
    if hasattr(action, "add_host"):
        action.add_host(host_name=host, host_vars={}, parent_group_names=[group])
    return {"add_host": {"host_name": host, "groups": [group], "host_vars": {}}}
