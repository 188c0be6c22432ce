# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of the sockets of a host's units, in as few values as hold it, and back again.

The controller keeps that for every host, and Ansible looks at each value several times.
"""

from __future__ import annotations

import typing as t

from .decision import Told


def _right(sockets: int) -> t.Dict[str, t.Any]:
    """Return what look/sockets.py tells of a unit with so many sockets, of which there is nothing to say."""
    return {
        "ok": True, "state": "running", "elsewhere": [], "relevant": sockets, "compliant": sockets, "noncompliant": 0,
        "unknown": 0, "reasons": {},
    }  # fmt: skip


def in_brief(answer: Told) -> t.Dict[str, t.Any]:
    """Put the units of which there is nothing to say into C(right): by name the number of their sockets."""
    units = answer.get("units", {})
    right = {name: unit["relevant"] for name, unit in units.items() if unit == _right(unit["relevant"])}
    return {**answer, "units": {name: unit for name, unit in units.items() if name not in right}, "right": right}


def in_full(brief: Told) -> t.Dict[str, t.Any]:
    """Return the answer that was put in brief; another one is as it was."""
    rest = {key: value for key, value in brief.items() if key != "right"}
    right = {name: _right(sockets) for name, sockets in brief.get("right", {}).items()}
    return {**rest, "units": {**rest["units"], **right}} if right else rest
