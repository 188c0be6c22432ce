# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry says that no directive of a drop-in holds, nor a line of the settings file: a comment in it.

It is for whoever judges sockets there later.

A comment, because nobody is to be restarted for it: linux/in_force.py passes over them. Only what differs from the
defaults is said, so most have none.
"""

from __future__ import annotations

import json
import typing as t

from ..linux.state_file import Damaged, parse_json
from .checks import REASONS
from .service import ResolvedService

_BEGIN = "# Its entry also says: "
_SAID = ("accept", "min_sockets", "if_present", "live", "overwrite", "jitter", "latest_keepidle")
"""Not its restart: that is also chosen for one run, and the drop-in would be another with each choice."""
_NUMBERS = ("min_sockets", "jitter", "latest_keepidle")


class NotUnderstood(ValueError):
    """A text of ours does not say what it was written to say; the text tells what is wrong with it."""


def comment_of(service: ResolvedService) -> str:
    """Return the line for a drop-in or a section; '' where the entry says nothing of the kind."""
    defaults = ResolvedService._field_defaults
    said = {name: getattr(service, name) for name in _SAID if getattr(service, name) != defaults[name]}
    said = {
        name: list(value) if name == "accept" else value for name, value in said.items() if value or name != "accept"
    }
    return _BEGIN + json.dumps(said) if said else ""


def entry_said(content: str) -> t.Dict[str, t.Any]:
    """Read back what a text says in such a line; nothing where there is none.

    :raises NotUnderstood: it is none that we have written.
    """
    lines = [line for line in content.split("\n") if line.startswith(_BEGIN)]
    if not lines:
        return {}
    try:
        said = parse_json(lines[0][len(_BEGIN) :].encode("utf-8", "surrogateescape"))
    except Damaged as damage:
        raise NotUnderstood(f"its line {_BEGIN.strip()!r} {damage}") from None
    if not isinstance(said, dict) or not all(_is_fit(name, value) for name, value in said.items()):
        raise NotUnderstood(f"its line {_BEGIN.strip()!r} holds what no entry says")
    return said


def _is_fit(name: str, value: t.Any) -> bool:
    if name == "accept":
        return isinstance(value, list) and all(isinstance(one, str) and one in REASONS for one in value)
    if name in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return name in _SAID and isinstance(value, bool)
