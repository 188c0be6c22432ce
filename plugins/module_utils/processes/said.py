# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the drop-ins of a unit have said of the options in this boot: a socket may still have what they said before."""

from __future__ import annotations

import typing as t

from ..linux import in_force
from ..settings.options import OPTIONS
from ..units.attach_line import environment_told
from .effective import effective
from .facts import DropIn

Tcp = t.Mapping[str, int]


def said_before(drop_in: t.Optional[DropIn]) -> t.Tuple[Tcp, ...]:
    """Return what earlier texts said, each once."""
    found: t.List[Tcp] = []
    for path, now in drop_in.texts.items() if drop_in else ():
        for version in in_force.history(path).versions:
            tcp = _options_in(version.text) if version.text != now else None
            if tcp is not None and tcp not in found:
                found.append(tcp)
    return tuple(found)


def said_ever(drop_in: t.Optional[DropIn]) -> t.Tuple[Tcp, ...]:
    """Return what they say now, and said before."""
    now = _options_in(drop_in.texts.get(drop_in.path)) if drop_in else None
    return (*([] if now is None else [now]), *said_before(drop_in))


def _options_in(text: t.Optional[str]) -> t.Optional[Tcp]:
    """Return the options that the variables in a drop-in stand for; None where it says nothing of any."""
    environment = environment_told(text or "")
    told = any(option.variable in environment for option in OPTIONS.values())
    return effective(environment).tcp if told else None
