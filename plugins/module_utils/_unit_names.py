# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd takes for the name of a unit (systemd.unit(5)), decided in one place.

A name becomes part of paths, of command lines and of what an operator pastes. Everything that is not a unit's name by
systemd's own grammar is refused before any of these is made of it.
"""

from __future__ import annotations

import re
import typing as t

LONGEST = 255
"""Bytes of a name, its ending included (UNIT_NAME_MAX)."""

KINDS = ("service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope")
"""The endings that systemd knows."""

_NAME = re.compile(r"(?P<prefix>[A-Za-z0-9:_.\\-]+)(?P<at>@(?P<instance>[A-Za-z0-9:_.\\@-]*))?\.(?P<kind>[a-z]+)")


def is_unit_name(name: str, kinds: t.Container[str] = KINDS) -> bool:
    """Tell whether systemd would take a text for the name of a unit: a plain one, a template, or an instance.

    :param kinds: The endings that count.
    """
    found = _NAME.fullmatch(name)
    return found is not None and found["kind"] in kinds and len(name) <= LONGEST
