# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit logged last: a help for whoever reads of its failure, and never a reason to fail or to wait long."""

from __future__ import annotations

import json

from . import systemd

LIMIT = 15.0
"""Seconds: a journal may be huge, or damaged."""

_LINES = 5
_COMMAND = ("journalctl", "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE", f"--lines={_LINES}")
"""As JSON journalctl leaves out what is longer than 4 KiB; as text it would print a message of any length."""


def last_lines(run: systemd.Run, unit: str) -> str:
    """Return the last messages of a unit, one a line; nothing where there are none, or they cannot be had."""
    try:
        status, out, _unused_err = run([*_COMMAND, f"--unit={unit}"], LIMIT)
    except systemd.SystemdError:
        return ""
    if status != 0:
        return ""
    return "\n".join(filter(None, map(_message, out.split("\n")[:_LINES])))


def _message(line: str) -> str:
    try:
        message = json.loads(line)["MESSAGE"]
        return message if isinstance(message, str) else bytes(message).decode("utf-8", "replace") if message else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
