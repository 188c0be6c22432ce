# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the settings file of a host on the controller, from the role's template or the play's own."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils.settings.marker import MARKER
from . import _templates

TEMPLATE = "libkeepalive.conf.j2"


def rendered(
    action: ActionBase,
    sections: t.Sequence[t.Mapping[str, t.Any]],
    task_vars: dict[str, t.Any] | None,
    template: str = TEMPLATE,
) -> str:
    """Return the text of the file.

    :param sections: what resolve_host_settings returned as C(sections).
    :param template: the name of the template; it sees V(sections) and V(marker).
    """
    render = _templates.renderer(action, template, "keepalive_host", task_vars or {})
    return render({"sections": sections, "marker": MARKER}).rstrip("\n") + "\n"
